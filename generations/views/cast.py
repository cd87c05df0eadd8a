"""The cast: characters that prompts can name, and the order for a new one."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import StudioRequest

from .. import lifecycle, tasks
from ..forms import CastForm
from ..models import Character, Generation
from . import queue
from .access import own, team_required, wants_fragment

MOST = 200  # characters on the page


@require_safe
@team_required
def cast(request: StudioRequest) -> HttpResponse:
    """The list and the form. `?shot=` makes the new one from that shot."""
    if wants_fragment(request):
        return render(request, "generations/_cast_list.html", _listed(request))
    shot = _shot(request, request.GET.get("shot", ""))
    return _page(request, CastForm(from_shot=shot is not None), shot)


@require_safe
@team_required
def suggest(request: StudioRequest) -> HttpResponse:
    """The names that a prompt can say, as options of a listbox; `?q=` is how they begin."""
    ready = Character.objects.filter(team=request.team, state=Character.READY).exclude(username="")
    found = ready.filter(username__istartswith=request.GET.get("q", "")[:100]).select_related("picture", "source")
    return render(request, "generations/_mentions.html", {"characters": found.order_by("username", "-pk")[:MOST]})


@require_POST
@team_required
def order(request: StudioRequest) -> HttpResponse:
    """One character. The worker sends the request; nothing here waits for a provider."""
    shot = _shot(request, request.POST.get("shot", ""))
    form = CastForm(request.POST, from_shot=shot is not None)
    if form.is_valid():
        try:
            lifecycle.cast(team=request.team, user=request.user, token=form.token, shot=shot, **form.cleaned_data)
        except lifecycle.CannotCast as error:
            form.add_error(None, str(error))
    if form.errors:
        return _page(request, form, shot, status=422)
    tasks.kick()
    messages.success(request, "The character is ordered. It appears here when the provider has made it.")
    return redirect("cast")


@require_POST
@team_required
def decide(request: StudioRequest, pk: int) -> HttpResponse:
    """What a person says about an order whose outcome is unknown, or that waits."""
    character = get_object_or_404(Character.objects.select_related("provider_key"), pk=pk, team=request.team)
    try:
        match request.POST.get("action"):
            case "again":
                lifecycle.cast_again(character, accept=request.POST.get("accept") == "on")
            case "cancel":
                lifecycle.cancel_cast(character)
            case _:
                lifecycle.give_up_cast(character)
    except lifecycle.CannotCast as error:
        messages.error(request, str(error))
    tasks.kick()
    return redirect("cast")


def _shot(request: StudioRequest, given: str) -> Generation | None:
    if not given:
        return None
    if not given.isdecimal() or len(given) > 18:
        raise Http404
    return own(request, int(given))


def _listed(request: StudioRequest) -> dict[str, object]:
    rows = Character.objects.filter(team=request.team).select_related("picture", "source", "provider_key")
    found = list(rows.order_by("-created_at", "-pk")[:MOST])
    moving = any(row.state in (Character.WAITING, Character.MAKING) for row in found)
    return {"characters": found, "moving": moving or any(row.is_short_of_picture for row in found)}


def _page(request: StudioRequest, form: CastForm, shot: Generation | None, status: int = 200) -> HttpResponse:
    context = _listed(request) | queue.badge_context(request)
    context |= {"form": form, "shot": shot, "castable": shot is None or lifecycle.can_cast(shot)}
    context |= {"key": shot.provider_key if shot else lifecycle.casting_key(request.team)}
    return render(request, "generations/cast.html", context, status=status)
