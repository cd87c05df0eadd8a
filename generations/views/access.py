"""Who may see what, and where an answer goes. Every view about shots starts here."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import Team
from accounts.requests import StudioRequest

from ..models import Generation
from ..models.generation import GenerationQuerySet

View = Callable[..., HttpResponse]


def team_required(view: View) -> View:
    """Signed in, and member of a team; 403 for people whom nobody has put into a team yet."""

    @wraps(view)
    def answer(request: StudioRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.team:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return login_required(answer)


def own(request: StudioRequest, pk: int, shots: GenerationQuerySet | None = None) -> Generation:
    """A shot of this team. Another team's shot is a 404 like one that never was."""
    found = (shots or Generation.objects.all()).of_team(request.team).filter(pk=pk)
    found = found.select_related("provider_key", "created_by", "team").prefetch_related("assets")
    shot = found.with_doubts().first()
    if shot is None:
        raise Http404
    return shot


def other_team(request: StudioRequest, pk: int) -> Team | None:
    """The other one of one's teams that has this shot: the link came from a colleague, or from a tab of that team."""
    others = [one.team for one in request.memberships if one.team_id != request.team.pk]
    found = Generation.objects.filter(pk=pk, team__in=others).values_list("team", flat=True).first() if others else None
    return next((team for team in others if team.pk == found), None)


def whose(query: QueryDict) -> str:
    """The id of the person that `?person=` asks for; "" for the whole team."""
    person = query.get("person", "")
    return person if person.isascii() and person.isdecimal() and len(person) < 19 else ""


def numbers(given: list[str]) -> list[int]:
    """The ids among what an address or a form brings, each once, in their order; whatever is none is left out."""
    return [int(one) for one in dict.fromkeys(given) if one.isascii() and one.isdecimal() and len(one) < 19]


def wants_fragment(request: StudioRequest) -> bool:
    """Whether htmx swaps only a part. When it goes back in history, or selects from a page, it needs the whole page."""
    return bool(request.htmx) and request.headers.get("HX-Request-Type") != "full"


def back(request: StudioRequest, default: str) -> HttpResponse:
    """To the page that the form was on. Only our own referrer counts, and only its path.

    A page that refuses goes to `default` when it was on itself: it would refuse again, without end.
    """
    referrer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure()):
        return redirect(default)
    parts = urlsplit(referrer)
    path = "/" + parts.path.lstrip("/")
    if request.method != "POST" and path == request.path:
        return redirect(default)
    return redirect(f"{path}?{parts.query}" if parts.query else path)


def said(request: StudioRequest, words: str, *, to: str, status: int = 200) -> HttpResponse:
    """A sentence about what was done or refused: a toast for htmx, else a message on the page that comes next."""
    if not request.htmx:
        messages.add_message(request, messages.ERROR if status >= 400 else messages.SUCCESS, words)
        return back(request, to)
    response = render(request, "_toast.html", {"words": words, "bad": status >= 400}, status=status)
    response["HX-Reswap"] = "none"  # the toast is a partial; the element that asked stays as it is
    return response
