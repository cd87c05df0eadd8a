"""How long things take, in words. The page counts on from these in the same words (static/studio.js)."""

import datetime as dt

from django.utils import timezone

from ..usual import Usual


def clock(seconds: float | None) -> str:
    """8.0 → "0:08"."""
    whole = max(0, round(seconds or 0))
    return f"{whole // 60}:{whole % 60:02d}"


def roughly(seconds: int) -> str:
    """40 → "40 s", 100 → "1½ min", 700 → "12 min": no more than anybody knows."""
    if seconds < 55:
        return f"{max(10, round(seconds, -1))} s"
    halves = max(2, round(seconds / 30)) if seconds < 300 else 2 * round(seconds / 60)
    return f"{halves // 2}{'½' if halves % 2 else ''} min"


def elapsed(since: dt.datetime | None, usual: Usual | None) -> str:
    """ "0:20, about 1 min left", then "1:10 of about 1:00", at last "5:00, longer than usual"; "" before it began."""
    if since is None:
        return ""
    seconds = round((timezone.now() - since).total_seconds())
    if not usual:
        return clock(seconds)
    if seconds > usual.late:
        return f"{clock(seconds)}, longer than usual"
    left = usual.middle - seconds
    return clock(seconds) + (f", about {roughly(left)} left" if left > 0 else f" of about {clock(usual.middle)}")
