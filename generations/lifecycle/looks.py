"""When a provider's list is looked into for a request whose answer was lost. Source: reliability notes, 2.5."""

import datetime as dt
from typing import Any

from ..models import Attempt, Generation
from ..states import State
from .moves import now
from .rhythm import SLOW

MINUTE, HOUR = 60, 3600
LOOKS = (
    30,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
)
LAST = dt.timedelta(days=3)
SAFE_AFTER = 15 * MINUTE  # from here on a whole list without the request proves that it was not accepted


def first_look() -> dict[str, Any]:
    """The columns of a row whose outcome has just become unknown."""
    return {"reconcile_tries": 0, "safe_to_resend": False, "due_at": now() + dt.timedelta(seconds=LOOKS[0])}


def doubted_at(row: Generation) -> dt.datetime:
    """When the outcome became unknown."""
    attempt = row.attempts.filter(state=Attempt.UNKNOWN).order_by("-n").first()
    return (attempt.answered_at or attempt.started_at) if attempt else row.created_at


def claim(row: Generation) -> bool:
    """Set the time of the look after this one, by compare-and-set: two loops do not look twice."""
    started = doubted_at(row)
    passed = (now() - started).total_seconds()
    tries = sum(passed >= look for look in LOOKS)
    due = started + dt.timedelta(seconds=LOOKS[min(tries, len(LOOKS) - 1)])
    return _change(row, reconcile_tries=tries, due_at=due)


def is_over(row: Generation) -> bool:
    """Whether a look that meets a silent provider is the last one that is made by itself."""
    return now() - doubted_at(row) > LAST


def put_off(row: Generation) -> bool:
    """The provider is silent: the next look in its turn. The last one is not used up so, but waits for three days."""
    waits = now() - doubted_at(row) >= dt.timedelta(seconds=LOOKS[-1]) and not is_over(row)
    return _change(row, due_at=now() + dt.timedelta(seconds=SLOW)) if waits else claim(row)


def _change(row: Generation, **fields: Any) -> bool:
    same = Generation.objects.filter(pk=row.pk, state=State.UNKNOWN, due_at=row.due_at)
    return bool(same.update(**fields))
