"""The promises of `manage.py run`: whatever dies, it comes back; when it is told to stop, nothing is left."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings

from generations.supervisor import child as children
from generations.supervisor import loop, preflight, signs
from generations.supervisor.child import Child
from generations.supervisor.loop import Supervisor

from .clock import Clocks
from .stack import ROOT, RunningStudio, free_ports, running_stack, until

WORKERS = settings.Q_CLUSTER["workers"]
QUICK = ("--canary-every", "1", "--stale-after", "6")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all runs, so that only the first has to prepare it."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def studio(data: Path) -> Iterator[RunningStudio]:
    with running_stack(data, *QUICK, STUDIO_SANDBOX="on") as studio:
        studio.wait_until_ready()
        yield studio


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def leader(studio: RunningStudio, name: str) -> int:
    """The process that the supervisor started for `name`; 0 while there is none."""
    word = {"web": "uvicorn", "queue": "qcluster", "sandbox": " sandbox "}[name]
    for pid in studio.processes():
        if parent_of(pid) == studio.process.pid and word in command_of(pid):
            return pid
    return 0


def another_leader(studio: RunningStudio, name: str, before: int) -> bool:
    return leader(studio, name) not in (0, before)


def workers(studio: RunningStudio) -> list[int]:
    """The queue's workers: the first children of its sentinel; the monitor and the pusher come after them."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a process that ends while it is looked at
        sentinels = [pid for pid in studio.processes() if parent_of(pid) == leader(studio, "queue")]
        return sorted(pid for pid in studio.processes() if parent_of(pid) in sentinels)[:-2]
    return []


def last_task(studio: RunningStudio) -> str:
    """When a task last came through the whole queue."""
    with contextlib.closing(sqlite3.connect(studio.data / "studio.sqlite3")) as database:
        return str(database.execute("SELECT touched_at FROM generations_beacon WHERE name = 'canary'").fetchone()[0])


def states(studio: RunningStudio) -> list[str]:
    """The state of every shot, the oldest first."""
    with contextlib.closing(sqlite3.connect(studio.data / "studio.sqlite3")) as database:
        return [state for (state,) in database.execute("SELECT state FROM generations_generation ORDER BY id")]


# --- whole studios -------------------------------------------------------------------------------------------------------------
@pytest.mark.processes
@pytest.mark.parametrize(
    "signals",
    [
        pytest.param([signal.SIGTERM], id="one SIGTERM", marks=pytest.mark.long),  # many other tests end with it
        pytest.param([signal.SIGINT], id="one Ctrl-C"),
        pytest.param([signal.SIGTERM, signal.SIGTERM], id="SIGTERM twice", marks=pytest.mark.long),
        pytest.param([signal.SIGTERM, signal.SIGINT], id="SIGTERM and Ctrl-C at once"),
    ],
)
def test_told_to_stop_everything_ends_by_itself_and_nothing_is_left(studio: RunningStudio, signals: list[int]) -> None:
    for number in signals:
        studio.process.send_signal(number)
    assert studio.process.wait(60) == 0
    assert studio.processes() == []
    assert "killed" not in studio.log


@pytest.mark.processes
def test_whatever_is_killed_is_started_again_and_said_in_one_line(studio: RunningStudio) -> None:
    for name in ("web", "queue", "sandbox"):
        before = leader(studio, name)
        os.kill(before, signal.SIGKILL)
        until(partial(another_leader, studio, name, before), 60, lambda: studio.log)
        assert studio.log.count(f"{name} was ended by SIGKILL") == 1
    studio.wait_until_ready()
    studio.stop()


@pytest.mark.processes
def test_a_queue_that_hangs_is_noticed_and_new_work_goes_on(studio: RunningStudio) -> None:
    until(lambda: len(workers(studio)) == WORKERS, 60, lambda: f"idle workers\n{studio.log}")
    queue = leader(studio, "queue")
    for pid in workers(studio):  # one of them dies with the queue's lock in its hand: from now on no task is taken
        os.kill(pid, signal.SIGKILL)
    until(partial(another_leader, studio, "queue", queue), 90, lambda: f"another queue\n{studio.log}")
    assert "The queue is stuck" in studio.log
    before = last_task(studio)
    until(lambda: last_task(studio) > before, 60, lambda: f"a task that gets through\n{studio.log}")
    studio.stop()


def helper(studio: RunningStudio, name: str) -> int:
    """The process that acknowledges finished tasks ("monitor"), or the one that fetches new ones ("pusher")."""
    with contextlib.suppress(
        FileNotFoundError, ProcessLookupError, ValueError
    ):  # a queue that is only starting has none
        [sentinel] = [pid for pid in studio.processes() if parent_of(pid) == leader(studio, "queue")]
        started = sorted(pid for pid in studio.processes() if parent_of(pid) == sentinel)
        if len(started) == WORKERS + 2:  # the workers, then the monitor, then the pusher
            return started[-2 if name == "monitor" else -1]
    return 0


def taken_messages(studio: RunningStudio) -> int:
    """Messages that were handed out and are not acknowledged."""
    with contextlib.closing(sqlite3.connect(studio.data / "studio.sqlite3")) as database:
        return int(database.execute("SELECT count(*) FROM django_q_ormq WHERE lock > datetime('now')").fetchone()[0])


@pytest.mark.processes
@pytest.mark.parametrize("name", ["monitor", pytest.param("pusher", marks=pytest.mark.long)])
def test_a_helper_of_the_queue_that_is_killed_is_missed_and_new_work_goes_on(studio: RunningStudio, name: str) -> None:
    """An idle monitor dies with the lock of the results in its hand: the one after it waits for ever, and looks alive."""
    pid = until(partial(helper, studio, name), 60, lambda: f"the {name}\n{studio.log}")
    os.kill(pid, signal.SIGKILL)
    for _ in range(4):
        before = last_task(studio)
        until(lambda before=before: last_task(studio) > before, 60, lambda: f"a task that gets through\n{studio.log}")
    until(lambda: taken_messages(studio) <= 2, 90, lambda: f"messages that are acknowledged\n{studio.log}")
    studio.stop()


@pytest.mark.processes
def test_told_to_stop_right_after_a_helper_died_it_still_ends_by_itself(studio: RunningStudio) -> None:
    """The stop waits for a helper that waits for a lock which the dead one holds."""
    os.kill(until(partial(helper, studio, "monitor"), 60, lambda: f"the monitor\n{studio.log}"), signal.SIGKILL)
    until(lambda: "reincarnated monitor" in studio.log, 60, lambda: studio.log)
    studio.stop()
    assert "was killed" not in studio.log


@pytest.mark.processes
def test_a_paid_request_on_its_way_is_finished_before_everything_stops(studio: RunningStudio) -> None:
    studio.manage("create_owner", "--email", "alice@example.org", "--team", "Harbour", stdin="a long pass phrase\n")
    prompt = "A lamp is lit [[slow=3]] [[clip=small]]"
    sent = studio.manage("generate", prompt, "--model", "apertis-veo3", "--team", "Harbour")
    assert sent.returncode == 0, sent.stderr
    until(lambda: studio.sandbox.ledger(contains="A lamp is lit"), 30, lambda: f"the request\n{studio.log}")
    assert states(studio) == ["submitting"]  # billed, and the answer is not here yet
    studio.stop()
    assert states(studio) == ["submitted"]


@pytest.mark.processes
def test_when_the_supervisor_is_killed_its_children_end_by_themselves(studio: RunningStudio) -> None:
    os.kill(studio.process.pid, signal.SIGKILL)
    until(lambda: not studio.processes(), 60, "all of them gone")


@pytest.mark.processes
def test_a_second_studio_on_the_same_folder_is_refused_in_one_sentence(studio: RunningStudio, data: Path) -> None:
    with running_stack(data) as second:
        second.process.wait(60)
        until(lambda: "\n" in second.log, 10, "its sentence")
        assert second.process.returncode != 0
        assert f"A studio already runs on the data folder {data} (process {studio.process.pid})" in second.log
        assert "Traceback" not in second.log
    assert studio.answers("/healthz")


@pytest.mark.processes
@pytest.mark.parametrize("variable", ["STUDIO_PORT", "STUDIO_SANDBOX_PORT"])
def test_a_port_in_use_is_said_in_one_line_and_nothing_is_started(tmp_path: Path, variable: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with running_stack(tmp_path, cold=True, **{variable: str(port)}) as studio:
            assert studio.process.wait(60) != 0
            until(lambda: studio.log.endswith("make run\n"), 10, lambda: f"its sentence\n{studio.log}")
            assert len(studio.log.splitlines()) == 1
            assert f"Port {port} on 127.0.0.1 cannot be used" in studio.log
            assert f"{variable}=" in studio.log
            assert studio.processes() == []


# --- parts ---------------------------------------------------------------------------------------------------------------------
def python(code: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **environment})


def test_only_processes_of_the_noted_run_are_cleared(tmp_path: Path) -> None:
    token = preflight.note(tmp_path)
    ours, other = (python("import time; time.sleep(60)", STUDIO_RUN_TOKEN=value) for value in (token, "another"))
    try:
        until(lambda: preflight.leftovers(tmp_path) == [ours.pid], 10, "the process of the noted run")
        assert preflight.clear_leftovers(tmp_path, seconds=0) == 1
        assert ours.wait(10) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        ours.kill()
        other.kill()
        other.wait()


@pytest.mark.parametrize("noted", ["", "{", "[]", json.dumps({"pid": 1})])
def test_a_damaged_note_clears_nobody(tmp_path: Path, noted: str) -> None:
    (tmp_path / "supervisor.json").write_text(noted)
    assert preflight.leftovers(tmp_path) == []


def test_the_note_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    preflight.note(tmp_path)
    assert (tmp_path / "supervisor.json").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(preflight.CannotStart, match=r"cannot be written .* STUDIO_DATA="):
        preflight.check_folder(tmp_path / "file" / "data")


@pytest.mark.parametrize("port", [0, 99999])
def test_a_port_out_of_range_is_a_sentence(port: int) -> None:
    with pytest.raises(preflight.CannotStart, match=rf"Port {port} on 127\.0\.0\.1 cannot be used"):
        preflight.check_port("127.0.0.1", port, "STUDIO_PORT")


def test_a_free_port_is_no_complaint() -> None:
    preflight.check_port("127.0.0.1", free_ports(1)[0], "STUDIO_PORT")


GRANDCHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "


def test_a_child_that_ends_takes_its_whole_group_with_it() -> None:
    child = Child("test", [sys.executable, "-c", GRANDCHILD + "sys.exit(3)"], grace=1)
    child.start()
    assert child.process
    group = child.process.pid
    until(child.has_ended, 10, "the end of the leader")
    os.killpg(group, 0)  # the grandchild lives on
    assert child.clear() == 3
    until(lambda: not group_exists(group), 10, "the end of the group")


def group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_that_keeps_failing_waits_longer_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    child = Child("test", [sys.executable, "-c", "raise SystemExit(1)"], grace=1)
    waits = []
    for _ in range(9):
        child.start()
        until(child.has_ended, 10, "its end")
        moment = time.monotonic()
        child.revive()
        waits.append(round(child.restart_at - moment, 1))
        assert child.process is None
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.5, 30.0)
    assert capsys.readouterr().out.count("ended with exit code 1") == 9


PAYING = """
import pathlib, signal, sys, time
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
sign = pathlib.Path(sys.argv[1])
sign.touch()
print("up", flush=True)
while not told:
    time.sleep(0.02)
time.sleep(1.7)
sign.unlink()
time.sleep(0.7)
"""


def test_the_grace_begins_anew_when_the_paid_answer_is_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It came just before the wait for it would have been prolonged: what is left of that is too short to settle it."""
    queue = Child("queue", [sys.executable, "-c", PAYING, str(tmp_path / "paid-1")], grace=1)
    supervisor = Supervisor(
        [[queue]], queue=queue, pulse=tmp_path / "pulse", stale_after=60, web=("127.0.0.1", 1), announce=str
    )
    supervisor.reader, _ = os.pipe()
    os.set_blocking(supervisor.reader, False)
    queue.start()
    until(lambda: "up" in capsys.readouterr().out, 10, "its first word")
    assert supervisor._end([queue]) == []
    assert "whose answer cannot be had again" in capsys.readouterr().out


class Watched:
    """A supervisor beside a queue that does nothing, looking at it every quarter of a second of the test's clocks."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clocks = Clocks(monkeypatch, loop, children, signs)
        self.pulse, self.sign = folder / "pulse", folder / "paid-abc"
        self.queue = Child("queue", ["sleep", "60"], grace=1)
        self.supervisor = Supervisor(
            [[self.queue]], queue=self.queue, pulse=self.pulse, stale_after=120, web=("127.0.0.1", 1), announce=str,
            paid_patience=600,
        )  # fmt: skip
        self.queue.start()
        self.clocks.touch(self.pulse)

    def seconds_until_killed(self, most: float, *, beats: tuple[Path, ...] = (), of: float = float("inf")) -> float:
        """At most `most`. `beats`: files that are touched every two seconds for `of` seconds."""
        begun = self.clocks.steady
        while self.queue.process is not None and self.passed(begun) < most:
            if self.passed(begun) % 2 == 0 and self.passed(begun) < of:
                for path in beats:
                    self.clocks.touch(path)
            self.supervisor._look_at_the_pulse()
            self.clocks.pass_by(0.25)
        return self.passed(begun)

    def passed(self, begun: float) -> float:
        return self.clocks.steady - begun

    @property
    def halt(self) -> Path:
        assert self.queue.process
        return self.pulse.with_name(f"stop-{self.queue.process.pid}")


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    found = Watched(tmp_path, monkeypatch)
    yield found
    found.queue.clear()


def test_a_queue_without_life_is_killed_in_the_promised_time(watched: Watched) -> None:
    assert watched.seconds_until_killed(500) == pytest.approx(120, abs=1)


def test_the_time_begins_anew_with_another_process(watched: Watched) -> None:
    watched.seconds_until_killed(100)
    watched.queue.clear()
    watched.queue.start()
    assert watched.seconds_until_killed(500) == pytest.approx(120, abs=1)


@pytest.mark.parametrize("step", [130.0, 86_400.0, -86_400.0])
def test_a_clock_that_jumps_kills_no_queue_and_hides_none_that_hangs(step: float, watched: Watched) -> None:
    watched.seconds_until_killed(10)
    watched.clocks.jump(step)
    assert watched.seconds_until_killed(500) == pytest.approx(110, abs=1)


def test_a_machine_that_slept_kills_no_queue_and_hides_none_that_hangs(watched: Watched) -> None:
    """Also where the steady clock went on meanwhile, as it does in some virtual machines."""
    watched.seconds_until_killed(10)
    watched.clocks.pass_by(180)
    assert watched.seconds_until_killed(500) == pytest.approx(110 - signs.LONGEST, abs=1)


def test_a_queue_without_life_is_spared_while_a_paid_answer_is_awaited_and_the_log_says_so(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watched.seconds_until_killed(200, beats=(watched.sign,)) == 200
    assert capsys.readouterr().out.count("a paid request is out whose answer cannot be had again") == 1
    assert watched.halt.exists(), "nothing new is begun meanwhile"
    watched.sign.unlink()
    assert watched.seconds_until_killed(500) < 1
    assert "It is killed and started again" in capsys.readouterr().out


def test_a_spared_queue_that_shows_life_goes_on(watched: Watched) -> None:
    watched.seconds_until_killed(200, beats=(watched.sign,))
    assert watched.halt.exists()
    watched.clocks.touch(watched.pulse)
    assert watched.seconds_until_killed(100) == 100
    assert not watched.halt.exists()


def test_no_paid_request_spares_a_queue_without_life_for_ever(watched: Watched) -> None:
    assert watched.seconds_until_killed(2000, beats=(watched.sign,)) == pytest.approx(120 + 600, abs=1)


def test_a_sign_that_nobody_touches_any_more_spares_nobody(watched: Watched) -> None:
    assert watched.seconds_until_killed(500, beats=(watched.sign,), of=60) == pytest.approx(120, abs=1)


def test_told_to_stop_after_a_jump_of_the_clock_it_still_waits_for_the_paid_answer(watched: Watched) -> None:
    watched.clocks.touch(watched.sign)
    watched.queue.ask_to_stop()
    watched.clocks.jump(180)
    assert watched.supervisor._waits_for_paid(watched.queue)
    for _ in range(80):
        watched.clocks.pass_by(0.25)
        waits = watched.supervisor._waits_for_paid(watched.queue)
    assert not waits, "nobody touches it any more"


def test_a_tethered_process_ends_with_its_supervisor_even_when_it_ignores_being_asked(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "generations.supervisor.tether", "0.1", "stubborn"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)}, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stdin
    with process.stdout, process.stdin:
        assert process.stdout.readline() == b"up\n"
        process.stdin.close()
        assert process.wait(10) == -signal.SIGKILL


def test_the_supervisor_itself_loads_no_django() -> None:
    code = "import sys, generations.supervisor.__main__; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
