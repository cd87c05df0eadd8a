"""`manage.py add_key --team T --provider apertis`: a provider key without a browser. The secret is never an argument.

With `--replace 1234` the key of this team that ends so gets another secret; its shots stay with it.
"""

import getpass
import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Team
from generations import keys, lifecycle
from generations.models import ProviderKey
from generations.registry import PROVIDERS

REFUSED = 2  # exit code: nothing was stored


class Command(BaseCommand):
    help = "Store a provider key for a team, encrypted. The secret is read from standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", required=True, help="the team's name")
        parser.add_argument("--provider", required=True, help=f"one of: {', '.join(PROVIDERS)}")
        parser.add_argument("--base-url", default="", help="another host that speaks the provider's protocol")
        parser.add_argument("--label", default="", help="what the studio calls the key")

        parser.add_argument(
            "--replace", default="", metavar="1234", help="the last four characters of the key to replace"
        )

    def handle(
        self, *args: object, team: str, provider: str, base_url: str, label: str, replace: str, **options: object
    ) -> None:
        owner = find_team(team)
        old = find_key(owner, provider, replace) if replace else None
        try:
            if old is not None:
                lifecycle.replace_secret(old, _secret())
                self.stdout.write(
                    f"{owner}: the key …{replace} was replaced. A free question tests it before anything is sent."
                )
                return
            key = keys.add_key(team=owner, provider=provider, secret=_secret(), base_url=base_url, label=label)
        except keys.UnusableKey as error:
            raise CommandError(f"{error} Nothing was stored.", returncode=REFUSED) from None
        self.stdout.write(
            f"{owner} has a key for {PROVIDERS[provider].name}, ending in {key.last4}, at {key.base_url}."
        )


def find_team(name: str) -> Team:
    """The one team of that name, or the only team when no name is given. Raises CommandError."""
    found = list(Team.objects.filter(name__iexact=name)[:2]) if name else list(Team.objects.all()[:2])
    if len(found) == 1:
        return found[0]
    teams = ", ".join(Team.objects.order_by("name").values_list("name", flat=True)[:20]) or "none yet"
    what = (
        f"There is no team {name!r}"
        if name and not found
        else "More than one team fits"
        if found
        else "There is no team"
    )
    raise CommandError(f"{what}. Teams: {teams}. Nothing was done.", returncode=REFUSED)


def find_key(team: Team, provider: str, last4: str) -> ProviderKey:
    """The one key of the team that ends so. Raises CommandError."""
    found = list(ProviderKey.objects.filter(team=team, provider=provider, last4=last4)[:2])
    if len(found) == 1:
        return found[0]
    what = "More than one key" if found else "No key"
    raise CommandError(f"{what} of {team} for {provider} ends in {last4}. Nothing was stored.", returncode=REFUSED)


def _secret() -> str:
    return getpass.getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
