"""The ledger equation after every ending: what was certainly charged is spent, what is in doubt is held, the rest is free."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Team, User
from generations import lifecycle
from generations.lifecycle import money, outcomes
from generations.models import Attempt, Generation, Ledger, ModelPrice
from generations.providers.base import Accepted, Failed, Finished, NotSent, OutcomeUnknown, Rejected
from tests.lifecycle.test_endings import ENDINGS

from .conftest import PRICE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("price")]
Start = Callable[..., Generation]
Books = Callable[[], tuple[Decimal, Decimal]]
FREE, HELD, SPENT = (Decimal(0), Decimal(0)), (PRICE, Decimal(0)), (Decimal(0), PRICE)


def kinds(row: Generation) -> list[str]:
    return list(row.ledger.values_list("kind", flat=True))


# --- every ending ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_money_follows_every_ending(
    ending: str, start: Start, drive: Start, books: Books, sandbox: Any, settings: Any
) -> None:
    settings.SUBMIT_DEADLINE = 1.5
    row = start(f"A boat [[{ending}]]")
    assert books() == HELD
    row = drive(row)
    assert (row.state, row.charged) == (ENDINGS[ending][0], ENDINGS[ending][2])
    assert books() == {"yes": SPENT, "no": FREE, "unknown": HELD}[row.charged]
    billed = len(sandbox.ledger(contains=row.prompt.split()[-1]))
    assert billed * PRICE <= sum(books()), "what the provider billed is at least held"


@pytest.mark.parametrize("ending", ["429", "503", "401", "402"])
def test_a_job_that_waits_keeps_its_one_reservation(ending: str, start: Start, books: Books) -> None:
    row = start(f"A boat [[{ending}]]")
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert (row.state, kinds(row), books()) == ("queued", ["reserve"], HELD)


def test_every_step_run_twice_settles_once(start: Start, drive: Start, books: Books) -> None:
    row = drive(start())
    for step in (lifecycle.submit, lifecycle.poll, lifecycle.archive):
        step(row.pk)
    money.on_edge(row, "archiving", "done", "yes")
    assert kinds(row) == ["reserve", "settle"]
    assert books() == SPENT


def test_cancelling_before_sending_releases(start: Start, user: User, books: Books) -> None:
    row = start()
    lifecycle.cancel(row, user)
    assert (kinds(row), books()) == (["reserve", "release"], FREE)


def test_a_shot_without_a_published_price_has_the_same_entries_and_no_amount(
    start: Start, drive: Start, books: Books
) -> None:
    ModelPrice.objects.all().delete()
    row = drive(start())
    assert [(entry.kind, entry.amount) for entry in row.ledger.all()] == [("reserve", None), ("settle", None)]
    assert books() == FREE
    assert money.cost(row).spent is None


def test_a_shot_from_before_there_was_a_ledger_ends_without_one(start: Start, drive: Start, team: Team) -> None:
    row = start()
    Ledger.objects.all().delete()
    assert drive(row).state == "done"
    assert kinds(row) == []


# --- what people decide ---------------------------------------------------------------------------------------------------
@pytest.fixture
def unknown(start: Start, drive: Start) -> Generation:
    return drive(start("A boat [[lose-answer]]"), "unknown")


def test_an_id_that_a_person_enters_is_settled_with_the_result(
    unknown: Generation, drive: Start, user: User, sandbox: Any, books: Books
) -> None:
    [entry] = sandbox.ledger(contains=unknown.prompt.split()[-1])
    lifecycle.adopt(unknown, entry["task_id"], user)
    assert books() == HELD
    drive(unknown, "done")
    assert (kinds(unknown), books()) == (["reserve", "settle"], SPENT)


def test_not_charged_releases(unknown: Generation, user: User, books: Books) -> None:
    lifecycle.release(unknown, user)
    assert (kinds(unknown), books()) == (["reserve", "release"], FREE)


def test_sending_again_needs_the_budget_again(unknown: Generation, team: Team, user: User, books: Books) -> None:
    money.set_limit(team, PRICE * 2 - Decimal("0.01"))
    with pytest.raises(lifecycle.CannotResolve, match=r"costs \$0.40, but \$0.39"):
        lifecycle.send_again(unknown, user)
    assert unknown.state == "unknown"
    unknown.refresh_from_db()
    assert (unknown.state, books()) == ("unknown", HELD)
    money.set_limit(team, PRICE * 2)
    lifecycle.send_again(unknown, user)
    assert books() == (PRICE * 2, 0)
    assert [entry.confirmation for entry in unknown.ledger.all()] == [1, 2]


def again(row: Generation, user: User) -> Attempt:
    """A person sends it again, and the second request is about to leave."""
    lifecycle.send_again(row, user)
    [sending] = lifecycle.begin([row.pk])
    return sending.attempt


def test_after_sending_again_one_is_spent_and_the_first_is_asked_about(
    unknown: Generation, user: User, drive: Start, books: Books
) -> None:
    Generation.objects.filter(pk=unknown.pk).update(prompt="A boat [[clip=small]] [[seconds=0.1]]")
    lifecycle.send_again(unknown, user)
    row = drive(unknown, "done")
    assert books() == (PRICE, PRICE)
    assert money.cost(row).asks
    lifecycle.decide_charge(row, user, charged=True)
    assert books() == (0, PRICE * 2)
    with pytest.raises(lifecycle.CannotResolve):
        lifecycle.decide_charge(row, user, charged=False)
    assert kinds(row) == ["reserve", "reserve", "settle", "settle"]


@pytest.mark.parametrize("error", [Rejected("no"), None], ids=["refused", "cancelled"])
def test_a_second_request_that_was_free_leaves_the_first_in_doubt(
    unknown: Generation, user: User, books: Books, error: Rejected | None
) -> None:
    """The shot must not end as "not charged" while its first request may have been."""
    if error:
        outcomes.settle_error(again(unknown, user), error)
    else:
        lifecycle.send_again(unknown, user)
        lifecycle.cancel(unknown, user)
    unknown.refresh_from_db()
    assert (unknown.state, unknown.charged) == ("failed" if error else "cancelled", "unknown")
    assert books() == HELD
    lifecycle.decide_charge(unknown, user, charged=False)
    unknown.refresh_from_db()
    assert (unknown.charged, books()) == ("no", FREE)


def test_two_requests_in_doubt_are_decided_one_by_one(unknown: Generation, user: User, books: Books) -> None:
    outcomes.settle_error(again(unknown, user), OutcomeUnknown("again no answer"))
    unknown.refresh_from_db()
    assert (unknown.state, books()) == ("unknown", (PRICE * 2, 0))
    lifecycle.adopt(unknown, "task-x", user)
    unknown.refresh_from_db()
    lifecycle.record(unknown, Failed("provider_failed", "no luck"))
    unknown.refresh_from_db()
    assert (unknown.state, unknown.charged, books()) == ("failed", "unknown", (PRICE * 2, 0))
    lifecycle.decide_charge(unknown, user, charged=False)
    assert (unknown.charged, books()) == ("unknown", HELD)
    lifecycle.decide_charge(unknown, user, charged=True)
    assert (unknown.charged, books()) == ("yes", SPENT)


@pytest.mark.parametrize(("charged", "after"), [(True, SPENT), (False, FREE)])
def test_a_failed_render_is_held_until_a_person_says_whether_it_was_charged(
    start: Start, drive: Start, user: User, books: Books, charged: bool, after: Any
) -> None:
    row = drive(start("A boat [[fail]]"))
    assert (row.charged, books()) == ("unknown", HELD)
    lifecycle.decide_charge(row, user, charged=charged)
    row.refresh_from_db()
    assert (row.state, row.charged, books()) == ("failed", "yes" if charged else "no", after)
    assert row.events.latest("id").actor == user
    with pytest.raises(lifecycle.CannotResolve):
        lifecycle.decide_charge(row, user, charged=charged)


@pytest.mark.parametrize("state", ["queued", "running", "unknown", "succeeded"])
def test_nobody_decides_about_a_shot_that_is_not_at_its_end(start: Start, user: User, books: Books, state: str) -> None:
    row = start()
    Generation.objects.filter(pk=row.pk).update(state=state, charged="unknown")
    with pytest.raises(lifecycle.CannotResolve):
        lifecycle.decide_charge(row, user, charged=True)
    assert books() == HELD


# --- answers that come late -------------------------------------------------------------------------------------------------
def test_an_answer_after_the_release_is_a_correction_and_no_longer_called_free(
    unknown: Generation, team: Team, user: User, books: Books
) -> None:
    money.set_limit(team, PRICE)
    attempt = unknown.attempts.get()
    lifecycle.release(unknown, user)
    assert books() == FREE
    for _ in range(2):  # told twice, written once
        outcomes.accepted(attempt, Accepted("late"))
    unknown.refresh_from_db()
    assert (unknown.state, unknown.charged) == ("submitted", "yes")
    assert (kinds(unknown), books()) == (["reserve", "release", "correct"], SPENT)
    finish(unknown)
    assert (kinds(unknown), books()) == (["reserve", "release", "correct"], SPENT)


def test_a_late_acceptance_that_fails_at_the_provider_leaves_books_that_add_up(
    unknown: Generation, user: User, books: Books
) -> None:
    attempt = unknown.attempts.get()
    lifecycle.release(unknown, user)
    outcomes.accepted(attempt, Accepted("late"))
    unknown.refresh_from_db()
    lifecycle.record(unknown, Failed("provider_failed", "no luck"))
    unknown.refresh_from_db()
    assert (unknown.state, unknown.charged, books()) == ("failed", "unknown", SPENT)


def test_a_first_answer_while_the_second_sending_only_waits_frees_the_second(
    unknown: Generation, user: User, books: Books
) -> None:
    attempt = unknown.attempts.get()
    lifecycle.send_again(unknown, user)
    outcomes.accepted(attempt, Accepted("first"))
    finish(unknown)
    assert (kinds(unknown), books()) == (["reserve", "reserve", "settle", "release"], SPENT)


def test_a_correction_may_go_beyond_the_limit(
    unknown: Generation, team: Team, user: User, start: Start, books: Books
) -> None:
    attempt = unknown.attempts.get()
    lifecycle.release(unknown, user)
    money.set_limit(team, PRICE)
    start()
    outcomes.accepted(attempt, Accepted("late"))
    assert books() == (PRICE, PRICE)


def test_two_accepted_requests_are_both_spent(unknown: Generation, user: User, books: Books) -> None:
    first = unknown.attempts.get()
    second = again(unknown, user)
    outcomes.accepted(second, Accepted("second"))
    outcomes.accepted(first, Accepted("first"))  # too late: the shot follows the second
    assert books() == (PRICE * 2, 0)
    finish(unknown)
    assert books() == (0, PRICE * 2)
    assert kinds(unknown) == ["reserve", "reserve", "settle", "settle"]


def test_the_answer_to_an_id_that_a_person_had_entered_costs_nothing_more(
    unknown: Generation, user: User, books: Books
) -> None:
    attempt = unknown.attempts.get()
    lifecycle.adopt(unknown, "same", user)
    finish(unknown)
    assert books() == SPENT
    outcomes.accepted(attempt, Accepted("same"))
    assert (kinds(unknown), books()) == (["reserve", "settle"], SPENT)


def test_a_late_answer_after_a_failed_render_settles_its_own_part_only(
    unknown: Generation, user: User, books: Books
) -> None:
    first = unknown.attempts.get()
    outcomes.accepted(again(unknown, user), Accepted("second"))
    unknown.refresh_from_db()
    lifecycle.record(unknown, Failed("provider_failed", "no luck"))
    assert books() == (PRICE * 2, 0)
    outcomes.accepted(first, Accepted("first"))
    unknown.refresh_from_db()
    assert (unknown.charged, unknown.message) == ("yes", "no luck")
    assert books() == (PRICE, PRICE)
    assert money.cost(unknown).asks


@pytest.mark.parametrize(
    ("error", "after"),
    [(Rejected("no"), SPENT), (OutcomeUnknown("no answer"), (PRICE, PRICE))],
    ids=["refused", "in doubt"],
)
def test_a_second_request_that_is_answered_after_the_end_is_still_counted(
    unknown: Generation, user: User, books: Books, error: Any, after: Any
) -> None:
    first = unknown.attempts.get()
    second = again(unknown, user)
    outcomes.accepted(first, Accepted("first"))  # the shot follows the first while the second is on the wire
    finish(unknown)
    assert books() == (PRICE, PRICE)
    outcomes.settle_error(second, error)
    second.refresh_from_db()
    assert second.state != Attempt.INTENT
    assert books() == after


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_second_bill_that_somebody_finds_is_written_down_once(
    start: Start, drive: Start, books: Books, when: str
) -> None:
    row = start()
    if when == "after":
        drive(row)
    for _ in range(2):
        money.extra_charge(row, "the provider also lists task-2")
    drive(row)
    assert books() == (0, PRICE * 2)


def test_giving_up_before_sending_is_free(start: Start, books: Books) -> None:
    row = start()
    [sending] = lifecycle.begin([row.pk])
    attempt = sending.attempt
    Generation.objects.filter(pk=row.pk).update(first_try_at=timezone.now() - dt.timedelta(hours=3))
    attempt.generation.refresh_from_db()
    outcomes.settle_error(attempt, NotSent("no route"))
    row.refresh_from_db()
    assert (row.state, books()) == ("failed", FREE)


def finish(row: Generation) -> None:
    """To its end without a file: a result that has no address is charged all the same."""
    row.refresh_from_db()
    Generation.objects.filter(pk=row.pk).update(url_tries=50)
    row.refresh_from_db()
    lifecycle.record(row, Finished(""))
    row.refresh_from_db()
    assert (row.state, row.charged) == ("failed", "yes")
