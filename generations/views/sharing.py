"""Links to one shot: made and withdrawn by the team, followed by anybody who has one."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

from allauth.core.ratelimit import respond_429
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.guessing import too_many_misses
from accounts.requests import StudioRequest
from accounts.team_views import address_of

from .. import sharing
from ..models import Asset, Share
from ..models.fields import Unopenable, opened
from . import media
from .access import back, numbers, own, team_required

PARTS = ("video.mp4", "poster.webp", "poster-small.webp")  # of a shot's files; a link gives no other
UNLISTED = ((b"x-robots-tag", b"noindex, nofollow"), (b"referrer-policy", b"no-referrer"))  # headers of page and files
CACHE = "private, no-cache"  # asked again each time, so that a withdrawn link is dead with the next request
MOST = 200  # links on one page; expired ones are not listed
LIVES = [(1, "1 day"), (7, "7 days"), (30, "30 days"), (365, "1 year")]


class ShareForm(forms.Form):
    days = forms.TypedChoiceField(
        label="Works for", choices=LIVES, coerce=int, initial=7, widget=forms.Select(attrs={"class": "select"})
    )
    show_prompt = forms.BooleanField(label="Show the prompt", required=False)
    allow_download = forms.BooleanField(label="Offer a download", required=False)
    confirmation = forms.CharField(
        max_length=64, required=False, initial=lambda: secrets.token_hex(16), widget=forms.HiddenInput
    )


@require_http_methods(["GET", "HEAD", "POST"])
@team_required
def share(request: StudioRequest, pk: int) -> HttpResponse:
    """The links of one shot, and a form for another one."""
    shot = own(request, pk)
    form = ShareForm(request.POST or None)
    why_not = sharing.why_not(shot)
    if request.method == "POST" and not why_not and form.is_valid():
        sharing.share(shot, request.user, **form.cleaned_data)
        messages.success(request, "The link works now. Whoever has it can watch this shot, and nothing else.")
        return redirect("share", pk)
    links = Share.objects.open().filter(generation=shot)
    context = {"generation": shot, "form": form, "why_not": why_not, "links": listed(request, links)}
    return render(request, "generations/share.html", context, status=422 if request.method == "POST" else 200)


@require_safe
@team_required
def shares(request: StudioRequest) -> HttpResponse:
    """Every working link of the team; with `?link=` those alone, ready to be copied at once."""
    links = Share.objects.open().of_team(request.team)
    some = numbers(request.GET.getlist("link"))[:MOST]
    if some:
        links = links.filter(pk__in=some)
    found = listed(request, links.select_related("generation").prefetch_related("generation__assets"))
    if some:
        found.reverse()  # as they were selected; the page of all links begins with the newest
    told = [(sharing.title(link), address) for link, address in found if address] if some else []
    return render(request, "generations/shares.html", {"links": found, "some": bool(some), "told": told})


@require_POST
@team_required
def revoke(request: StudioRequest, pk: int) -> HttpResponse:
    """By anybody in the team: a link that should not be there is to be gone quickly."""
    link = get_object_or_404(Share.objects.of_team(request.team), pk=pk)
    sharing.revoke(link)
    messages.success(request, "The link is dead. Whoever opens it finds nothing.")
    return back(request, reverse("shares")) if "all" in request.POST else redirect("share", link.generation_id)


def listed(request: HttpRequest, links: Any) -> list[tuple[Share, str]]:
    """Each link with its address; "" when the keys that sealed it are gone."""
    found = []
    for link in links.select_related("created_by").order_by("-pk")[:MOST]:
        try:
            found.append((link, address_of(request, reverse("watch", args=[opened(link.token)]))))
        except Unopenable:
            found.append((link, ""))
    return found


# --- the other side ----------------------------------------------------------------------------------------------------
def find_file(token: str, name: str, *, download: bool = False) -> media.Found | None:
    """A file of the shared shot; its name tells neither the prompt nor the number of the shot."""
    link = sharing.find(token) if name in PARTS else None
    if link is None:
        return None
    asset = Asset.objects.filter(generation=link.generation, kind=media.KINDS[name]).first()
    if asset is None:
        return None
    words = slugify(sharing.title(link))[:60].strip("-") or "shot"
    found = media.found(asset, f"{words}{asset.file.suffix}", download=download and link.allow_download)
    return replace(found, cache=CACHE)


def _unlisted(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Not for search engines, and the address is told to nobody."""

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> HttpResponse:
        response = view(*args, **kwargs)
        for name, value in UNLISTED:
            response[name.decode()] = value.decode()
        return response

    return answer


@require_safe
@_unlisted
@never_cache
def watch(request: HttpRequest, token: str) -> HttpResponse:
    """The public page: the shot, who shared it, and what the link allows. No script, no account, nothing of the team."""
    link = sharing.find(token)
    files = {asset.kind: asset for asset in link.generation.assets.all()} if link else {}
    video = files.get(Asset.VIDEO)
    if link is None or video is None:
        return _closed(request)
    context = {
        "link": link,
        "shot": link.generation,
        "video": video,
        "poster": files.get(Asset.POSTER),
        "title": sharing.title(link),
        "token": token,
        "picture": address_of(request, reverse("watch-file", args=[token, "poster.webp"])),
    }
    return render(request, "generations/watch.html", context)


@require_safe
@_unlisted
def watch_file(request: HttpRequest, token: str, name: str) -> HttpResponse:
    """The whole file, for servers without studio.asgi; dead links come here from there as well."""
    try:
        return media.answer(find_file(token, name, download="download" in request.GET))
    except Http404:
        return _closed(request)


def _closed(request: HttpRequest) -> HttpResponse:
    """Wrong, expired and withdrawn links are one and the same page."""
    if too_many_misses(request):
        return respond_429(request)
    return render(request, "generations/watch_closed.html", status=404)
