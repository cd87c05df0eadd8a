"""An unknown outcome waits for a person as long as it takes; once a day its log says that it still does."""

import datetime as dt

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ..models import Event, Generation
from ..states import State

EVERY = dt.timedelta(days=1)


def remind() -> int:
    """Write "still waiting for a person" into the log of every unknown shot whose log was silent for a day."""
    quiet = Generation.objects.filter(state=State.UNKNOWN).annotate(last=Max("events__at"))
    return sum(_remind(row) for row in quiet.filter(last__lte=timezone.now() - EVERY))


def _remind(row: Generation) -> bool:
    """By compare-and-set, so that two watchdogs write it once."""
    with transaction.atomic():
        same = Generation.objects.filter(pk=row.pk, state=State.UNKNOWN, updated_at=row.updated_at)
        if not same.update(updated_at=timezone.now()):
            return False
        why = "still waiting for a person to decide"
        Event.objects.create(generation=row, from_state=State.UNKNOWN, to_state=State.UNKNOWN, why=why)
        return True
