"""When a provider's list is looked into for a request whose answer was lost. Source: reliability notes, 2.5."""

import datetime as dt
from typing import Any

from .moves import now

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
SAFE_AFTER = 15 * MINUTE  # from here on a whole list without the request proves that it was not accepted


def first_look() -> dict[str, Any]:
    """The columns of a row whose outcome has just become unknown."""
    return {"reconcile_tries": 0, "safe_to_resend": False, "due_at": now() + dt.timedelta(seconds=LOOKS[0])}
