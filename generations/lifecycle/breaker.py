"""The breaker of a key: stops sending, or asking, when the provider fails again and again, and honours "wait until".

The state machine is plain functions over a row and a moment; what reaches the database goes through `_change`, one
compare-and-set. An open breaker closes only after a free question was answered (probing.py) or when a person says so.
Source: reliability notes, 2.5 (several unknown outcomes) and 2.7.
"""

import datetime as dt
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from django.db import OperationalError, transaction
from django.utils import timezone

from ..models import Breaker, Generation
from ..states import IN_FLIGHT, State
from .moves import now

log = logging.getLogger(__name__)
T = TypeVar("T")
Kind = Literal["connect", "timeout", "server", "unknown"]
OK: Literal[""] = ""

IN_A_ROW = 5
SLOT = 10  # seconds; the window of a minute moves on in such steps
SLOTS = 6
ENOUGH_CALLS = 10  # a share of fewer calls says nothing
MOST_UNKNOWN = 3
UNKNOWN_SECONDS = 600
FIRST_PAUSE = 30
# Questions are free, and after the provider has healed everything is to be normal within a minute.
LONGEST_PAUSE = {Breaker.SUBMIT: 600, Breaker.READ: 45}
SPREAD = 0.2
PROBE_SECONDS = 60  # a test that takes longer has died
FIELDS = (
    "state", "failures", "window", "unknown_times", "reason", "opened_at", "next_probe_at", "pause_seconds", "held_until",
    "held_words",
)  # fmt: skip
SHOWN = ("state", "reason", "next_probe_at", "held_until")


@dataclass(frozen=True)
class Allowed:
    """Go on. `one_at_a_time`: after a failure, until something succeeds."""

    one_at_a_time: bool = False

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True)
class Closed:
    """The way is closed. `reason` is a sentence, `when` another about what comes next ("" if it says all), at `until`."""

    reason: str
    until: dt.datetime | None = None
    when: str = ""

    def __bool__(self) -> bool:
        return False


def clock(moment: dt.datetime) -> str:
    return timezone.localtime(moment).strftime("%H:%M:%S")


# --- the state machine: a row, a moment ------------------------------------------------------------------------------------
def verdict(row: Breaker | None, moment: dt.datetime) -> Allowed | Closed:
    if row is None:
        return Allowed()
    if row.state == Breaker.OPEN and row.next_probe_at:
        return Closed(row.reason, row.next_probe_at, f"Next test at {clock(row.next_probe_at)}.")
    if row.state != Breaker.CLOSED:
        return Closed(row.reason, None, "It is being tested now.")
    if row.held_until and row.held_until > moment:
        return Closed(row.held_words, row.held_until)
    return Allowed(one_at_a_time=row.failures > 0 or row.pause_seconds > 0)


def succeeded(row: Breaker, moment: dt.datetime) -> None:
    """A real call went well. It ends a trial, but closes nothing: an answer may be of a call from before the trouble."""
    _count(row, moment, failed=False)
    row.failures = 0
    if row.state == Breaker.CLOSED:
        row.pause_seconds = 0


def failed(row: Breaker, moment: dt.datetime, kind: Kind) -> None:
    _count(row, moment, failed=True)
    row.failures += 1
    if kind == "unknown" and row.side == Breaker.SUBMIT:
        young = [at for at in row.unknown_times if at > moment.timestamp() - UNKNOWN_SECONDS]
        row.unknown_times = [*young, moment.timestamp()]
    if row.state == Breaker.CLOSED and (reason := _too_much(row, moment)):
        _open(row, moment, reason)


def probing(row: Breaker, moment: dt.datetime) -> bool:
    """Claim the test of an open breaker whose time has come, or of one whose tester died. False: somebody else has it."""
    if row.state == Breaker.CLOSED or row.next_probe_at is None or row.next_probe_at > moment:
        return False
    row.state, row.next_probe_at = Breaker.HALF_OPEN, moment + dt.timedelta(seconds=PROBE_SECONDS)
    return True


def probed(row: Breaker, moment: dt.datetime, answered: bool) -> None:
    """What the test found. Closed is on trial: one call at a time, and its failure opens it for twice as long."""
    if row.state != Breaker.HALF_OPEN:
        return
    if answered:
        row.state, row.failures, row.next_probe_at, row.reason = Breaker.CLOSED, 0, None, ""
    else:
        _open(row, moment, row.reason)


def hold(row: Breaker, moment: dt.datetime, seconds: float, asked: bool) -> None:
    """Nothing before `seconds` are over; a shorter wait does not end a longer one."""
    until = moment + dt.timedelta(seconds=seconds)
    if row.held_until is None or until > row.held_until:
        row.held_until = until
        said = "The provider asked us to wait until {}." if asked else "The provider is busy. Next request at {}."
        row.held_words = said.format(clock(until))


def in_window(row: Breaker, moment: dt.datetime) -> tuple[int, int]:
    """(calls, failures) of the last minute."""
    first = int(moment.timestamp() // SLOT) - SLOTS
    fresh = [slot for slot in row.window if slot[0] > first]
    return sum(slot[1] for slot in fresh), sum(slot[2] for slot in fresh)


def _count(row: Breaker, moment: dt.datetime, failed: bool) -> None:
    this = int(moment.timestamp() // SLOT)
    window = [list(slot) for slot in row.window if slot[0] > this - SLOTS]
    if not window or window[-1][0] < this:
        window.append([this, 0, 0])
    window[-1][1] += 1
    window[-1][2] += failed
    row.window = window


def _too_much(row: Breaker, moment: dt.datetime) -> str:
    """Why it has to open, as a sentence; "" when it has not."""
    calls, failures = in_window(row, moment)
    if len(row.unknown_times) >= MOST_UNKNOWN:
        return f"{len(row.unknown_times)} requests within 10 minutes ended without a clear answer and may have been charged."
    if row.failures >= IN_A_ROW:
        return f"The provider has failed {row.failures} times in a row."
    if row.pause_seconds:
        return "The provider answered a test and then failed again."
    if calls >= ENOUGH_CALLS and failures * 2 >= calls:
        return f"{failures} of the last {calls} requests to the provider failed."
    return ""


def _open(row: Breaker, moment: dt.datetime, reason: str) -> None:
    """The evidence is used up: what opens it the next time has to be new."""
    longer = row.pause_seconds * 2 if row.pause_seconds else FIRST_PAUSE
    row.pause_seconds = min(LONGEST_PAUSE[row.side], longer)
    pause = row.pause_seconds * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311
    row.state, row.reason, row.opened_at = Breaker.OPEN, reason, moment
    row.next_probe_at = moment + dt.timedelta(seconds=pause)
    row.window, row.unknown_times = [], []


# --- the rows --------------------------------------------------------------------------------------------------------------
def allows(key_id: int, side: str) -> Allowed | Closed:
    return verdict(Breaker.objects.filter(key=key_id, side=side).first(), now())


def note_success(key_id: int, side: str) -> None:
    note(key_id, side, [OK])


def note_failure(key_id: int, side: str, kind: Kind) -> None:
    note(key_id, side, [kind])


def note(key_id: int, side: str, results: Iterable[Kind | Literal[""]]) -> None:
    """Count what calls came to, in their order: OK, or the kind of failure."""
    kinds = list(results)

    def step(row: Breaker, moment: dt.datetime) -> None:
        for kind in kinds:
            if kind == OK:
                succeeded(row, moment)
            else:
                failed(row, moment, kind)

    if kinds:
        _change(key_id, side, step)


def hold_back(key_id: int, side: str, seconds: float, *, asked: bool = True) -> None:
    """The provider is busy: nothing more of this key leaves before `seconds` are over (`asked`: it named the time)."""
    _change(key_id, side, lambda row, moment: hold(row, moment, seconds, asked))


def held_until(key_id: int, side: str, moment: dt.datetime) -> dt.datetime:
    """When the wait that the provider asked for is over; `moment` when there is none."""
    held = Breaker.objects.filter(key=key_id, side=side, held_until__gt=moment)
    return held.values_list("held_until", flat=True).first() or moment


def claim_probe(key_id: int, side: str) -> bool:
    return _change(key_id, side, probing)


def end_probe(key_id: int, side: str, answered: bool) -> None:
    _change(key_id, side, lambda row, moment: probed(row, moment, answered))


def close(key_id: int) -> None:
    """A person says that the provider is to be trusted again: both sides start anew."""
    Breaker.objects.filter(key=key_id).delete()


def test_first(key_id: int, reason: str) -> None:
    """Both sides start anew, but nothing is sent before a free question was answered."""

    def step(row: Breaker, moment: dt.datetime) -> None:
        row.state, row.reason, row.opened_at, row.next_probe_at = Breaker.OPEN, reason, moment, moment

    close(key_id)
    _change(key_id, Breaker.SUBMIT, step)


def _change(key_id: int, side: str, step: Callable[[Breaker, dt.datetime], T]) -> T:
    """Read, step, write if nobody wrote meanwhile; else again."""
    for _ in range(50):
        row, _new = Breaker.objects.get_or_create(key_id=key_id, side=side)
        before = {name: getattr(row, name) for name in FIELDS}
        result = step(row, now())
        after = {name: getattr(row, name) for name in FIELDS}
        if after == before:
            return result
        mine = Breaker.objects.filter(pk=row.pk, version=row.version)
        if mine.update(version=row.version + 1, **after):
            if any(after[name] != before[name] for name in SHOWN):
                _tell(row)
            return result
    raise OperationalError(f"the breaker of key {key_id} could not be written")


def _tell(row: Breaker) -> None:
    """The pages of the team look again when a row of theirs changes; after the commit, so that no lock is held for it."""
    log.log(
        logging.WARNING if row.state == Breaker.OPEN else logging.INFO, "key %s, %s. %s", row.key_id, row, row.reason
    )
    states = (State.QUEUED,) if row.side == Breaker.SUBMIT else IN_FLIGHT
    waiting = Generation.objects.filter(provider_key=row.key_id, state__in=states)
    newest = waiting.order_by("-pk").values_list("pk", flat=True)[:1]
    transaction.on_commit(
        lambda: Generation.objects.filter(pk__in=list(newest)).update(updated_at=timezone.now()), robust=True
    )
