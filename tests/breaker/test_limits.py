"""Limits of a key: how many at a time, how many a minute, how many again, and "wait until" for the whole key."""

import datetime as dt
import email.utils
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from generations import lifecycle
from generations.engine import Engine
from generations.lifecycle import breaker, outcomes, turns
from generations.lifecycle.turns import MIN_RETRIES
from generations.models import Attempt, Breaker, Event, Generation, ProviderKey
from generations.providers.base import NotSent
from generations.states import State
from tests.lifecycle.test_promises import intend, together

from .conftest import Provider

Queue = Callable[..., list[Generation]]
BUSY = "429 Too Many Requests"


def seconds_until(moment: dt.datetime) -> float:
    return (moment - timezone.now()).total_seconds()


# --- wait until -------------------------------------------------------------------------------------------------------------
def in_a_date(seconds: float) -> str:
    return email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), usegmt=True)


FORMS: dict[str, tuple[Callable[[], str], float]] = {
    "seconds": (lambda: "120", 120),
    "one second": (lambda: "1", 1),
    "zero": (lambda: "0", 1),
    "fraction": (lambda: "7.5", 7.5),
    "date": (lambda: in_a_date(60), 60),
    "date in the past": (lambda: in_a_date(-3600), 1),
    "date in a week": (lambda: in_a_date(7 * 86400), 3600),
    "an hour": (lambda: "3600", 3600),
    "years": (lambda: "999999999", 900),
    "garbage": (lambda: "soon", 900),
    "negative": (lambda: "-5", 900),
}


@pytest.mark.django_db
@pytest.mark.parametrize("status", [BUSY, "503 Service Unavailable"])
@pytest.mark.parametrize("form", FORMS)
def test_the_time_that_a_provider_asks_for_is_kept_for_the_whole_key(
    form: str, status: str, queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    said, wanted = FORMS[form]
    first, second = queue(2)
    asked = timezone.now()
    provider.fails(status, f"Retry-After: {said()}\r\n")
    lifecycle.submit(first.pk)
    answered = timezone.now()
    first.refresh_from_db()
    row = Breaker.objects.get(key=far_key, side=Breaker.SUBMIT)
    rounding = 1 if "date" in form else 0  # a date has whole seconds
    for until in (first.due_at, row.held_until):
        assert (until - asked).total_seconds() >= wanted - rounding
        assert (until - answered).total_seconds() <= wanted + 2
    assert first.state == State.QUEUED
    assert not lifecycle.submit(second.pk), "the other shot waits as well"
    assert lifecycle.next_to_send() == []
    assert provider.posts == 1
    assert (row.state, row.failures) == (Breaker.CLOSED, 0), "busy is not broken"


@pytest.mark.django_db
@pytest.mark.parametrize("tries", [0, 3, 9])
def test_a_busy_provider_that_names_no_time_is_left_alone_for_longer_each_time(
    tries: int, queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    [shot] = queue()
    Generation.objects.filter(pk=shot.pk).update(submit_tries=tries)
    provider.fails(BUSY)
    lifecycle.submit(shot.pk)
    shot.refresh_from_db()
    longest = min(300, 5 * 2 ** (tries + 1))
    assert 0.3 * longest - 2 < seconds_until(shot.due_at) <= longest
    assert not breaker.allows(far_key.pk, Breaker.SUBMIT)


@pytest.mark.django_db
def test_a_question_that_is_answered_wait_holds_back_all_questions_but_no_request(
    queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    [shot] = queue()
    lifecycle.submit(shot.pk)
    provider.fails(BUSY, "Retry-After: 30\r\n", get=True)
    lifecycle.poll(shot.pk)
    assert lifecycle.silent_keys() == [far_key.pk]
    assert breaker.allows(far_key.pk, Breaker.SUBMIT)
    found = breaker.allows(far_key.pk, Breaker.READ)
    assert isinstance(found, breaker.Closed)
    assert 28 < seconds_until(found.until) <= 30


@pytest.mark.django_db
def test_a_key_of_another_host_is_not_held_back(
    queue: Queue, provider: Provider, far_key: ProviderKey, start: Callable[..., Generation]
) -> None:
    other = start()
    [shot] = queue()
    provider.fails(BUSY, "Retry-After: 600\r\n")
    lifecycle.submit(shot.pk)
    assert lifecycle.next_to_send() == [other.pk]


# --- at a time --------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_twelve_workers_at_once_never_exceed_what_a_key_may_carry(
    queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    ProviderKey.objects.filter(pk=far_key.pk).update(max_concurrent=3)
    shots = queue(12)
    results = together(12, lambda index: lifecycle.submit(shots[index].pk))
    assert results.count(True) == 3, results
    assert results.count(False) == 9
    assert provider.posts == 3
    assert Generation.objects.filter(state=State.SUBMITTED).count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_engines_at_once_never_exceed_what_a_key_may_carry(
    start: Callable[..., Generation], key: ProviderKey, monkeypatch: Any
) -> None:
    ProviderKey.objects.filter(pk=key.pk).update(max_concurrent=2)
    monkeypatch.setattr(Engine, "_acquire", lambda self: True)  # as if the lease of the loop did not exist
    for _ in range(8):
        start()

    def left() -> bool:
        return Generation.objects.filter(state__in=("queued", "submitting", "submitted", "running")).exists()

    def loop(_: int) -> None:
        for _ in range(40):
            if not left():
                return
            Engine(hint=lambda *args: None).run(1)

    assert together(2, loop) == [None, None]
    assert not left()
    flying, most = 0, 0
    for edge in Event.objects.order_by("id").values_list("from_state", "to_state"):
        flying += {State.SUBMITTING: 1, State.SUCCEEDED: -1, State.QUEUED: -1 if edge[0] else 0}.get(edge[1], 0)
        most = max(most, flying)
    assert (flying, most) == (0, 2)
    assert Attempt.objects.count() == 8


@pytest.mark.django_db
def test_what_has_come_to_an_end_makes_room(queue: Queue, far_key: ProviderKey) -> None:
    ProviderKey.objects.filter(pk=far_key.pk).update(max_concurrent=1)
    first, second = queue(2)
    assert lifecycle.submit(first.pk)
    assert not lifecycle.submit(second.pk)
    for state, free in [("running", False), ("succeeded", True), ("unknown", True), ("done", True), ("failed", True)]:
        Generation.objects.filter(pk=first.pk).update(state=state)
        assert (lifecycle.next_to_send() == [second.pk]) is free, state


def test_a_real_key_carries_twenty_and_the_sandbox_two_hundred(key: ProviderKey, far_key: ProviderKey) -> None:
    assert (key.max_concurrent, far_key.max_concurrent) == (200, 20)


# --- a minute ---------------------------------------------------------------------------------------------------------------
def sent(shot: Generation, ago: float, n: int = 1) -> None:
    """As if the request had left `ago` seconds before now, and has long come to its end."""
    at = timezone.now() - dt.timedelta(seconds=ago)
    again = {"n": n, "repeats": n > 1}
    Attempt.objects.create(generation=shot, escrow=f"{shot.pk}-{n}", state=Attempt.NOT_SENT, started_at=at, **again)


@pytest.mark.django_db
def test_no_more_than_its_limit_leaves_in_any_minute(queue: Queue, far_key: ProviderKey) -> None:
    ProviderKey.objects.filter(pk=far_key.pk).update(max_per_minute=4)
    *old, third, fourth, fifth = queue(5)
    for shot, ago in zip(old, (61, 50), strict=True):
        sent(shot, ago)
        Generation.objects.filter(pk=shot.pk).update(state="done")
    assert lifecycle.next_to_send() == [third.pk, fourth.pk, fifth.pk], "the one of 61 seconds ago does not count"
    for shot in (third, fourth, fifth):
        assert lifecycle.submit(shot.pk)
    [sixth] = queue()
    assert lifecycle.next_to_send() == []
    assert not lifecycle.submit(sixth.pk)
    found = turns.room(
        ProviderKey.objects.get(pk=far_key.pk), turns.loads([far_key.pk], timezone.now())[far_key.pk], timezone.now()
    )
    assert found.closed is not None
    assert found.closed.until is not None
    assert 8 < seconds_until(found.closed.until) <= 10


@pytest.mark.django_db
def test_three_requests_a_minute_may_be_repeated_and_first_ones_pass_them(queue: Queue, far_key: ProviderKey) -> None:
    tried, fresh = queue(8), queue(2)
    for shot in tried:
        sent(shot, 300)
        Generation.objects.filter(pk=shot.pk).update(repeats=True)
    assert lifecycle.next_to_send(most=20) == [shot.pk for shot in (*tried[:3], *fresh)]
    assert [lifecycle.submit(shot.pk) for shot in tried] == [True] * 3 + [False] * 5
    assert lifecycle.next_to_send(most=20) == [shot.pk for shot in fresh]
    assert all(lifecycle.submit(shot.pk) for shot in fresh)


@pytest.mark.django_db
@pytest.mark.parametrize(("questions", "allowed"), [(0, 3), (29, 3), (49, 4), (99, 9), (200, 20)])
def test_a_tenth_of_all_calls_may_be_repetitions(
    questions: int, allowed: int, queue: Queue, far_key: ProviderKey
) -> None:
    shots = queue(25)
    Generation.objects.update(repeats=True)
    for shot in shots:
        sent(shot, 300)
    breaker.note(far_key.pk, Breaker.READ, [breaker.OK] * questions)
    ProviderKey.objects.update(max_concurrent=100)
    assert len(lifecycle.next_to_send(most=25)) == allowed


@pytest.mark.parametrize("pause", [0.2, 1, 3])
def test_in_an_hour_of_trouble_repetitions_stay_a_tenth(pause: float) -> None:
    """A simulated hour: most calls want to be repetitions, and come as often as they can."""
    rng, second = random.Random(7), 0.0
    calls: list[tuple[float, bool]] = []

    def minute() -> list[bool]:
        return [again for at, again in calls if second - at < 60]

    while second < 3600:
        second += rng.uniform(0, 2 * pause)
        again = rng.random() < 0.7
        if not again or turns.Load(sent=len(minute()), retried=sum(minute())).retries_left(timezone.now()) > 0:
            calls.append((second, again))
            if again:
                assert sum(minute()) <= max(MIN_RETRIES, len(minute()) * 0.1)
    assert sum(again for _, again in calls) > 60 * MIN_RETRIES * 0.8, "they are not starved either"


@pytest.mark.django_db
def test_a_request_that_a_person_sends_again_is_no_repetition_of_ours(
    queue: Queue, far_key: ProviderKey, user: Any
) -> None:
    shots = queue(5)
    for shot in shots:
        sent(shot, 10)
        sent(shot, 5, n=2)
        Generation.objects.filter(pk=shot.pk).update(state="unknown", unknown_phase="submit", repeats=True)
        shot.refresh_from_db()
        lifecycle.send_again(shot, user)
    assert len(lifecycle.next_to_send()) == 5


@pytest.mark.django_db
def test_a_request_that_never_left_for_our_own_trouble_is_no_repetition(queue: Queue, far_key: ProviderKey) -> None:
    """A worker that dies again and again before it sends asks the provider nothing."""
    [shot] = queue()
    for _ in range(6):
        Generation.objects.filter(pk=shot.pk).update(due_at=timezone.now())
        attempt, _paper = intend(shot)
        outcomes.settle_error(attempt, NotSent("The worker stopped before the request left."))
    assert not Attempt.objects.filter(repeats=True).exists()
    Generation.objects.filter(pk=shot.pk).update(due_at=timezone.now())
    assert lifecycle.submit(shot.pk)


@pytest.mark.django_db
def test_a_request_that_was_refused_for_now_is_a_repetition_the_next_time(
    queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    [shot] = queue()
    provider.fails(BUSY, "Retry-After: 1\r\n")
    tries = 0
    for _ in range(8):
        Generation.objects.update(due_at=timezone.now())
        Breaker.objects.update(held_until=None)
        tries += lifecycle.submit(shot.pk)
    assert (tries, provider.posts) == (1 + MIN_RETRIES, 1 + MIN_RETRIES)
    assert list(Attempt.objects.order_by("n").values_list("repeats", flat=True)) == [False, True, True, True]
