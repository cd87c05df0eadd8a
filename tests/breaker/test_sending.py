"""Breaker and engine together, against a host that counts: nothing is paid while it is open, and a test is free."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations import agenda, keys, lifecycle
from generations.engine import Engine
from generations.lifecycle import breaker, escrow, outcomes, submission
from generations.models import Attempt, Breaker, Character, Generation, ProviderKey
from generations.providers import PROVIDERS
from generations.providers.base import Busy, KeyRefused, Response, Target, Unreachable
from tests.host import json_answer
from tests.lifecycle.test_promises import intend

from .conftest import Provider

Queue = Callable[..., list[Generation]]
OUTAGES = {
    "500": (lambda provider: provider.fails(get=True), "unknown"),
    "502": (lambda provider: provider.fails("502 Bad Gateway", get=True), "unknown"),
    "garbage": (lambda provider: provider.talks_nonsense(), "unknown"),
    "not listening": (lambda provider: provider.goes_away(), "queued"),
}  # fmt: skip


def work(until: Callable[[], bool] = lambda: True) -> None:
    """The real loop, half a second at a time, until `until` holds: a slow machine only takes more rounds."""
    for _ in range(60):
        Engine(hint=lambda *args: None).run(0.5)
        if until():
            return
    raise AssertionError("in vain")


def row_of(key: ProviderKey, side: str = Breaker.SUBMIT) -> Breaker:
    return Breaker.objects.get(key=key, side=side)


def wait_is_over(key: ProviderKey) -> None:
    """As if the time had passed."""
    past = timezone.now() - dt.timedelta(seconds=1)
    Breaker.objects.filter(key=key).exclude(next_probe_at=None).update(next_probe_at=past)
    Breaker.objects.filter(key=key).update(held_until=None)
    Generation.objects.filter(provider_key=key, state="queued").update(due_at=past)


def states(key: ProviderKey) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Generation.objects.filter(provider_key=key).values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


@pytest.mark.django_db(transaction=True)
def test_an_outage_costs_three_doubts_and_no_more_until_the_provider_is_well(
    queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    ProviderKey.objects.filter(pk=far_key.pk).update(max_concurrent=1)
    queue(12)
    provider.fails(get=True)
    work(until=lambda: provider.posts >= 3 and row_of(far_key).state == Breaker.OPEN)
    work()
    assert (provider.posts, states(far_key)) == (3, {"unknown": 3, "queued": 9})
    assert provider.gets == 0, "its time has not come"

    wait_is_over(far_key)
    work(until=lambda: row_of(far_key).pause_seconds == 60)
    work()
    found = row_of(far_key)
    assert (found.state, found.pause_seconds) == (Breaker.OPEN, 60)
    assert (provider.posts, provider.gets) == (3, 1), "the test is one free question"

    provider.get = json_answer('{"status": "processing"}')
    provider.accepts()
    ProviderKey.objects.filter(pk=far_key.pk).update(max_concurrent=20)
    wait_is_over(far_key)
    work(until=lambda: not Generation.objects.filter(state__in=("queued", "submitting")).exists())
    assert (provider.posts, row_of(far_key).state, row_of(far_key).pause_seconds) == (12, Breaker.CLOSED, 0)
    assert Attempt.objects.filter(state=Attempt.ACCEPTED).count() == 9


@pytest.mark.django_db
@pytest.mark.parametrize("outage", OUTAGES)
def test_every_kind_of_outage_opens_it_and_a_test_never_pays(
    outage: str, queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    strike, ends = OUTAGES[outage]
    strike(provider)
    for shot in queue(7):
        lifecycle.submit(shot.pk)
    assert row_of(far_key).state == Breaker.OPEN
    assert states(far_key)[ends] >= 3
    posts = provider.posts
    for _ in range(4):
        wait_is_over(far_key)
        [pk] = lifecycle.probes_due()
        assert lifecycle.probe(pk)
        assert not lifecycle.probe(pk), "its time has not come again"
        for shot in Generation.objects.filter(state="queued"):
            assert not lifecycle.submit(shot.pk)
    assert (provider.posts, row_of(far_key).pause_seconds) == (posts, 480)


@pytest.mark.django_db
def test_a_request_that_is_just_connecting_when_it_opens_does_not_leave(
    queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    [shot] = queue()
    attempt, paper = intend(shot)
    for _ in range(5):
        breaker.note_failure(far_key.pk, Breaker.SUBMIT, "connect")
    submission._send(lifecycle.Sending(attempt, paper))
    shot.refresh_from_db()
    assert (shot.state, shot.charged, provider.posts) == ("queued", "no", 0)
    assert "failed 5 times in a row" in shot.message


@pytest.mark.django_db
def test_trouble_of_our_own_is_not_the_providers(
    queue: Queue, far_key: ProviderKey, settings: Any, tmp_path: Any
) -> None:
    shots = queue(6)
    for shot in shots:
        attempt, _ = intend(shot)
        outcomes.settle_error(attempt, outcomes.interrupted(RuntimeError("ours"), sent=False))
    assert not Breaker.objects.filter(key=far_key).exists()
    (tmp_path / "file").write_text("")
    settings.ESCROW = tmp_path / "file" / "below"
    with pytest.raises(escrow.NoRoom):
        escrow.Escrow.allocate()
    lifecycle.submit(queue()[0].pk)
    assert not Breaker.objects.filter(key=far_key).exists()


@pytest.mark.django_db
def test_questions_go_on_while_nothing_may_be_sent(queue: Queue, provider: Provider, far_key: ProviderKey) -> None:
    [shot] = queue()
    lifecycle.submit(shot.pk)
    for _ in range(5):
        breaker.note_failure(far_key.pk, Breaker.SUBMIT, "unknown")
    assert not breaker.allows(far_key.pk, Breaker.SUBMIT)
    assert breaker.allows(far_key.pk, Breaker.READ)
    provider.get = json_answer('{"status": "processing", "progress": 40}')
    lifecycle.poll(shot.pk)
    shot.refresh_from_db()
    assert (shot.state, shot.progress) == ("running", 40)


@pytest.mark.django_db
def test_without_work_nothing_is_asked(queue: Queue, provider: Provider, far_key: ProviderKey, user: User) -> None:
    for _ in range(5):
        breaker.note_failure(far_key.pk, Breaker.SUBMIT, "connect")
    wait_is_over(far_key)
    assert lifecycle.probes_due() == []
    [shot] = queue()
    assert len(lifecycle.probes_due()) == 1
    keys.pause(far_key, "by hand")
    assert lifecycle.probes_due() == [], "a resting key is a person's matter"
    keys.resume(far_key)
    assert breaker.allows(far_key.pk, Breaker.SUBMIT), "who says that the key works is believed"
    assert shot.pk in lifecycle.next_to_send()


@pytest.mark.django_db
@pytest.mark.parametrize("why", ["connections failed", "the secret was replaced"])
def test_an_order_for_a_character_that_waits_alone_has_its_test_too(
    why: str, provider: Provider, far_key: ProviderKey, team: Team, user: User
) -> None:
    order = lifecycle.cast(team=team, user=user, token="t" * 16, url="https://example.com/a.mp4", span="1,3")
    if why == "connections failed":
        for _ in range(5):
            breaker.note_failure(far_key.pk, Breaker.SUBMIT, "connect")
    else:
        keys.pause(far_key, "by hand")
        lifecycle.replace_secret(far_key, "sk-another-1234")
    wait_is_over(far_key)
    [pk] = lifecycle.probes_due()
    keys.pause(far_key, "by hand")
    assert lifecycle.probes_due() == [], "nothing is sent with a key that rests, so nothing is tested"
    ProviderKey.objects.update(state=ProviderKey.ACTIVE)
    assert lifecycle.probe(pk)
    provider.post = json_answer('{"id": "char_1", "username": "somebody"}')
    assert lifecycle.make_character(order.pk)
    order.refresh_from_db()
    assert (order.state, provider.posts) == (Character.READY, 1)


@pytest.mark.django_db
def test_a_test_that_finds_the_key_refused_lets_it_rest(queue: Queue, provider: Provider, far_key: ProviderKey) -> None:
    queue()
    for _ in range(5):
        breaker.note_failure(far_key.pk, Breaker.SUBMIT, "connect")
    wait_is_over(far_key)
    provider.get = json_answer('{"error": {"message": "no such key"}}', "401 Unauthorized")
    lifecycle.probe(lifecycle.probes_due()[0])
    far_key.refresh_from_db()
    assert far_key.state == ProviderKey.PAUSED
    assert provider.posts == 0


@pytest.mark.django_db
def test_what_could_not_be_sent_for_half_an_hour_ends_and_says_so(
    queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    old, young, fresh = queue(3)
    provider.goes_away()
    for _ in range(3):
        for shot in (old, young):
            Generation.objects.filter(pk=shot.pk).update(due_at=timezone.now())
            lifecycle.submit(shot.pk)
    assert row_of(far_key).state == Breaker.OPEN
    Generation.objects.filter(pk=old.pk).update(first_try_at=timezone.now() - dt.timedelta(minutes=31))
    wait_is_over(far_key)
    lifecycle.probe(lifecycle.probes_due()[0])
    for shot in (old, young, fresh):
        shot.refresh_from_db()
    assert (old.state, old.reason, old.charged) == ("failed", "not_sent", "no")
    assert [young.state, fresh.state] == ["queued", "queued"]


# --- the side of the questions ----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("storm", ["500", "502", "garbage"])
def test_a_storm_over_questions_changes_no_state_and_is_over_when_it_is_over(
    storm: str, queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    shots = queue(8)
    for shot in shots:
        lifecycle.submit(shot.pk)
    post = provider.post
    OUTAGES[storm][0](provider)
    provider.post = post
    Generation.objects.update(due_at=timezone.now())
    work(until=lambda: Breaker.objects.filter(side=Breaker.READ, state=Breaker.OPEN).exists())
    assert states(far_key) == {"submitted": 8}
    gets = provider.gets
    Generation.objects.update(due_at=timezone.now())
    work()
    assert provider.gets == gets, "while it is open nothing is asked"

    provider.get = json_answer('{"status": "processing"}')
    Generation.objects.update(due_at=timezone.now() + dt.timedelta(seconds=120))  # they had backed off meanwhile
    wait_is_over(far_key)
    work(until=lambda: states(far_key) == {"running": 8})  # all are asked, whatever they had backed off to
    assert row_of(far_key, Breaker.READ).state == Breaker.CLOSED
    assert provider.posts == 8


@pytest.mark.django_db(transaction=True)
def test_a_deadline_does_not_wait_for_an_open_breaker(queue: Queue, provider: Provider, far_key: ProviderKey) -> None:
    late, early = queue(2)
    for shot in (late, early):
        lifecycle.submit(shot.pk)
    for _ in range(5):
        breaker.note_failure(far_key.pk, Breaker.READ, "connect")
    Generation.objects.update(due_at=timezone.now())
    Generation.objects.filter(pk=late.pk).update(deadline_at=timezone.now() - dt.timedelta(seconds=1))
    work(until=lambda: Generation.objects.filter(state="unknown").exists())
    late.refresh_from_db()
    early.refresh_from_db()
    assert (late.state, late.unknown_phase, early.state) == ("unknown", "remote", "submitted")
    assert provider.gets == 0


def in_doubt(queue: Queue, count: int = 1, **fields: Any) -> list[Generation]:
    """Shots that their provider knows and stopped answering for, due now; nothing is asked with their key."""
    shots = queue(count)
    for shot in shots:
        lifecycle.submit(shot.pk)
    past = timezone.now() - dt.timedelta(seconds=1)
    given = {"state": "unknown", "unknown_phase": "remote", "deadline_at": past, "due_at": past, **fields}
    Generation.objects.filter(pk__in=[shot.pk for shot in shots]).update(**given)
    for _ in range(5):
        breaker.note_failure(shots[0].provider_key_id, Breaker.READ, "connect")
    return shots


def due_in(shot: Generation) -> dt.timedelta:
    shot.refresh_from_db()
    return shot.due_at - timezone.now()


@pytest.mark.django_db(transaction=True)
def test_shots_whose_provider_was_away_for_longer_than_their_deadline_are_asked_about_when_it_is_back(
    queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    shots = queue(2)
    for shot in shots:
        lifecycle.submit(shot.pk)
    provider.get = json_answer('{"error": {"message": "out of order"}}', "500 Internal Server Error")
    for _ in range(5):
        breaker.note_failure(far_key.pk, Breaker.READ, "connect")
    past = timezone.now() - dt.timedelta(seconds=1)
    Generation.objects.update(due_at=past, deadline_at=past)
    work(until=lambda: states(far_key) == {"unknown": 2})
    assert lifecycle.probes_due() == [], "their time has not come, and nothing else waits"

    wait_is_over(far_key)
    lifecycle.check_again(shots[0])  # "Ask again now"
    assert due_in(shots[0]) < dt.timedelta()
    work(until=lambda: provider.gets == 1 and row_of(far_key, Breaker.READ).state == Breaker.OPEN)
    work(until=lambda: not agenda.work_is_waiting())
    assert provider.gets == 1, "one test"

    provider.get = json_answer('{"status": "processing"}')
    Generation.objects.update(deadline_at=timezone.now() + dt.timedelta(hours=1))  # else they would not be "running"
    wait_is_over(far_key)
    lifecycle.check_again(shots[0])
    work(until=lambda: states(far_key) == {"running": 2})  # the other one as well, long before its half hour is over
    assert row_of(far_key, Breaker.READ).state == Breaker.CLOSED


@pytest.mark.django_db
def test_a_doubt_gets_one_test_each_time_that_it_is_due_and_none_after_its_two_days(
    queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    young, old = in_doubt(queue, 2)
    Generation.objects.filter(pk=old.pk).update(deadline_at=timezone.now() - dt.timedelta(days=3))
    provider.fails(get=True)
    assert lifecycle.probes_due() == [], "a test comes no sooner for it"
    wait_is_over(far_key)
    [pk] = lifecycle.probes_due()
    assert lifecycle.probe(pk)
    assert dt.timedelta(minutes=29) < due_in(young) < dt.timedelta(minutes=31)
    assert due_in(old) > dt.timedelta(days=300)
    for _ in range(2):
        wait_is_over(far_key)
        assert lifecycle.probes_due() == [], "a test comes no more often either"
        assert not agenda.work_is_waiting(), "nobody stays awake for it"
    assert provider.gets == 1
    provider.get = json_answer('{"status": "processing"}')
    lifecycle.check_again(old)
    assert lifecycle.probe(lifecycle.probes_due()[0]), "a person may want one all the same"
    assert due_in(young) < dt.timedelta(), "and then all are asked about"


@pytest.mark.django_db
def test_who_asks_again_about_what_is_asked_about_no_more_is_told_that_this_is_one_question(
    queue: Queue, provider: Provider, far_key: ProviderKey, client_for: Callable[[User], Client], user: User
) -> None:
    young, old = in_doubt(queue, 2)
    Generation.objects.filter(pk=old.pk).update(deadline_at=timezone.now() - dt.timedelta(days=3))
    said = [client_for(user).post(f"/shots/{shot.pk}/check/", follow=True).content.decode() for shot in (young, old)]
    assert ["When it answers again, it is asked" in page for page in said] == [True, False]
    assert ["press again later" in page for page in said] == [False, True]


@pytest.mark.django_db
def test_an_order_at_a_provider_that_is_away_makes_no_files_sleeps_and_ends_after_half_an_hour(
    provider: Provider, far_key: ProviderKey, team: Team, user: User
) -> None:
    order = lifecycle.cast(team=team, user=user, token="t" * 16, url="https://example.com/a.mp4", span="1,3")
    Character.objects.update(tries=1, sent_at=timezone.now() - dt.timedelta(minutes=10))
    for _ in range(5):
        breaker.note_failure(far_key.pk, Breaker.SUBMIT, "connect")
    assert not lifecycle.make_character(order.pk)
    assert list(Path(settings.ESCROW).iterdir()) == []
    order.refresh_from_db()
    assert order.due_at - timezone.now() > dt.timedelta(seconds=20)
    provider.fails(get=True)
    for minutes, state in ((10, Character.WAITING), (31, Character.FAILED)):
        Character.objects.update(sent_at=timezone.now() - dt.timedelta(minutes=minutes))
        wait_is_over(far_key)
        assert lifecycle.probe(lifecycle.probes_due()[0])
        order.refresh_from_db()
        assert order.state == state
    assert "was not sent. Nothing was charged." in order.message
    wait_is_over(far_key)
    assert (lifecycle.probes_due(), provider.posts) == ([], 0)


@pytest.mark.django_db
def test_a_provider_that_answers_the_test_with_a_wait_is_asked_about_doubts_after_it(
    queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    _, later = in_doubt(queue, 2)
    Generation.objects.filter(pk=later.pk).update(due_at=timezone.now() + dt.timedelta(minutes=20))
    wait_is_over(far_key)
    provider.get = json_answer("{}", "429 Too Many Requests", "Retry-After: 300\r\n")
    assert lifecycle.probe(lifecycle.probes_due()[0])
    until = row_of(far_key, Breaker.READ).held_until
    assert list(Generation.objects.values_list("due_at", flat=True)) == [until, until]
    assert not agenda.work_is_waiting()


@pytest.mark.django_db
@pytest.mark.parametrize("state", [ProviderKey.PAUSED, ProviderKey.DISABLED])
@pytest.mark.parametrize("shot_state", ["submitted", "succeeded", "unknown"])
def test_what_was_sent_is_followed_although_its_key_rests(
    shot_state: str, state: str, queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    in_doubt(queue, state=shot_state)
    ProviderKey.objects.update(state=state)
    wait_is_over(far_key)
    assert lifecycle.probe(lifecycle.probes_due()[0])
    assert breaker.allows(far_key.pk, Breaker.READ)
    far_key.refresh_from_db()
    assert far_key.state == state, "nothing is sent with it"


@pytest.mark.django_db
def test_the_end_of_a_shot_ends_the_tests_for_it(queue: Queue, far_key: ProviderKey, user: User) -> None:
    [shot] = in_doubt(queue)
    wait_is_over(far_key)
    shot.refresh_from_db()
    lifecycle.release(shot, user)
    assert lifecycle.probes_due() == []


@pytest.mark.django_db
def test_a_refusal_to_one_question_is_no_failure_of_the_provider(
    queue: Queue, provider: Provider, far_key: ProviderKey
) -> None:
    [shot] = queue()
    lifecycle.submit(shot.pk)
    for status in ("401 Unauthorized", "404 Not Found", "429 Too Many Requests", "403 Forbidden", "404 Not Found") * 2:
        provider.get = json_answer('{"error": {"message": "no"}}', status)
        lifecycle.poll(shot.pk)
    assert breaker.allows(far_key.pk, Breaker.READ)


# --- the free question itself -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("slug", PROVIDERS)
def test_every_provider_has_a_free_question(slug: str) -> None:
    request = PROVIDERS[slug].build_probe(Target("https://api.example.org", "sk-secret-1234"))
    assert (request.method, request.body) == ("GET", b"")
    assert request.url.startswith("https://api.example.org/")
    assert "sk-secret" not in request.url


@pytest.mark.parametrize("slug", PROVIDERS)
@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (200, {}, b"{}", None),
        (404, {}, b'{"error": {"message": "Task not found"}}', None),
        (400, {}, b'{"error": "bad id"}', None),
        (404, {}, b"<html>not here</html>", Unreachable),
        (200, {}, b"<html>Welcome</html>", Unreachable),
        (500, {}, b'{"error": "x"}', Unreachable),
        (503, {}, b'{"error": "x"}', Unreachable),
        (302, {}, b"{}", Unreachable),
        (429, {}, b"{}", Busy),
        (503, {"retry-after": "5"}, b"", Busy),
        (401, {}, b'{"error": "key"}', KeyRefused),
        (402, {}, b"", KeyRefused),
    ],
)
def test_only_the_api_itself_proves_that_it_is_well(
    slug: str, status: int, headers: dict[str, str], body: bytes, error: type[Exception] | None
) -> None:
    response = Response(status, headers, body)
    if error is None:
        PROVIDERS[slug].read_probe(response)
    else:
        with pytest.raises(error):
            PROVIDERS[slug].read_probe(response)


@pytest.mark.django_db
def test_the_sandbox_bills_no_test(key: ProviderKey, sandbox: Any, start: Callable[..., Generation]) -> None:
    start()
    before = (sandbox.requests()["count"], len(sandbox.ledger()))
    for _ in range(5):
        breaker.note_failure(key.pk, Breaker.SUBMIT, "connect")
    wait_is_over(key)
    assert lifecycle.probe(lifecycle.probes_due()[0])
    assert breaker.allows(key.pk, Breaker.SUBMIT)
    assert (sandbox.requests()["count"], len(sandbox.ledger())) == before
