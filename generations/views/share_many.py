"""Links to several shots in one go: from the selection of the gallery to a list of addresses that can be copied."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.requests import StudioRequest

from .. import sharing
from ..models import Generation
from .access import team_required
from .picked import shots_of
from .sharing import ShareForm

MOST = 50  # links at once; each is an address that somebody has to know about

LeftOut = list[tuple[str, str]]  # the titles of shots that get no link, and why


@require_http_methods(["GET", "HEAD", "POST"])
@team_required
def share_picked(request: StudioRequest) -> HttpResponse:
    """What will be shared and for how long; posting makes one link a shot and leads to those links."""
    posted = request.method == "POST"
    shots = shots_of(request, (request.POST if posted else request.GET).getlist("pick"))
    ready, left = _sorted_out(shots)
    if refusal := _refusal(shots, ready):
        messages.error(request, refusal)
        return redirect("gallery")  # not to where the person was: that may be this page, which would refuse again
    form = ShareForm(request.POST if posted else None)
    if posted and ready and form.is_valid():
        links = sharing.share_each(ready, request.user, **form.cleaned_data)
        messages.success(request, _made_words(len(links), left))
        return redirect(f"{reverse('shares')}?{'&'.join(f'link={link.pk}' for link in links)}")
    context = {"shots": ready, "left": left, "form": form}
    return render(request, "generations/share_many.html", context, status=422 if posted else 200)


def _sorted_out(shots: list[Generation]) -> tuple[list[Generation], LeftOut]:
    """Looked at again when the links are made: a shot may have gone to the bin while the page was open."""
    reasons = [(shot, sharing.why_not(shot)) for shot in shots]
    return [shot for shot, why in reasons if not why], [(shot.shown_title, why) for shot, why in reasons if why]


def _refusal(shots: list[Generation], ready: list[Generation]) -> str:
    if not shots:
        return "Nothing is selected. Tick some shots first."
    if len(ready) > MOST:
        return f"At most {MOST} shots can be shared at once, and {len(ready)} are selected. No link was made."
    return ""


def _made_words(count: int, left: LeftOut) -> str:
    words = "The link works now." if count == 1 else f"{count} links work now."
    if left:
        words += f" Left out: {', '.join(f'“{title}” ({why})' for title, why in left)}."
    return words
