"""A host that lists what it accepted: no paid render is lost with its answer, and nothing is ever sent again by itself."""

import datetime as dt
import secrets
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from generations import lifecycle
from generations.engine import Engine
from generations.lifecycle import reconciling
from generations.lifecycle.looks import LOOKS
from generations.models import Attempt, Budget, Event, Evidence, Generation, ModelPrice, ProviderKey
from generations.providers import PROVIDERS, openai_videos
from generations.providers.base import Accepted
from generations.states import EDGES
from tests.workers import verbs_alone

from .conftest import look, seen, send

pytestmark = pytest.mark.django_db
Start = Callable[..., list[Generation]]
Lose = Callable[..., Generation]
NewKey = Callable[..., ProviderKey]


def last_words(row: Generation) -> str:
    return row.evidence.last().words


@pytest.mark.parametrize("named", [False, True], ids=["by prompt", "by our name"])
def test_a_hundred_of_a_hundred_lost_answers_are_found(
    named: bool, lose: Lose, listing_key: ProviderKey, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_videos, "PAGE", 17)
    if named:
        monkeypatch.setattr(PROVIDERS["openai"], "correlation_field", "metadata")
    mark = secrets.token_hex(4)
    rows = [lose(f"Lake {mark} {i}") for i in range(100)]
    assert {row.state for row in rows} == {"unknown"}
    assert look(listing_key)
    billed = {entry["prompt"]: entry["task_id"] for entry in sandbox.ledger(contains=mark)}
    assert len(billed) == 100
    found = [seen(row) for row in rows]
    assert {row.prompt: row.provider_task_id for row in found} == billed
    assert {(row.state, row.charged) for row in found} == {("submitted", "yes")}
    assert ("our own name" in last_words(rows[0])) is named
    assert Evidence.objects.filter(detail__pages=6).count() == 100
    assert Attempt.objects.filter(generation__in=rows, state=Attempt.ACCEPTED).count() == 100, "one request each"


def test_a_found_render_comes_home(lose: Lose, listing_key: ProviderKey, sandbox: Any) -> None:
    row = lose("Harbour")
    look(listing_key)
    for _ in range(60):
        row.refresh_from_db()
        if row.state == "done":
            break
        Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())
        (lifecycle.poll if row.state in ("submitted", "running") else lifecycle.archive)(row.pk)
        threading.Event().wait(0.03)  # the sandbox needs a moment of real time to render
    assert row.state == "done", row.message
    assert row.assets.get(kind="video").file.stat().st_size > 1000, "fetched from /content, with the key"
    assert {(event.from_state, event.to_state) for event in row.events.all()} <= EDGES


def test_equal_takes_get_a_render_each(start: Start, listing_key: ProviderKey, sandbox: Any) -> None:
    mark = secrets.token_hex(4)
    rows = [send(row) for row in start(f"Equal {mark} [[lose-answer]]", takes=4)]
    look(listing_key)
    ids = [seen(row).provider_task_id for row in rows]
    assert ids == [entry["task_id"] for entry in sandbox.ledger(contains=mark)]
    assert not Event.objects.filter(why__startswith="Extra").exists()


def test_takes_that_are_not_due_yet_keep_their_renders(start: Start, listing_key: ProviderKey) -> None:
    first, second = (send(row) for row in start("Twins [[lose-answer]]", takes=2))
    Generation.objects.filter(pk=first.pk).update(due_at=timezone.now())
    assert lifecycle.reconcile(listing_key.pk)
    assert {seen(first).state, seen(second).state} == {"submitted"}
    assert first.provider_task_id != second.provider_task_id


def test_a_request_that_the_host_made_twice_is_followed_once_and_the_other_is_an_extra_charge(
    lose: Lose, listing_key: ProviderKey, sandbox: Any, team: Any
) -> None:
    Budget.objects.create(team=team, month=timezone.localdate().replace(day=1), limit=10)
    ModelPrice.objects.create(slug="openai", kind="flat", amount=1)
    ProviderKey.objects.filter(pk=listing_key.pk).update(is_sandbox=False)
    listing_key.refresh_from_db()
    mark = secrets.token_hex(4)
    row = lose(f"Double {mark}", "[[twice]] [[lose-answer]]", key=listing_key)
    look(listing_key)
    first, second = (entry["task_id"] for entry in sandbox.ledger(contains=mark))
    assert seen(row).provider_task_id == first
    assert second in row.events.get(why__startswith="Extra charge").why
    assert row.evidence.get().detail["extra"] == [second]
    equal = lose(f"Double {mark}", "[[twice]] [[lose-answer]]", key=listing_key)
    look(listing_key)
    assert seen(equal).provider_task_id not in (first, second), "what was called extra is nobody else's"
    with_money = Budget.objects.get(team=team)
    assert (with_money.reserved, with_money.spent) == (2, 2), "two extra charges, two shots on their way"
    for shot in (row, equal):
        settle(shot)
    with_money.refresh_from_db()
    assert (with_money.reserved, with_money.spent) == (0, 4)


def settle(row: Generation) -> None:
    """To its end, as if it were saved."""
    from generations.lifecycle.moves import move

    for state in ("succeeded", "archiving", "done"):
        move(row, state, "", charged="yes")


def test_an_answer_that_comes_after_the_list_was_read_is_no_extra_charge(lose: Lose, listing_key: ProviderKey) -> None:
    from generations.lifecycle import outcomes

    row = lose("Slow")
    attempt = row.attempts.get()
    look(listing_key)
    outcomes.accepted(attempt, Accepted(seen(row).provider_task_id or ""))
    assert row.events.last().to_state == "submitted"
    assert row.state == "submitted"


# --- nothing there ---------------------------------------------------------------------------------------------------------
def test_sending_again_is_called_safe_only_after_a_whole_list_a_quarter_of_an_hour_later(
    lose: Lose, listing_key: ProviderKey, sandbox: Any, user: User
) -> None:
    row = lose("Nowhere", "[[500]]")
    for after, safe in ((30, False), (600, False), (899, False), (900, True)):
        look(listing_key, after)
        assert seen(row).safe_to_resend is safe
        assert row.state == "unknown"
    assert "this request is not among them. Sending it again will not pay twice." in last_words(row)
    assert row.attempts.count() == 1, "nothing is sent by itself"
    lifecycle.send_again(row, user)
    assert (row.state, row.charged, row.safe_to_resend) == ("queued", "no", False)
    assert row.attempts.get().state == Attempt.REJECTED


def test_a_safe_resend_holds_the_money_once(lose: Lose, listing_key: ProviderKey, user: User, team: Any) -> None:
    Budget.objects.create(team=team, month=timezone.localdate().replace(day=1), limit=1)
    ModelPrice.objects.create(slug="openai", kind="flat", amount=1)
    ProviderKey.objects.filter(pk=listing_key.pk).update(is_sandbox=False)
    listing_key.refresh_from_db()
    row = lose("Costly", "[[500]]", key=listing_key)
    with pytest.raises(lifecycle.CannotResolve):
        lifecycle.send_again(row, user)
    look(listing_key, 900)
    lifecycle.send_again(seen(row), user)
    month = Budget.objects.get(team=team)
    assert (month.reserved, month.spent) == (1, 0)


def test_a_render_that_appears_late_takes_the_word_safe_back(lose: Lose, listing_key: ProviderKey) -> None:
    row = lose("Late")
    Generation.objects.filter(pk=row.pk).update(safe_to_resend=True)
    look(listing_key, 1800)
    assert (seen(row).state, row.safe_to_resend) == ("submitted", False)


@pytest.mark.parametrize(
    ("ending", "words", "again"),
    [("list-500", "could not be read whole", True), ("list-gap", "could not be read whole", True),
     ("list-404", "This host has no list", False)],
)  # fmt: skip
def test_a_list_that_is_not_whole_proves_nothing(
    lose: Lose, new_key: NewKey, ending: str, words: str, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_videos, "PAGE", 1)
    key = new_key(ending)
    for i in range(3):  # so that the list has further pages
        lose(f"Before {i}", "", key=key)
    row = lose("Nowhere", "[[500]]", key=key)
    look(key, 1000)
    assert not seen(row).safe_to_resend
    assert words in last_words(row)
    assert row.evidence.last().detail["complete"] is False
    assert (row.reconcile_tries < len(LOOKS)) is again


def test_other_peoples_renders_are_left_alone(
    start: Start, lose: Lose, listing_key: ProviderKey, new_key: NewKey
) -> None:
    accepted = send(start("Same words [[ok]]")[0])
    row = lose("Same words [[ok]]", "[[500]]")
    Generation.objects.filter(pk=row.pk).update(prompt=accepted.prompt)
    look(listing_key, 900)
    assert accepted.provider_task_id
    assert (seen(row).state, row.safe_to_resend) == ("unknown", True), "the only equal render belongs to the other shot"


def test_an_older_equal_render_is_not_taken_for_the_lost_one(lose: Lose, listing_key: ProviderKey) -> None:
    row = lose("Evergreen")
    Attempt.objects.filter(generation=row).update(started_at=timezone.now() + dt.timedelta(seconds=120))
    look(listing_key, 900)
    assert seen(row).state == "unknown"


def test_other_settings_make_it_possible_but_not_certain(lose: Lose, listing_key: ProviderKey) -> None:
    row = lose("Rounded")
    Generation.objects.filter(pk=row.pk).update(params=row.params | {"seconds": "8"})
    look(listing_key, 900)
    assert (seen(row).state, row.safe_to_resend) == ("unknown", False)
    assert "does not say enough" in last_words(row)
    assert len(row.evidence.last().detail["possible"]) == 1


def test_while_an_equal_request_is_under_way_nothing_is_decided(
    start: Start, lose: Lose, listing_key: ProviderKey
) -> None:
    row = lose("Busy")
    Generation.objects.filter(pk=start("Busy [[lose-answer]]")[0].pk).update(state="submitting")
    look(listing_key, 900)
    assert (seen(row).state, row.safe_to_resend) == ("unknown", False)
    assert "just being sent" in last_words(row)
    Generation.objects.filter(state="submitting").update(state="cancelled")
    look(listing_key, 1800)
    assert seen(row).state == "submitted"


# --- when ------------------------------------------------------------------------------------------------------------------
def test_the_first_looks_come_when_the_contract_says() -> None:
    assert LOOKS[:5] == (30, 120, 300, 600, 900)


def test_each_look_sets_the_time_of_the_next(lose: Lose, listing_key: ProviderKey) -> None:
    row = lose("When", "[[500]]")
    doubted = row.attempts.get().answered_at
    assert 29 < (row.due_at - doubted).total_seconds() < 31
    assert not lifecycle.reconcile(listing_key.pk), "not before it is due"
    assert not lifecycle.lookups()
    for after, following in ((30, 120), (130, 300), (650, 900), (8000, 10800)):
        look(listing_key, after)
        doubted = seen(row).attempts.get().answered_at
        assert (row.due_at - doubted).total_seconds() == pytest.approx(following)
    look(listing_key, LOOKS[-1] + 1)
    Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())
    assert not lifecycle.lookups(), "after a day nothing more is asked"
    assert lifecycle.look_again(seen(row)), "but a person may"
    assert lifecycle.lookups() == [listing_key.pk]


def test_providers_without_a_list_are_not_asked_for_one(team: Any, user: User, key: ProviderKey) -> None:
    from generations.providers import SPECS

    given = {"team": team, "user": user, "key": key, "params": {}, "token": "t"}
    row = lifecycle.start(spec=SPECS["apertis-veo3"], prompt="x [[lose-answer]]", **given)[0]
    send(row)
    Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())
    assert row.state == "unknown"
    assert not lifecycle.lookups()
    assert not lifecycle.look_again(row)


@pytest.mark.django_db(transaction=True)
def test_two_loops_look_once(lose: Lose, listing_key: ProviderKey) -> None:
    row = lose("Race", "[[500]]")
    Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())
    gate, results = threading.Barrier(4), []

    def one() -> None:
        gate.wait()
        results.append(lifecycle.reconcile(listing_key.pk))
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results.count(True) == 1
    assert Evidence.objects.filter(generation=row).count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_loop_looks_by_itself(lose: Lose, monkeypatch: pytest.MonkeyPatch) -> None:
    row = lose("By itself")
    Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())
    monkeypatch.setattr("generations.engine.LINGER", 0.2)

    Engine(hint=verbs_alone).run(30)
    assert seen(row).state == "done"


def test_a_key_that_cannot_be_opened_is_said_and_stops_nobody(
    lose: Lose, listing_key: ProviderKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from generations.models.fields import Unopenable

    row = lose("Sealed")

    def no(key: ProviderKey) -> str:
        raise Unopenable("This key was stored with another STUDIO_FIELD_KEYS.")

    monkeypatch.setattr(reconciling.keys, "open_secret", no)
    look(listing_key, 900)
    assert (seen(row).state, row.safe_to_resend) == ("unknown", False)
    assert "STUDIO_FIELD_KEYS" in last_words(row)


@pytest.mark.parametrize("step", ["_walk", "_settle"])
def test_a_look_that_dies_is_made_up_for_by_the_next(
    lose: Lose, listing_key: ProviderKey, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = lose("Killed")

    def die(*args: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(reconciling, step, die)
        with pytest.raises(SystemExit):
            look(listing_key)
    assert seen(row).state == "unknown"
    assert row.due_at > timezone.now(), "not at once again: whatever killed it may do so again"
    look(listing_key, 120)
    assert seen(row).state == "submitted"


def test_an_answer_that_proves_the_list_wrong_takes_the_place_of_the_second_request(
    lose: Lose, listing_key: ProviderKey, user: User, sandbox: Any
) -> None:
    from generations.lifecycle import outcomes

    row = lose("Wrong", "[[500]]")
    attempt = row.attempts.get()
    look(listing_key, 900)
    lifecycle.send_again(seen(row), user)
    outcomes.accepted(attempt, Accepted("video_late"))
    assert (seen(row).state, row.provider_task_id, row.charged) == ("submitted", "video_late", "yes")
    assert row.attempts.get().state == Attempt.ACCEPTED
    assert not lifecycle.submit(row.pk), "the second request never leaves"
