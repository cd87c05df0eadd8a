"""Collections: shots under a name that is its own within the team. A shot may be in several."""

from collections.abc import Iterable

from django.db import transaction

from accounts.models import Team, User

from .models import Collection, Generation

LONGEST_NAME = 80


@transaction.atomic
def collect(team: Team, by: User, name: str, shots: Iterable[Generation]) -> Collection:
    """Put shots of the team into the collection of that name; a name that is new makes one."""
    Team.objects.select_for_update().get(pk=team.pk)  # two people may say the same name at the same moment
    words = " ".join(name.split())[:LONGEST_NAME]
    found, _ = Collection.objects.get_or_create(team=team, name=words, defaults={"created_by": by})
    found.shots.add(*[shot.pk for shot in shots if shot.team_id == team.pk])
    return found


def take_out(collection: Collection, shots: Iterable[Generation]) -> None:
    collection.shots.remove(*[shot.pk for shot in shots])


@transaction.atomic
def rename(collection: Collection, name: str) -> bool:
    """False when another collection of the team has this name."""
    Team.objects.select_for_update().get(pk=collection.team_id)
    words = " ".join(name.split())[:LONGEST_NAME]
    taken = Collection.objects.filter(team=collection.team_id, name=words).exclude(pk=collection.pk).exists()
    if words and not taken:
        Collection.objects.filter(pk=collection.pk).update(name=words)
    return bool(words) and not taken
