"""The one function that changes a state, and the clock that leases are compared with."""

import datetime as dt
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from accounts.models import User

from ..models import Event, Generation
from ..states import EDGES, TERMINAL
from . import money

T = TypeVar("T")
AWAY = (OperationalError, InterfaceError)  # the database does not answer, or stays locked; nothing is wrong with a row


class LostRow(Exception):
    """The row is no longer in the state, or under the lease, that this step started from. Stop; somebody else has it."""


def now() -> dt.datetime:
    """Database time on PostgreSQL, where several machines may hold leases; this machine's clock on SQLite."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def move(
    generation: Generation,
    to: str,
    why: str,
    *,
    frm: tuple[str, ...] | None = None,
    lease: str | None = None,
    actor: User | None = None,
    **fields: Any,
) -> None:
    """Take one edge by compare-and-set, note when a shot came to its end, write its event and move its money; the caller
    holds the transaction. Raises LostRow, and OverBudget when a second payment does not fit.

    `frm` defaults to the state that `generation` was read in. With `lease` the row must still carry that lease token.
    """
    states = frm or (generation.state,)
    for state in states:
        if (state, to) not in EDGES:
            raise ValueError(f"There is no edge from {state} to {to}.")
    rows = Generation.objects.filter(pk=generation.pk, state__in=states)
    if lease is not None:
        rows = rows.filter(lease_token=lease)
    before = states[0] if len(states) == 1 else rows.values_list("state", flat=True).first()
    moment = timezone.now()
    fields |= {"updated_at": moment, "finished_at": moment if to in TERMINAL else None}
    if not before or not rows.filter(state=before).update(state=to, **fields):
        raise LostRow(f"shot {generation.pk} is no longer {' or '.join(states)}")
    Event.objects.create(generation_id=generation.pk, from_state=before, to_state=to, why=why, actor=actor)
    money.on_edge(generation, before, to, fields.get("charged", generation.charged))
    generation.state = to
    for name, value in fields.items():
        setattr(generation, name, value)


FREE: dict[str, Any] = {"lease_owner": "", "lease_token": "", "lease_until": None}


def committed(step: Callable[[], T], row: Generation | None = None) -> T:
    """Run `step` in a transaction; when the database is locked or away, again, up to 6 times in about 15 s. What a try that
    was rolled back has left in `row` is undone before the next.

    Only for steps that write what already happened outside: giving up early would forget a paid answer. Within a
    transaction of the caller's it is a savepoint, and the patience is the caller's.
    """
    before = dict(row.__dict__) if row else {}
    if connection.in_atomic_block:
        with transaction.atomic():
            return step()
    for pause in (0.1, 0.4, 1.5, 4, 9):
        try:
            with transaction.atomic():
                return step()
        except OperationalError:
            if row:
                row.__dict__.update(before)
            connection.close_if_unusable_or_obsolete()
            time.sleep(pause)
    with transaction.atomic():
        return step()
