"""Every way in which a provider can answer, over HTTP and through the real adapter: the end state, and what it says about money.

Apertis has a file of its own (test_endings.py), and so have those that answer for minutes (tests/synchronous).
"""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from generations import lifecycle
from generations.models import Attempt, Generation, ProviderKey

from .conftest import Begin

pytestmark = pytest.mark.django_db

MODELS = {"aiid": "aiid-kling-video", "minimax": "minimax-t2v-01", "openai": "openai-sora-2"}

# what hosts of every protocol may do to the same answer
BENT = {
    "error-200": ("failed", "rejected", "no", 0),
    "id-at=data.task_id": ("done", "", "yes", 1),
    "word=SUCCESS": ("done", "", "yes", 1),
    "seconds-as=int": ("done", "", "yes", 1),
    "seconds-as=none": ("done", "", "yes", 1),
    "fail=No film.]] [[error-at=fail_reason": ("failed", "provider_failed", "unknown", 1),
    "fail=No film.]] [[error-at=text": ("failed", "provider_failed", "unknown", 1),
}
# ending → (state, reason, charged, billed requests in the sandbox's ledger)
EVERYWHERE = {
    "ok": ("done", "", "yes", 1),
    "fail": ("failed", "provider_failed", "unknown", 1),
    "moderated": ("failed", "moderation", "no", 0),
    "moderated-late": ("failed", "moderation", "unknown", 1),
    "400": ("failed", "invalid", "no", 0),
    "404": ("failed", "rejected", "no", 0),
    "500": ("unknown", "", "unknown", 0),
    "502": ("unknown", "", "unknown", 0),
    "502-billed": ("unknown", "", "unknown", 1),
    "lose-answer": ("unknown", "", "unknown", 1),
    "garbage": ("unknown", "", "unknown", 1),
    "late-url": ("done", "", "yes", 1),
    "expired-url": ("done", "", "yes", 1),
    "id-drift": ("done", "", "yes", 1),
    "unknown-status": ("done", "", "yes", 1),
    "lost-task": ("done", "", "yes", 1),
    "poll-429": ("done", "", "yes", 1),
    "flaky-poll": ("done", "", "yes", 1),
    "html-video": ("failed", "result_invalid", "yes", 1),
}
ENDINGS = {
    "aiid": {
        **BENT,
        "no-channel": ("failed", "rejected", "no", 0),
        "no-id": ("done", "", "yes", 1),  # task_id is still there
        "early-url": ("done", "", "yes", 1),
        "ms": ("done", "", "yes", 1),
        "backwards-progress": ("done", "", "yes", 1),
        "running-error": ("done", "", "yes", 1),
        "url-relative": ("done", "", "yes", 1),
        "url-wrapped": ("done", "", "yes", 1),
        "url-words": ("done", "", "yes", 1),
        "url-data": ("done", "", "yes", 1),
        "url-at=content": ("done", "", "yes", 1),
        "url-at=content]] [[content=json": ("done", "", "yes", 1),
        "url-at=content]] [[content=redirect": ("done", "", "yes", 1),
        "url-at=content]] [[redirect-private": ("failed", "result_expired", "yes", 1),
        "url-at=output.0.video_url": ("done", "", "yes", 1),
        "url-at=data.metadata.url": ("done", "", "yes", 1),
        "late-file": ("done", "", "yes", 1),
    },
    "minimax": {
        "error-200": ("failed", "rejected", "no", 0),
        "id-at=data.task_id": ("done", "", "yes", 1),
        "400]] [[http-errors": ("failed", "invalid", "no", 0),
        "moderated]] [[http-errors": ("failed", "moderation", "no", 0),
        "no-id": ("unknown", "", "unknown", 1),
    },
    "openai": {
        **BENT,
        "no-id": ("unknown", "", "unknown", 1),
        "ms": ("done", "", "yes", 1),
        "backwards-progress": ("done", "", "yes", 1),
        "late-file": ("done", "", "yes", 1),
        "content=json": ("done", "", "yes", 1),
        "content=redirect": ("done", "", "yes", 1),
    },
}
BUSY = [
    *(("aiid", name) for name in ("429", "429-date", "503")), *(("openai", name) for name in ("429", "429-date", "503")),
    *(("minimax", name) for name in ("429", "503", "429]] [[http-errors")),
]  # fmt: skip
REFUSED = [("aiid", "401"), ("aiid", "402"), ("minimax", "401"), ("minimax", "402"), ("minimax", "401]] [[http-errors"),
           ("openai", "401"), ("openai", "402")]  # fmt: skip


def cases() -> Iterator[tuple[str, str, tuple[str, str, str, int]]]:
    for provider, own in ENDINGS.items():
        for ending, expected in (EVERYWHERE | own).items():
            yield provider, ending, expected


@pytest.mark.parametrize(
    ("provider", "ending", "expected"), [pytest.param(*case, id=f"{case[0]} {case[1]}") for case in cases()]
)
def test_every_ending_is_told_truthfully_and_paid_once(
    provider: str, ending: str, expected: tuple[str, str, str, int], begin: Begin, drive: Callable[..., Generation],
    sandbox: Any, settings: Any,
) -> None:  # fmt: skip
    settings.SUBMIT_DEADLINE = 1.5
    state, reason, charged, billed = expected
    row = drive(begin(MODELS[provider], f"A boat [[{ending}]]"))
    assert (row.state, row.reason, row.charged) == (state, reason, charged), row.message
    assert row.attempts.count() == 1
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == billed
    if state in ("failed", "unknown"):
        assert row.message, "a failure says why"
    if "No film." in ending:
        assert row.message == "No film."


@pytest.mark.parametrize(("provider", "ending"), BUSY)
def test_a_busy_provider_is_asked_again_later_and_paid_once(
    provider: str, ending: str, begin: Begin, drive: Callable[..., Generation], sandbox: Any
) -> None:
    row = drive(begin(MODELS[provider], f"A boat [[{ending}]]"))
    assert row.state == "done"
    assert row.attempts.filter(state=Attempt.REJECTED).exists()
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1


@pytest.mark.parametrize(("provider", "ending"), REFUSED)
def test_a_refused_key_rests_and_the_shot_waits(provider: str, ending: str, begin: Begin) -> None:
    row = begin(MODELS[provider], f"A boat [[{ending}]]")
    lifecycle.submit(row.pk)
    row = Generation.objects.select_related("provider_key").get(pk=row.pk)
    assert (row.state, row.provider_key.state) == ("queued", ProviderKey.PAUSED)


@pytest.mark.parametrize("provider", MODELS)
def test_a_key_that_is_refused_while_a_shot_runs_rests_and_loses_nothing(
    provider: str, begin: Begin, drive: Callable[..., Generation]
) -> None:
    row = drive(begin(MODELS[provider], "A boat [[revoked]]"), "submitted")
    for _ in range(5):
        lifecycle.poll(row.pk)
    row = Generation.objects.select_related("provider_key").get(pk=row.pk)
    assert (row.state, row.charged, row.reason) == ("submitted", "yes", "")
    assert row.provider_key.state == ProviderKey.PAUSED


@pytest.mark.parametrize("provider", MODELS)
def test_a_render_is_fetched_at_once_and_its_address_is_trusted_for_an_hour(
    provider: str, begin: Begin, drive: Callable[..., Generation]
) -> None:
    """The shortest life that any of these hosts names is ten minutes; OpenAI and Vidu give an hour, the others more."""
    row = drive(begin(MODELS[provider], "A boat"), "succeeded")
    assert row.result_expires_at - row.rendered_at <= dt.timedelta(hours=1)
    assert row.due_at <= row.rendered_at, "nothing is waited for"
