"""What the loop's threads run: what a verb raises is logged, and a connection that broke is not kept."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from threading import BoundedSemaphore

from django.db import connection

from . import lifecycle

log = logging.getLogger(__name__)
HEAVY = BoundedSemaphore(8)  # requests at a time that may carry 64 MB of images each


def in_thread(verb: Callable[[int], bool], pk: int) -> bool:
    try:
        return verb(pk)
    except Exception:
        log.exception("shot %s: %s failed; the recovery looks at it", pk, verb.__name__)
        return False
    finally:
        connection.close_if_unusable_or_obsolete()


def in_own_thread(verb: Callable[[int], bool], pk: int) -> bool:
    """For what outlives the loop's other threads: nobody else closes its connection."""
    try:
        return in_thread(verb, pk)
    finally:
        connection.close()


def deliver(sending: lifecycle.Sending) -> lifecycle.Sending:
    try:
        with HEAVY if lifecycle.carries_images(sending) else nullcontext():
            return lifecycle.deliver(sending)
    finally:
        connection.close_if_unusable_or_obsolete()
