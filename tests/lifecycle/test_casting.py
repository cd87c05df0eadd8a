"""A character is ordered once, whatever happens on the way, and a doubt is left to a person."""

import datetime as dt
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live
from django.db import connection
from django.utils import timezone

from accounts.models import Team, User
from generations import keys, lifecycle
from generations.agenda import work_is_waiting
from generations.engine import Engine
from generations.lifecycle.escrow import Escrow
from generations.models import Breaker, Budget, Character, Generation, ProviderKey
from generations.providers.base import Response
from tests.host import running_host
from tests.shots import make_shot
from tests.stack import Sandbox

pytestmark = pytest.mark.django_db
Order = Callable[..., Character]


@pytest.fixture
def order(team: Team, user: User, key: ProviderKey, sandbox: Sandbox) -> Order:
    """`order("lose-answer")` is a waiting character whose request ends so at the sandbox."""

    def make(ending: str = "ok", **more: Any) -> Character:
        ProviderKey.objects.filter(pk=key.pk).delete()
        keys.add_key(team=team, provider="apertis", secret=f"sk-sandbox-{ending}", base_url=f"{sandbox.url}/apertis")
        mark = secrets.token_hex(5)
        given = {"team": team, "user": user, "token": mark * 2, "url": f"https://example.com/{mark}.mp4", "span": "1,3"}
        return lifecycle.cast(**(given | more))

    return make


def billed(sandbox: Sandbox, character: Character) -> int:
    return len(sandbox.ledger(contains=character.source_url))


def expire(character: Character) -> None:
    Character.objects.filter(pk=character.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))


def claimed(character: Character) -> tuple[Character, Escrow]:
    """As a worker leaves it that dies right after the commit of its intent."""
    from generations.lifecycle import casting

    escrow = Escrow.allocate()
    row = casting._claim(character.pk, escrow)
    assert row is not None
    return row, escrow


def test_an_order_becomes_a_character_with_its_picture(order: Order, sandbox: Sandbox) -> None:
    row = order()
    assert lifecycle.characters_due() == [row.pk]
    assert lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert (row.state, row.username[:10], row.remote_id[:5]) == ("ready", "character_", "char_")
    assert row.permalink.endswith(row.username)
    assert lifecycle.characters_due() == [row.pk], "its picture is still to be fetched"
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert row.picture is not None
    assert row.picture.file.read_bytes()[:3] == b"\xff\xd8\xff"
    assert lifecycle.characters_due() == []
    assert lifecycle.make_character(row.pk) is False
    assert billed(sandbox, row) == 1
    assert list(Escrow.allocate().path.parent.glob(row.escrow)) == [], "the escrow file is gone"


@pytest.mark.django_db(transaction=True)
def test_the_engine_makes_what_was_ordered_and_then_rests(order: Order, sandbox: Sandbox) -> None:
    row = order()
    assert work_is_waiting()
    Engine(hint=lambda *args: None).run(30)
    row.refresh_from_db()
    assert (row.state, row.picture is not None, billed(sandbox, row)) == ("ready", True, 1)
    assert not work_is_waiting()


def test_the_same_press_twice_is_one_order(order: Order) -> None:
    first = order()
    again = lifecycle.cast(
        team=first.team, user=first.created_by, token=first.form_token, url="https://example.com/b.mp4"
    )
    assert again == first
    assert Character.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_workers_send_one_request(order: Order, sandbox: Sandbox) -> None:
    row, gate, results = order(), threading.Barrier(8), []

    def work() -> None:
        gate.wait()
        try:
            results.append(lifecycle.make_character(row.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert billed(sandbox, row) == 1


ENDS = [
    ("400", "failed", 0, "Nothing was charged"),
    ("moderated", "failed", 0, "content policy"),
    ("404", "failed", 0, "does not offer this endpoint"),
    ("401", "waiting", 0, "refused the key"),
    ("429-always", "waiting", 0, "busy"),
    ("lose-answer", "unknown", 1, "may be accepted"),
    ("502-billed", "unknown", 1, "may have been accepted"),
    ("garbage", "unknown", 1, "may have been accepted"),
    ("no-id", "unknown", 1, "may have been accepted"),
    ("500", "unknown", 0, "may have been accepted"),
]


@pytest.mark.parametrize(("ending", "state", "count", "words"), ENDS, ids=[each[0] for each in ENDS])
def test_every_ending_has_its_state_and_none_is_sent_again(
    ending: str, state: str, count: int, words: str, order: Order, sandbox: Sandbox
) -> None:
    row = order(ending)
    lifecycle.make_character(row.pk)
    lifecycle.sweep()
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert (row.state, billed(sandbox, row)) == (state, count)
    assert words in row.message
    assert "sk-sandbox" not in row.message


def test_a_refused_key_rests_and_the_order_waits_for_it(order: Order) -> None:
    row = order("401")
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert row.provider_key.state == ProviderKey.PAUSED
    assert lifecycle.characters_due() == []


def test_an_open_breaker_stops_the_request_before_the_first_byte(order: Order, sandbox: Sandbox) -> None:
    row = order()
    Breaker.objects.create(key=row.provider_key, side=Breaker.SUBMIT, state=Breaker.OPEN, reason="Broken.",
                           next_probe_at=timezone.now() + dt.timedelta(minutes=5))  # fmt: skip
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert (row.state, billed(sandbox, row)) == ("waiting", 0)
    assert "Nothing was sent" in row.message


# --- workers that die ------------------------------------------------------------------------------------------------------
def test_dead_before_the_wire_it_is_sent_by_the_next_worker(order: Order, sandbox: Sandbox) -> None:
    row, _ = claimed(order())
    expire(row)
    lifecycle.sweep()
    row.refresh_from_db()
    assert row.state == "waiting"
    Character.objects.filter(pk=row.pk).update(due_at=timezone.now())
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert (row.state, billed(sandbox, row)) == ("ready", 1)


def test_dead_on_the_wire_it_is_a_doubt_until_the_answer_is_found(order: Order) -> None:
    row, escrow = claimed(order())
    escrow.mark_wire()
    expire(row)
    lifecycle.sweep()
    row.refresh_from_db()
    assert row.state == "unknown"
    escrow.write_answer(Response(200, {}, b'{"id": "char_1", "username": "late"}'))  # the worker was only slow
    lifecycle.sweep()
    row.refresh_from_db()
    assert (row.state, row.username) == ("ready", "late")
    assert not escrow.path.exists()


def test_the_place_for_the_answer_is_in_hand_while_the_request_is_out(order: Order) -> None:
    """So that nobody throws it away, however old it looks after a jump of the clock."""
    row = order()
    seen: list[list[bool]] = []
    with running_host() as host:
        host.behaviour = lambda connection: seen.append(
            [Escrow(path.name).is_in_hand() for path in Path(live.ESCROW).iterdir()]
        )
        ProviderKey.objects.update(base_url=host.url)
        lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert (row.state, seen) == ("unknown", [[True]])


def test_dead_with_the_answer_on_the_disk_nothing_is_lost(order: Order) -> None:
    row, escrow = claimed(order())
    escrow.mark_wire()
    escrow.write_answer(Response(200, {}, b'{"id": "char_2", "username": "safe"}'))
    expire(row)
    lifecycle.sweep()
    row.refresh_from_db()
    assert (row.state, row.username) == ("ready", "safe")


# --- people -----------------------------------------------------------------------------------------------------------------
def test_only_a_person_sends_an_unknown_order_again_and_only_with_their_word(order: Order, sandbox: Sandbox) -> None:
    row = order("lose-answer")
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    with pytest.raises(lifecycle.CannotCast, match="paying twice"):
        lifecycle.cast_again(row, accept=False)
    lifecycle.cast_again(row, accept=True)
    assert lifecycle.characters_due() == [row.pk]
    lifecycle.make_character(row.pk)
    assert billed(sandbox, row) == 2


def test_deciding_about_an_order_without_a_doubt_touches_no_file_and_is_no_trouble_of_the_provider(
    order: Order, team: Team, user: User, settings: Any
) -> None:
    closed = order("lose-answer")
    lifecycle.make_character(closed.pk)
    lifecycle.give_up_cast(Character.objects.get(pk=closed.pk))
    waiting = lifecycle.cast(team=team, user=user, token="another", url="https://example.com/b.mp4", span="1,3")
    before = settings.ESCROW.stat().st_ctime_ns
    for row in (waiting, closed) * 3:  # a page that was open too long, pressed again and again
        with pytest.raises(lifecycle.CannotCast, match="moved on"):
            lifecycle.give_up_cast(Character.objects.get(pk=row.pk))
    assert settings.ESCROW.stat().st_ctime_ns == before, "the folder of all answers was moved away for a moment"
    assert not Breaker.objects.filter(state=Breaker.OPEN).exists()
    assert [len(row.unknown_times) for row in Breaker.objects.filter(side=Breaker.SUBMIT)] == [1]


def test_an_order_that_is_made_again_never_says_that_nothing_was_sent(order: Order) -> None:
    row = order("lose-answer")
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    lifecycle.cast_again(row, accept=True)
    row.refresh_from_db()
    assert row.message == "Not sent again yet. The first request may still be billed."
    Breaker.objects.all().delete()
    Breaker.objects.create(key=row.provider_key, side=Breaker.SUBMIT, state=Breaker.OPEN, reason="Broken.",
                           next_probe_at=timezone.now() + dt.timedelta(minutes=5))  # fmt: skip
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert row.state == "waiting"
    assert "Nothing was" not in row.message
    assert row.message.endswith("Not sent again yet. The first request may still be billed.")


def test_a_refusal_of_the_second_request_says_nothing_about_the_first(order: Order, sandbox: Sandbox) -> None:
    row = order("lose-answer")
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    lifecycle.cast_again(row, accept=True)
    key = row.provider_key
    key.secret = "sk-sandbox-400"
    key.save()
    Breaker.objects.all().delete()
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert row.state == "failed"
    assert "This request was not charged. The first request may still be billed." in row.message


def test_a_closed_order_stays_closed(order: Order) -> None:
    row = order("lose-answer")
    lifecycle.make_character(row.pk)
    row.refresh_from_db()
    lifecycle.give_up_cast(row)
    row.refresh_from_db()
    assert row.state == "failed"
    with pytest.raises(lifecycle.CannotCast, match="moved on"):
        lifecycle.cast_again(row, accept=True)


# --- the limits of the key ---------------------------------------------------------------------------------------------------
def test_an_order_waits_while_its_key_has_no_room(order: Order, team: Team, sandbox: Sandbox) -> None:
    row = order()
    ProviderKey.objects.filter(pk=row.provider_key_id).update(max_concurrent=1)
    shot = make_shot(team, "running", provider_key=row.provider_key, provider_task_id="t-1")
    assert not lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert (row.state, billed(sandbox, row)) == ("waiting", 0)
    assert "At most 1 at a time" in row.message
    Generation.objects.filter(pk=shot.pk).update(state="failed")
    Character.objects.filter(pk=row.pk).update(due_at=timezone.now())
    assert lifecycle.make_character(row.pk)
    assert billed(sandbox, row) == 1


def test_an_order_counts_among_the_requests_of_a_minute(order: Order) -> None:
    first = order()
    ProviderKey.objects.filter(pk=first.provider_key_id).update(max_per_minute=1)
    assert lifecycle.make_character(first.pk)
    second = lifecycle.cast(
        team=first.team, user=first.created_by, token="m" * 16, url="https://example.com/b.mp4", span="1,3"
    )
    assert not lifecycle.make_character(second.pk)
    second.refresh_from_db()
    assert "At most 1 request a minute" in second.message


def test_a_shot_waits_while_a_character_is_being_ordered(order: Order, team: Team) -> None:
    row = order()
    ProviderKey.objects.filter(pk=row.provider_key_id).update(max_concurrent=1)
    claimed(row)
    shot = make_shot(team, "queued", provider_key=row.provider_key)
    assert lifecycle.next_to_send() == []
    assert not lifecycle.submit(shot.pk)


# --- what can be ordered ----------------------------------------------------------------------------------------------------
def test_a_character_comes_from_a_finished_sora_shot(team: Team, user: User, key: ProviderKey) -> None:
    done = {"model": "apertis-sora-2-videos", "params": {}, "provider_key": key, "provider_task_id": "sora-2:1-a"}
    shot = make_shot(team, **done)
    assert lifecycle.can_cast(shot)
    row = lifecycle.cast(team=team, user=user, token="t" * 16, shot=shot)
    assert (row.source_task_id, row.source_url, row.provider_key) == ("sora-2:1-a", "", key)
    for other in (make_shot(team), make_shot(team, "failed", **(done | {"provider_task_id": "sora-2:1-b"}))):
        assert not lifecycle.can_cast(other)
        with pytest.raises(lifecycle.CannotCast, match="Nothing was sent"):
            lifecycle.cast(team=team, user=user, token=secrets.token_hex(8), shot=other)


def test_without_a_key_nothing_is_ordered(team: Team, user: User) -> None:
    with pytest.raises(lifecycle.CannotCast, match="no key"):
        lifecycle.cast(team=team, user=user, token="t" * 16, url="https://example.com/a.mp4")


def test_a_team_that_pays_only_known_prices_orders_none(team: Team, user: User) -> None:
    keys.add_key(team=team, provider="apertis", secret="sk-a-real-key", base_url="https://api.example.com")
    Budget.objects.open(team)
    Budget.objects.filter(team=team).update(limit=10, allow_unknown=False)
    with pytest.raises(lifecycle.CannotCast, match="not published"):
        lifecycle.cast(team=team, user=user, token="t" * 16, url="https://example.com/a.mp4")
    assert not Character.objects.exists()
    assert not Generation.objects.exists()
