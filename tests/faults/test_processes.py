"""Processes that are stopped, killed and told to stop at the worst moment (faults 12 to 16), and clocks that are wrong (54)."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import pictures
from tests.faults import kills, studios
from tests.stack import RunningStudio, running_stack, until
from tests.test_supervisor import QUICK, another_leader, leader, parent_of, workers

pytestmark = pytest.mark.processes
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    with running_stack(tmp_path_factory.mktemp("processes"), *QUICK, STUDIO_SANDBOX="on") as found:
        found.wait_until_ready()
        yield found
        found.stop()


@pytest.fixture(scope="module")
def person(studio: RunningStudio) -> studios.Person:
    return studios.Person(studio)


# --- 12: a worker that sleeps -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("slept", ["before the wire", "while the answer is out"])
def test_a_worker_that_slept_past_its_lease_brings_its_answer_home_and_sends_nothing(
    slept: str, tmp_path: Path, sandbox: Any
) -> None:
    env = {**os.environ, "STUDIO_DATA": str(tmp_path), "STUDIO_SANDBOX_PORT": sandbox.url.rsplit(":", 1)[1],
           "STUDIO_SANDBOX": "on", "DATABASE_URL": ""}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.sleeper", slept], cwd=ROOT, env=env, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    token, while_asleep, at_last = done.stdout.split()[-3:]
    assert while_asleep == ("queued" if slept == "before the wire" else "unknown")
    assert at_last == "done"
    assert kills.bills_of(sandbox)[token] == 1


# --- 13, 14: workers and their parents --------------------------------------------------------------------------------
@pytest.mark.long
def test_twenty_times_an_idle_worker_is_killed_and_new_work_goes_on(
    studio: RunningStudio, person: studios.Person
) -> None:
    for number in range(20):
        found = until(partial(workers_of, studio), 60, lambda: f"a worker\n{studio.log}")
        os.kill(found[number % len(found)], signal.SIGKILL)
        token = person.press_until_taken(f"Round {number} [[seconds=0]]")
        assert studios.ended(studio, token, 60).state == "done"
    assert studios.untruths(studio) == []


def workers_of(studio: RunningStudio) -> list[int]:
    try:
        return workers(studio)
    except (StopIteration, OSError):
        return []


@pytest.mark.long
def test_workers_without_a_parent_do_no_harm(studio: RunningStudio, person: studios.Person) -> None:
    """The sentinel dies with a paid request on its way: its workers are orphans, the new ones work beside them."""
    tokens = [person.press_until_taken(f"Orphan {number} [[slow=3]]") for number in range(3)]
    until(lambda: studio.sandbox.ledger(contains=tokens[0]), 60, lambda: f"the request\n{studio.log}")
    queue = leader(studio, "queue")
    sentinel = next(pid for pid in studio.processes() if parent_of(pid) == queue)
    os.kill(sentinel, signal.SIGKILL)
    tokens.append(person.press_until_taken("After [[seconds=0]]"))
    for token in tokens:
        studios.ended(studio, token, 90)
    assert studios.untruths(studio) == []
    assert studios.row(studio, tokens[-1]).state == "done"
    until(lambda: another_leader(studio, "queue", queue), 60, lambda: f"a new queue\n{studio.log}")


# --- 15: told to stop -------------------------------------------------------------------------------------------------
@pytest.mark.long
def test_thirty_times_told_to_stop_it_ends_by_itself(tmp_path: Path) -> None:
    for number in range(30):
        with running_stack(tmp_path, *QUICK, STUDIO_SANDBOX="on") as studio:
            studio.wait_until_ready()
            studio.process.send_signal(signal.SIGTERM)
            assert studio.process.wait(60) == 0, f"round {number}\n{studio.log}"
            assert studio.processes() == []
            assert "killed" not in studio.log


# --- 16: the web dies -------------------------------------------------------------------------------------------------
def kill_web(studio: RunningStudio) -> None:
    before = leader(studio, "web")
    os.kill(before, signal.SIGKILL)
    until(partial(another_leader, studio, "web", before), 60, lambda: studio.log)


@pytest.mark.long
def test_a_press_that_the_web_does_not_survive_is_no_job_or_one(studio: RunningStudio, person: studios.Person) -> None:
    import threading

    for number in range(8):
        token = f"faults-web-{number:020d}"
        thread = threading.Thread(target=lambda token=token: person.press("Dying web [[seconds=0]]", token))
        thread.start()
        thread.join(number * 0.02)  # where in the press the kill falls: the thing that is varied
        kill_web(studio)
        thread.join()
        until(
            lambda token=token: person.press("Dying web [[seconds=0]]", token)[1] in studios.TAKEN,
            60,
            "the same form again",
        )
        assert len([row for row in studios.rows(studio) if row.token == token]) == 1
        assert studios.ended(studio, token).state == "done"
    assert studios.untruths(studio) == []


@pytest.mark.long
def test_a_player_goes_on_when_the_web_is_back(studio: RunningStudio, person: studios.Person) -> None:
    token = person.press_until_taken("To be watched")
    shot = studios.ended(studio, token)
    until(lambda: person.get("/healthz") == 200, 30, "the web")
    whole = person.client.get(f"/media/{shot.pk}/video.mp4").content
    half = len(whole) // 2
    with httpx.Client(base_url=studio.url, cookies=person.client.cookies, timeout=30) as player:
        with player.stream("GET", f"/media/{shot.pk}/video.mp4") as stream:
            first = next(stream.iter_raw(1024))
            kill_web(studio)
        until(lambda: person.get("/healthz") == 200, 30, "the web")
        rest = player.get(f"/media/{shot.pk}/video.mp4", headers={"Range": f"bytes={half}-"})
    assert first == whole[: len(first)]
    assert (rest.status_code, rest.content) == (206, whole[half:])


@pytest.mark.long
def test_an_upload_that_the_web_does_not_survive_leaves_nothing_that_counts(
    studio: RunningStudio, person: studios.Person
) -> None:
    class Dying(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield BODY[: len(BODY) // 2]
            kill_web(studio)
            yield BODY[len(BODY) // 2 :]

    headers = {
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(len(BODY)),
        "X-CSRFToken": person.csrf,
    }
    with (
        httpx.Client(base_url=studio.url, cookies=person.client.cookies, timeout=60) as one,
        pytest.raises(httpx.TransportError),
    ):
        one.request("POST", "/uploads/", headers=headers, content=iter(Dying()))
    until(lambda: person.get("/healthz") == 200, 30, "the web")
    assert studios.query(studio, "SELECT count(*) FROM generations_upload") == [(0,)]
    assert not [path for path in (studio.data / "uploads").rglob("*") if path.is_file()]
    left = [path for path in (studio.data / "incoming").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in left) <= len(BODY), "cleared a day later by the watchdog"


BODY = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    + pictures.png() + bytes(6_000_000) + b"\r\n--b--\r\n"
)  # fmt: skip


# --- 54: clocks -------------------------------------------------------------------------------------------------------
@pytest.mark.skipif(not shutil.which("faketime"), reason="No faketime was found. Debian: apt install faketime")
@pytest.mark.parametrize(
    ("offset", "kind"),
    [
        ("-2h", "SQLite"),
        ("+1y", "SQLite"),
        pytest.param("+2h", "PostgreSQL", marks=pytest.mark.postgres),
        *(pytest.param(offset, "SQLite", marks=pytest.mark.long) for offset in ("+2h", "-1y")),
        *(
            pytest.param(offset, "PostgreSQL", marks=[pytest.mark.postgres, pytest.mark.long])
            for offset in ("-2h", "+1y", "-1y")
        ),
    ],
)
def test_a_worker_with_a_wrong_clock_sends_nothing_twice(kind: str, offset: str, tmp_path: Path, sandbox: Any) -> None:
    """One worker is on its way with the right time while another one, whose clock is wrong, recovers beside it."""
    with kills.databases(kind, 1) as [place]:
        env = {**os.environ, "STUDIO_DATA": str(tmp_path), "STUDIO_SANDBOX_PORT": sandbox.url.rsplit(":", 1)[1],
               "STUDIO_SANDBOX": "on", "DATABASE_URL": place, "STUDIO_CLOCK": offset}  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.sleeper", "wrong clock"], cwd=ROOT, env=env, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    token, meanwhile, at_last = done.stdout.split()[-3:]
    if kind == "PostgreSQL":
        assert meanwhile == "submitting", "leases are compared with the time of the database"
    assert meanwhile in ("submitting", "unknown")
    assert at_last == "done", "the late answer wins"
    assert kills.bills_of(sandbox)[token] == 1


def test_the_log_of_all_this_holds_no_key(studio: RunningStudio) -> None:
    assert not re.search(r"sk-sandbox-ok", studio.log)
