"""What people do with several shots of the gallery at once: compare, share, download, favourite, bin and back."""

import secrets
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import StudioRequest

from .. import bundle, collections
from ..models import Asset, Generation
from . import facts, tiles
from .access import numbers, said, team_required
from .filters import of_page, picks
from .gallery import counted_now
from .media import filename

MOST = 200  # shots at once
SIDES = range(2, 5)  # that can be compared


@require_POST
@team_required
def picked(request: StudioRequest, verb: str) -> HttpResponseBase:
    if verb not in VERBS:
        raise Http404
    shots = shots_of(request, request.POST.getlist("pick"))
    if not shots:
        return said(request, "Nothing is selected. Tick some shots first.", to=reverse("gallery"), status=422)
    return VERBS[verb](request, shots)


@require_safe
@team_required
def compare(request: StudioRequest) -> HttpResponse:
    """Two to four shots beside each other under one play head."""
    shots = [shot for shot in shots_of(request, request.GET.getlist("pick")) if not _gone(shot)]
    if len(shots) not in SIDES:
        return said(request, _sides_words(len(shots)), to=reverse("gallery"), status=422)
    sides = [(shot, video := shot.asset(Asset.VIDEO), facts.made(shot, video)) for shot in shots]
    return render(request, "generations/compare.html", {"sides": sides})


def _to_compare(request: StudioRequest, shots: list[Generation]) -> HttpResponse:
    found = [shot for shot in shots if not _gone(shot)]
    if len(found) not in SIDES:
        return said(request, _sides_words(len(found)), to=reverse("gallery"), status=422)
    return _with_picks("compare", found)


def _to_share(request: StudioRequest, shots: list[Generation]) -> HttpResponse:
    return _with_picks("share-picked", shots)


def _with_picks(page: str, shots: list[Generation]) -> HttpResponse:
    return redirect(f"{reverse(page)}?{'&'.join(f'pick={shot.pk}' for shot in shots)}")


def _sides_words(count: int) -> str:
    return f"{SIDES[0]} to {SIDES[-1]} shots can be compared, and {count} of the selected ones can be played."


def _download(request: StudioRequest, shots: list[Generation]) -> HttpResponseBase:
    """One ZIP of the videos and `manifest.json`, streamed. Nothing of it is kept on the disk."""
    response = StreamingHttpResponse(bundle.streamed([_entry(shot) for shot in shots]), content_type="application/zip")
    name = f"shots-{timezone.localtime():%Y-%m-%d}-{len(shots)}.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"], response["X-Accel-Buffering"] = "private, no-store", "no"
    return response


def _entry(shot: Generation) -> bundle.Entry:
    video = shot.asset(Asset.VIDEO)
    told: dict[str, Any] = {
        "id": shot.pk, "title": shot.shown_title, "prompt": shot.prompt, "rewritten_prompt": shot.rewritten_prompt,
        "model": shot.model, "model_name": shot.model_name, "provider": shot.provider_name, "settings": shot.params,
        "take": shot.take, "takes": shot.takes, "state": shot.state, "charged": shot.charged,
        "provider_id": shot.provider_task_id, "by": str(shot.created_by), "created_at": shot.created_at.isoformat(),
        "finished_at": shot.finished_at.isoformat() if shot.finished_at else None, "favourite": shot.favourite,
    }  # fmt: skip
    if video:
        told |= {"width": video.width, "height": video.height, "seconds": video.seconds, "sound": video.has_audio}
    return bundle.Entry(video.file if video else None, filename(shot, "video.mp4"), told)


def _favourite(request: StudioRequest, shots: list[Generation]) -> HttpResponse:
    """All of them favourites; when they all are, none of them."""
    on = not all(shot.favourite for shot in shots)
    _change(shots, favourite=on)
    words = f"{_count(shots)} {'in' if on else 'no longer in'} your team's favourites."
    return _done(request, words, redrawn=shots)


def _bin(request: StudioRequest, shots: list[Generation]) -> HttpResponse:
    ready = [shot for shot in shots if shot.is_final]
    left = len(shots) - len(ready)
    stays = f" {left} still on the way {'stays' if left == 1 else 'stay'}." if left else ""
    if not ready:
        return said(request, f"Nothing was moved.{stays}", to=reverse("gallery"), status=409)
    _change(ready, deleted_at=timezone.now())
    return _done(request, f"{_count(ready)} in the bin.{stays}", gone=ready, undo=f"m{secrets.token_hex(4)}")


def _collect(request: StudioRequest, shots: list[Generation]) -> HttpResponse:
    """Into the collection that is chosen, or into one of the name that is typed."""
    given, name = request.POST.get("collection", ""), request.POST.get("name", "").strip()
    chosen = request.team.collections.filter(pk=int(given)).first() if given.isdecimal() and len(given) < 19 else None
    if not (name or chosen):
        return said(request, "Choose a collection, or type a name for a new one.", to=reverse("gallery"), status=422)
    found = collections.collect(request.team, request.user, name or str(chosen), shots)
    return _collected(request, f"{_count(shots)} in the collection “{found}”.")


def _take_out(request: StudioRequest, shots: list[Generation]) -> HttpResponse:
    given = request.POST.get("collection", "")
    chosen = request.team.collections.filter(pk=int(given)).first() if given.isdecimal() and len(given) < 19 else None
    if chosen is None:
        return said(request, "Choose the collection to take them out of.", to=reverse("gallery"), status=422)
    collections.take_out(chosen, shots)
    filters = of_page(request)
    left = shots if filters and filters.collection == str(chosen.pk) else []
    return _collected(request, f"{_count(shots)} no longer in the collection “{chosen}”.", gone=left)


def _collected(request: StudioRequest, words: str, **context: Any) -> HttpResponse:
    """The lists of collections on the page follow: one of them may be new."""
    if not request.htmx:
        return said(request, words, to=reverse("gallery"))
    filters = of_page(request)
    context |= {"words": words, "picks": None if filters is None else picks(filters, request.team)}
    context["counted"] = counted_now(request) if context.get("gone") else ""
    return render(request, "generations/_collected.html", context)


def _restore(request: StudioRequest, shots: list[Generation]) -> HttpResponse:
    _change(shots, deleted_at=None)
    undo = request.POST.get("undo", "")
    if undo.isascii() and undo.isalnum():
        return _done(request, f"{_count(shots)} back in the gallery.", back=shots, closes=undo)
    return _done(request, f"{_count(shots)} back in the gallery.", gone=shots)


VERBS: dict[str, Callable[[StudioRequest, list[Generation]], HttpResponseBase]] = {
    "compare": _to_compare, "share": _to_share, "download": _download, "favourite": _favourite, "bin": _bin, "restore": _restore,
    "collect": _collect, "take-out": _take_out,
}  # fmt: skip


def shots_of(request: StudioRequest, picks: list[str]) -> list[Generation]:
    """The team's shots among `picks`, in that order; others do not exist for this person."""
    pks = numbers(picks)[:MOST]
    found = Generation.objects.of_team(request.team).with_assets().select_related("provider_key", "created_by")
    shots = found.defer("result_url").in_bulk(pks)
    return [shots[pk] for pk in pks if pk in shots]


def _gone(shot: Generation) -> bool:
    return shot.asset(Asset.VIDEO) is None or tiles.is_gone(shot)


def _count(shots: list[Generation]) -> str:
    return f"“{shots[0].shown_title}” is" if len(shots) == 1 else f"{len(shots)} shots are"


def _change(shots: list[Generation], **fields: Any) -> None:
    """Write only these columns, so that a worker's write at the same moment is not undone."""
    pks = [shot.pk for shot in shots]
    Generation.objects.filter(pk__in=pks).update(updated_at=timezone.now(), **fields)
    for shot in shots:
        for name, value in fields.items():
            setattr(shot, name, value)


def _done(request: StudioRequest, words: str, **context: Any) -> HttpResponse:
    if not request.htmx:
        return said(request, words, to=reverse("gallery"))
    return render(request, "generations/_moved.html", {"words": words, "counted": counted_now(request), **context})
