"""`manage.py test_key`: what free questions prove about the keys of a team. Exit code 1 when one does not work."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generations import lifecycle
from generations.models import ProviderKey
from generations.registry import PROVIDERS

from .add_key import find_team


class Command(BaseCommand):
    help = "Test provider keys free of charge: never a generation. Says what was proved."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", default="", help="the team's name; not needed when there is one team")
        parser.add_argument("--provider", default="", help=f"only this one: {', '.join(PROVIDERS)}")

    def handle(self, *args: object, team: str, provider: str, **options: Any) -> None:
        found = ProviderKey.objects.filter(team=find_team(team)).exclude(state=ProviderKey.DISABLED).order_by("pk")
        found = found.filter(provider=provider) if provider else found
        if not found:
            raise CommandError("There is no such key. Nothing was tested.", returncode=2)
        proofs = [(key, lifecycle.prove(key)) for key in found]
        for key, proof in proofs:
            self.stdout.write(f"{'works' if proof.works else 'FAILS'}  {key}: {proof}")
        if not all(proof.works for _, proof in proofs):
            raise CommandError("A key does not work.", returncode=1)
