"""Verbs on teams."""

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from .models import Membership, Team, User


def equip(team: Team) -> None:
    """Calls every function named in `STUDIO_NEW_TEAM` with the new team (the sandbox's demo keys are made this way).

    A list of names instead of an import, because accounts must not know what a team is used for.
    """
    for name in settings.STUDIO_NEW_TEAM:
        import_string(name)(team)


@transaction.atomic
def create_team(name: str, owner: User) -> Team:
    """A team with its first owner, ready for work. All of it or nothing."""
    team = Team.objects.create(name=name)
    Membership.objects.create(team=team, user=owner, role=Membership.OWNER)
    equip(team)
    return team


def add_owner(team: Team, owner: User) -> None:
    """Another owner of a team that is there already, with its keys and shots."""
    Membership.objects.create(team=team, user=owner, role=Membership.OWNER)


class LastOwner(Exception):
    """A team needs an owner: nobody else could invite, or say that a key works again. Nothing was changed."""


@transaction.atomic
def remove(membership: Membership) -> None:
    """Take a person out of a team; their shots stay with it. Their next request finds them out. Raises LastOwner."""
    _keep_an_owner(membership)
    Membership.objects.filter(pk=membership.pk).delete()


@transaction.atomic
def set_role(membership: Membership, role: str) -> None:
    """Raises LastOwner."""
    if role != Membership.OWNER:
        _keep_an_owner(membership)
    Membership.objects.filter(pk=membership.pk).update(role=role)


def _keep_an_owner(leaving: Membership) -> None:
    Team.objects.select_for_update().get(pk=leaving.team_id)  # two owners who leave at the same moment meet here
    owners = Membership.objects.filter(team=leaving.team_id, role=Membership.OWNER)
    others = owners.filter(user__is_active=True).exclude(pk=leaving.pk)  # one who cannot sign in invites nobody
    if owners.filter(pk=leaving.pk).exists() and not others.exists():
        raise LastOwner("A team needs an owner. Make somebody else one first. Nothing was changed.")
