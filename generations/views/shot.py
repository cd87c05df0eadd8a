"""The page of one shot, and what people do with it."""

import math

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST, require_safe

from accounts.middleware import SESSION_TEAM
from accounts.requests import StudioRequest

from .. import continuing, images, lifecycle, media, store, tasks
from ..models import Asset, Generation
from ..states import State
from . import facts, lineage, neighbours
from .access import back, other_team, own, said, team_required
from .gallery import counted_now
from .media import filename
from .queue import place
from .unknown import case_of

LOOKS = ("tile", "shot", "hero")
ASKED = "The provider is asked again now."
LOOKED_INTO = "The provider's list is looked into now."


@require_safe
@team_required
def shot(request: StudioRequest, pk: int) -> HttpResponse:
    """Opened from outside, it chooses the team that it is of, when one is in that."""
    if not request.htmx and (team := other_team(request, pk)):
        request.session[SESSION_TEAM] = team.pk
        messages.info(request, f"You work in {team} now.")
        return redirect(request.get_full_path())
    found = own(request, pk)
    place(request.team, [found])
    return render(request, "generations/shot.html", _page(request, found))


@require_safe
@team_required
def frame(request: StudioRequest, pk: int) -> HttpResponse:
    """The picture at `?at=` seconds as a PNG; the last one for any time past the end."""
    found = own(request, pk)
    video = found.asset(Asset.VIDEO)
    if video is None or not video.is_kept:
        raise Http404
    try:
        at = float(request.GET.get("at", "0"))
    except ValueError:
        at = math.nan
    if not math.isfinite(at):
        return HttpResponseBadRequest("Say the time in seconds, like ?at=1.5.")
    try:
        with store.at_hand(video.file) as path:
            png = media.frame_png(path, at)
    except (media.InvalidMedia, OSError):
        return said(request, "This frame cannot be read from the file.", to=reverse("shot", args=[pk]), status=422)
    name = filename(found, "video.mp4").removesuffix(".mp4")
    headers = {"Content-Disposition": f'attachment; filename="{name}-{max(at, 0):.2f}s.png"'}
    return HttpResponse(png, content_type="image/png", headers=headers | {"Cache-Control": "private, no-store"})


@require_POST
@team_required
def go_on(request: StudioRequest, pk: int) -> HttpResponse:
    """To the composer, with the last frame of this shot as the first of the next."""
    found = own(request, pk)
    try:
        upload = continuing.last_frame(found, request.user)
    except (media.InvalidMedia, OSError, images.RefusedImage) as error:
        words = f"The last frame cannot be used: {error} Nothing was sent."
        return said(request, words, to=reverse("shot", args=[pk]), status=422)
    return redirect(f"/?from={pk}&frame={upload.pk}")


@require_POST
@team_required
def title(request: StudioRequest, pk: int) -> HttpResponse:
    """An empty title gives the beginning of the prompt back."""
    found = own(request, pk)
    _change(found, title=" ".join(request.POST.get("title", "").split())[:200])
    if not request.htmx:
        return redirect("shot", pk)
    return render(request, "generations/_title.html", {"generation": found, "saved": True})


@require_POST
@team_required
def favourite(request: StudioRequest, pk: int) -> HttpResponse:
    found = own(request, pk)
    _change(found, favourite=request.POST.get("on") == "1")
    if not request.htmx:
        return back(request, reverse("shot", args=[pk]))
    look = request.POST.get("look", "")
    context = {"generation": found, "look": look if look in LOOKS else "tile"}
    return render(request, "generations/_favourite.html", context)


@require_POST
@team_required
def to_bin(request: StudioRequest, pk: int) -> HttpResponse:
    """Out of sight, with Undo. What is still on its way cannot be binned: its result would be lost to the team."""
    found = own(request, pk)
    if not found.is_final:
        words = "This shot is still on its way. It can be moved to the bin when it has come to an end."
        return said(request, words, to=reverse("shot", args=[pk]), status=409)
    _change(found, deleted_at=found.deleted_at or timezone.now())
    if request.htmx:
        return render(
            request, "generations/_gone.html", {"generation": found, "undo": True, "counted": counted_now(request)}
        )
    undo = render_to_string("generations/_undo.html", {"generation": found})
    messages.success(request, mark_safe(undo))  # noqa: S308  (made by our own template, which escapes)
    return redirect("gallery")


@require_POST
@team_required
def restore(request: StudioRequest, pk: int) -> HttpResponse:
    found = own(request, pk)
    _change(found, deleted_at=None)
    if not request.htmx:
        return said(request, f"“{found.shown_title}” is back in the gallery.", to=reverse("shot", args=[pk]))
    template = "generations/_back.html" if request.POST.get("undo") else "generations/_gone.html"
    return render(request, template, {"generation": found, "counted": counted_now(request)})


@require_POST
@team_required
def check(request: StudioRequest, pk: int) -> HttpResponse:
    found = own(request, pk)
    if lifecycle.look_again(found):
        tasks.kick()
        return said(request, _soon(found, LOOKED_INTO, "its list is looked into"), to=reverse("shot", args=[pk]))
    if not found.provider_task_id:
        words = "The provider gave no id for this shot, so it cannot be asked about it. Nothing was sent."
        return said(request, words, to=reverse("shot", args=[pk]), status=409)
    try:
        words, status = _asked_again(found, request), 200
    except lifecycle.CannotResolve as error:
        words, status = str(error), 409
    except lifecycle.LostRow:
        words, status = _moved_on(found), 409
    tasks.kick()
    return said(request, words, to=reverse("shot", args=[pk]), status=status)


def _asked_again(found: Generation, request: StudioRequest) -> str:
    """What a press on "Fetch again" or "Ask again now" comes to, as a sentence. Raises CannotResolve and LostRow."""
    if lifecycle.can_fetch_again(found):
        lifecycle.fetch_again(found, request.user)
        if found.state == State.SUCCEEDED:
            return "Its file is on the disk again. It is checked, and then the shot is ready. That costs nothing."
    elif found.state == State.DONE:
        return "Its file is on the disk, so nothing is fetched."
    elif found.is_final:
        raise lifecycle.CannotResolve("This shot has come to its end, and there is nothing to fetch. Nothing was sent.")
    else:
        lifecycle.check_again(found)
    return _soon(found, ASKED, "it is asked about this shot")


def _soon(found: Generation, asked: str, later: str) -> str:
    """What was asked for, or that the provider is silent for now."""
    silence = lifecycle.silence(found.provider_key_id)
    if silence and lifecycle.is_asked_once(found):
        return f"{silence} It is tried once more now. While it stays silent, press again later; that costs nothing."
    return f"{f'{silence} When it answers again, {later}.' if silence else asked} That costs nothing."


@require_POST
@team_required
def resolve(request: StudioRequest, pk: int) -> HttpResponse:
    """What a person decides about an unknown outcome. A refusal comes back on the page with every value kept."""
    found = own(request, pk)
    try:
        _decide(found, request)
    except lifecycle.CannotResolve as error:
        return _undecided(request, found, str(error), 422)
    except lifecycle.LostRow:
        return _undecided(request, found, _moved_on(found), 409)
    tasks.kick()
    return redirect("shot", pk)


@require_POST
@team_required
def charge(request: StudioRequest, pk: int) -> HttpResponse:
    """Whether the provider billed a shot that is at its end: only a person who sees the account can say.

    `confirmation` names what the page asked about: a page that is sent once more must not decide about another request.
    """
    found = own(request, pk)
    answer = request.POST.get("charged")
    try:
        if answer not in ("yes", "no"):
            raise lifecycle.CannotResolve("Choose whether it was charged. Nothing was changed.")
        about = request.POST.get("confirmation", "")
        lifecycle.decide_charge(found, request.user, charged=answer == "yes", about=about)
    except lifecycle.CannotResolve as error:
        found.refresh_from_db()
        return _undecided(request, found, str(error), 422)
    return redirect("shot", pk)


def _moved_on(found: Generation) -> str:
    found.refresh_from_db()
    return f"Meanwhile this shot has moved on: {State(found.state).label}. Nothing was changed."


def _decide(found: Generation, request: StudioRequest) -> None:
    """`doubt` names what the page was about: a page that is sent once more must not decide about a later request."""
    seen, doubted = request.POST.get("doubt", ""), getattr(found, "doubted_at", None)
    if seen and found.state == State.UNKNOWN and (doubted is None or seen != doubted.isoformat()):
        words = (
            "Meanwhile it was sent again, and what became of that is unknown, too. Nothing was changed. Decide anew."
        )
        raise lifecycle.CannotResolve(words)
    match request.POST.get("action"):
        case "adopt":
            lifecycle.adopt(found, request.POST.get("task_id", ""), request.user)
        case "write-off":
            lifecycle.write_off(found, request.user)
        case "release":
            lifecycle.release(found, request.user)
        case "send-again" if request.POST.get("accept") != "on" and not found.safe_to_resend:
            raise lifecycle.CannotResolve("Tick that you accept paying twice. Nothing was sent.")
        case "send-again":
            lifecycle.send_again(found, request.user)
        case _:
            raise lifecycle.CannotResolve("Choose one of the three answers. Nothing was changed.")


def _undecided(request: StudioRequest, found: Generation, words: str, status: int) -> HttpResponse:
    place(request.team, [found])
    context = _page(request, found) | {
        "refusal": words,
        "task_id": request.POST.get("task_id", "")[:512],
        "chosen": request.POST.get("action"),
    }
    return render(request, "generations/shot.html", context, status=status)


def _page(request: StudioRequest, found: Generation) -> dict[str, object]:
    case = {"case": case_of(found)} if found.state == State.UNKNOWN else {}
    return (
        facts.page_context(found, request.membership, neighbours.came_from(request))
        | case
        | {
            "remix": lifecycle.remix_spec(found),
            "can_cast": lifecycle.can_cast(found),
            "lineage": lineage.of(found),
        }
    )


def _change(found: Generation, **fields: object) -> None:
    """Write only these columns, so that a worker's write at the same moment is not undone."""
    moment = timezone.now()
    Generation.objects.filter(pk=found.pk).update(updated_at=moment, **fields)
    for name, value in fields.items():
        setattr(found, name, value)
