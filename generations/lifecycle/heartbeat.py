"""A sign of life for as long as a paid request is out that takes minutes: the lease is pushed out while time passes.

Bytes prove nothing here: such a provider says nothing at all until the video is ready. What ends a request that hangs is
its own deadline; the lease only says that the process lives. Source: reliability notes, 2.6.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from ..models import Generation
from . import leases

log = logging.getLogger(__name__)
LOOK = 2.0  # seconds between two looks at the progress
EVERY = 20.0  # seconds between two renewals, less when leases are short
SIGN = "paid-"  # what the sign for the supervisor begins with: it does not end a process under such a request


@contextmanager
def beating(generation: Generation, progress: Callable[[], int | None]) -> Iterator[None]:
    """Inside the block the lease is renewed, and what `progress` says is written on the row; from a thread of its own."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(generation, progress, over), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)


def _beat(generation: Generation, progress: Callable[[], int | None], over: threading.Event) -> None:
    renewed, ours, seen = _clocks(), True, None
    last = renewed[0] + settings.SYNC_DEADLINE + 60  # a request that is still out after its deadline hangs
    sign = Path(settings.RUN, f"{SIGN}{generation.lease_token}")
    try:
        while True:
            if time.monotonic() < last:
                _touch(sign)
            if over.wait(LOOK):
                return
            try:
                seen = _show(generation, progress(), seen)
                if ours and renewed[0] < last and _passed(renewed) > min(EVERY, settings.LEASE / 5):
                    ours, renewed = leases.renew(generation), _clocks()
            except (DatabaseError, OSError):  # away for a moment; the request goes on in any case
                log.warning("shot %s: no sign of life could be written", generation.pk, exc_info=True)
                connection.close_if_unusable_or_obsolete()
    finally:
        connection.close()
        sign.unlink(missing_ok=True)


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.time()


def _passed(since: tuple[float, float]) -> float:
    """Leases end by the clock on the wall. After it jumped, as when a laptop wakes up, they are renewed at the next look."""
    monotonic, wall = _clocks()
    return max(monotonic - since[0], wall - since[1])


def _touch(sign: Path) -> None:
    try:
        sign.touch()
    except OSError:
        log.warning("%s could not be touched", sign, exc_info=True)


def _show(generation: Generation, progress: int | None, seen: int | None) -> int | None:
    """The highest so far: providers let it fall, people should not see that."""
    if progress is None or (seen is not None and progress <= seen):
        return seen
    mine = Generation.objects.filter(pk=generation.pk, lease_token=generation.lease_token)
    mine.update(progress=progress, updated_at=timezone.now())
    return progress
