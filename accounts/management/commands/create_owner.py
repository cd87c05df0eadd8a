"""`manage.py create_owner --email E [--team T]`: an owner without a browser, of a new team or of one that is there."""

import getpass
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.db.models import Model

from accounts.models import Team, User
from accounts.teams import add_owner, create_team

REFUSED = 2  # exit code: refused before anything was written


class Command(BaseCommand):
    help = (
        "Make an administrator who owns a team: the one of that name, or a new one. Password: STUDIO_OWNER_PASSWORD, or a"
        " line on standard input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="", help="what others see; the e-mail address when empty")
        parser.add_argument("--team", default="Studio", help="its name; new when no team has it (default: Studio)")

    def handle(self, *args: object, email: str, name: str, team: str, **options: object) -> None:
        email, team = email.strip().lower(), team.strip()
        _check("e-mail address", _fits(User, "email"), email)
        _check("name", _fits(User, "name"), name)
        _check("name of the team", _fits(Team, "name"), team)
        if User.objects.filter(email=email).exists():
            raise _exists(email)
        there = _team(team)
        password = _password()
        _check("password", lambda value: validate_password(value, User(email=email, name=name)), password)
        try:
            with transaction.atomic():
                owner = User.objects.create_superuser(email, password, name=name)
                add_owner(there, owner) if there else create_team(team, owner)
        except IntegrityError:
            raise _exists(email) from None
        how = f"is an owner of the team {there}, which was there already," if there else f"owns the new team {team}"
        self.stdout.write(f"{email} {how} and can sign in now.")


def _team(name: str) -> Team | None:
    """The team of this name; a second one of the same name would hide the shots and keys of the first."""
    found = list(Team.objects.filter(name=name)[:2])
    if len(found) > 1:
        words = (
            f"Several teams are called {name}. Nobody was added. Give one of them another name in the administration."
        )
        raise CommandError(words, returncode=REFUSED)
    return found[0] if found else None


def _password() -> str:
    given = os.environ.get("STUDIO_OWNER_PASSWORD", "")
    if given:
        return given
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _fits(model: type[Model], field: str) -> Callable[[str], object]:
    """The same that the pages ask for: SQLite would keep any text, and a team without a name."""
    return lambda value: model._meta.get_field(field).clean(value, None)  # type: ignore[union-attr]


def _check(what: str, check: Callable[[str], object], value: str) -> None:
    try:
        check(value)
    except ValidationError as refused:
        sentence = f"The {what} was refused: {' '.join(refused.messages)} Nobody was added."
        raise CommandError(sentence, returncode=REFUSED) from None


def _exists(email: str) -> CommandError:
    return CommandError(
        f"{email} has an account already. Nobody was added. Sign in, or change the password with"
        f" manage.py changepassword {email}.",
        returncode=REFUSED,
    )
