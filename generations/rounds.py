"""What the requests of one round of the loop go through together, so that one that makes trouble stops no other.

A database that is away is no trouble of theirs: it stops the round, and the next one goes on with the same answers.
"""

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, as_completed

from django.db import transaction

from . import lifecycle
from .lifecycle.moves import AWAY

log = logging.getLogger(__name__)


def begun(pks: list[int]) -> Iterator[lifecycle.Sending]:
    """Together; when one of them makes trouble each by itself, so that it does not stop the others."""
    try:
        yield from lifecycle.begin(pks)
        return
    except AWAY:
        raise
    except Exception:
        log.exception("could not begin: shots %s", pks)
    for pk in pks if pks[1:] else ():
        yield from begun([pk])


def settled_one(sending: lifecycle.Sending) -> bool:
    """One outcome that cannot be written must not stop the others: its answer stays on the disk, for the recovery."""
    try:
        with transaction.atomic():
            lifecycle.settle(sending)
    except AWAY:
        raise
    except Exception:
        log.exception("shot %s: its outcome could not be written", sending.attempt.generation_id)
        return False
    return True


def bring_home(futures: Iterable[Future[lifecycle.Sending]]) -> None:
    """The last outcomes, each as it comes, with patience for the database; if it stays away, the answers wait on the disk."""
    try:
        for future in as_completed(futures):
            sending = future.result()
            try:
                lifecycle.settle(sending)
                lifecycle.put_away(sending)
            except AWAY:
                raise
            except Exception:
                log.exception("shot %s: its outcome could not be written", sending.attempt.generation_id)
    except AWAY:
        log.warning("the database stays away; the recovery settles what is on the disk", exc_info=True)
