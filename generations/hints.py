"""Finished renders and videos without pictures are handed to the cluster's other workers as tasks. A task is a hint: one that
gets lost is given again, one that comes twice finds nothing to do.
"""

import datetime as dt
from collections.abc import Callable

from django.db.models import QuerySet

from .lifecycle.moves import now
from .models import Generation
from .states import SAVING

MOST_HINTS = 8  # archive tasks waiting in the queue at a time, so that it stays short
MOST_PICTURES = 4
LOST = dt.timedelta(seconds=20)  # after this a task counts as lost

Hint = Callable[[str, list[int]], None]  # the name of a task, the shots it is for


def hand_out(hint: Hint) -> None:
    """Finished renders, those whose address dies first before the others; when none waits, the pictures."""
    moment = now()
    saving = Generation.objects.filter(state__in=SAVING)
    room = MOST_HINTS - saving.filter(hint_at__gt=moment, due_at__lte=moment).count()
    due = saving.filter(due_at__lte=moment, hint_at__lte=moment, lease_until=None).order_by("result_expires_at")
    handed = _give(hint, "archive", due, room, moment)
    if not handed and not saving.filter(due_at__lte=moment).exists():
        drawing = Generation.objects.drawing().filter(pictures_due_at__lte=moment)
        room = MOST_PICTURES - drawing.filter(hint_at__gt=moment).count()
        _give(hint, "pictures", drawing.filter(hint_at__lte=moment).order_by("-finished_at"), room, moment)


def _give(hint: Hint, task: str, due: QuerySet[Generation], room: int, moment: dt.datetime) -> int:
    rows = list(due.values_list("pk", flat=True)[: max(0, room)])
    if rows:
        Generation.objects.filter(pk__in=rows).update(hint_at=moment + LOST)
        hint(task, rows)
    return len(rows)
