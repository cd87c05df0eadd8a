"""A budget is never overspent, however many press at once (fault 71), and a press is never reserved twice (fault 69)."""

import datetime as dt
import secrets
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from accounts.models import Team, User
from generations import lifecycle
from generations.lifecycle import money
from generations.models import Budget, Generation, Ledger, ModelPrice, ProviderKey
from generations.providers import SPECS
from tests.lifecycle.test_promises import together

from .conftest import PRICE

VEO = SPECS["apertis-veo3-fast"]


@pytest.fixture
def press(team: Team, user: User, real_key: ProviderKey) -> Any:
    def one(token: str = "", takes: int = 1, prompt: str = "A boat") -> list[Generation]:
        return lifecycle.start(
            team=team, user=user, key=real_key, spec=VEO, prompt=prompt, params={}, takes=takes,
            token=token or secrets.token_hex(8),
        )  # fmt: skip

    return one


# --- races ------------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_with_money_for_ten_are_exactly_ten(
    team: Team, price: ModelPrice, press: Any, books: Any
) -> None:
    money.set_limit(team, PRICE * 10)
    results = together(50, lambda _: press())
    accepted = [rows for rows in results if isinstance(rows, list)]
    refused = [error for error in results if isinstance(error, lifecycle.OverBudget)]
    assert (len(accepted), len(refused)) == (10, 40), results
    assert Generation.objects.count() == Ledger.objects.count() == 10
    assert books() == (PRICE * 10, 0)


@pytest.mark.django_db(transaction=True)
def test_the_first_fifty_of_a_month_share_one_budget(price: ModelPrice, press: Any, books: Any) -> None:
    results = together(50, lambda _: press())
    assert all(isinstance(rows, list) for rows in results), results
    assert books() == (PRICE * 50, 0)


@pytest.mark.django_db(transaction=True)
def test_presses_of_several_takes_are_all_or_nothing(team: Team, price: ModelPrice, press: Any, books: Any) -> None:
    money.set_limit(team, PRICE * 10)
    results = together(12, lambda _: press(takes=4))
    assert sum(isinstance(rows, list) for rows in results) == 2
    assert Generation.objects.count() == 8
    assert books() == (PRICE * 8, 0)


@pytest.mark.django_db(transaction=True)
def test_twenty_clicks_on_one_form_reserve_once_even_with_money_for_one(
    team: Team, price: ModelPrice, press: Any, books: Any
) -> None:
    money.set_limit(team, PRICE)
    results = together(20, lambda _: press(token="one-form-one-job"))
    assert {row.pk for rows in results for row in rows} == {Generation.objects.get().pk}
    assert books() == (PRICE, 0)


# --- one press ----------------------------------------------------------------------------------------------------------------
def test_a_repeated_form_does_not_reserve_twice(price: ModelPrice, press: Any, books: Any) -> None:
    first = press(token="a", takes=2)
    assert press(token="a", takes=2) == first
    with pytest.raises(lifecycle.TokenReused):
        press(token="a", takes=2, prompt="Another boat")
    assert books() == (PRICE * 2, 0)
    assert Ledger.objects.count() == 2


@pytest.mark.parametrize(
    ("limit", "spent", "takes", "words"),
    [
        ("10", 0, 4, ""),
        ("1.60", 0, 4, ""),
        ("1.59", 0, 4, "4 takes cost $1.60, but $1.59 of this month's $1.59 is left. 2 takes would fit."),
        ("0.40", 0, 2, "2 takes cost $0.80, but $0.40 of this month's $0.40 is left. 1 take would fit."),
        ("0.80", 1, 2, "2 takes cost $0.80, but $0.40 of this month's $0.80 is left, and $0.40 is held for shots that "
                       "are not settled. 1 take would fit."),
        ("0.40", 1, 1, "This costs $0.40, but $0.00 of this month's $0.40 is left, and $0.40 is held for shots that are "
                       "not settled. Whoever runs this studio can raise the limit."),
    ],
)  # fmt: skip
def test_a_refusal_names_what_is_left_and_one_way_out(
    team: Team, price: ModelPrice, press: Any, books: Any, limit: str, spent: int, takes: int, words: str
) -> None:
    money.set_limit(team, Decimal(limit))
    for _ in range(spent):
        press()
    if not words:
        assert len(press(takes=takes)) == takes
        return
    with pytest.raises(lifecycle.OverBudget) as refused:
        press(takes=takes)
    assert str(refused.value) == f"{words} Nothing was sent."
    assert Generation.objects.count() == Ledger.objects.count() == spent
    assert books() == (PRICE * spent, 0)


def test_a_later_change_of_the_price_does_not_touch_a_job(
    team: Team, user: User, price: ModelPrice, press: Any, books: Any
) -> None:
    [row] = press()
    ModelPrice.objects.update(amount=Decimal("5"))
    lifecycle.cancel(row, user)
    assert books() == (0, 0)
    row.refresh_from_db()
    assert (row.price_kind, row.price_amount, row.price_words) == ("flat", PRICE, "$0.40 a take")
    assert {entry.amount for entry in row.ledger.all()} == {PRICE}
    [dearer] = press()
    assert dearer.price_amount == 5


def test_an_unknown_price_stays_unknown_in_the_books_and_is_allowed_unless_the_team_says_no(
    team: Team, press: Any, books: Any
) -> None:
    money.set_limit(team, Decimal("0"))
    [row] = press()
    assert (row.price_kind, row.price_amount, row.price_words) == ("unknown", None, "Price not published")
    assert row.ledger.get().amount is None
    money.set_limit(team, Decimal("0"), allow_unknown=False)
    with pytest.raises(lifecycle.OverBudget, match="only shots with a known price"):
        press()
    money.set_limit(team, None, allow_unknown=False)
    assert press(), "without a limit there is nothing to hold it against"
    assert books() == (0, 0)


def test_the_sandbox_is_free_even_when_nothing_is_left(
    team: Team, real_key: ProviderKey, price: ModelPrice, press: Any, books: Any
) -> None:
    press()
    money.set_limit(team, Decimal("0"))
    real_key.is_sandbox = True
    [row] = press()
    assert row.price_amount == 0
    assert books() == (PRICE, 0)


# --- months ---------------------------------------------------------------------------------------------------------------------
def test_a_new_month_starts_with_nothing_spent_and_what_was_held_stays_in_its_month(
    team: Team, user: User, price: ModelPrice, press: Any
) -> None:
    with time_machine.travel(dt.datetime(2027, 1, 31, 12, tzinfo=dt.UTC)):
        money.set_limit(team, PRICE, allow_unknown=False)
        [old] = press()
        with pytest.raises(lifecycle.OverBudget):
            press()
    with time_machine.travel(dt.datetime(2027, 2, 1, 12, tzinfo=dt.UTC)):
        ahead = Budget.objects.current(team)
        assert (ahead.pk, ahead.left, ahead.allow_unknown) == (None, PRICE, False)
        press()
        lifecycle.cancel(old, user)
    january, february = Budget.objects.filter(team=team).order_by("month")
    assert (january.month, january.reserved, january.spent) == (dt.date(2027, 1, 1), 0, 0)
    assert (february.month, february.reserved, february.limit, february.allow_unknown) == (
        dt.date(2027, 2, 1), PRICE, PRICE, False,
    )  # fmt: skip
    assert money.check(team) == []


# --- the check can fail ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda: Budget.objects.update(reserved=Decimal("9")), "open reservations come to $0.40"),
        (lambda: Budget.objects.update(spent=Decimal("9")), "settled reservations come to $0.00"),
        (lambda: Budget.objects.update(limit=Decimal("0.1")), "above the limit of $0.10"),
        (lambda: Ledger.objects.all().delete(), "open reservations come to $0.00"),
        (lambda: Ledger.objects.update(amount=Decimal("1")), "an amount that is not its price"),
        (lambda: Generation.objects.update(state="failed", charged="no"), "not charged, but money is held"),
        (lambda: Generation.objects.update(state="done", charged="yes"), "was charged, but nothing is settled"),
        (lambda: Ledger.objects.create(generation=Generation.objects.get(), budget=Budget.objects.get(), kind="release",
                                       amount=PRICE), "on its way with nothing reserved"),
    ],
)  # fmt: skip
def test_books_that_do_not_add_up_are_found(team: Team, price: ModelPrice, press: Any, damage: Any, found: str) -> None:
    money.set_limit(team, Decimal("10"))
    press()
    assert money.check(team) == []
    damage()
    assert any(found in wrong for wrong in money.check(team)), money.check(team)


def test_a_limit_that_is_lowered_below_what_is_held_is_no_error(
    team: Team, price: ModelPrice, press: Any, books: Any
) -> None:
    press()
    money.set_limit(team, Decimal("0.10"))
    assert books() == (PRICE, 0)
