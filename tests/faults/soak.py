"""Ten minutes of people and faults: 6 write, 20 read, 100 jobs, and every 10 seconds something breaks.

`make faults` runs it, alone with T="--only soak". Source: reliability notes, P9 and P10.
"""

import contextlib
import os
import random
import signal
import sqlite3
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.faults import studios
from tests.stack import RunningStudio, running_stack, until
from tests.test_supervisor import leader, workers

WRITERS, READERS, JOBS, WAITING, EVERY = 6, 20, 100, 1000, 10.0
MOST_MS = 500  # that the 95th percentile of pages may take
FULL = 10.0  # minutes; a shorter run has fewer jobs
PAGES = ("/", "/queue/", "/gallery/", "/models/", "/healthz")
TAGS = ("", "", "", "[[seconds=3]]", "[[slow=2]]", "[[500]]", "[[429]]", "[[lose-answer]]", "[[hang]]", "[[flaky-poll]]",
        "[[truncated]]", "[[fail]]", "[[moderated]]", "[[late-url]]", "[[expired-url]]", "[[503]]", "[[poll-429]]")  # fmt: skip


FILL = """
from django.conf import settings
from accounts.models import User
from generations import keys, lifecycle
from generations.providers import SPECS
user = User.objects.get(email="faults@example.org")
team = user.memberships.get().team
key = keys.add_key(team=team, provider="apertis", secret="sk-resting-key", base_url=settings.SANDBOX_URL + "/apertis")
keys.pause(key, "It rests for the whole run.")
for number in range({waiting}):
    token = "waiting-" + str(number).zfill(20)
    spec = SPECS["apertis-veo3"]
    lifecycle.start(team=team, user=user, key=key, spec=spec, prompt="Waiting", params=dict(), token=token)
"""


class Soak:
    def __init__(self, studio: RunningStudio, minutes: float, seed: int) -> None:
        self.studio = studio
        self.person = studios.Person(studio)
        self.chance = random.Random(seed)
        self.minutes, self.end = minutes, 0.0
        self.web_away = 0.0  # until when no answer counts: the web itself was killed
        self.times: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.jobs = round(JOBS * min(1, minutes / FULL))
        self.left = list(range(self.jobs))

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.end

    def fill_queue(self) -> None:
        """A thousand shots of the same team wait behind a key that rests, so that every page has a long queue to count."""
        code = FILL.format(waiting=WAITING)
        done = self.studio.manage("shell", "-c", code)
        assert done.returncode == 0, done.stderr

    def run(self) -> dict[str, Any]:
        self.fill_queue()
        self.end = time.monotonic() + self.minutes * 60
        people = [partial(self._write, number) for number in range(WRITERS)] + [self._read] * READERS
        threads = [threading.Thread(target=step) for step in [*people, self._break]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: self.person.get("/healthz") == 200, 60, "the web")
        rows = studios.all_ended(self.studio, 240)
        return self._report(rows)

    # --- people -------------------------------------------------------------------------------------------------------
    def _write(self, number: int) -> None:
        pause = (self.end - time.monotonic()) * 0.8 / (self.jobs / WRITERS)
        while self.goes_on and self.left:
            index = self.left.pop()
            token, tag = f"faults-{number}-{index:018d}", TAGS[index % len(TAGS)]
            while self.goes_on:
                began = time.monotonic()
                status = self.person.press(f"Soak {tag}", token, timeout=30)[1]
                self._note(began, status)
                if status in studios.TAKEN:
                    break
                time.sleep(0.5)
            time.sleep(pause * self.chance.uniform(0.5, 1))

    def _read(self) -> None:
        with httpx.Client(base_url=self.studio.url, cookies=self.person.client.cookies, timeout=30) as browser:
            while self.goes_on:
                began = time.monotonic()
                try:
                    self._note(began, browser.get(self.chance.choice(PAGES)).status_code)
                except httpx.TransportError:
                    self._note(began, 0)
                time.sleep(self.chance.uniform(0.7, 1.3))

    def _note(self, began: float, status: int) -> None:
        if began < self.web_away:
            self.statuses["while the web was killed"] += 1
            return
        self.times.append(time.monotonic() - began)
        self.statuses[str(status or "no answer")] += 1

    # --- faults -------------------------------------------------------------------------------------------------------
    def _break(self) -> None:
        faults: list[Callable[[], None]] = [self.kill_worker, self.lock_database, self.stop_worker, self.kill_cluster,
                                            self.kill_sandbox, self.kill_web]  # fmt: skip
        number = 0
        while self.goes_on:
            time.sleep(min(EVERY, max(0, self.end - time.monotonic())))
            fault = faults[number % len(faults)]
            number += 1
            if self.goes_on:
                with contextlib.suppress(OSError, StopIteration, IndexError):
                    fault()
                    self.faults[fault.__name__.replace("_", " ")] += 1

    def kill_worker(self) -> None:
        os.kill(self.chance.choice(workers(self.studio)), signal.SIGKILL)

    def stop_worker(self) -> None:
        pid = self.chance.choice(workers(self.studio))
        os.kill(pid, signal.SIGSTOP)
        time.sleep(6)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def kill_cluster(self) -> None:
        os.kill(leader(self.studio, "queue"), signal.SIGKILL)

    def kill_sandbox(self) -> None:
        os.kill(leader(self.studio, "sandbox"), signal.SIGKILL)

    def kill_web(self) -> None:
        self.web_away = time.monotonic() + 60
        os.kill(leader(self.studio, "web"), signal.SIGKILL)
        until(lambda: self.studio.answers("/healthz"), 60, "the web")
        self.web_away = time.monotonic()

    def lock_database(self) -> None:
        other = sqlite3.connect(self.studio.data / "studio.sqlite3", isolation_level=None, timeout=20)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(8)
        other.execute("ROLLBACK")
        other.close()

    # --- what came of it ----------------------------------------------------------------------------------------------
    def _report(self, rows: list[studios.Row]) -> dict[str, Any]:
        times = sorted(self.times)
        return {
            "minutes": self.minutes,
            "processors": os.cpu_count(),
            "load average": round(os.getloadavg()[2 if self.minutes >= FULL else 0], 1),  # with whatever else ran here
            "pages": len(times),
            "p50 ms": round(1000 * statistics.median(times)),
            "p95 ms": round(1000 * times[int(len(times) * 0.95)]),
            "statuses": dict(self.statuses),
            "5xx": sum(count for status, count in self.statuses.items() if status.startswith("5")),
            "unhandled errors": self.studio.log.count("Internal Server Error"),
            "database is locked": self.studio.log.count("database is locked"),
            "waiting behind a resting key": WAITING,
            "jobs asked for": self.jobs,
            "jobs": len(rows),
            "ends": dict(Counter(row.state for row in rows)),
            "untrue": studios.untruths(self.studio),
            "faults": dict(self.faults),
        }


def soak(minutes: float, seed: int = 5) -> dict[str, Any]:
    environment = {"STUDIO_SANDBOX": "on", "STUDIO_SUBMIT_DEADLINE": "20", "STUDIO_LEASE": "50"}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder), "--canary-every", "2", **environment) as studio,
    ):
        studio.wait_until_ready()
        found = Soak(studio, minutes, seed).run()
        if found["untrue"] or found["5xx"]:
            Path(tempfile.gettempdir(), "soak.log").write_text(studio.log)
        studio.stop(90)
    return found


def broken(found: dict[str, Any]) -> list[str]:
    """The promises that this run did not keep."""
    slow = [f"p95 of the pages was {found['p95 ms']} ms"] if quick(found) is False else []
    return slow + lost(found)


def quick(found: dict[str, Any]) -> bool | None:
    """Whether the pages kept their time; None when the machine was so busy with other work that nobody can say."""
    if found["p95 ms"] < MOST_MS:
        return True
    return None if found["load average"] > 2 * (found["processors"] or 1) else False


def lost(found: dict[str, Any]) -> list[str]:
    """What was broken besides the time that pages may take."""
    counted = ("5xx", "unhandled errors", "database is locked")
    words = [f"{found[name]} times {name}" for name in counted if found[name]] + found["untrue"]
    asked = found["jobs asked for"]
    return words + ([] if found["jobs"] == asked else [f"{found['jobs']} jobs instead of {asked}"])


def table(found: dict[str, Any]) -> str:
    def spelled(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(f"{name}: {count}" for name, count in sorted(value.items()))
        return str(len(value)) if isinstance(value, list) else str(value)

    return "\n".join(
        ["| measured | found |", "|---|---|", *(f"| {name} | {spelled(value)} |" for name, value in found.items())]
    )
