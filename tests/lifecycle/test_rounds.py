"""A database in trouble between the requests of a round: every answer is settled in the end, and nothing stays half written."""

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from generations import lifecycle, rounds
from generations import threads as lines
from generations.lifecycle import breaker, submission
from generations.models import Attempt, Generation
from generations.providers.base import Busy, NotSent
from tests.stack import until

pytestmark = pytest.mark.django_db(transaction=True)
Start = Callable[..., Generation]
LOCKED = OperationalError("database is locked")


def files() -> list[Path]:
    return list(Path(settings.ESCROW).glob("*"))


def fails_once(monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> None:
    real, first = getattr(where, name), iter([LOCKED])

    def step(*arguments: Any, **options: Any) -> Any:
        for error in first:
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(where, name, step)


@pytest.mark.parametrize(
    ("answer", "step"),
    [(Busy("One moment."), "hold_back"), (NotSent("No route.", unreachable=True), "note_failure")],
    ids=["busy", "not sent"],
)
def test_an_outcome_that_is_rolled_back_is_written_whole_the_next_time(
    answer: Any, step: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = start()
    [sending] = lifecycle.begin([row.pk])
    sending.answer = answer
    fails_once(monkeypatch, breaker, step)
    lifecycle.settle(sending)
    row.refresh_from_db()
    assert (row.state, row.lease_until, row.message) == ("queued", None, answer.message)
    assert sending.attempt.state == Attempt.INTENT, "that is what it was read as"
    assert row.attempts.get().state != Attempt.INTENT


def test_a_video_whose_last_commit_is_rolled_back_is_done_all_the_same(
    start: Start, drive: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from generations.models import Asset

    row = drive(start(), "succeeded")
    real, first = Asset.objects.bulk_create, iter([LOCKED])

    def bulk_create(*arguments: Any, **options: Any) -> Any:
        for error in first:
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(Asset.objects, "bulk_create", bulk_create)
    lifecycle.archive(row.pk)
    row.refresh_from_db()
    assert (row.state, row.assets.filter(kind="video").count()) == ("done", 1)


def test_intents_that_were_perhaps_committed_keep_their_files(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [start(), start()]
    with monkeypatch.context() as patch:
        fails_once(patch, submission, "_leave")
        with pytest.raises(OperationalError):
            lifecycle.begin([row.pk for row in rows])
    assert len(files()) == 2
    assert set(Generation.objects.values_list("state", flat=True)) == {"queued"}
    assert all(lifecycle.submit(row.pk) for row in rows)


def test_answers_of_the_last_round_wait_on_the_disk_while_the_database_is_away(
    start: Start, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = start()
    begun = lifecycle.begin([row.pk])

    def away(*arguments: Any) -> None:
        raise LOCKED

    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patch:
        patch.setattr(lifecycle, "settle", away)
        rounds.bring_home([pool.submit(lines.deliver, sending) for sending in begun])
    assert len(files()) == 1
    Generation.objects.filter(pk=row.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    lifecycle.sweep()
    row.refresh_from_db()
    assert (row.state, files()) == ("submitted", [])
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1


def test_few_requests_with_images_are_made_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most, go_on = 0, 0, threading.Event()

    def deliver(sending: Any) -> Any:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        go_on.wait(20)
        inside -= 1
        return sending

    monkeypatch.setattr(lifecycle, "deliver", deliver)
    monkeypatch.setattr(lifecycle, "carries_images", bool)
    with ThreadPoolExecutor(12) as pool:
        for number in range(12):
            pool.submit(lines.deliver, number >= 2)
        until(lambda: inside == 10, 10, lambda: f"two without and eight with images, but {inside} are made")
        go_on.set()
    assert most == 10
