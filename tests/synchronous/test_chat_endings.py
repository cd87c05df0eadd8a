"""Apertis' chat stream through the real adapter and over HTTP: every way that a stream ends, and who is asked afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live

from generations.models import Generation
from generations.states import EDGES

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]
CHAT = "apertis-sora-2-chat"

# ending → (state, reason, charged, billed requests, whether the task was asked about)
ENDINGS = {
    "ok": ("done", "", "yes", 1, False),
    "split": ("done", "", "yes", 1, False),
    "comments": ("done", "", "yes", 1, False),
    "slow": ("done", "", "yes", 1, False),
    "no-address": ("done", "", "yes", 1, True),
    "cut": ("done", "", "yes", 1, True),
    "no-id": ("unknown", "", "unknown", 1, False),
    "fail": ("failed", "provider_failed", "unknown", 1, False),
    "stream-error": ("failed", "moderation", "unknown", 1, False),
    "stream-refused": ("failed", "moderation", "no", 0, False),
    "moderated": ("failed", "moderation", "no", 0, False),
    "400": ("failed", "invalid", "no", 0, False),
    "404": ("failed", "rejected", "no", 0, False),
    "500": ("unknown", "", "unknown", 0, False),
    "garbage": ("unknown", "", "unknown", 1, False),
    "empty": ("unknown", "", "unknown", 1, False),
    "bomb": ("unknown", "", "unknown", 1, False),
    "lose-answer": ("unknown", "", "unknown", 1, False),
    "hang": ("unknown", "", "unknown", 1, False),
    "expired-url": ("done", "", "yes", 1, True),
    "truncated": ("done", "", "yes", 1, False),
    "gone-url": ("failed", "result_expired", "yes", 1, True),
    "html-video": ("failed", "result_invalid", "yes", 1, False),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_is_told_truthfully_and_paid_once(
    ending: str, start: Start, drive: Start, sandbox: Any, settings: Any
) -> None:
    settings.SYNC_DEADLINE = 4
    state, reason, charged, billed, asked = ENDINGS[ending]
    row = drive(start(f"A boat [[{ending}{'=0.2' if ending == 'slow' else ''}]]", model=CHAT))
    assert (row.state, row.reason, row.charged) == (state, reason, charged), row.message
    assert row.attempts.count() == 1
    [paid] = sandbox.ledger(contains=row.prompt.split()[-1]) or [None] if billed else [None]
    assert bool(paid) == bool(billed)
    if paid and state == "done":
        assert row.provider_task_id == paid["task_id"]
        assert (paid["task_id"] in sandbox.polls()) == asked
    assert {(event.from_state, event.to_state) for event in row.events.all()} <= EDGES
    assert list(Path(live.ESCROW).iterdir()) == []


def test_a_stream_that_drips_past_the_deadline_is_followed_by_its_task(
    start: Start, drive: Start, sandbox: Any, settings: Any
) -> None:
    settings.SYNC_DEADLINE = 1.5
    row = drive(start("A boat [[drip=0.005]] [[seconds=3]]", model=CHAT), steps=400)
    assert row.state == "done"
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1


@pytest.mark.django_db(transaction=True)
def test_people_see_the_progress_that_the_stream_tells(start: Start, monkeypatch: Any) -> None:
    from generations import lifecycle
    from generations.lifecycle import heartbeat

    seen: list[int | None] = []
    show = heartbeat._show

    def watched(generation: Generation, progress: int | None, before: int | None) -> int | None:
        after = show(generation, progress, before)
        seen.append(Generation.objects.get(pk=generation.pk).progress)
        return after

    monkeypatch.setattr(heartbeat, "LOOK", 0.05)
    monkeypatch.setattr(heartbeat, "_show", watched)
    row = start("A boat", model=CHAT)
    Generation.objects.filter(pk=row.pk).update(prompt="A boat [[clip=small]] [[seconds=4]]")
    lifecycle.submit(row.pk)
    assert [each for each in seen if each is not None] == sorted(each for each in seen if each is not None)
    assert {25, 50, 75} & set(seen)
