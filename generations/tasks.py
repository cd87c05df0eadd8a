"""What the django-q2 cluster runs: load the row, call a verb. A message is a hint: losing or doubling it changes nothing."""

import datetime as dt
import os
import time

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from . import agenda, lifecycle, uploads
from .engine import Engine, lease_is_free
from .models import Beacon

ENGINE_SECONDS = 240  # then the loop hands over to a fresh task
DRAW_SECONDS = 60  # after that a worker takes the next message


def engine() -> None:
    """Drive everything that is due until nothing is left: submit and poll here, archive as tasks of their own."""
    Engine(hint=hint_each).run(ENGINE_SECONDS)
    kick()


def archive(generation_id: int) -> None:
    lifecycle.archive(generation_id)
    pictures(generation_id)


def pictures(generation_id: int) -> None:
    """Draw this shot, then others that are due, while no render waits to be saved: videos come first."""
    end = time.monotonic() + DRAW_SECONDS
    pk: int | None = generation_id
    while pk is not None and time.monotonic() < end and not agenda.renders_wait():
        lifecycle.pictures(pk)
        pk = agenda.next_drawing()


def watchdog() -> None:
    """Once a minute and at every start: recover what dead workers left, and start the loop if something waits."""
    lifecycle.sweep()
    lifecycle.remind()
    uploads.clear_leftovers()
    kick()


def canary() -> None:
    """Proof that a task gets through the whole cluster. The supervisor and /healthz/worker read it."""
    Beacon.objects.update_or_create(name="canary", defaults={"touched_at": timezone.now(), "owner": str(os.getpid())})


def hint(task: str, *args: int) -> None:
    async_task(f"generations.tasks.{task}", *args, q_options={"save": False, "ack_failure": True})


def hint_each(task: str, pks: list[int]) -> None:
    with transaction.atomic():  # hints are rows of this database, unless Redis carries them
        for pk in pks:
            hint(task, pk)


def kick() -> None:
    """Start the loop if work waits and no loop holds the lease. Cheap, and safe to call from anywhere."""
    if lease_is_free() and agenda.work_is_waiting() and _first_in(seconds=4):
        hint("engine")


def _first_in(seconds: float) -> bool:
    """True for one caller in each span of time, so that a stopped cluster does not find a thousand hints."""
    moment, span = timezone.now(), dt.timedelta(seconds=seconds)
    Beacon.objects.get_or_create(name="kick", defaults={"touched_at": moment - dt.timedelta(days=1)})
    ahead = Q(touched_at__gt=moment + span)  # the clock was set back
    return bool(Beacon.objects.filter(Q(touched_at__lt=moment - span) | ahead, name="kick").update(touched_at=moment))
