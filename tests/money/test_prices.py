"""What a press costs: every kind of price, which row counts, and that an unknown price is never 0."""

import dataclasses
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Team
from generations import prices
from generations.lifecycle import money
from generations.models import Budget, ModelPrice, ProviderKey
from generations.prices import Flat, PerSecond, PerToken, Unknown, dollars, estimate
from generations.providers import SPECS
from generations.specs import Choice

VEO = SPECS["apertis-veo3-fast"]  # 8 s, always
LONG = dataclasses.replace(VEO, params=(*VEO.params, Choice(name="duration", label="Length", choices=("4", "12"))))


@pytest.mark.parametrize(
    ("price", "spec", "values", "takes", "amount", "words"),
    [
        (Flat(Decimal("0.4")), VEO, {}, 4, "1.60", "$0.40 a take"),
        (PerSecond(Decimal("0.15")), VEO, {"duration": "12"}, 1, "1.20", "8 s at $0.15 a second"),
        (PerSecond(Decimal("0.15")), LONG, {"duration": "12"}, 2, "3.60", "12 s at $0.15 a second"),
        (PerSecond(Decimal("0.15")), LONG, {"duration": None}, 1, "1.20", "8 s at $0.15 a second"),
        (PerSecond(Decimal("0.15")), LONG, {"duration": "<b>"}, 1, "1.20", "8 s at $0.15 a second"),
        (PerToken(Decimal("2.5"), 100_000), VEO, {}, 2, "0.50", "at most 100,000 tokens at $2.50 a million"),
        (PerToken(Decimal("0.0000001"), 1), VEO, {}, 1, "0.000001", "at most 1 tokens at $0.0000001 a million"),
    ],
)  # fmt: skip
def test_a_declared_price_becomes_a_sum(
    price: Any, spec: Any, values: Any, takes: int, amount: str, words: str
) -> None:
    quote = estimate(price, spec, values, takes)
    assert (quote.amount, quote.kind) == (Decimal(amount), price.kind)
    if price.amount >= Decimal("0.000001"):
        assert quote.words == words


@pytest.mark.parametrize("price", [Unknown(), PerToken(Decimal("2.5"))])
def test_what_is_not_known_is_never_zero(price: Any) -> None:
    quote = estimate(price, VEO, {}, 4)
    assert quote.each is None
    assert quote.amount is None
    assert "$0.00" not in quote.headline
    assert quote.headline


@pytest.mark.parametrize(
    "spec", [spec for spec in SPECS.values() if spec.provider == "apertis"], ids=lambda spec: spec.slug
)
def test_no_price_is_invented_for_models_whose_provider_publishes_none(spec: Any) -> None:
    assert spec.price == Unknown()


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.4", "$0.40"), ("1200", "$1,200.00"), ("0.0125", "$0.0125"), ("0", "$0.00"), ("-3.5", "-$3.50"),
     ("0.000001", "$0.000001")],
)  # fmt: skip
def test_dollars_are_written_with_as_many_places_as_they_need(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text


# --- which price counts ---------------------------------------------------------------------------------------------------
def row(slug: str, amount: str | None, **fields: Any) -> ModelPrice:
    kind = ModelPrice.UNKNOWN if amount is None else ModelPrice.FLAT
    return ModelPrice.objects.create(slug=slug, kind=kind, amount=amount and Decimal(amount), **fields)


def price_now(key: ProviderKey) -> Decimal | None:
    return money.quote(key, VEO, {}, 1).each


def test_the_most_particular_price_counts(team: Team, stranger: Any, real_key: ProviderKey) -> None:
    assert price_now(real_key) is None
    steps = [
        ("apertis", "1", {}), (VEO.slug, "2", {}), ("apertis", "3", {"team": team}), (VEO.slug, "4", {"team": team}),
        ("apertis", "5", {"provider_key": real_key}), (VEO.slug, "6", {"provider_key": real_key}),
    ]  # fmt: skip
    for slug, amount, fields in steps:
        row(slug, amount, **fields)
        assert price_now(real_key) == Decimal(amount)
    row(VEO.slug, "99", team=stranger.teams.get())
    assert price_now(real_key) == 6


def test_the_newest_price_that_has_begun_counts(real_key: ProviderKey) -> None:
    moment = timezone.now()
    row("apertis", "2", since=moment - dt.timedelta(days=1))
    row("apertis", "1", since=moment - dt.timedelta(days=2))
    row("apertis", "9", since=moment + dt.timedelta(days=1))
    assert price_now(real_key) == 2
    row("apertis", None)
    assert price_now(real_key) is None


def test_the_sandbox_costs_nothing_whatever_the_list_says(real_key: ProviderKey, price: ModelPrice) -> None:
    real_key.is_sandbox = True
    quote = money.quote(real_key, VEO, {}, 4)
    assert (quote.amount, quote.headline) == (0, prices.SANDBOX)


@pytest.mark.parametrize(("kind", "amount"), [("unknown", Decimal(0)), ("flat", None), ("flat", Decimal(-1))])
def test_a_price_that_contradicts_itself_cannot_be_stored(db: None, kind: str, amount: Any) -> None:
    wrong = ModelPrice(slug="apertis", kind=kind, amount=amount)
    with pytest.raises(ValidationError):
        wrong.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        wrong.save()


# --- money adds up --------------------------------------------------------------------------------------------------------
@given(st.lists(st.decimals("0.000001", "99999", places=6), min_size=1, max_size=30))
def test_dollars_survive_the_database_to_a_millionth(amounts: list[Decimal]) -> None:
    from generations.models.fields import MoneyField

    field = MoneyField()
    stored = [field.get_prep_value(amount) for amount in amounts]
    assert field.from_db_value(sum(stored), None, None) == sum(amounts)


def test_ten_times_forty_cents_fit_exactly_into_four_dollars(team: Team) -> None:
    budget = money.set_limit(team, Decimal("4.00"))
    assert [budget.take(Decimal("0.40")) for _ in range(11)] == [True] * 10 + [False]
    budget.refresh_from_db()
    assert (budget.reserved, budget.left) == (4, 0)


def test_a_sum_below_zero_is_refused_by_the_database(team: Team) -> None:
    budget = Budget.objects.open(team)
    with pytest.raises(IntegrityError), transaction.atomic():
        budget.add(reserved=Decimal("-0.01"))
