"""`manage.py create_owner --email E [--team T]`: an owner without a browser."""

import getpass
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.teams import create_team

REFUSED = 2  # exit code: refused before anything was written


class Command(BaseCommand):
    help = "Make an administrator who owns a new team. Password: STUDIO_OWNER_PASSWORD, or a line on standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="", help="what others see; the e-mail address when empty")
        parser.add_argument("--team", default="Studio", help="name of the new team (default: Studio)")

    def handle(self, *args: object, email: str, name: str, team: str, **options: object) -> None:
        email = email.strip().lower()
        _check("e-mail address", validate_email, email)
        if User.objects.filter(email=email).exists():
            raise _exists(email)
        password = _password()
        _check("password", lambda value: validate_password(value, User(email=email, name=name)), password)
        try:
            with transaction.atomic():
                create_team(team, User.objects.create_superuser(email, password, name=name))
        except IntegrityError:
            raise _exists(email) from None
        self.stdout.write(f"{email} owns the team {team} and can sign in now.")


def _password() -> str:
    given = os.environ.get("STUDIO_OWNER_PASSWORD", "")
    if given:
        return given
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _check(what: str, check: Callable[[str], None], value: str) -> None:
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
