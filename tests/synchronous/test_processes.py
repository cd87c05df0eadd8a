"""A whole studio that is told to stop while a request is out that takes minutes."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.stack import RunningStudio, running_stack, until

pytestmark = pytest.mark.processes
PROMPT = "A lamp is lit [[slow={}]] [[clip=small]]"


def states(studio: RunningStudio) -> list[str]:
    with closing(sqlite3.connect(f"file:{studio.data}/studio.sqlite3?mode=ro", uri=True, timeout=20)) as file:
        return [state for (state,) in file.execute("SELECT state FROM generations_generation ORDER BY id")]


def send(studio: RunningStudio, seconds: int) -> None:
    """A request is out whose answer takes that long."""
    studio.wait_until_ready()
    studio.manage("create_owner", "--email", "alice@example.org", "--team", "Harbour", stdin="a long pass phrase\n")
    sent = studio.manage("generate", PROMPT.format(seconds), "--model", "a4f-veo", "--team", "Harbour")
    assert sent.returncode == 0, sent.stderr
    until(lambda: studio.sandbox.ledger(contains="A lamp is lit"), 30, lambda: f"the request\n{studio.log}")
    assert states(studio) == ["submitting"]


def test_told_to_stop_it_waits_for_the_paid_answer_beyond_its_grace_and_saves_it_next_time(tmp_path: Path) -> None:
    with running_stack(tmp_path, "--grace", "4", STUDIO_SANDBOX="on") as studio:
        send(studio, 9)
        studio.stop()
        assert "whose answer cannot be had again" in studio.log
        assert "killed" not in studio.log
        assert states(studio) == ["succeeded"]
        assert not list(Path(studio.data, "run").glob("paid-*"))
    with running_stack(tmp_path, STUDIO_SANDBOX="on") as studio:
        until(lambda: states(studio) == ["done"], 60, lambda: f"the video\n{studio.log}")
        studio.stop()


def test_a_second_ctrl_c_ends_it_at_once_and_the_doubt_is_told_at_the_next_start(tmp_path: Path) -> None:
    with running_stack(tmp_path, "--grace", "1", STUDIO_SANDBOX="on") as studio:
        send(studio, 100)
        studio.process.send_signal(signal.SIGINT)
        until(lambda: "whose answer cannot be had again" in studio.log, 60, lambda: studio.log)
        studio.process.send_signal(signal.SIGINT)
        assert studio.process.wait(30) == 1, studio.log
        assert studio.processes() == []
    with running_stack(tmp_path, STUDIO_SANDBOX="on") as studio:
        until(lambda: states(studio) == ["unknown"], 60, lambda: f"the doubt\n{studio.log}")
        assert len(studio.sandbox.ledger(contains="A lamp is lit")) == 1
        studio.stop()
