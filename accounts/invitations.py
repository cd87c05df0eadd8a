"""Invitations: a link that lets one person into one team, once, within a week, in the role that an owner chose."""

import datetime as dt

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from .guessing import hash_of, new_token
from .models import Invitation, Membership, Team, User

LIFE = dt.timedelta(days=7)
CLOSED = (
    "This invitation does not work: it was used, withdrawn, is older than 7 days, or was mistyped. Nothing was changed."
)


class InvitationClosed(Exception):
    """The invitation cannot be taken, or not by this person. The message is a sentence for the page."""


def invite(team: Team, by: User, role: str, email: str = "") -> tuple[Invitation, str]:
    """A new invitation and its token, which is shown once: only a hash of it is kept. With `email` it is for that address."""
    token = new_token()
    made = Invitation.objects.create(
        team=team, created_by=by, role=role, email=email.strip().lower(), token_hash=hash_of(token),
        expires_at=timezone.now() + LIFE,
    )  # fmt: skip
    return made, token


def open_ones() -> QuerySet[Invitation]:
    """Not used, not withdrawn, not too old, and from somebody who still owns the team."""
    still_owner = Q(
        created_by__is_active=True,
        created_by__memberships__team=F("team"),
        created_by__memberships__role=Membership.OWNER,
    )
    fresh = Q(used_at=None, revoked_at=None, expires_at__gt=timezone.now())
    return Invitation.objects.filter(still_owner, fresh).select_related("team", "created_by")


def find(token: str) -> Invitation | None:
    """The invitation behind a link, while it can be taken."""
    return open_ones().filter(token_hash=hash_of(token)).first()


@transaction.atomic
def accept(token: str, user: User) -> Membership:
    """Let `user` into the team. Whoever is in it already keeps role and link as they are. Raises InvitationClosed."""
    invitation = find(token)
    if invitation is None:
        raise InvitationClosed(CLOSED)
    if invitation.email and invitation.email != user.email:
        raise InvitationClosed("This invitation is for another address. Sign in with that one. Nothing was changed.")
    member = Membership.objects.filter(team=invitation.team, user=user).first()
    return member or _take(invitation, user)


@transaction.atomic
def accept_as_new(token: str, *, email: str, password: str, name: str) -> User:
    """Make the account and let it in, both or neither. The password is checked by the form. Raises InvitationClosed."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, name=name)
    except IntegrityError:
        raise InvitationClosed("This address has just got an account. Sign in with it, then follow the link.") from None
    accept(token, user)
    return user


def _take(invitation: Invitation, user: User) -> Membership:
    # By compare-and-set on the row's own columns: of two people who press at the same moment one is let in.
    rows = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None)
    if not rows.update(used_at=timezone.now(), used_by=user):
        raise InvitationClosed(CLOSED)
    return Membership.objects.create(team=invitation.team, user=user, role=invitation.role)


def revoke(invitation: Invitation) -> bool:
    """False when it was used or withdrawn before."""
    rows = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None)
    return bool(rows.update(revoked_at=timezone.now()))
