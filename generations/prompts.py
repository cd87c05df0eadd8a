"""Saved prompts: a text by a name that is its own within the team."""

from django.db import transaction
from django.utils import timezone

from accounts.models import Team, User

from .models import Prompt

LONGEST_NAME = 120


@transaction.atomic
def save(team: Team, by: User, text: str, name: str = "") -> tuple[Prompt, bool]:
    """The saved prompt, and whether it is new: the same text is not saved twice, unless under a name that was asked for."""
    Team.objects.select_for_update().get(pk=team.pk)  # two saves at the same moment find two names
    name = " ".join(name.split())
    same = Prompt.objects.filter(team=team, text=text, deleted_at=None)
    if found := (same.filter(name=name) if name else same).first():
        return found, False
    return Prompt.objects.create(team=team, created_by=by, text=text, name=free_name(team, name or text)), True


@transaction.atomic
def rename(prompt: Prompt, name: str) -> Prompt:
    Team.objects.select_for_update().get(pk=prompt.team_id)
    prompt.name = free_name(prompt.team, name, prompt)
    Prompt.objects.filter(pk=prompt.pk).update(name=prompt.name)
    return prompt


def delete(prompt: Prompt) -> None:
    Prompt.objects.filter(pk=prompt.pk, deleted_at=None).update(deleted_at=timezone.now())


@transaction.atomic
def restore(prompt: Prompt) -> Prompt:
    """Back in the list; when its name was given away meanwhile, with a number behind it."""
    rename(prompt, prompt.name)
    Prompt.objects.filter(pk=prompt.pk).update(deleted_at=None)
    return prompt


def free_name(team: Team, wanted: str, of: Prompt | None = None) -> str:
    """`wanted` on one line and not too long; with " 2", " 3" … behind it when another prompt is called so."""
    words = " ".join(wanted.split()) or "Prompt"
    words = words if len(words) <= 60 or of else words[:60].rsplit(" ", 1)[0] + "…"
    words = words[: LONGEST_NAME - 6]
    others = Prompt.objects.filter(team=team, deleted_at=None, name__startswith=words)
    taken = set((others.exclude(pk=of.pk) if of else others).values_list("name", flat=True))
    names = [words, *(f"{words} {n}" for n in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)
