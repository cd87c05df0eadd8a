"""The first run: a printed link that makes the first account, exactly once.

There is no default password. Whoever reads the terminal (or the container's log) of the machine may set the studio up;
the link closes itself with the first account, and two people who follow it at the same moment cannot both win.
"""

import hashlib
import secrets

from django.db import transaction
from django.utils import timezone

from .models import FirstRun, User
from .teams import create_team

ROW = 1  # the one row, so that two processes that print a link at the same moment meet in it


class SetupClosed(Exception):
    """The link is wrong, used, replaced by a newer one, or no longer needed. The message is a sentence for the page."""


CLOSED = "This setup link does not work: it was used, replaced by a newer one, or mistyped. Nothing was changed."


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def open_setup() -> str | None:
    """A new token (256 bit, URL-safe) for the link `/setup/<token>/`; None once anybody has an account.

    Only its hash is kept, so it can be shown once. Each call replaces the token before it.
    """
    if User.objects.exists():
        return None
    row, _ = FirstRun.objects.select_for_update().get_or_create(pk=ROW)
    if User.objects.exists():  # asked again after the lock: a setup that is finishing right now has committed by then
        return None
    token = secrets.token_urlsafe(32)
    row.token_hash, row.used_at, row.created_at = _hash(token), None, timezone.now()
    row.save()
    return token


def is_open(token: str) -> bool:
    """Whether this token would be taken now. Only for showing the form; `complete_setup` decides."""
    return FirstRun.objects.filter(token_hash=_hash(token), used_at=None).exists() and not User.objects.exists()


@transaction.atomic
def complete_setup(token: str, *, email: str, password: str, name: str, team_name: str) -> User:
    """Takes the token and makes the first person (superuser) and their team. The password is checked by the form.

    Raises SetupClosed when the token is not the open one; then nothing is changed.
    """
    taken = FirstRun.objects.filter(token_hash=_hash(token), used_at=None).update(used_at=timezone.now())
    if taken != 1 or User.objects.exists():
        raise SetupClosed(CLOSED)
    user = User.objects.create_superuser(email, password, name=name)
    create_team(team_name, user)
    return user
