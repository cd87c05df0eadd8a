"""The loop with requests that take minutes: nobody waits behind them, and there are never more than the limits allow."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live
from django.db import connection, transaction

from generations import lifecycle
from generations.engine import Engine
from generations.lifecycle import heartbeat, leases, sweeping, turns, waiting
from generations.models import Generation, ProviderKey
from tests.clock import own_time
from tests.stack import until
from tests.workers import on_the_spot

pytestmark = pytest.mark.django_db(transaction=True)
Start = Callable[..., Generation]


@pytest.fixture
def loop() -> Any:
    """`loop(seconds)` runs the engine in a thread, with archive tasks run on the spot; joined at the end."""
    threads: list[threading.Thread] = []

    def run(seconds: float = 30) -> threading.Thread:
        def go() -> None:
            try:
                Engine(hint=on_the_spot).run(seconds)
            finally:
                connection.close()

        threads.append(threading.Thread(target=go))
        threads[-1].start()
        return threads[-1]

    yield run
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def state(row: Generation) -> str:
    return str(Generation.objects.get(pk=row.pk).state)


def test_other_shots_pass_those_that_take_minutes(start: Start, loop: Any) -> None:
    long = [start("Long [[seconds=6]]") for _ in range(3)]
    Generation.objects.filter(pk__in=[row.pk for row in long]).update(prompt="Long [[seconds=6]] [[clip=small]]")
    quick = [start("Quick", model="apertis-veo3-fast", aspect_ratio="16:9") for _ in range(3)]
    loop()
    until(lambda: {state(row) for row in quick} == {"done"}, 20, "the quick ones")
    assert sorted(state(row) for row in long) == ["queued", "submitting", "submitting"]
    until(lambda: {state(row) for row in long} == {"done"}, 40, "the long ones")


def test_a_key_carries_two_and_the_third_says_why_it_waits(start: Start, a4f: ProviderKey) -> None:
    rows = [start() for _ in range(3)]
    Generation.objects.filter(pk__in=[row.pk for row in rows[:2]]).update(state="submitting")
    assert lifecycle.next_to_send(streamed=True) == []
    assert not lifecycle.submit(rows[2].pk)
    assert state(rows[2]) == "queued"
    assert list(Path(live.ESCROW).iterdir()) == []
    rows[2].refresh_from_db()
    assert waiting.why(rows[2]).words.startswith("At most 2 at a time for this key")
    Generation.objects.filter(pk=rows[0].pk).update(state="done")
    assert lifecycle.next_to_send(streamed=True) == [rows[2].pk]


def test_all_keys_together_carry_no_more_than_eight(start: Start, a4f: ProviderKey, team: Any) -> None:
    row = start()
    others = [start() for _ in range(turns.STREAMS_IN_ALL)]
    for number, other in enumerate(others):
        far = ProviderKey.objects.create(team=team, provider="a4f", base_url="https://x.org", secret="sk-1234567",
                                         last4="4567", label=str(number))  # fmt: skip
        Generation.objects.filter(pk=other.pk).update(state="submitting", provider_key=far)
    with transaction.atomic():
        assert turns.admitted([row.pk]) == []
    assert "in this studio" in waiting.why(row).words
    Generation.objects.filter(pk=others[0].pk).update(state="done")
    with transaction.atomic():
        assert turns.admitted([row.pk]) == [row.pk]


def test_those_that_take_minutes_and_the_others_are_picked_apart(start: Start) -> None:
    long, quick = start(), start(model="apertis-veo3-fast", aspect_ratio="16:9")
    assert lifecycle.next_to_send() == [quick.pk]
    assert lifecycle.next_to_send(streamed=True) == [long.pk]


def test_the_lease_lives_as_long_as_the_request_and_no_longer(start: Start, settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(heartbeat, "LOOK", 0.05)
    settings.LEASE = 1.0  # renewed every 0.2 s, for a request that takes 2.5 s
    row = start("A boat [[slow=2.5]]")
    thread = threading.Thread(target=lambda: (lifecycle.submit(row.pk), connection.close()))
    thread.start()
    until(lambda: state(row) == "submitting", 10, "the request")
    begun = time.monotonic()
    while state(row) == "submitting":
        found = Generation.objects.get(pk=row.pk)
        assert found.lease_until is None or found.lease_until > lifecycle.moves.now(), "a sweep would take it away"
        assert lifecycle.sweep() == 0
        time.sleep(0.05)
    thread.join()
    assert time.monotonic() - begun > 2
    assert state(row) == "succeeded"
    assert not [path for path in Path(live.RUN).iterdir() if path.name.startswith(heartbeat.SIGN)]


def sent_by_one_whose_lease_is_over(row: Generation, sandbox: Any, monkeypatch: Any) -> threading.Thread:
    """The request is out, and its worker lives."""
    monkeypatch.setattr(leases, "renew", lambda generation: False)
    thread = threading.Thread(target=lambda: (lifecycle.submit(row.pk), connection.close()))
    thread.start()
    until(lambda: sandbox.ledger(contains=row.prompt.split()[-1]), 10, "the request")
    Generation.objects.filter(pk=row.pk).update(lease_until="2020-01-01T00:00Z")
    return thread


def test_a_worker_whose_row_was_taken_away_still_brings_the_video_home(
    start: Start, sandbox: Any, monkeypatch: Any
) -> None:
    """Its lease is over although it lives: it is told as unknown, nothing is sent again, and the late answer counts."""
    row = start("A boat [[slow=1.5]]")
    thread = sent_by_one_whose_lease_is_over(row, sandbox, monkeypatch)
    lifecycle.sweep()
    assert state(row) == "unknown"
    assert "keeps no copy" in Generation.objects.get(pk=row.pk).message
    lifecycle.sweep()
    thread.join()
    assert state(row) == "succeeded"
    lifecycle.sweep()
    lifecycle.archive(row.pk)
    assert state(row) == "done"
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1
    lifecycle.sweep()
    assert list(Path(live.ESCROW).iterdir()) == []


def test_after_a_jump_of_the_clock_an_answer_that_is_just_coming_is_not_thrown_away(
    start: Start, sandbox: Any, monkeypatch: Any
) -> None:
    """Every lease looks over and every file old, while the worker lives: whatever is made of it, the late answer wins."""
    row = start("A boat [[slow=2.5]]")
    thread = sent_by_one_whose_lease_is_over(row, sandbox, monkeypatch)
    own_time(monkeypatch, sweeping, time=lambda: time.time() + 2 * sweeping.ORPHAN_AGE)
    for _ in range(2):
        lifecycle.sweep()
        assert state(row) == "unknown"
        assert sorted(path.suffix for path in Path(live.ESCROW).iterdir()) == [".answer", ".body"]
    thread.join()
    assert state(row) == "succeeded"
    lifecycle.sweep()
    lifecycle.archive(row.pk)
    assert state(row) == "done"
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1
    lifecycle.sweep()
    assert list(Path(live.ESCROW).iterdir()) == []


def test_after_a_jump_of_the_clock_the_lease_is_renewed_at_the_next_look(start: Start, monkeypatch: Any) -> None:
    monkeypatch.setattr(heartbeat, "LOOK", 0.05)
    row = start("A boat [[slow=2.5]]")
    thread = threading.Thread(target=lambda: (lifecycle.submit(row.pk), connection.close()))
    thread.start()
    until(lambda: list(Path(live.RUN).glob(f"{heartbeat.SIGN}*")), 10, "the sign of the request")
    Generation.objects.filter(pk=row.pk).update(lease_until="2020-01-01T00:00Z")
    own_time(monkeypatch, heartbeat, time=lambda: time.time() + 180)
    until(
        lambda: Generation.objects.filter(pk=row.pk, lease_until__gt="2021-01-01T00:00Z").exists(), 10, "another lease"
    )
    thread.join()
    assert state(row) == "succeeded"


def test_a_loop_that_hands_over_waits_for_its_own_and_another_goes_on(start: Start, loop: Any, settings: Any) -> None:
    settings.SYNC_DEADLINE = 8  # so the first loop runs on for 8 s at most
    long = start("Long [[slow=4]]")
    first = loop(0.5)
    until(lambda: state(long) == "submitting", 10, "the request")
    first.join(2)
    assert first.is_alive()
    until(lambda: state(long) == "done", 20, "the video")
