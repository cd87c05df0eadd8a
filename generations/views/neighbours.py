"""What stands before and after a shot in the gallery, and at which place it stands itself, the newest first: among all
finished shots, or among those that one has filtered.
"""

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from ..models import Asset, Generation
from ..models.generation import GenerationQuerySet
from ..states import State
from .filters import Filters
from .paging import COUNTED, count_of

ALL = Filters()
LONGEST = 2000  # characters of an address that are read


def of(shot: Generation, within: Filters = ALL) -> dict[str, object]:
    """For the page of a shot: the ids of its neighbours, which of them have a picture to load, and "3 of 214". With `within`
    among what these filters find, as long as the shot is one of it; `within` is then their query.
    """
    every = Generation.objects.of_team(shot.team).kept()
    if within and not within.apply(every).filter(pk=shot.pk).exists():
        within = ALL
    shots = within.apply(every)
    newer, older = _newer(shots, shot), _older(shots, shot)
    before = newer.order_by("created_at", "id").values_list("pk", flat=True).first()
    after = older.order_by("-created_at", "-id").values_list("pk", flat=True).first()
    is_there = bool(within) or (shot.state == State.DONE and not shot.deleted_at)
    place = (count_of(newer) if before else 0) + 1
    return {
        "newer": before,
        "older": after,
        "posters": _pictured(before, after),
        "place": place_words(place, count_of(shots)) if is_there else "",
        "within": within.query() if within else "",
    }


def came_from(request: HttpRequest) -> Filters:
    """The filters that the person came with: named in the address by a neighbour, else those of the gallery one comes from."""
    if "within" in request.GET:
        return Filters.of(QueryDict(request.GET["within"][:LONGEST]))
    came, _, query = request.headers.get("Referer", "")[:LONGEST].partition("?")
    return Filters.of(QueryDict(query)) if came == request.build_absolute_uri(reverse("gallery")) else ALL


def place_words(place: int, total: int) -> str:
    """ "3 of 214", "3 of more than 1,000"; far down only that it is one of them, because nobody counts that far."""
    if place > COUNTED:
        return f"one of more than {COUNTED:,}"
    return f"{place:,} of {total:,}" if total <= COUNTED else f"{place:,} of more than {COUNTED:,}"


def _newer(shots: GenerationQuerySet, shot: Generation) -> GenerationQuerySet:
    """Moments in the form that both databases walk the index for, as in paging.ordered."""
    found = shots.filter(created_at__gte=shot.created_at).exclude(pk=shot.pk)
    return found.exclude(created_at=shot.created_at, id__lt=shot.pk)


def _older(shots: GenerationQuerySet, shot: Generation) -> GenerationQuerySet:
    found = shots.filter(created_at__lte=shot.created_at).exclude(pk=shot.pk)
    return found.exclude(created_at=shot.created_at, id__gt=shot.pk)


def _pictured(*pks: int | None) -> list[int]:
    """Which of them have a picture that can be fetched before it is asked for."""
    found = Asset.objects.filter(generation_id__in=[pk for pk in pks if pk], kind=Asset.POSTER)
    return list(found.values_list("generation_id", flat=True))
