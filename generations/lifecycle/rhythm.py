"""When a shot is asked about again, as long as its provider answers. Trouble has waits of its own (polling.py)."""

import datetime as dt
import random

from django.conf import settings

from ..models import Generation
from ..states import State
from .moves import now

RETENTION = dt.timedelta(hours=48)  # how long an answer may still come after we stopped believing in it
SLOW = 1800.0  # seconds between questions about such a job
YOUNG = dt.timedelta(minutes=1)
FEW = 30  # shots at their providers: up to that many are asked about more often, half the questions of a hundred
CLOSE = 0.55  # of POLL_MIN


def first_question(moment: dt.datetime) -> dt.datetime:
    """2 s after it was taken: nothing is ready sooner, and from then on the card says that it renders."""
    return moment + dt.timedelta(seconds=settings.POLL_MIN * 0.87)


def is_over(generation: Generation) -> bool:
    """Whether a job that was given up is asked about by itself no more."""
    return generation.deadline_at is not None and now() > generation.deadline_at + RETENTION


def next_question(generation: Generation) -> dt.datetime:
    """Every 2.3 s in the first minute, 5 s until the fifth, then 15 s; up to a tenth earlier, so that jobs do not march."""
    moment = now()
    if generation.state == State.UNKNOWN:
        return moment + (dt.timedelta(days=365) if is_over(generation) else dt.timedelta(seconds=SLOW))
    age = moment - (generation.submitted_at or moment)
    least = 0 if age < YOUNG else 5 if age < 5 * YOUNG else 15
    return moment + dt.timedelta(seconds=max(least, settings.POLL_MIN) * random.uniform(0.9, 1))  # noqa: S311


def ask_sooner() -> None:
    """For few shots, those that render in their first minute: what matters to a provider is how many questions come in all.

    Not for one in any kind of trouble: its wait was chosen for that, and may be one of a few that it gets.
    """
    moment = now()
    soon = moment + dt.timedelta(seconds=settings.POLL_MIN * CLOSE)
    young = Generation.objects.filter(state=State.RUNNING, submitted_at__gt=moment - YOUNG)
    young.filter(due_at__gt=soon, poll_errors=0, url_tries=0, message="").update(due_at=soon)
