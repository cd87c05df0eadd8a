"""The middle of the Create page: the newest shots, those of one confirmation together. What is being made keeps the place
of its picture, so that nothing moves when it is ready.
"""

from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Prefetch

from accounts.models import Team
from accounts.requests import StudioRequest

from ..models import Asset, Generation
from ..models.generation import GenerationQuerySet
from ..states import ACTIVE, State

MOST_SHOTS = 24
MOST_GROUPS = 8
KINDS = (Asset.VIDEO, Asset.POSTER, Asset.POSTER_SMALL, Asset.PREVIEW)


@dataclass
class Group:
    """The takes of one press of Generate, in their order; `hero` is the one that finished last, if any has."""

    shots: list[Generation]

    @property
    def hero(self) -> Generation:
        return max(self.shots, key=lambda shot: (shot.finished_at is not None, shot.finished_at, shot.pk))

    @property
    def first(self) -> Generation:
        return self.shots[0]


class Newest(NamedTuple):
    """What of the feed can change, without drawing it. `shots` with their last change once they are done; `waiting`:
    the states of those that hold the place of a picture."""

    shots: tuple[tuple[int, object], ...]
    waiting: dict[int, str]


def latest(request: StudioRequest) -> list[Group]:
    return latest_of(request.team)


def latest_of(team: Team) -> list[Group]:
    """At most 8 groups out of the newest 24 shots that are finished or on their way, in two queries."""
    files = Prefetch("assets", Asset.objects.filter(kind__in=KINDS))
    found = (
        _shots(team).select_related("provider_key").defer("provider_key__secret", "result_url").prefetch_related(files)
    )
    together: dict[str, list[Generation]] = {}
    for shot in found[:MOST_SHOTS]:
        together.setdefault(shot.form_token, []).append(shot)
    return [Group(sorted(takes, key=lambda shot: shot.take)) for takes in together.values()][:MOST_GROUPS]


def newest_of(team: Team) -> Newest:
    """In one small query: most changes of a team do not touch what the feed shows."""
    rows = list(_shots(team).values_list("pk", "form_token", "state", "updated_at")[:MOST_SHOTS])
    finished = {token for _, token, state, _ in rows if state == State.DONE}
    waiting = {token: (pk, state) for pk, token, state, _ in reversed(rows) if token not in finished}
    return Newest(
        tuple((pk, moment if state == State.DONE else None) for pk, _, state, moment in rows), dict(waiting.values())
    )


def _shots(team: Team) -> GenerationQuerySet:
    kept = Generation.objects.of_team(team).kept()
    return kept.filter(state__in=(State.DONE, *ACTIVE)).order_by("-created_at", "-id")
