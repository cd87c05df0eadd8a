"""Every unknown outcome of the team on one page: what was sent, when, to whom, what it may have cost, and what was found."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Team
from accounts.requests import StudioRequest

from .. import lifecycle
from ..models import Character, Evidence, Generation
from ..models.generation import GenerationQuerySet
from ..prices import NOT_PUBLISHED, dollars
from ..states import State
from . import facts
from .access import team_required

MOST = 50  # on the page; the oldest first, so the rest comes up as these are decided


@dataclass(frozen=True)
class Case:
    """One unknown outcome with everything that a decision needs. `looks` says that the provider's list can be read now."""

    generation: Generation
    since: dt.datetime | None
    sent: list[facts.Fact]
    evidence: list[Evidence]
    looks: bool


def of_team(team: Team) -> GenerationQuerySet:
    """What waits for a person in this team."""
    return Generation.objects.of_team(team).filter(state=State.UNKNOWN)


def characters_of(team: Team) -> QuerySet[Character]:
    """Orders for characters that wait for a person; they are decided on the page of the cast."""
    return Character.objects.filter(team=team, state=Character.UNKNOWN)


def count_of(team: Team) -> int:
    """How many of both, at most 100, in one query: no page counts a whole table."""
    # a literal, and not a parameter: only then SQLite knows that its index of the unknown shots holds all of them
    shots = of_team(team).extra(where=[f"{Generation._meta.db_table}.state = '{State.UNKNOWN.value}'"])  # noqa: S610  (a constant)
    found, characters = (rows.order_by().values_list("pk") for rows in (shots, characters_of(team)))
    return len(found.union(characters, all=True)[:100])


def case_of(shot: Generation) -> Case:
    since = getattr(shot, "doubted_at", None)
    return Case(shot, since, sent(shot), list(shot.evidence.all()), lifecycle.can_look(shot))


def sent(shot: Generation) -> list[facts.Fact]:
    """What left, when, to whom, and what it may have cost."""
    key = shot.provider_key
    attempts = sorted(shot.attempts.all(), key=lambda attempt: attempt.n)
    last = attempts[-1] if attempts else None
    found = [("Model", shot.model_name), *facts.asked(shot)]
    found += [(each.role, each.host or "uploaded here") for each in facts.inputs(shot)]
    found += [("Sent", facts.when(attempt.started_at)) for attempt in attempts]
    found += [
        ("To", shot.provider_name or key.provider),
        ("Key", f"{key.label or key.provider}, ending in {key.last4}"),
    ]
    if last and last.http_status:
        found.append(("Answered", f"HTTP {last.http_status}"))
    if last and last.request_hash:
        found.append(("Request", f"SHA-256 {last.request_hash[:16]}…"))
    return [*found, ("May have cost", may_have_cost(shot))]


def may_have_cost(shot: Generation) -> str:
    if shot.provider_key.is_sandbox:
        return "Sandbox: nothing is charged"
    if shot.price_amount is not None:
        return dollars(shot.price_amount)
    return shot.price_words or NOT_PUBLISHED


@require_safe
@team_required
def unknown(request: StudioRequest) -> HttpResponse:
    """The oldest first. At most 12 queries and one or two a shot with images, however many wait."""
    shots = of_team(request.team).with_doubts()
    shots = shots.select_related("provider_key", "created_by", "team").prefetch_related("attempts", "evidence")
    rows = list(shots.order_by(F("doubted_at").asc(nulls_first=True), "id")[: MOST + 1])
    count = len(rows) if len(rows) <= MOST else of_team(request.team).count()
    cases = [case_of(row) for row in rows[:MOST]]
    context = {"cases": cases, "count": count, "more": count - len(cases)}
    return render(request, "generations/unknown.html", context | {"characters": characters_of(request.team).count()})
