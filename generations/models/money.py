"""Money of a team: what a month may cost, every movement of it, and the prices that operators enter. `lifecycle` writes."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q, Value
from django.utils import timezone

from accounts.models import Team

from ..prices import Flat, PerSecond, PerToken, Price, Unknown
from ..specs import ModelSpec
from .fields import MoneyField
from .keys import ProviderKey

ZERO = Decimal(0)


class BudgetQuerySet(models.QuerySet["Budget"]):
    def current(self, team: Team) -> "Budget | None":
        """This month's row, or an unsaved one as it will be when the first shot of the month is confirmed."""
        month = this_month()
        last = self.filter(team=team, month__lte=month).order_by("-month").first()
        if last is None or last.month == month:
            return last
        return Budget(team=team, month=month, limit=last.limit, allow_unknown=last.allow_unknown)

    def open(self, team: Team) -> "Budget":
        """This month's row; a new month begins with last month's limit and nothing spent."""
        last = self.filter(team=team, month__lte=this_month()).order_by("-month").first()
        kept = {"limit": last.limit, "allow_unknown": last.allow_unknown} if last else {}
        return self.get_or_create(team=team, month=this_month(), defaults=kept)[0]


class Budget(models.Model):
    """One team's month, in USD. What is reserved in a month is settled in that month, however late it ends."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="budgets")
    month = models.DateField()  # its first day, in the studio's time zone
    limit = MoneyField(null=True, blank=True, validators=[MinValueValidator(0)], help_text="USD; empty for no limit.")
    limit_set_at = models.DateTimeField(default=timezone.now)  # what was reserved before may lie above the limit
    allow_unknown = models.BooleanField(
        "allow unknown prices",
        default=True,
        help_text="Whether shots without a published price may be made although they cannot be held against the limit.",
    )
    reserved = MoneyField(default=ZERO)
    spent = MoneyField(default=ZERO)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "month"], name="one_budget_a_month"),
            models.CheckConstraint(condition=Q(reserved__gte=0, spent__gte=0), name="money_is_never_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.team}, {self.month:%B %Y}"

    @property
    def left(self) -> Decimal | None:
        """What new shots may still cost; None without a limit, never below 0."""
        return None if self.limit is None else max(ZERO, self.limit - self.reserved - self.spent)

    def add(self, *, reserved: Decimal = ZERO, spent: Decimal = ZERO) -> None:
        """Move both sums at once, in the database."""
        if reserved or spent:
            Budget.objects.filter(pk=self.pk).update(
                reserved=F("reserved") + Value(reserved, MoneyField()), spent=F("spent") + Value(spent, MoneyField())
            )

    def take(self, amount: Decimal) -> bool:
        """Reserve by compare-and-set; False when the limit does not allow it."""
        price = Value(amount, MoneyField())
        allowed = Q(limit=None) | Q(limit__gte=F("reserved") + F("spent") + price)
        return bool(Budget.objects.filter(allowed, pk=self.pk).update(reserved=F("reserved") + price))


class Ledger(models.Model):
    """Append-only. A confirmation reserves once and its reservation ends once: settled or released.

    `confirmation` counts a person's confirmations of one shot: 1 is Generate, 2 is "Send again, I accept paying twice".
    `amount` is None when the price is not known.
    """

    RESERVE, SETTLE, RELEASE, CORRECT = "reserve", "settle", "release", "correct"
    KINDS = [(RESERVE, "Reserved"), (SETTLE, "Charged"), (RELEASE, "Released"), (CORRECT, "Corrected")]

    generation = models.ForeignKey("generations.Generation", on_delete=models.CASCADE, related_name="ledger")
    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="ledger")
    confirmation = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=8, choices=KINDS)
    amount = MoneyField(null=True)
    at = models.DateTimeField(default=timezone.now)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name = "ledger entry"
        verbose_name_plural = "ledger"
        constraints = [
            models.UniqueConstraint(
                fields=["generation", "confirmation"], condition=Q(kind="reserve"), name="a_confirmation_reserves_once"
            ),
            models.UniqueConstraint(
                fields=["generation", "confirmation"], condition=Q(kind__in=("settle", "release")),
                name="a_reservation_ends_once",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {'?' if self.amount is None else self.amount}"


class ModelPriceQuerySet(models.QuerySet["ModelPrice"]):
    def price_of(self, spec: ModelSpec, key: ProviderKey) -> Price:
        """What holds now: a key's own price before its team's before everybody's, that of one protocol before its model's
        before its provider's, the newest of several. Without any row the spec's own price.
        """
        return holding(self.of_team(key.team_id).filter(slug__in=(spec.slug, spec.of, spec.provider)), spec, key)

    def of_team(self, team: int) -> "ModelPriceQuerySet":
        """Every row that may hold for a team now."""
        return self.filter(Q(team=team) | Q(team=None), since__lte=timezone.now())


class ModelPrice(models.Model):
    """What a model costs, as the operator knows it. A new row changes the price of new shots only."""

    FLAT, PER_SECOND, PER_TOKEN, UNKNOWN = Flat.kind, PerSecond.kind, PerToken.kind, Unknown.kind
    KINDS = [(FLAT, "A take"), (PER_SECOND, "A second"), (PER_TOKEN, "A million tokens"), (UNKNOWN, "Not published")]

    slug = models.CharField("model", max_length=80, help_text="A model's slug, or a provider's for all its models.")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, help_text="Empty for all teams.")
    provider_key = models.ForeignKey(
        ProviderKey, null=True, blank=True, on_delete=models.CASCADE, help_text="Empty for all keys."
    )
    kind = models.CharField("price for", max_length=12, choices=KINDS)
    amount = MoneyField(null=True, blank=True, validators=[MinValueValidator(0)], help_text="USD.")
    tokens = models.PositiveIntegerField(
        "most tokens", null=True, blank=True, help_text="For prices by token: what one take uses at most."
    )
    since = models.DateTimeField(default=timezone.now, help_text="The newest price that has begun counts.")

    objects = ModelPriceQuerySet.as_manager()

    class Meta:
        verbose_name = "price"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="unknown", amount=None)
                | (~Q(kind="unknown") & Q(amount__isnull=False, amount__gte=0)),
                name="unknown_is_never_an_amount",
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug}, {self.get_kind_display().lower()}"

    def clean(self) -> None:
        if (self.kind == self.UNKNOWN) != (self.amount is None):
            raise ValidationError({"amount": "A price needs an amount, and one that is not published has none."})

    @property
    def price(self) -> Price:
        if self.amount is None:
            return Unknown()
        if self.kind == self.PER_TOKEN:
            return PerToken(self.amount, self.tokens)
        return PerSecond(self.amount) if self.kind == self.PER_SECOND else Flat(self.amount)

    def rank(self, spec: ModelSpec) -> tuple[Any, ...]:
        nearest = (spec.provider, spec.of, spec.slug).index(self.slug)
        return self.provider_key_id is not None, self.team_id is not None, nearest, self.since, self.pk


def holding(rows: Iterable[ModelPrice], spec: ModelSpec, key: ProviderKey) -> Price:
    """The price among `rows` (those of the key's team) that holds for a model; see `price_of`."""
    names, keys = (spec.slug, spec.of, spec.provider), (None, key.pk)
    fit = [row for row in rows if row.slug in names and row.provider_key_id in keys]
    best = max(fit, key=lambda row: row.rank(spec), default=None)
    return best.price if best else spec.price


def this_month() -> dt.date:
    return timezone.localdate().replace(day=1)
