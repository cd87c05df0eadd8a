"""Hosts whose lists are not as the reference says: an odd list may find less, but it never proves that nothing is there."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from accounts.models import Team, User
from generations import agenda, keys, lifecycle
from generations.lifecycle import breaker
from generations.lifecycle.looks import LOOKS
from generations.models import Attempt, Breaker, Generation, ProviderKey
from generations.providers import SPECS

from ..host import Host, drip, json_answer, running_host, silence
from .conftest import VALUES, look, seen

pytestmark = pytest.mark.django_db
Pages = Callable[[dict[str, str]], tuple[Any, str]]


@pytest.fixture
def host() -> Iterator[Host]:
    with running_host() as running:
        yield running


@pytest.fixture
def odd_key(team: Team, host: Host) -> ProviderKey:
    return keys.add_key(team=team, provider="openai", secret="sk-odd-host-1", base_url=host.url)


@pytest.fixture
def lost(team: Team, user: User, odd_key: ProviderKey) -> Generation:
    """A request that left a quarter of an hour ago, and of which nobody knows what became."""
    spec, prompt = SPECS["openai-sora-2"], "A boat leaves the harbour"
    row = lifecycle.start(team=team, user=user, key=odd_key, spec=spec, prompt=prompt, params=VALUES, token="t")[0]
    Attempt.objects.create(generation=row, n=1, state=Attempt.UNKNOWN, escrow="e", answered_at=timezone.now())
    Generation.objects.filter(pk=row.pk).update(state="unknown", unknown_phase="submit", charged="unknown")
    return seen(row)


def video(name: str, age: float = 0, **change: Any) -> dict[str, Any]:
    made = {"id": name, "object": "video", "model": "sora-2", "status": "queued", "created_at": time.time() - age}
    return made | {"prompt": "A boat leaves the harbour", "seconds": "4", "size": "1280x720"} | change


def serve(host: Host, pages: Pages) -> None:
    """Answer each GET of the list with what `pages(query)` gives: a body, and further header lines."""

    def behaviour(connection: Any) -> None:
        line = host.requests[-1].split(b"\r\n")[0].decode()
        assert line.startswith("GET /v1/videos?")
        query = {name: values[0] for name, values in parse_qs(urlsplit(line.split()[1]).query).items()}
        body, headers = pages(query)
        json_answer(json.dumps(body), headers=headers)(connection)

    host.behaviour = behaviour


def test_a_host_that_lists_the_oldest_first_is_read_to_its_end(host: Host, lost: Generation, odd_key: Any) -> None:
    listed = [video(f"old-{i}", age=9000 - i, prompt="x") for i in range(5)] + [video("mine")]

    def pages(query: dict[str, str]) -> tuple[Any, str]:
        start = next((i + 1 for i, each in enumerate(listed) if each["id"] == query.get("after")), 0)
        return {"data": listed[start : start + 2], "has_more": start + 2 < len(listed)}, ""

    serve(host, pages)
    look(odd_key, 900)
    assert seen(lost).provider_task_id == "mine"
    assert len(host.requests) == 3


def test_an_honest_list_is_not_read_further_than_needed(host: Host, lost: Generation, odd_key: Any) -> None:
    serve(
        host, lambda query: ({"data": [video(f"o-{query.get('after', '')}-{i}", age=9000 + i) for i in range(3)]}, "")
    )
    look(odd_key, 900)
    assert len(host.requests) == 1
    assert seen(lost).safe_to_resend


def test_a_host_that_shows_the_same_page_for_ever_proves_nothing(host: Host, lost: Generation, odd_key: Any) -> None:
    serve(host, lambda query: ({"data": [video("a", prompt="x")], "has_more": True, "last_id": "a"}, ""))
    look(odd_key, 900)
    assert len(host.requests) == 2
    assert not seen(lost).safe_to_resend
    assert "again and again" in lost.evidence.last().words


def test_a_list_without_end_is_given_up(host: Host, lost: Generation, odd_key: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("generations.lifecycle.reconciling.MOST_PAGES", 5)
    serve(host, lambda query: ({"data": [video(f"v{time.monotonic_ns()}", prompt="x")], "has_more": True}, ""))
    look(odd_key, 900)
    assert len(host.requests) == 5
    assert "longer than 5 pages" in seen(lost).evidence.last().words
    assert not lost.safe_to_resend


def test_a_list_without_prompts_proves_nothing_but_shows_what_it_may_be(
    host: Host, lost: Generation, odd_key: Any
) -> None:
    listed = [video("bare", prompt=None), video("old", age=9000, prompt=None)]
    serve(host, lambda query: ({"data": listed, "has_more": False}, ""))
    look(odd_key, 900)
    assert (seen(lost).state, lost.safe_to_resend) == ("unknown", False)
    assert lost.evidence.last().detail["possible"] == ["bare"]
    assert "bare" in lost.evidence.last().words


@pytest.mark.parametrize("hours", [-2, 3])
def test_a_clock_that_differs_is_allowed_for(host: Host, lost: Generation, odd_key: Any, hours: int) -> None:
    from email.utils import formatdate

    date = f"Date: {formatdate(time.time() + hours * 3600, usegmt=True)}\r\n"
    serve(host, lambda query: ({"data": [video("mine", age=-3600 * hours)], "has_more": False}, date))
    look(odd_key, 900)
    assert seen(lost).provider_task_id == "mine"


def test_a_time_that_lies_ahead_of_everything_proves_nothing(host: Host, lost: Generation, odd_key: Any) -> None:
    serve(host, lambda query: ({"data": [video("mine", age=-9e6)], "has_more": False}, ""))
    look(odd_key, 900)
    assert (seen(lost).state, lost.safe_to_resend) == ("unknown", False)


def test_times_in_milliseconds_are_understood(host: Host, lost: Generation, odd_key: Any) -> None:
    serve(host, lambda query: ({"data": [video("mine", created_at=int(time.time() * 1000))], "has_more": False}, ""))
    look(odd_key, 900)
    assert seen(lost).provider_task_id == "mine"


def test_an_id_that_belongs_to_another_key_of_the_account_is_not_taken(
    host: Host, lost: Generation, odd_key: Any, team: Team, user: User
) -> None:
    other = keys.add_key(team=team, provider="openai", secret="sk-odd-host-2", base_url=host.url)
    spec = SPECS["openai-sora-2"]
    theirs = lifecycle.start(team=team, user=user, key=other, spec=spec, prompt=lost.prompt, params=VALUES, token="u")[
        0
    ]
    Generation.objects.filter(pk=theirs.pk).update(state="running", provider_task_id="theirs")
    serve(host, lambda query: ({"data": [video("theirs")], "has_more": False}, ""))
    look(odd_key, 900)
    assert (seen(lost).state, lost.safe_to_resend) == ("unknown", True)


@pytest.mark.parametrize(
    ("status", "again"),
    [("500 Internal Server Error", True), ("401 Unauthorized", True), ("429 Too Many Requests", True),
     ("404 Not Found", False)],
)  # fmt: skip
def test_a_refused_list_is_evidence_of_nothing(
    host: Host, lost: Generation, odd_key: Any, status: str, again: bool
) -> None:
    host.behaviour = json_answer("{}", status)
    look(odd_key, 1000)
    assert (seen(lost).state, lost.safe_to_resend) == ("unknown", False)
    assert (lost.reconcile_tries < len(LOOKS)) is again


@pytest.mark.parametrize(
    "behaviour", [silence, drip(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 999, 0.05)], ids=["hang", "drip"]
)
def test_a_list_that_never_comes_ends_at_our_own_deadline(
    host: Host, lost: Generation, odd_key: Any, behaviour: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("generations.lifecycle.reconciling.DEADLINE", 0.5)
    host.behaviour = behaviour
    look(odd_key, 1000)
    assert (seen(lost).state, lost.safe_to_resend) == ("unknown", False)
    assert "could not be read whole" in lost.evidence.last().words


def test_a_failed_look_does_not_take_back_what_an_earlier_one_proved(
    host: Host, lost: Generation, odd_key: Any
) -> None:
    serve(host, lambda query: ({"data": [], "has_more": False}, ""))
    look(odd_key, 900)
    assert seen(lost).safe_to_resend
    Breaker.objects.all().delete()
    host.behaviour = json_answer("{}", "500 Oh")
    look(odd_key, 1800)
    assert seen(lost).safe_to_resend


def test_a_provider_that_is_not_to_be_asked_is_not_asked_for_its_list(
    host: Host, lost: Generation, odd_key: ProviderKey
) -> None:
    until = timezone.now() + timezone.timedelta(minutes=5)
    Breaker.objects.create(key=odd_key, side=Breaker.READ, held_until=until)
    assert not look(odd_key, 900)
    assert host.requests == []


def test_a_provider_that_fell_silent_is_tested_when_its_list_is_to_be_looked_into(
    host: Host, lost: Generation, odd_key: ProviderKey
) -> None:
    """No shot is at the provider, so nothing else would ever find out that it is well again."""

    def test_is_due() -> list[int]:
        Breaker.objects.update(next_probe_at=timezone.now())
        return lifecycle.probes_due()

    for _ in range(5):
        breaker.note_failure(odd_key.pk, Breaker.READ, "connect")
    Attempt.objects.update(answered_at=timezone.now() - timezone.timedelta(seconds=40))
    Generation.objects.update(due_at=timezone.now())
    host.behaviour = json_answer("{}", "500 Oh")
    [pk] = test_is_due()
    assert agenda.work_is_waiting()
    assert lifecycle.probe(pk)
    assert seen(lost).due_at > timezone.now() + timezone.timedelta(seconds=60), "two minutes after the doubt"
    assert test_is_due() == [], "one test a look"
    assert not agenda.work_is_waiting()

    host.behaviour = json_answer('{"error": {"message": "Video not found"}}', "404 Not Found")
    Generation.objects.update(due_at=timezone.now())
    assert lifecycle.probe(test_is_due()[0])
    assert lifecycle.lookups() == [odd_key.pk]


@pytest.mark.parametrize(("days", "again"), [(1, True), (2, True), (4, False)])
def test_the_last_look_waits_three_days_for_a_provider_that_is_silent(
    host: Host, lost: Generation, odd_key: ProviderKey, days: int, again: bool
) -> None:
    Breaker.objects.create(key=odd_key, side=Breaker.READ, state=Breaker.OPEN, next_probe_at=timezone.now())
    Attempt.objects.update(answered_at=timezone.now() - timezone.timedelta(days=days, minutes=1))
    Generation.objects.update(due_at=timezone.now())
    assert lifecycle.is_asked_once(seen(lost)) is not again
    host.behaviour = json_answer("{}", "500 Oh")
    assert lifecycle.probe(lifecycle.probes_due()[0])
    Breaker.objects.update(next_probe_at=timezone.now())
    assert lifecycle.probes_due() == [], "not before half an hour"
    Generation.objects.update(due_at=timezone.now())
    assert bool(lifecycle.probes_due()) is again
    if again:
        host.behaviour = json_answer('{"error": {"message": "Video not found"}}', "404 Not Found")
        assert lifecycle.probe(lifecycle.probes_due()[0])
        assert lifecycle.lookups() == [odd_key.pk]
