"""The loop: one row that nothing can be done with never stops the others."""

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone

from generations import lifecycle, tasks
from generations.engine import IN_HAND, MOST_SUBMITS, Engine, lease_is_free
from generations.models import Beacon, Generation, ProviderKey
from generations.models.fields import Unopenable
from tests.stack import until

pytestmark = pytest.mark.django_db(transaction=True)
Start = Callable[..., Generation]


def run_engine(seconds: float = 20) -> None:
    """The loop, with archive tasks run on the spot."""
    Engine(hint=lambda task, *arguments: getattr(tasks, task)(*arguments)).run(seconds)


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


def _when_given_back(waiting: list[Any]) -> bool:
    return bool(until(lambda: all(future.cancelled() for future in waiting), 15, "the four to be given back"))


def test_what_waits_in_hand_when_the_loop_ends_stays_in_the_queue(start: Start, monkeypatch: Any) -> None:
    rows = [start() for _ in range(MOST_SUBMITS + IN_HAND + 1)]
    begun, go_on = [], threading.Event()

    def submit(pk: int) -> bool:
        begun.append(pk)
        return go_on.wait(20)

    monkeypatch.setattr(lifecycle, "submit", submit)
    engine = Engine(hint=lambda task, *arguments: None)
    engine._submit_due()
    assert list(engine.submits) == [row.pk for row in rows[:-1]], "eight lines, and the next four"
    until(lambda: len(begun) == MOST_SUBMITS, 10, "eight requests on the wire")
    waiting = [engine.submits[row.pk] for row in rows[MOST_SUBMITS:-1]]
    threading.Thread(target=lambda: _when_given_back(waiting) and go_on.set()).start()
    engine._finish()
    assert sorted(begun) == [row.pk for row in rows[:MOST_SUBMITS]], "what is out comes home, nothing else begins"
    assert engine.submits == {}


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
    engine = Engine(hint=lambda task, *arguments: getattr(tasks, task)(*arguments))
    threading.Timer(4, lambda: setattr(engine, "owner", "stopped")).start()
    engine.run(6)
    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.state == "done"
    assert bad.state == "submitted"
    assert bad.message


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
