"""`manage.py seed --shots 500`: a studio to look at, with real clips and without any provider."""

import os
import secrets
import time
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Team, User
from accounts.teams import create_team
from generations import seeding
from generations.models import ProviderKey
from generations.seeding.clips import NoClips
from generations.seeding.words import SCENES

from .add_key import REFUSED, find_team

OWNER = "ines@example.org"
MOST = 20_000


class Command(BaseCommand):
    help = (
        "Fill a team with demonstration shots: people, four weeks of shots in every state, real clips, saved prompts, a link."
        " Asks no provider and costs nothing; the same number again adds nothing. Shots on their way stand still for six"
        " hours, then the engine treats them like any other."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--shots", type=int, default=500, help=f"how many there are to be, up to {MOST} (default: 500)"
        )
        parser.add_argument("--team", default="", help="an existing team; without any, “Harbour film” is made")
        parser.add_argument(
            "--clips", type=int, default=len(SCENES), help="distinct clips to render, fewer are quicker"
        )

    def handle(self, *args: object, shots: int, team: str, clips: int, **options: object) -> None:
        if not (0 < shots <= MOST and 0 < clips <= len(SCENES)):
            raise CommandError(
                f"Say 1 to {MOST} shots and 1 to {len(SCENES)} clips. Nothing was made.", returncode=REFUSED
            )
        owner = find_team(team) if team or Team.objects.exists() else self._first_team()
        _check(owner)
        say = self.stdout.write if int(str(options.get("verbosity", 1))) > 1 else None
        began = time.monotonic()
        try:
            made = seeding.fill(owner, shots, scenes=clips, say=say)
        except NoClips as error:
            raise CommandError(f"{error}. No shot was made.") from None
        took = f"{made.shots} shots with {made.files} files in {time.monotonic() - began:.0f} s."
        self.stdout.write(f"{owner}: {took if made.shots else 'they are all there.'}")

    def _first_team(self) -> Team:
        """An owner who can sign in: with STUDIO_OWNER_PASSWORD, else with a password that is shown once."""
        password = os.environ.get("STUDIO_OWNER_PASSWORD", "")
        shown = "" if password else secrets.token_urlsafe(12)
        with transaction.atomic():
            team = create_team(
                "Harbour film", User.objects.create_superuser(OWNER, password or shown, name="Ines Moreau")
            )
        self.stdout.write(f"{OWNER} can sign in{f' with the password {shown}' if shown else ''}.")
        return team


def _check(team: Team) -> None:
    """Demonstration shots have no place beside paid ones."""
    keys = ProviderKey.objects.filter(team=team)
    if keys.filter(is_sandbox=False).exists():
        words = f"{team} has a real key, so it is not filled with demonstration shots. Make a team for them. Nothing was made."
        raise CommandError(words, returncode=REFUSED)
    if not keys.filter(is_sandbox=True).exists():
        words = (
            f"{team} has no key of the sandbox, and demonstration shots belong to one. Start with STUDIO_SANDBOX=on."
        )
        raise CommandError(f"{words} Nothing was made.", returncode=REFUSED)
