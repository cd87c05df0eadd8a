"""The gallery's orders and its keyset pages: no page number, so nothing is shown twice while new shots arrive."""

import datetime as dt

from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from ..models import Asset, Generation
from ..models.generation import GenerationQuerySet
from . import tiles

PAGE = 24
COUNTED = 1000  # shots; beyond it nobody needs the number, and counting a large team takes long
ORDERS = {"": "Newest", "oldest": "Oldest", "longest": "Longest"}


def parse_cursor(text: str) -> tuple[int, int] | None:
    """What a page ends with: a moment in microseconds or a length in milliseconds, and the id."""
    place, _, pk = text.partition("-")
    if not (place.isascii() and pk.isascii() and place.isdecimal() and pk.isdecimal()):
        return None
    return (int(place), int(pk)) if len(place) < 18 and len(pk) < 19 else None


def moment_of(cursor: tuple[int, int]) -> dt.datetime:
    return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=cursor[0])


def cursor_of(shot: Generation, order: str = "") -> str:
    """Creation in microseconds and the id, so that shots of one moment are neither lost nor doubled."""
    if order == "longest":
        return f"{shot.length}-{shot.pk}"  # type: ignore[attr-defined]  (annotated by ordered)
    return f"{round(shot.created_at.timestamp() * 1_000_000)}-{shot.pk}"


def ordered(shots: GenerationQuerySet, before: str, order: str = "") -> GenerationQuerySet:
    """From the cursor on. Of moments in this form both databases walk the index; "older, or of the same moment and
    smaller" they do not."""
    cursor = parse_cursor(before)
    if order == "longest":
        video = Asset.objects.filter(generation=OuterRef("pk"), kind=Asset.VIDEO).values("duration_ms")[:1]
        shots = shots.annotate(length=Coalesce(Subquery(video), 0))
        if cursor:
            shots = shots.filter(Q(length__lt=cursor[0]) | Q(length=cursor[0], id__lt=cursor[1]))
        return shots.order_by("-length", "-id")
    if order == "oldest":
        if cursor:
            moment = moment_of(cursor)
            shots = shots.filter(created_at__gte=moment).exclude(created_at=moment, id__lte=cursor[1])
        return shots.order_by("created_at", "id")
    if cursor:
        moment = moment_of(cursor)
        shots = shots.filter(created_at__lte=moment).exclude(created_at=moment, id__gte=cursor[1])
    return shots.order_by("-created_at", "-id")


def page_of(shots: GenerationQuerySet, before: str, order: str = "") -> tuple[list[Generation], str]:
    """One page and the cursor of the next one ("" at the end)."""
    found = list(ordered(tiles.with_parts(shots), before, order)[: PAGE + 1])
    return found[:PAGE], cursor_of(found[PAGE - 1], order) if len(found) > PAGE else ""


def count_of(shots: GenerationQuerySet) -> int:
    """How many there are, at most COUNTED + 1: the database stops counting there."""
    return shots.order_by()[: COUNTED + 1].count()


def count_words(total: int) -> str:
    """ "1 shot", "214 shots", "more than 1,000 shots"."""
    return f"{total:,} shot{'' if total == 1 else 's'}" if total <= COUNTED else f"more than {COUNTED:,} shots"
