"""The queue column: what is being made, what waits, what has just finished."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Prefetch, prefetch_related_objects
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Membership, Team
from accounts.requests import StudioRequest

from .. import keys, lifecycle, tasks
from .. import usual as usual_times
from ..lifecycle import waiting
from ..models import Asset, Generation, ProviderKey
from ..models.generation import GenerationQuerySet
from ..states import ACTIVE, TERMINAL, Charged, State
from ..usual import Usual
from . import again, job_cards
from .access import back, own, said, team_required, wants_fragment

MOST_ACTIVE = 40  # cards; what waits behind them is only counted
MOST_FINISHED = 8
UNSETTLED = (*ACTIVE, State.UNKNOWN)
FINISHED_DAYS = 7


@dataclass
class Column:
    """What the column shows, of one `person` or of all: the newest first, and of those at their end what ended last.
    `people` is exact and always of the whole team: by person, how many of theirs are not at their end.
    """

    active: list[Generation] = field(default_factory=list)
    finished: list[Generation] = field(default_factory=list)
    people: dict[int, int] = field(default_factory=dict)
    person: int | None = None
    usual: dict[str, Usual | None] = field(default_factory=dict)  # by model, of those that it is making

    @property
    def count(self) -> int:
        return sum(self.people.values())

    @property
    def people_words(self) -> str:
        """ "3:2 7:1", for the badge: each browser finds its own person in it."""
        return " ".join(f"{person}:{count}" for person, count in sorted(self.people.items()))

    @property
    def more(self) -> int:
        waiting = self.count if self.person is None else self.people.get(self.person, 0)
        return max(0, waiting - len(self.active)) if len(self.active) == MOST_ACTIVE else 0

    @property
    def ended_last(self) -> tuple[int, dt.datetime | None] | None:
        return (self.finished[0].pk, self.finished[0].finished_at) if self.finished else None

    @property
    def shots(self) -> list[Generation]:
        return self.active + self.finished


def of_cards(shots: GenerationQuerySet) -> GenerationQuerySet:
    return shots.with_doubts().defer("result_url", "rewritten_prompt")


def with_card_parts(shots: list[Generation]) -> list[Generation]:
    """Everything else that a card reads, in two queries however many cards; no secret is decrypted for it."""
    keys_of, posters = ProviderKey.objects.defer("secret"), Asset.objects.filter(kind=Asset.POSTER_SMALL)
    prefetch_related_objects(shots, Prefetch("provider_key", keys_of), Prefetch("assets", posters))
    return shots


def column_of(team: Team, person: int | None = None, before: Column | None = None) -> Column:
    """Of the team, or of one person in it (a query more). At most 9, however many shots; on PostgreSQL one more for the
    time. The usual times of the look `before` count until something has ended, of the whole team's column only."""
    shots = Generation.objects.of_team(team)
    shots = shots if person is None else shots.filter(created_by=person)
    recent = timezone.now() - dt.timedelta(days=FINISHED_DAYS)
    finished = of_cards(shots).kept().filter(state__in=TERMINAL, dismissed_at=None, finished_at__gte=recent)
    newest = of_cards(shots).filter(state__in=UNSETTLED).order_by("-created_at", "-id")
    active = list(newest[: MOST_ACTIVE + 1])
    # by their ends: one that took long is not gone at once because quicker ones were begun after it
    ended = list(finished.order_by("-finished_at", "-id")[:MOST_FINISHED])
    # what ends between the two queries is in both answers, and the later one is true
    both = {shot.pk for shot in ended}
    active = [shot for shot in active if shot.pk not in both]
    column = Column(active[:MOST_ACTIVE], ended, person=person)
    if before and person is None and before.ended_last == column.ended_last:
        column.usual = before.usual
    with_card_parts(column.shots)
    column.people = dict(Counter(shot.created_by_id for shot in column.active))
    if len(active) > MOST_ACTIVE or person is not None:
        column.people = _people(Generation.objects.of_team(team))
    place(team, column.active, column.usual)
    return column


def _people(shots: GenerationQuerySet) -> dict[int, int]:
    """By person, how many of these are not at their end."""
    unsettled = shots.filter(state__in=UNSETTLED).order_by()
    return dict(unsettled.values_list("created_by").annotate(Count("pk")))


def place(team: Team, shots: list[Generation], known: dict[str, Usual | None] | None = None) -> None:
    """Give each card why it waits (at most three queries) and the time that is usual for its model (one each, unless it is
    among the `known` ones, which grow)."""
    board = waiting.Board.of(shots)
    usual = {} if known is None else known
    for model in {shot.model for shot in shots if shot.is_in_flight or shot.is_streaming} - usual.keys():
        usual[model] = usual_times.of_model(team, model)
    for shot in shots:
        shot.waits = waiting.why(shot, board)  # type: ignore[attr-defined]
        shot.usual = usual.get(shot.model)  # type: ignore[attr-defined]


def column_context(request: StudioRequest) -> dict[str, object]:
    """For every page that shows the column: `{"queue": Column}`."""
    return {"queue": column_of(request.team)}


def badge_context(request: StudioRequest) -> dict[str, object]:
    """For a page that shows only how many there are, in one query."""
    return {"queue": Column(people=_people(Generation.objects.of_team(request.team)))}


@require_safe
@team_required
def column(request: StudioRequest) -> HttpResponse:
    """The team's, or with `?person=` and one's own id only one's own."""
    mine = request.GET.get("person") == str(request.user.pk)
    template = "generations/_queue_list.html" if wants_fragment(request) else "generations/queue.html"
    found = column_of(request.team, request.user.pk if mine else None)
    return render(request, template, {"queue": found, "person": str(request.user.pk) if mine else ""})


@require_safe
@team_required
def card(request: StudioRequest, pk: int) -> HttpResponse:
    return HttpResponse(job_cards.draw(_placed(request, pk), request.user))


@require_POST
@team_required
def cancel(request: StudioRequest, pk: int) -> HttpResponse:
    shot = own(request, pk)
    try:
        lifecycle.cancel(shot, request.user)
    except lifecycle.TooLate as error:
        return _card_after(request, pk, str(error), status=409)
    cost = (
        "Nothing was sent, nothing is charged." if shot.charged == Charged.NO else "An earlier request may be charged."
    )
    return _card_after(request, pk, f"Cancelled “{shot.shown_title}”. {cost}")


@require_POST
@team_required
def hurry(request: StudioRequest, pk: int) -> HttpResponse:
    """Before one's own other waiting shots; the turn among people stays as it is."""
    shot = own(request, pk)
    if shot.created_by_id != request.user.pk:
        return _card_after(request, pk, "Only the person who made this shot can move it to the front.", status=403)
    if not lifecycle.hurry(shot):
        return _card_after(request, pk, "This shot does not wait any more.", status=409)
    return _card_after(request, pk, f"“{shot.shown_title}” goes before your other waiting shots.")


@require_POST
@team_required
def dismiss(request: StudioRequest, pk: int) -> HttpResponse:
    """Take a card at its end out of the column, for the whole team. The shot stays in the gallery.

    One that is done is under "Finished" there, a failed one under "Failed", a cancelled one under "Everything".
    """
    shot = own(request, pk)
    if not shot.is_final:
        return _card_after(request, pk, "This shot is still on its way, so its card stays.", status=409)
    moment = timezone.now()
    Generation.objects.filter(pk=shot.pk).update(dismissed_at=moment, updated_at=moment)
    return HttpResponse() if request.htmx else back(request, "queue")


@require_POST
@team_required
def clear(request: StudioRequest) -> HttpResponse:
    """Every card at its end out of the column, for the whole team, or with `?person=` only one's own."""
    mine = request.GET.get("person") == str(request.user.pk)
    person = request.user.pk if mine else None
    moment = timezone.now()
    ended = Generation.objects.of_team(request.team).kept().filter(state__in=TERMINAL, dismissed_at=None)
    ended = ended.filter(created_by=person) if person else ended
    ended.update(dismissed_at=moment, updated_at=moment)
    if not request.htmx:
        return back(request, "queue")
    context = {"queue": column_of(request.team, person), "person": str(person or "")}
    return render(request, "generations/_queue_list.html", context)


@require_POST
@team_required
def retry(request: StudioRequest, pk: int) -> HttpResponse:
    """What failed once more, as it was, as a shot of whoever presses. However often it is pressed, it becomes one shot."""
    shot = own(request, pk)
    try:
        again.retry(shot, request.user)
    except again.CannotRetry as error:
        return _card_after(request, pk, f"{error} Nothing was sent.", status=409)
    tasks.kick()
    if not request.htmx:
        return said(request, f"“{shot.shown_title}” is made again.", to="queue")
    person = _person_of_page(request)
    context = {"queue": column_of(request.team, person), "person": str(person or "")}
    return render(request, "generations/_retried.html", context | {"words": f"“{shot.shown_title}” is made again."})


def _person_of_page(request: StudioRequest) -> int | None:
    """Whose shots the list shows that a press is to draw anew: None for the whole team's, as in `column`."""
    page = urlsplit(request.htmx.current_url_abs_path or "")
    mine = page.path == reverse("queue") and QueryDict(page.query).get("person") == str(request.user.pk)
    return request.user.pk if mine else None


@require_POST
@team_required
def resume_key(request: StudioRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(ProviderKey, pk=pk, team=request.team)
    if request.membership.role != Membership.OWNER:
        raise PermissionDenied
    keys.resume(key)
    tasks.kick()
    return said(request, "The key is in use again. What waited for it goes on now.", to="create")


def _placed(request: StudioRequest, pk: int) -> Generation:
    shot = own(request, pk)
    place(request.team, [shot])
    return shot


def _card_after(request: StudioRequest, pk: int, words: str, status: int = 200) -> HttpResponse:
    """The card as it is now, with the sentence as a toast; without htmx, the sentence on the page one came from."""
    if not request.htmx:
        return said(request, words, to="queue", status=status)
    context = {"generation": _placed(request, pk), "words": words, "bad": status >= 400}
    return render(request, "generations/_card_and_toast.html", context, status=status)
