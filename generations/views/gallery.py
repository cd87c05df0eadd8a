"""The gallery and the bin: justified rows by day, keyset pages, filters in the address."""

import datetime as dt
from dataclasses import dataclass
from itertools import groupby

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.requests import StudioRequest

from ..models import Generation
from ..models.generation import GenerationQuerySet
from . import tiles
from .access import team_required, wants_fragment
from .filters import Filters, of_page, picks
from .paging import count_of, count_words, moment_of, page_of, parse_cursor

EAGER = 5  # pictures that are wanted at once


@dataclass
class Day:
    """The shots of one local day on one page. `continued` when the page before ended within this day."""

    date: dt.date | None
    tiles: list[tiles.Tile]
    continued: bool = False


def days_of(shots: list[Generation], before: str, order: str = "", *, binned: bool) -> list[Day]:
    """By day; one group without a date where the length decides."""
    cursor = parse_cursor(before)
    first = {shot.pk for shot in shots[:EAGER]} if not before else set()
    if order == "longest":
        drawn = [tiles.tile_of(shot, binned=binned, eager=shot.pk in first) for shot in shots]
        return [Day(None, drawn, bool(before))] if shots else []
    last = timezone.localdate(moment_of(cursor)) if cursor else None
    groups = groupby(shots, key=lambda shot: timezone.localdate(shot.created_at))
    return [
        Day(date, [tiles.tile_of(shot, binned=binned, eager=shot.pk in first) for shot in found], date == last)
        for date, found in groups
    ]


SIZES = range(1, 6)  # how tall the rows are; chosen with the slider, kept in a cookie


@require_safe
@team_required
def gallery(request: StudioRequest) -> HttpResponse:
    filters = Filters.of(request.GET)
    shots = filters.apply(Generation.objects.of_team(request.team).kept())
    return _answer(request, shots, filters, binned=False)


@require_safe
@team_required
def bin(request: StudioRequest) -> HttpResponse:
    return _answer(request, Generation.objects.of_team(request.team).binned(), Filters(), binned=True)


def _answer(request: StudioRequest, shots: GenerationQuerySet, filters: Filters, *, binned: bool) -> HttpResponse:
    """The page; for htmx the grid; for "More" only what comes next."""
    before = request.GET.get("before", "")
    found, cursor = page_of(shots, before, filters.order)
    context = {
        "days": days_of(found, before, filters.order, binned=binned),
        "before": before,
        "more": cursor,
        "counted": "" if before else count_words(count_of(shots) if cursor else len(found)),
        "query": filters.query(),
        "filters": filters,
        "binned": binned,
        "auto": _pages(request.GET.get("auto", "")) + 1,
        "fragment": wants_fragment(request),
    }
    if not context["fragment"]:
        context |= {"size": _size(request), "picks": None if binned else picks(filters, request.team)}
        return render(request, "generations/gallery.html", context)
    if before:
        return render(request, "generations/_more.html", context)
    response = render(request, "generations/_grid.html", context)
    if not binned:  # the address says what is set, and nothing else
        response["HX-Push-Url"] = f"{request.path}?{context['query']}".rstrip("?")
    return response


def counted_now(request: StudioRequest) -> str:
    """How many the gallery has that a press comes from; "" for any other page."""
    filters = of_page(request)
    if filters is None:
        return ""
    return count_words(count_of(filters.apply(Generation.objects.of_team(request.team).kept())))


def _pages(auto: str) -> int:
    """How many pages came by themselves: after five the end of the page stays in reach."""
    return int(auto[:3]) if auto.isdecimal() else 0


def _size(request: StudioRequest) -> int:
    size = request.COOKIES.get("rows", "")
    return int(size) if size in map(str, SIZES) else 3
