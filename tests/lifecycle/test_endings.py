"""Every way that a provider can answer, through the real adapter and over HTTP: the end state and what it says about money."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from generations.models import Attempt, Generation, ProviderKey
from generations.states import EDGES

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]

# ending → (state, reason, charged, billed requests in the sandbox's ledger)
ENDINGS = {
    "ok": ("done", "", "yes", 1),
    "fail": ("failed", "provider_failed", "unknown", 1),
    "moderated": ("failed", "moderation", "no", 0),
    "moderated-late": ("failed", "moderation", "unknown", 1),
    "400": ("failed", "invalid", "no", 0),
    "404": ("failed", "rejected", "no", 0),
    "redirect": ("failed", "rejected", "no", 0),
    "500": ("unknown", "", "unknown", None),
    "502": ("unknown", "", "unknown", None),
    "no-id": ("unknown", "", "unknown", 1),
    "garbage": ("unknown", "", "unknown", 1),
    "empty": ("unknown", "", "unknown", 1),
    "lose-answer": ("unknown", "", "unknown", 1),
    "hang": ("unknown", "", "unknown", 1),
    "drip": ("unknown", "", "unknown", 1),
    "bomb": ("unknown", "", "unknown", 1),
    "late-url": ("done", "", "yes", 1),
    "early-url": ("done", "", "yes", 1),
    "expired-url": ("done", "", "yes", 1),
    "truncated": ("done", "", "yes", 1),
    "wrong-type": ("done", "", "yes", 1),
    "no-range": ("done", "", "yes", 1),
    "etag-change": ("done", "", "yes", 1),
    "redirect-file": ("done", "", "yes", 1),
    "id-drift": ("done", "", "yes", 1),
    "ms": ("done", "", "yes", 1),
    "unknown-status": ("done", "", "yes", 1),
    "flaky-poll": ("done", "", "yes", 1),
    "progress": ("done", "", "yes", 1),
    "backwards-progress": ("done", "", "yes", 1),
    "gone-url": ("failed", "result_expired", "yes", 1),
    "truncated-silent": ("failed", "result_invalid", "yes", 1),
    "html-video": ("failed", "result_invalid", "yes", 1),
    "redirect-private": ("failed", "result_expired", "yes", 1),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_is_told_truthfully_and_paid_once(
    ending: str, start: Start, drive: Start, sandbox: Any, settings: Any
) -> None:
    settings.SUBMIT_DEADLINE = 1.5
    state, reason, charged, billed = ENDINGS[ending]
    row = drive(start(f"A boat [[{ending}]]"))
    assert (row.state, row.reason, row.charged) == (state, reason, charged), row.message
    assert row.attempts.count() == 1
    found = len(sandbox.ledger(contains=row.prompt.split()[-1]))
    assert found <= 1 if billed is None else found == billed
    if state in ("failed", "unknown"):
        assert row.message, "a failure says why"
    moved = {(event.from_state, event.to_state) for event in row.events.all()}
    assert moved <= EDGES


@pytest.mark.parametrize("ending", ["429", "503"])
def test_a_busy_provider_is_asked_again_later_and_paid_once(
    ending: str, start: Start, drive: Start, sandbox: Any
) -> None:
    row = start(f"A boat [[{ending}]]")
    first = drive(row, "submitted", "queued", steps=1) if row.state != "queued" else row
    assert first.state == "queued"
    row = drive(row)
    assert row.state == "done"
    assert row.attempts.filter(state=Attempt.REJECTED).exists()
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1


def test_a_busy_provider_is_left_alone_for_as_long_as_it_asks(start: Start, sandbox: Any) -> None:
    from django.utils import timezone

    from generations import lifecycle

    row = start("A boat [[429]]")
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert row.state == "queued"
    assert (row.due_at - timezone.now()).total_seconds() > 1
    assert not lifecycle.submit(row.pk), "not before it is due"
    assert "busy" in row.message


@pytest.mark.parametrize("ending", ["401", "402"])
def test_a_refused_key_rests_and_its_jobs_wait(ending: str, start: Start, drive: Start, key: ProviderKey) -> None:
    from generations import keys, lifecycle

    row = start(f"A boat [[{ending}]]")
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    key.refresh_from_db()
    assert (row.state, row.charged, key.state) == ("queued", "no", ProviderKey.PAUSED)
    assert key.paused_reason
    assert not lifecycle.submit(row.pk), "a resting key sends nothing"
    Generation.objects.filter(pk=row.pk).update(prompt="A boat [[clip=small]] [[seconds=0.1]]")
    keys.resume(key)
    assert drive(row).state == "done"


def test_progress_never_goes_backwards(start: Start, drive: Start) -> None:
    seen: list[int] = []
    from generations import lifecycle

    row = start("A boat [[backwards-progress]] [[seconds=3]]")
    lifecycle.submit(row.pk)
    for _ in range(2000):
        row.refresh_from_db()
        if row.state not in ("submitted", "running"):
            break
        lifecycle.poll(row.pk)
        row.refresh_from_db()
        if row.progress is not None:
            seen.append(row.progress)
    assert seen == sorted(seen)
    assert len(set(seen)) > 1


def test_a_render_that_is_still_being_upscaled_is_not_taken(start: Start, drive: Start) -> None:
    """`video_generation_completed` comes with an address, but its file is not there before the upscaling."""
    from generations import lifecycle

    row = start("A boat [[early-url]] [[seconds=6]]", enable_upsample=True)
    lifecycle.submit(row.pk)
    seen: set[str] = set()
    while True:
        lifecycle.poll(row.pk)
        row.refresh_from_db()
        if row.state not in ("submitted", "running"):
            break
        time.sleep(0.05)
        seen.add(row.remote_status)
        assert row.result_url == ""
    assert {"video_generation_completed", "video_upsampling"} <= seen
    assert drive(row).state == "done"


def test_the_first_id_is_kept_when_later_answers_name_another(start: Start, drive: Start) -> None:
    row = drive(start("A boat [[id-drift]]"))
    accepted = row.attempts.get().provider_task_id
    assert row.provider_task_id == accepted


def test_the_finished_file_is_the_one_that_the_hash_says(start: Start, drive: Start) -> None:
    import hashlib

    row = drive(start())
    video = row.assets.get(kind="video")
    assert hashlib.sha256(video.file.read_bytes()).hexdigest() == video.sha256
    assert video.bytes == video.file.stat().st_size
    assert (video.width, video.height) == (320, 180)
    assert video.has_audio
    assert [path.name for path in video.file.parent.iterdir()] == ["video.mp4"], "nothing half-done stays behind"


def test_pictures_are_made_after_the_video_is_safe(start: Start, drive: Start) -> None:
    from generations import lifecycle

    row = drive(start())
    assert lifecycle.pictures(row.pk)
    assert set(row.assets.values_list("kind", flat=True)) == {"video", "poster", "poster-small", "preview", "strip"}
    assert not lifecycle.pictures(row.pk), "once is enough"
