"""Money: reserved in the commit that confirms a shot, settled or released once in the commit that ends it, and held
while nobody knows. `on_edge` is called by the one function that changes a state, so no edge can forget it.

Source: reliability notes, section "Double click and budget".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Team

from .. import prices
from ..models import Attempt, Budget, Generation, Ledger, ModelPrice, ProviderKey
from ..models.money import holding
from ..prices import Quote, dollars
from ..specs import ModelSpec
from ..states import TERMINAL, Charged, State

ZERO = Decimal(0)
BEYOND = "charged beyond what was reserved"  # for a request of ours; what a provider made besides has a note of its own
NOT_HELD = "it cannot be held against your limit"


class OverBudget(Exception):
    """The press does not fit into this month's budget. The message says what is left and one way out."""


# --- before: what it would cost ------------------------------------------------------------------------------------------
def quote(
    key: ProviderKey | None,
    spec: ModelSpec,
    values: Mapping[str, Any],
    takes: int,
    *,
    rows: list[ModelPrice] | None = None,
) -> Quote:
    """The most that this press can cost now. `values` are by our names and may be unchecked; `rows` are the prices that
    may hold for the key's team, for who asks about many models at once.
    """
    if key is None:
        return prices.estimate(spec.price, spec, values, takes)
    if key.is_sandbox:
        return prices.free(takes)
    price = ModelPrice.objects.price_of(spec, key) if rows is None else holding(rows, spec, key)
    return prices.estimate(price, spec, values, takes)


def refusal(budget: Budget | None, asked: Quote) -> str:
    """Why the budget does not allow it, with one way out; empty when it does."""
    if budget is None or budget.left is None or budget.limit is None or asked.amount == 0:
        return ""
    if asked.each is None or asked.amount is None:
        if budget.allow_unknown:
            return ""
        return "The price of this model is not published, and this team makes only shots with a known price. Choose another."
    if asked.amount <= budget.left:
        return ""
    cost = (
        f"{asked.takes} takes cost {dollars(asked.amount)}"
        if asked.takes > 1
        else f"This costs {dollars(asked.amount)}"
    )
    held = f", and {dollars(budget.reserved)} is held for shots that are not settled" if budget.reserved else ""
    fit = takes_that_fit(budget, asked)
    way = f"{fit} take{'s' if fit > 1 else ''} would fit." if fit else "Whoever runs this studio can raise the limit."
    return f"{cost}, but {dollars(budget.left)} of this month's {dollars(budget.limit)} is left{held}. {way}"


def takes_that_fit(budget: Budget | None, asked: Quote) -> int:
    """How many takes at most what is left would pay for; they come as 1, 2 or 4. 0 for none, or when nobody knows."""
    if budget is None or budget.left is None or not asked.each:
        return 0
    fit = int(budget.left // asked.each)
    return min(4, 1 << (fit.bit_length() - 1)) if fit else 0


def left_words(budget: Budget | None, asked: Quote) -> str:
    """What is left of the month, for the row beside the button; empty where no limit matters."""
    if budget is None or budget.limit is None or budget.left is None or asked.amount == 0:
        return ""
    left = f"{dollars(budget.left)} of {dollars(budget.limit)} left this month"
    return left if asked.each is not None else f"so {NOT_HELD} ({left})"


def set_limit(team: Team, limit: Decimal | None, *, allow_unknown: bool | None = None) -> Budget:
    """A new limit from this month on (None: no limit). What is reserved or spent already stays, even above it."""
    with transaction.atomic():
        budget = Budget.objects.select_for_update(no_key=True).get(pk=Budget.objects.open(team).pk)
        budget.limit, budget.limit_set_at = limit, timezone.now()  # after the lock: reservations before it are older
        budget.allow_unknown = budget.allow_unknown if allow_unknown is None else allow_unknown
        budget.save(update_fields=("limit", "limit_set_at", "allow_unknown"))
    return budget


# --- E1: reserving -------------------------------------------------------------------------------------------------------
def reserve(rows: list[Generation], confirmation: int = 1) -> None:
    """Hold the frozen price of all `rows` (one press) or of none. The caller holds the transaction. Raises OverBudget."""
    first = rows[0]
    budget = Budget.objects.open(first.team)
    asked = Quote(first.price_amount, len(rows), first.price_words)
    if refused := refusal(budget, asked) if asked.each is None else _not_taken(budget, asked):
        raise OverBudget(f"{refused} Nothing was sent.")
    Ledger.objects.bulk_create(
        Ledger(generation=row, budget=budget, confirmation=confirmation, kind=Ledger.RESERVE, amount=row.price_amount)
        for row in rows
    )


def _not_taken(budget: Budget, asked: Quote) -> str:
    if not asked.amount or budget.take(asked.amount):
        return ""
    budget.refresh_from_db()
    return refusal(budget, asked) or "Another shot was quicker and took the rest of this month's budget. Try once more."


# --- every edge ------------------------------------------------------------------------------------------------------------
def on_edge(generation: Generation, before: str, to: str, charged: str) -> None:
    """Move the money that belongs to an edge, in the edge's own transaction. Raises OverBudget for a second payment."""
    if before == State.UNKNOWN and to == State.QUEUED:
        reserve([generation], confirmation=generation.ledger.filter(kind=Ledger.RESERVE).count() + 1)
    elif to in TERMINAL:
        _close(generation, charged)
    elif before in TERMINAL:  # an acceptance after a release, or a result that is fetched again: paid for in any case
        _close(locked(generation), Charged.YES)


def recount(generation: Generation) -> None:
    """After news about an old request: a shot at its end holds no more than is in doubt."""
    row = locked(generation)
    if row.state in TERMINAL:
        _close(row, row.charged)


def came_late(generation: Generation, task_id: str, words: str) -> None:
    """A provider turned out to have accepted one more request of this shot. A shot at its end was then charged after all."""
    row = locked(generation)
    if row.state not in TERMINAL or row.provider_task_id == task_id:
        return  # its end counts every request
    _close(row, row.charged)
    fields = {"message": words} if row.charged == Charged.NO else {}
    Generation.objects.filter(pk=row.pk).update(charged=Charged.YES, updated_at=timezone.now(), **fields)


def extra_charge(generation: Generation, note: str) -> None:
    """Write down that the provider billed once more than was confirmed; the same note counts once."""
    first = generation.ledger.filter(kind=Ledger.RESERVE).first()
    if first is not None and not generation.ledger.filter(kind=Ledger.CORRECT, note=note).exists():
        _correct(first, note)


def _close(generation: Generation, charged: str) -> None:
    """Settle what was certainly charged, hold what is in doubt, release the rest. Doing it twice changes nothing."""
    entries = list(generation.ledger.select_related("budget"))
    certain, doubtful = _requests(generation, charged)
    waiting = _open(entries)
    missing = certain - sum(entry.kind == Ledger.SETTLE or entry.note == BEYOND for entry in entries)
    for _ in range(missing if entries else 0):
        if waiting:
            end(waiting.pop(0), Ledger.SETTLE)
        else:
            _correct(entries[0], BEYOND)
    for entry in waiting[doubtful:]:
        end(entry, Ledger.RELEASE)


def _requests(generation: Generation, charged: str) -> tuple[int, int]:
    """(how many requests were certainly charged, how many perhaps). More than one only after "Send again", or when an
    answer came late; the shot's own request is the one whose id it carries.
    """
    attempts = list(generation.attempts.order_by("n").values_list("state", "provider_task_id", "n"))
    accepted = [task or n for state, task, n in attempts if state == Attempt.ACCEPTED]  # some providers give no id
    doubts = sum(state in (Attempt.UNKNOWN, Attempt.INTENT) for state, _, _ in attempts)
    own = generation.provider_task_id or next((each for each in reversed(accepted) if isinstance(each, int)), None)
    extras = len({*accepted} - {own})
    if own and own not in accepted:
        doubts -= 1  # a person found the id: that request is no longer in doubt
    settled = charged == Charged.YES and bool(own or not extras)
    if charged == Charged.NO:
        return extras, 0
    if own:
        return extras + settled, max(0, doubts) + (charged == Charged.UNKNOWN)
    return extras + settled, max(0, doubts - settled)


def _open(entries: Iterable[Ledger]) -> list[Ledger]:
    """The reservations that have not ended, the oldest first."""
    ended = {entry.confirmation for entry in entries if entry.kind in (Ledger.SETTLE, Ledger.RELEASE)}
    return [entry for entry in entries if entry.kind == Ledger.RESERVE and entry.confirmation not in ended]


def end(entry: Ledger, kind: str, note: str = "") -> None:
    """Settle or release one reservation, in the month that it was made in."""
    Ledger.objects.create(
        generation_id=entry.generation_id, budget=entry.budget, confirmation=entry.confirmation, kind=kind,
        amount=entry.amount, note=note,
    )  # fmt: skip
    amount = entry.amount or ZERO
    entry.budget.add(reserved=-amount, spent=amount if kind == Ledger.SETTLE else ZERO)


def _correct(entry: Ledger, note: str) -> None:
    """Beyond the limit if need be: the provider bills it whatever our budget says."""
    Ledger.objects.create(
        generation_id=entry.generation_id, budget=entry.budget, confirmation=entry.confirmation,
        kind=Ledger.CORRECT, amount=entry.amount, note=note,
    )  # fmt: skip
    entry.budget.add(spent=entry.amount or ZERO)


def locked(generation: Generation) -> Generation:
    """The row as it is now, for this transaction alone."""
    return Generation.objects.select_for_update(no_key=True).get(pk=generation.pk)


def open_reservations(generation: Generation) -> list[Ledger]:
    return _open(generation.ledger.select_related("budget"))


def oldest(held: list[Ledger]) -> str:
    """The name of the first of these reservations, as a page sends it back; empty for none."""
    return str(held[0].confirmation) if held else ""


# --- after: what it did cost ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Cost:
    """What one shot cost so far. `spent` is None when something was charged whose price is not known."""

    spent: Decimal | None
    held: int  # reservations that wait for an answer or for a person
    asks: bool  # whether a person must say if it was charged
    oldest: str  # the confirmation that this question is about, when one holds money


def cost(generation: Generation) -> Cost:
    entries = list(generation.ledger.select_related("budget"))
    paid = [entry.amount for entry in entries if entry.kind in (Ledger.SETTLE, Ledger.CORRECT)]
    held = _open(entries)
    doubt = held or (generation.charged == Charged.UNKNOWN and not entries)
    asks = generation.is_final and bool(doubt) and not generation.provider_key.is_sandbox
    known = [amount for amount in paid if amount is not None]
    return Cost(sum(known, ZERO) if len(known) == len(paid) else None, len(held), asks, oldest(held))


# --- the promise -----------------------------------------------------------------------------------------------------------
def check(team: Team) -> list[str]:
    """Every way in which the books of a team do not add up, as sentences; empty when they do."""
    with transaction.atomic():
        months = Budget.objects.select_for_update(no_key=True).filter(team=team).order_by("month")
        found = [f"{month}: {wrong}" for month in months for wrong in _wrong_sums(month)]
    rows = Generation.objects.of_team(team).filter(ledger__isnull=False).distinct().prefetch_related("ledger")
    for row in rows.iterator(chunk_size=500):
        if _wrong(row, list(row.ledger.all())):
            with transaction.atomic():  # it may only have moved while we read, so look once more with nobody moving it
                row = locked(row)
                found += [
                    f"shot {row.pk} {wrong}." for wrong in _wrong(row, list(Ledger.objects.filter(generation=row)))
                ]
    return found


def _wrong_sums(month: Budget) -> Iterable[str]:
    """A limit may be lowered below what is spent, and a provider may bill twice; a reservation never goes beyond it."""
    entries = list(month.ledger.all())
    total = {kind: sum((e.amount or ZERO for e in entries if e.kind == kind), ZERO) for kind, _ in Ledger.KINDS}
    reserved = total[Ledger.RESERVE] - total[Ledger.SETTLE] - total[Ledger.RELEASE]
    spent = total[Ledger.SETTLE] + total[Ledger.CORRECT]
    if month.reserved != reserved:
        yield f"{dollars(month.reserved)} is reserved, but the open reservations come to {dollars(reserved)}."
    if month.spent != spent:
        yield f"{dollars(month.spent)} is spent, but the settled reservations come to {dollars(spent)}."
    if month.reserved < 0 or month.spent < 0:
        yield "a sum is negative."
    under_it = any(e.at > month.limit_set_at for e in entries if e.kind == Ledger.RESERVE and e.amount)
    if month.limit is not None and under_it and reserved + spent - total[Ledger.CORRECT] > month.limit:
        yield f"{dollars(reserved + spent)} is reserved or spent, above the limit of {dollars(month.limit)}."


def _wrong(row: Generation, entries: list[Ledger]) -> list[str]:
    held, paid = len(_open(entries)), any(entry.kind in (Ledger.SETTLE, Ledger.CORRECT) for entry in entries)
    at_end = row.state in TERMINAL
    wrong = {
        "has an amount that is not its price": any(entry.amount != row.price_amount for entry in entries),
        "is on its way with nothing reserved": not at_end and not held and not paid,
        "was not charged, but money is held": at_end and row.charged == Charged.NO and held > 0,
        "may have been charged, but nothing is held": at_end and row.charged == Charged.UNKNOWN and not (held or paid),
        "was charged, but nothing is settled": at_end and row.charged == Charged.YES and not paid,
    }
    return [words for words, is_so in wrong.items() if is_so]
