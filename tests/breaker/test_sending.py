"""Breaker and engine together, against a host that counts: nothing is paid while it is open, and a test is free."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from generations import keys, lifecycle
from generations.engine import Engine
from generations.lifecycle import breaker, escrow, outcomes, submission
from generations.models import Attempt, Breaker, Generation, ProviderKey
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
