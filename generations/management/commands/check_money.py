"""`manage.py check_money`: proof that every team's books add up. Exit code 1 and a sentence for each thing that does not."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import Team
from generations.lifecycle import money
from generations.models import Ledger


class Command(BaseCommand):
    help = "Check that budgets, ledger and shots agree. Changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        teams = list(Team.objects.order_by("name"))
        found = [f"{team}: {wrong}" for team in teams for wrong in money.check(team)]
        for wrong in found:
            self.stderr.write(wrong)
        if found:
            sys.exit(1)
        self.stdout.write(f"{len(teams)} teams, {Ledger.objects.count()} ledger entries: everything adds up.")
