"""The kill loops: a job dies at every line and at every system call, on SQLite and on PostgreSQL, and is paid once.

`make faults` runs all of them, test_kills.py takes a sample.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.faults.killers import SYSCALLS
from tests.stack import Sandbox, free_ports, until

ROOT = Path(__file__).resolve().parents[2]
LANES = 2  # drivers side by side, each with its own data folder
MOST_OF_THE_LOOP = 300  # of its lines; the others are the same ones again, while it waits
ENOUGH_TO_REACH = 200  # kill points among which some have to fall while the request is out
MOST_PAID_AND_UNKNOWN = 0.03
ENOUGH_TO_SHARE = 1000  # kill points of which a share is promised; a sample that is spread evenly says nothing about it
Point = dict[str, Any]
Result = dict[str, Any]


class Lane:
    """One driver process (drive.py) with a database of its own."""

    def __init__(self, data: Path, sandbox: Sandbox, database: str = "", **environment: str) -> None:
        port = sandbox.url.rsplit(":", 1)[1]
        env = {**os.environ, "STUDIO_DATA": str(data), "STUDIO_SANDBOX_PORT": port, "STUDIO_SANDBOX": "on",
               "DATABASE_URL": database, **environment}  # fmt: skip
        self.errors = open(data / "errors.log", "w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.drive"],
            cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
        )  # fmt: skip

    def run(self, point: Point) -> Result:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(point) + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                return dict(json.loads(line))
        self.errors.seek(0)
        raise AssertionError(f"the driver ended\n{self.errors.read()[-3000:]}")

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)
        self.errors.close()


@contextlib.contextmanager
def lanes(count: int, folder: Path, sandbox: Sandbox, databases: list[str] | None = None) -> Iterator[list[Lane]]:
    folders = [folder / f"lane-{index}" for index in range(count)]
    for one in folders:
        one.mkdir(parents=True)
    opened = [Lane(one, sandbox, (databases or [""] * count)[index]) for index, one in enumerate(folders)]
    try:
        yield opened
    finally:
        for lane in opened:
            lane.close()


def run_all(points: list[Point], opened: list[Lane]) -> list[Result]:
    """Every point in one of the lanes; results in the order of the points."""
    waiting: queue.SimpleQueue[tuple[int, Point]] = queue.SimpleQueue()
    for entry in enumerate(points):
        waiting.put(entry)
    results: dict[int, Result] = {}
    failures: list[BaseException] = []

    def work(lane: Lane) -> None:
        try:
            while True:
                index, point = waiting.get_nowait()
                results[index] = lane.run(point)
        except queue.Empty:
            return
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(lane,)) for lane in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(points))]


# --- which points -----------------------------------------------------------------------------------------------------
def whole_job(lane: Lane, point: Point) -> Any:
    """What a counter says about a job that nobody kills. The second counts: the first had to wait for its clip."""
    for _ in range(2):
        result = lane.run(point)
        assert result["state"] == "done", result
    return json.loads(result["note"])


def line_points(lane: Lane, at_most: int | None = None, *, engine: bool = False, **more: Any) -> list[Point]:
    """Every line of a whole job, or `at_most` of them spread evenly. `more` belongs to every point, such as the model."""
    total = whole_job(lane, {"kind": "count-lines", "engine": engine, **more})
    step = max(1, total // at_most) if at_most else 1
    return [{"kind": "line", "n": n, "engine": engine, "of": total, **more} for n in range(1, total + 1, step)]


def syscall_points(lane: Lane, at_most: int | None = None, **more: str) -> list[Point]:
    """Every call of the six system calls in a whole job, or `at_most` of each spread evenly."""
    points = []
    for name, total in whole_job(lane, {"kind": "count-syscalls", **more}).items():
        step = max(1, total // at_most) if at_most else 1
        points += [{"kind": "syscall", "name": name, "n": n, "of": total, **more} for n in range(1, total + 1, step)]
    return points


# --- what must hold ---------------------------------------------------------------------------------------------------
def wrong_with(result: Result, bills: int) -> list[str]:
    """The promises that hold after every crash, those that were broken. `bills`: how often the provider took money."""
    found = []
    if bills > 1:
        found.append(f"paid {bills} times")
    if result["recovery"] != 0:
        found.append(f"the recovery ended with {result['recovery']}")
    if result["strange_edges"]:
        found.append(f"edges that do not exist: {result['strange_edges']}")
    if result["money"]:
        found.append(f"the ledger does not add up: {result['money']}")
    if result["state"] == "done":
        if bills != 1 or not result["file_ok"]:
            found.append(f"done, but billed {bills} times and the file is {'good' if result['file_ok'] else 'bad'}")
    elif result["state"] != "unknown" or result["charged"] != "unknown":
        found.append(f"ended {result['state']} ({result['charged']}): {result.get('message', '')}")
    return found


def bills_of(sandbox: Sandbox) -> Counter[str]:
    """Billed requests by token, which is the last word of every prompt."""
    return Counter(entry["prompt"].split()[-1] for entry in sandbox.ledger())


def summary(title: str, results: list[Result], bills: Counter[str], seconds: float) -> dict[str, Any]:
    killed = [result for result in results if result["killed"]]
    unknown = [result for result in killed if result["state"] == "unknown"]
    wrong = {json.dumps(r["point"]): found for r in results if (found := wrong_with(r, bills[r["token"]]))}
    return {
        "loop": title,
        "points": len(results),
        "killed": len(killed),
        "places": len({result["note"] or json.dumps(result["point"]) for result in killed}),
        "unknown": len(unknown),
        "paid and unknown": sum(bills[result["token"]] == 1 for result in unknown),
        "double": sum(bills[result["token"]] > 1 for result in results),
        "lost": sum(bills[result["token"]] > 0 and result["state"] not in ("done", "unknown") for result in results),
        "wrong": wrong,
        "seconds a point": round(seconds / max(1, len(results)), 2),
    }


# --- the loops --------------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def sandbox_process(folder: Path) -> Iterator[Sandbox]:
    """The sandbox as a process of its own: a thread here would share a processor with the coordination."""
    [port] = free_ports(1)
    argv = [sys.executable, "-m", "sandbox", "--port", str(port), "--data", str(folder), "--seconds", "0.1"]
    process = subprocess.Popen(argv, cwd=ROOT)
    found = Sandbox(f"http://127.0.0.1:{port}")
    try:
        until(lambda: _answers(found), 30, "the sandbox")
        yield found
    finally:
        process.terminate()
        process.wait(10)


def _answers(sandbox: Sandbox) -> bool:
    with contextlib.suppress(Exception):
        sandbox.ledger()
        return True
    return False


@contextlib.contextmanager
def databases(kind: str, count: int) -> Iterator[list[str]]:
    """Addresses of empty databases, dropped afterwards; [""] stands for the SQLite file of the data folder."""
    if kind == "SQLite":
        yield [""] * count
        return
    import psycopg

    from tests import requirements

    names = [f"tungsten_kills_{os.getpid()}_{index}" for index in range(count)]
    with psycopg.connect(requirements.POSTGRES, autocommit=True) as server:
        for name in names:
            server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield [f"{requirements.POSTGRES.rpartition('/')[0]}/{name}" for name in names]
        finally:
            for name in names:
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


LINES, SYSTEM_CALLS = ("every line of the verbs", "lines of the loop"), ("every system call",)


def title(name: str, kind: str) -> str:
    return f"{name}, {kind}"


def points_of(name: str, lane: Lane, at_most: int | None) -> list[Point]:
    if name in SYSTEM_CALLS:
        return syscall_points(lane, at_most and max(1, at_most // len(SYSCALLS)))
    if name == "lines of the loop":
        return line_points(lane, at_most or MOST_OF_THE_LOOP, engine=True)
    return line_points(lane, at_most)


def loops(kind: str, names: Sequence[str], at_most: int | None, say: Any = print) -> Iterator[dict[str, Any]]:
    """These loops on one kind of database; the summary of each as soon as it is over."""
    if not names:
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox_process(Path(folder, "sandbox")) as sandbox,
        databases(kind, LANES) as places,
        lanes(LANES, Path(folder), sandbox, places) as opened,
    ):
        for name in names:
            points = points_of(name, opened[0], at_most)
            began = time.monotonic()
            results = run_all(points, opened)
            found = summary(title(name, kind), results, bills_of(sandbox), time.monotonic() - began)
            say(row(found))
            for point, problems in found["wrong"].items():
                say(f"    {point}: {'; '.join(problems)}")
            yield found


COLUMNS = ("loop", "points", "killed", "places", "unknown", "paid and unknown", "double", "lost", "seconds a point")


def row(summary: dict[str, Any]) -> str:
    return f"| {' | '.join(str(summary[name]) for name in COLUMNS)} |"


def table(found: list[dict[str, Any]]) -> str:
    """The summaries as a Markdown table with their sum."""
    total: dict[str, Any] = defaultdict(int)
    for one in found:
        for name in COLUMNS[1:-1]:
            total[name] += one[name]
    whole = {**total, "loop": "**together**", "seconds a point": ""}
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" + "|--:" * (len(COLUMNS) - 1) + "|"]
    return "\n".join([*lines, *map(row, found), row(whole)])


def holds(found: list[dict[str, Any]]) -> list[str]:
    """The promises that these loops broke, as sentences."""
    broken = [f"{one['loop']}: {len(one['wrong'])} points broke a promise" for one in found if one["wrong"]]
    blind = [one["loop"] for one in found if one["killed"] >= ENOUGH_TO_REACH and not one["unknown"]]
    return broken + [f"{name}: no point fell while a request was out, so it shows nothing" for name in blind]


def share(found: list[dict[str, Any]]) -> tuple[str, bool]:
    """How many ended paid and unknown, in words, and whether that is within the goal. It depends on how many lines of
    code there are beside those that wait for the answer, so it is a measure of care and no promise to anybody."""
    killed, lost_sight = (sum(one[name] for one in found) for name in ("killed", "paid and unknown"))
    part = lost_sight / max(1, killed)
    words = f"{lost_sight} of {killed:,} ({part:.1%}) ended paid and unknown; the goal is at most {MOST_PAID_AND_UNKNOWN:.0%}."
    return words, killed < ENOUGH_TO_SHARE or part <= MOST_PAID_AND_UNKNOWN
