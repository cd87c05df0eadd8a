"""The loop: one row that nothing can be done with never stops the others."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.db import OperationalError, connection
from django.db.models import Count
from django.utils import timezone

from generations import lifecycle
from generations.engine import MOST_SUBMITS, Engine, lease_is_free
from generations.lifecycle import submission
from generations.lifecycle.news import News
from generations.models import Attempt, Beacon, Generation, ProviderKey
from generations.models.fields import Unopenable
from tests.stack import until
from tests.workers import on_the_spot

pytestmark = pytest.mark.django_db(transaction=True)
Start = Callable[..., Generation]


def run_engine(seconds: float = 20) -> None:
    """The loop, with archive tasks run on the spot."""
    Engine(hint=on_the_spot).run(seconds)


def test_the_loop_brings_every_job_home_and_ends_when_nothing_is_left(start: Start) -> None:
    rows = [start() for _ in range(6)]
    run_engine()
    assert set(Generation.objects.filter(pk__in=[row.pk for row in rows]).values_list("state", flat=True)) == {"done"}
    assert lease_is_free()
    assert all(row.assets.filter(kind="poster").exists() for row in rows)


def test_two_loops_never_run_at_once(start: Start) -> None:
    Beacon.objects.create(name="engine", owner="elsewhere:1:1", until=timezone.now() + dt.timedelta(seconds=60))
    row = start()
    run_engine()
    row.refresh_from_db()
    assert row.state == "queued"


def test_what_is_out_when_the_loop_ends_comes_home_and_the_rest_stays_in_the_queue(
    start: Start, monkeypatch: Any
) -> None:
    rows = [start() for _ in range(MOST_SUBMITS + 2)]
    out, go_on, real = [], threading.Event(), lifecycle.deliver

    def deliver(sending: lifecycle.Sending) -> lifecycle.Sending:
        out.append(sending.attempt.generation_id)
        go_on.wait(20)
        return real(sending)

    monkeypatch.setattr(lifecycle, "deliver", deliver)
    engine = Engine(hint=on_the_spot)
    engine._submit_due()
    engine._submit_due()
    assert list(engine.submits) == [row.pk for row in rows[:MOST_SUBMITS]], "no more than there are lines"
    until(lambda: len(out) == MOST_SUBMITS, 10, "all lines to be in use")
    threading.Timer(0.2, go_on.set).start()
    engine._finish()
    states = dict(Generation.objects.values_list("pk", "state"))
    assert [states[row.pk] for row in rows] == ["submitted"] * MOST_SUBMITS + ["queued"] * 2
    assert (engine.submits, list(escrow_files())) == ({}, [])


def escrow_files() -> Iterator[Path]:
    return Path(settings.ESCROW).glob("*")


def test_a_commit_that_fails_after_the_answers_of_a_round_loses_none(
    start: Start, monkeypatch: Any, sandbox: Any
) -> None:
    """The answers of a round are one commit; when the database refuses it, they are settled in the next."""
    word = "roundabout"
    rows = [start(f"A {word} {number} [[clip=small]] [[seconds=0.1]]") for number in range(5)]
    real, refusals = News.tell, iter([True, True])

    def tell(self: News, *arguments: Any, **options: Any) -> None:
        if arguments[0] or Attempt.objects.filter(state=Attempt.ACCEPTED).exists():
            for _ in refusals:
                raise OperationalError("database is locked")
        real(self, *arguments, **options)

    monkeypatch.setattr(News, "tell", tell)
    run_engine()
    assert next(refusals, None) is None, "the commits were never refused"
    assert set(Generation.objects.filter(pk__in=[row.pk for row in rows]).values_list("state", flat=True)) == {"done"}
    assert set(Attempt.objects.values_list("generation").annotate(Count("pk")).values_list("pk__count", flat=True)) == {
        1
    }
    assert len(sandbox.ledger(contains=word)) == len(rows)


def test_a_loop_whose_process_died_is_replaced_at_once(start: Start) -> None:
    from generations.lifecycle.leases import me

    host, pid, _ = me().split(":")
    Beacon.objects.create(name="engine", owner=f"{host}:{pid}:1", until=timezone.now() + dt.timedelta(seconds=60))
    row = start()
    run_engine()
    row.refresh_from_db()
    assert row.state == "done"


@pytest.fixture
def poisoned(start: Start) -> Callable[[str], Generation]:
    def make(kind: str) -> Generation:
        row = start()
        lifecycle.submit(row.pk)
        if kind == "a model that no release knows":
            Generation.objects.filter(pk=row.pk).update(model="gone-model")
        if kind == "no id":
            Generation.objects.filter(pk=row.pk).update(provider_task_id=None)
        return row

    return make


@pytest.mark.parametrize("kind", ["a model that no release knows", "no id"])
def test_a_row_that_cannot_be_asked_about_says_so_and_lets_the_others_pass(
    kind: str, poisoned: Callable[[str], Generation], start: Start
) -> None:
    bad, good = poisoned(kind), start()
    engine = Engine(hint=on_the_spot)
    threading.Timer(4, lambda: setattr(engine, "owner", "stopped")).start()
    engine.run(6)
    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.state == "done"
    assert bad.state == "submitted"
    assert bad.message


@pytest.mark.parametrize("step", ["_leave", "settle_answer"])
def test_a_row_that_cannot_begin_or_end_lets_those_of_its_round_pass(step: str, start: Start, monkeypatch: Any) -> None:
    good, bad, other = start(), start(), start()
    real = getattr(submission, step)

    def poison(attempt: Attempt, *rest: Any) -> None:
        if attempt.generation_id == bad.pk:
            raise ValueError("poison")
        real(attempt, *rest)

    monkeypatch.setattr(submission, step, poison)
    run_engine(4)
    assert [row.state for row in Generation.objects.filter(pk__in=[good.pk, other.pk])] == ["done", "done"]
    bad.refresh_from_db()
    assert bad.state == {"_leave": "queued", "settle_answer": "submitting"}[step]
    assert len(list(escrow_files())) == {"_leave": 0, "settle_answer": 1}[step], "an answer that is not settled stays"


def test_an_answer_that_cannot_be_recorded_lets_the_others_pass(start: Start, monkeypatch: Any) -> None:
    bad, good = start(), start()
    real = lifecycle.record

    def record(row: Generation, answer: Any) -> None:
        if row.pk == bad.pk:
            raise ValueError("poison")
        real(row, answer)

    monkeypatch.setattr(lifecycle, "record", record)
    run_engine(6)
    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.state == "done"
    assert "could not be recorded" in bad.message
    connection.close()


def test_a_key_that_no_longer_opens_rests_and_nothing_is_lost(start: Start, key: ProviderKey, settings: Any) -> None:
    waiting, running = start(), start("A boat [[seconds=1]]")
    lifecycle.submit(running.pk)
    before = settings.FIELD_KEYS
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    assert repr(ProviderKey.objects.get().secret) == "<sealed>"
    with pytest.raises(Unopenable):
        ProviderKey.objects.get().secret.open()
    lifecycle.submit(waiting.pk)
    lifecycle.poll(running.pk)
    for row in (waiting, running):
        row.refresh_from_db()
        assert "STUDIO_FIELD_KEYS" in row.message
    assert (waiting.state, waiting.charged) == ("queued", "no")
    assert running.state == "submitted"
    key.refresh_from_db()
    assert key.state == ProviderKey.PAUSED
    settings.FIELD_KEYS = before
    from generations import keys

    keys.resume(key)
    Generation.objects.update(due_at=timezone.now())
    run_engine()
    assert set(Generation.objects.values_list("state", flat=True)) == {"done"}
