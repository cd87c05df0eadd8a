"""The command palette: pages, models and recent shots by a few letters. A page of its own without JavaScript."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.requests import StudioRequest

from ..models import Asset, Generation
from ..registry import PROVIDERS
from . import catalogue
from .access import team_required, wants_fragment
from .filters import Filters

MOST_SHOTS, MOST_MODELS = 6, 5


@dataclass(frozen=True)
class Place:
    """One line: where it leads, what it says, what stands behind it. `shot` has its picture."""

    href: str
    words: str
    hint: str = ""
    icon: str = "arrow-right"
    shot: int | None = None


@require_safe
@team_required
def palette(request: StudioRequest) -> HttpResponse:
    """`?q=` finds; `>` before it looks at pages only. Nothing typed: the pages and the newest shots."""
    typed = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:200]
    words = typed.removeprefix(">").strip()
    groups = [("Go to", pages(request, words))]
    if not typed.startswith(">"):
        groups = [("Shots", shots(request, words)), *groups, ("Models", models(words) if words else [])]
    found = [(name, places) for name, places in groups if places]
    context = {"groups": found, "typed": typed, "fragment": wants_fragment(request)}
    return render(request, f"generations/{'_palette' if context['fragment'] else 'palette'}.html", context)


def pages(request: StudioRequest, words: str) -> list[Place]:
    gallery = reverse("gallery")
    known = [
        Place(reverse("create"), "Create", "a new shot", "clapperboard"),
        Place(gallery, "Gallery", "finished shots", "images"),
        Place(f"{gallery}?favourites=1", "Favourites", "in the gallery", "heart"),
        Place(f"{gallery}?show=failed", "Failed shots", "in the gallery", "circle-alert"),
        Place(reverse("collections"), "Collections", "shots that belong together", "folder-plus"),
        Place(reverse("cast"), "Cast", "characters", "users-round"),
        Place(reverse("queue"), "Queue", "what is being made", "list-video"),
        Place(reverse("unknown"), "Unknown outcomes", "what waits for a decision", "triangle-alert"),
        Place(reverse("models"), "Models", "what there is to choose from", "film"),
        Place(reverse("bin"), "Bin", "shots that can be restored", "trash-2"),
        Place(reverse("account_change_password"), "Change password", "your account", "lock"),
    ]
    if request.user.is_superuser:
        known.append(Place(reverse("admin:index"), "Administration", "keys, models, people", "settings-2"))
    return [place for place in known if _fits(words, f"{place.words} {place.hint}")]


def models(words: str) -> list[Place]:
    found = [
        Place(
            f"{reverse('create')}?model={spec.slug}",
            spec.name,
            f"create with it, {PROVIDERS[spec.provider].name}",
            "film",
        )
        for spec in catalogue.offered()
        if _fits(words, f"{spec.name} {PROVIDERS[spec.provider].name}")
    ]
    return found[:MOST_MODELS]


def shots(request: StudioRequest, words: str) -> list[Place]:
    """The newest shots of the team with these words, in any state but binned."""
    rows = Filters(text=words, show="everything").apply(Generation.objects.of_team(request.team).kept())
    rows = rows.only("title", "prompt", "model", "state").order_by("-created_at", "-id")[:MOST_SHOTS]
    posters = set(
        Asset.objects.filter(generation__in=[row.pk for row in rows], kind=Asset.POSTER_SMALL).values_list(
            "generation_id", flat=True
        )
    )
    return [
        Place(reverse("shot", args=[row.pk]), row.shown_title, f"{row.model_name} · {row.get_state_display()}", "film",
              row.pk if row.pk in posters else None)
        for row in rows
    ]  # fmt: skip


def _fits(words: str, text: str) -> bool:
    return all(word in text.lower() for word in words.lower().split())
