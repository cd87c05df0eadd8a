"""`manage.py set_budget --team T --monthly 100`: what a team's shots may cost in a month, from this month on."""

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation

from django.core.management.base import BaseCommand, CommandError

from generations.lifecycle import money
from generations.prices import dollars

from .add_key import REFUSED, find_team

MOST = Decimal(1_000_000_000)


class Command(BaseCommand):
    help = "Limit what a team's shots may cost in a month, in USD."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", default="", help="needed when there is more than one")
        parser.add_argument(
            "--monthly", required=True, metavar="USD", help="for example 100 or 99.50; none for no limit"
        )
        parser.add_argument(
            "--unknown", choices=("allow", "refuse"), help="shots whose price is not published (they cannot be counted)"
        )

    def handle(self, *args: object, team: str, monthly: str, unknown: str | None, **options: object) -> None:
        owner = find_team(team)
        allow = None if unknown is None else unknown == "allow"
        budget = money.set_limit(owner, _amount(monthly), allow_unknown=allow)
        if budget.limit is None or budget.left is None:
            self.stdout.write(f"{owner} has no limit any more.")
            return
        unpriced = "are allowed and not counted" if budget.allow_unknown else "are refused"
        self.stdout.write(
            f"{owner} may spend {dollars(budget.limit)} a month. This month {dollars(budget.spent)} is spent, "
            f"{dollars(budget.reserved)} is held and {dollars(budget.left)} is left. Shots without a published price {unpriced}."
        )


def _amount(text: str) -> Decimal | None:
    if text.strip().lower() == "none":
        return None
    try:
        amount = Decimal(text.strip().lstrip("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= MOST):
        raise CommandError(
            f"{text!r} is not an amount. Say for example --monthly 100, or --monthly none. Nothing was changed.",
            returncode=REFUSED,
        )
    return amount
