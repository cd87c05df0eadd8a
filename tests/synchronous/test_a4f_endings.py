"""A4F through the real adapter and over HTTP: every way to answer, the end state and what it says about money."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live

from generations.models import Attempt, Generation
from generations.states import EDGES

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]

# ending → (state, reason, charged, billed requests in the sandbox's ledger)
ENDINGS = {
    "ok": ("done", "", "yes", 1),
    "fail": ("failed", "provider_failed", "unknown", 1),
    "stream-error": ("failed", "provider_failed", "unknown", 1),
    "moderated": ("failed", "moderation", "no", 0),
    "400": ("failed", "invalid", "no", 0),
    "402": ("failed", "rejected", "no", 0),
    "404": ("failed", "rejected", "no", 0),
    "redirect": ("failed", "rejected", "no", 0),
    "500": ("unknown", "", "unknown", 0),
    "502": ("unknown", "", "unknown", 0),
    "502-billed": ("unknown", "", "unknown", 1),
    "no-id": ("unknown", "", "unknown", 1),
    "garbage": ("unknown", "", "unknown", 1),
    "empty": ("unknown", "", "unknown", 1),
    "bomb": ("unknown", "", "unknown", 1),
    "lose-answer": ("unknown", "", "unknown", 1),
    "hang": ("unknown", "", "unknown", 1),
    "drip": ("unknown", "", "unknown", 1),
    "cut": ("unknown", "", "unknown", 1),
    "corrupt": ("failed", "result_invalid", "yes", 1),
    "truncated-silent": ("failed", "result_invalid", "yes", 1),
    "html-video": ("failed", "result_invalid", "yes", 1),
    "hosted": ("done", "", "yes", 1),
    "slow": ("done", "", "yes", 1),
}


def left_in_escrow() -> list[str]:
    return sorted(path.suffix for path in Path(live.ESCROW).iterdir())


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_is_told_truthfully_and_paid_once(
    ending: str, start: Start, drive: Start, sandbox: Any, settings: Any
) -> None:
    settings.SYNC_DEADLINE = 6
    state, reason, charged, billed = ENDINGS[ending]
    row = drive(start(f"A boat [[{ending}{'=0.2' if ending == 'slow' else ''}]]"))
    assert (row.state, row.reason, row.charged) == (state, reason, charged), row.message
    assert row.attempts.count() == 1
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == billed
    if state in ("failed", "unknown"):
        assert row.message, "a failure says why"
    if state == "unknown" and ending not in ("500", "502", "502-billed"):
        assert "may have charged" in row.message
        assert "keeps no copy" in row.message
    assert {(event.from_state, event.to_state) for event in row.events.all()} <= EDGES
    assert left_in_escrow() == [], "what is settled leaves nothing behind"


def test_the_stored_file_is_the_one_that_was_in_the_answer(start: Start, drive: Start) -> None:
    row = drive(start())
    video = row.assets.get(kind="video")
    assert hashlib.sha256(video.file.read_bytes()).hexdigest() == video.sha256
    assert (video.width, video.height) == (320, 180)
    assert [path.name for path in video.file.parent.iterdir()] == ["video.mp4"]
    assert row.render_seconds is not None
    assert row.provider_task_id is None


def test_a_video_that_is_not_one_is_kept_for_a_look(start: Start, drive: Start) -> None:
    row = drive(start("A boat [[html-video]]"))
    folder = Path(live.MEDIA, str(row.team_id), str(row.pk))
    assert [path.name for path in folder.iterdir()] == ["video.rejected"]
    assert row.archive_tries == 1, "the same answer would hold the same the next time"


def test_no_part_of_the_video_reaches_the_database_or_the_log(
    start: Start, drive: Start, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        row = drive(start())
    answer = row.attempts.get().answer
    assert '"b64_json": "' in answer
    assert len(answer) < 500
    assert max(map(len, answer.split('"'))) < 60
    assert all(len(record.getMessage()) < 1000 for record in caplog.records)


@pytest.mark.parametrize("ending", ["429", "503"])
def test_a_busy_provider_is_asked_again_later_and_paid_once(
    ending: str, start: Start, drive: Start, sandbox: Any
) -> None:
    row = drive(start(f"A boat [[{ending}]]"))
    assert row.state == "done"
    assert row.attempts.filter(state=Attempt.REJECTED).exists()
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1
    assert left_in_escrow() == []


@pytest.mark.parametrize(("ending", "status"), [("lose-answer", None), ("cut", 200), ("502", 502), ("ok", 200)])
def test_the_record_says_what_was_answered_and_no_more(
    ending: str, status: int | None, start: Start, drive: Start
) -> None:
    assert drive(start(f"A boat [[{ending}]]")).attempts.get().http_status == status


def test_a_refused_key_rests_and_its_shots_wait(start: Start, a4f: Any) -> None:
    from generations import lifecycle

    row = start("A boat [[401]]")
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    a4f.refresh_from_db()
    assert (row.state, row.charged, a4f.state) == ("queued", "no", "paused")
    assert left_in_escrow() == []
