"""Why a shot waits and when it goes on, in words: one place for the card, the page and the shell."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..models import Breaker, Generation, ProviderKey
from ..registry import STREAMED
from ..states import IN_FLIGHT, State
from . import breaker, turns
from .breaker import Closed, clock
from .moves import now


@dataclass(frozen=True)
class Why:
    """`reason` and `when` are sentences ("" when there is nothing to say); `place` is how many shots are before it, `own`
    how many of them its person could let it pass: the rest belong to others.
    """

    reason: str = ""
    when: str = ""
    until: dt.datetime | None = None
    place: int | None = None
    own: int = 0

    @property
    def words(self) -> str:
        before = f"{self.place} before you." if self.place else "It is next." if self.place == 0 else ""
        return " ".join(filter(None, (self.reason, self.when or before)))


@dataclass
class Board:
    """What several shots need to say why they wait, fetched at once: three queries, one if all are at the provider."""

    loads: dict[int, turns.Load]
    places: dict[int, int]
    own: dict[int, int]
    moment: dt.datetime

    @classmethod
    def of(cls, shots: Iterable[Generation]) -> "Board":
        shots, moment = list(shots), now()
        queued = {shot.provider_key_id for shot in shots if shot.state == State.QUEUED}
        if queued:
            found = turns.loads({shot.provider_key_id for shot in shots}, moment, queue=True)
        else:
            found = _breakers_only({shot.provider_key_id for shot in shots if shot.state in IN_FLIGHT})
        places = {
            pk: place
            for key in queued
            for place, pk in enumerate(turns.line(found[key].queue, found[key].served))
        }  # fmt: skip
        own = {pk: before for key in queued for pk, before in turns.own_before(found[key].queue)}
        return cls(found, places, own, moment)


def _breakers_only(keys: set[int]) -> dict[int, turns.Load]:
    found = {key: turns.Load() for key in keys}
    for row in Breaker.objects.filter(key__in=keys) if keys else ():
        found[row.key_id].breakers[row.side] = row
    return found


def why(generation: Generation, board: Board | None = None) -> Why:
    """Empty for a shot that does not wait. `board` is for many at once; it must have been made with this shot."""
    board = board or Board.of([generation])
    return replace(_for(generation, board), own=board.own.get(generation.pk, 0))


def _for(generation: Generation, board: Board) -> Why:
    load = board.loads.get(generation.provider_key_id, turns.Load())
    if generation.state in IN_FLIGHT:
        return _why(breaker.verdict(load.breakers.get(Breaker.READ), board.moment))
    if generation.state != State.QUEUED:
        return Why()
    place = board.places.get(generation.pk, 0)
    key = generation.provider_key
    if key.state != ProviderKey.ACTIVE:
        return Why(
            _sentence(key.paused_reason) or "The key rests.", "It goes on when an owner says that the key works again."
        )
    sending = breaker.verdict(load.breakers.get(Breaker.SUBMIT), board.moment)
    if isinstance(sending, Closed):
        return _why(sending, place)
    if generation.due_at > board.moment and generation.message:
        until = generation.due_at
        return Why(_sentence(generation.message), f"Next try at {clock(until)}.", until, place)
    if generation.repeats and load.first_retried and load.retries_left(board.moment) == 0:
        until = load.first_retried + turns.MINUTE
        return Why(
            "Only few requests a minute may be repeated for this key.", f"Next try at {clock(until)}.", until, place
        )
    streamed = generation.model in STREAMED
    closed = turns.room(key, load, board.moment, streamed=streamed).closed
    if closed is None and streamed and turns.streaming() >= turns.STREAMS_IN_ALL:
        closed = Closed(
            f"At most {turns.STREAMS_IN_ALL} at a time in this studio: each waits for its answer for minutes."
        )
    return _why(closed, place)


def _why(found: object, place: int | None = None) -> Why:
    if isinstance(found, Closed):
        return Why(found.reason, found.when, found.until, place)
    return Why(place=place)


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    return words if not words or words[-1] in ".!?…" else f"{words}."
