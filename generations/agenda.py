"""What is due: one query for each turn of the loop, so that a turn with nothing to do costs next to nothing."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Min, Q

from . import lifecycle
from .lifecycle.moves import now
from .models import Character, Generation, ProviderKey
from .states import IN_FLIGHT, SAVING, State

FREE = Q(lease_until=None)
ASKABLE = Q(state__in=IN_FLIGHT) | Q(state=State.UNKNOWN, unknown_phase="remote")
LIVE = (State.QUEUED, State.SUBMITTING, *IN_FLIGHT, *SAVING, State.UNKNOWN)  # whatever is not at its end


@dataclass(frozen=True)
class Agenda:
    """When the first shot is to be sent, asked about, saved or drawn; None when there is none. `left`: work of any kind."""

    moment: dt.datetime
    send: dt.datetime | None
    ask: dt.datetime | None
    save: dt.datetime | None
    draw: dt.datetime | None
    left: bool
    asked: int  # shots at their providers

    def is_due(self, first: dt.datetime | None) -> bool:
        return first is not None and first <= self.moment

    @property
    def pause(self) -> float | None:
        """Seconds until something more is due; None when nothing is known to come."""
        coming = [first for first in (self.send, self.ask, self.save, self.draw) if first and first > self.moment]
        return (min(coming) - self.moment).total_seconds() if coming else None


NOTHING = Agenda(dt.datetime.min.replace(tzinfo=dt.UTC), None, None, None, None, left=False, asked=0)


def look() -> Agenda:
    """Two queries over indexes, grouped: few rows come back however many shots wait."""
    moment = now()
    live = Generation.objects.filter(state__in=LIVE).values_list("state", "unknown_phase", "provider_key__state")
    first: dict[str, dt.datetime | None] = dict.fromkeys(("send", "ask", "save"))
    left, asked = False, 0
    for state, phase, key_state, due, count in live.annotate(due=Min("due_at", filter=FREE), count=Count("pk")):
        kind = _kind(state, phase, key_state)
        asleep = state == State.UNKNOWN and (due is None or due > moment)  # asked again in half an hour
        left = left or state == State.SUBMITTING or (bool(kind) and not asleep)
        asked += count if state in IN_FLIGHT else 0
        if kind and due:
            first[kind] = min(due, first[kind] or due)
    draw = Generation.objects.drawing().aggregate(first=Min("pictures_due_at"))["first"]
    return Agenda(moment, **first, draw=draw, left=left or draw is not None, asked=asked)


def _kind(state: str, phase: str, key_state: str) -> str:
    if state == State.QUEUED:
        return "send" if key_state == ProviderKey.ACTIVE else ""
    if state in SAVING:
        return "save"
    return "ask" if state in IN_FLIGHT or (state == State.UNKNOWN and phase == "remote") else ""


def work_is_waiting() -> bool:
    return look().left or others_wait()


def others_wait() -> bool:
    """Whether there is something to do that is not a shot on its way: lost requests to look for, characters to make, tests."""
    making = Character.objects.filter(state=Character.MAKING)
    return bool(lifecycle.lookups() or lifecycle.characters_due() or lifecycle.probes_due()) or making.exists()


def renders_wait() -> bool:
    return Generation.objects.filter(FREE, state__in=SAVING, due_at__lte=now()).exists()


def next_drawing() -> int | None:
    """The newest finished shot whose pictures are to be made now."""
    due = Generation.objects.drawing().filter(pictures_due_at__lte=now()).order_by("-finished_at")
    return due.values_list("pk", flat=True).first()
