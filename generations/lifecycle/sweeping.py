"""Recovery: what a process that died left behind. Safe to run at any time, by anybody, twice."""

import logging
import time
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ..models import Attempt, Generation
from ..providers.base import NotSent, OutcomeUnknown
from ..states import State
from . import casting, leases, outcomes, submission
from .escrow import Escrow
from .moves import AWAY, FREE, LostRow, move, now

log = logging.getLogger(__name__)
ORPHAN_AGE = 3600  # seconds before an escrow file that no attempt names is thrown away
DIED = "the worker stopped before all of it had come"


def sweep() -> int:
    """Bring every row whose worker died back on its way. Returns how many rows were touched."""
    touched = sum(_recover_or_doubt(row) for row in _abandoned()) + casting.sweep_characters()
    _clear_escrow()
    return touched


def _abandoned() -> list[Generation]:
    """Rows under a lease that ran out, or whose owner was on this machine and is dead (no need to wait for the lease)."""
    leased = Generation.objects.exclude(lease_until=None).select_related("provider_key", "team")
    moment = now()
    return [row for row in leased if row.lease_until < moment or leases.is_dead(row.lease_owner)]


def _recover_or_doubt(row: Generation) -> int:
    """One row that cannot be recovered must not stop the others, and must not be tried for ever in silence."""
    try:
        return _recover(row)
    except AWAY:  # the answer is safe on the disk; the next sweep finds it
        raise
    except Exception as error:
        log.exception("shot %s could not be recovered", row.pk)
        attempt = row.attempts.filter(state=Attempt.INTENT).first()
        if attempt is None or row.state != State.SUBMITTING:
            return 0
        outcomes.settle_error(attempt, outcomes.interrupted(error, sent=True))
        return 1


def _recover(row: Generation) -> int:
    try:
        if row.state == State.SUBMITTING:
            return _recover_submission(row)
        with transaction.atomic():
            if row.state == State.ARCHIVING:
                move(row, State.SUCCEEDED, "the worker stopped; fetched again", lease=row.lease_token,
                     due_at=now(), hint_at=now(), **FREE)  # fmt: skip
            else:
                Generation.objects.filter(pk=row.pk, lease_token=row.lease_token).update(**FREE)
        return 1
    except LostRow:
        return 0


def _recover_submission(row: Generation) -> int:
    """The escrow file knows more than the database: never left, maybe left, or even answered."""
    attempt = row.attempts.order_by("-n").first()
    if attempt is None or attempt.state != Attempt.INTENT:
        return 0
    attempt.generation = row
    escrow = Escrow(attempt.escrow)
    stage, response = escrow.seize()
    gone = leases.is_dead(row.lease_owner)
    found = escrow.found(response, DIED) if stage != "0" else None
    provider = outcomes.provider_of(row)
    if found is not None and provider is None and not _is_left(escrow):
        return 0  # an added host may only not have been read; the answer waits where it is
    if found is not None:
        submission.settle_answer(attempt, provider, found)
        if response is None and not gone:
            escrow.give_back()  # as below; but what came so far may have told enough
            return 1
    elif stage == "0":
        row.first_try_at = None  # the time that the worker was dead does not count as trying
        Generation.objects.filter(pk=row.pk).update(first_try_at=None)
        outcomes.settle_error(attempt, NotSent("The worker stopped before the request left. It is sent now."))
    else:
        outcomes.settle_error(
            attempt,
            OutcomeUnknown("The worker stopped while the request was on its way, so it may have been accepted."),
        )
        escrow.give_back()  # a worker that is only slow may still write its answer into it
        return 1
    escrow.remove(keep_body=outcomes.holds_video(attempt))
    return 1


def _clear_escrow() -> None:
    """Answers of attempts that were given up as unknown still count; settled ones are only litter."""
    folder = Path(settings.ESCROW)
    names = sorted({path.with_suffix(".answer").name for path in folder.glob("*.*")}) if folder.exists() else []
    attempts = {
        attempt.escrow: attempt for attempt in Attempt.objects.filter(escrow__in=names).select_related("generation")
    }
    for name in names:
        try:
            _clear(attempts.get(name), Escrow(name))
        except (
            Exception
        ):  # one file that cannot be read, or answer that cannot be settled, must not keep the others from it
            log.exception("escrow %s could not be settled", name)


def _clear(attempt: Attempt | None, escrow: Escrow) -> None:
    if attempt is None:
        _forget_orphan(escrow)
    elif attempt.state == Attempt.UNKNOWN:
        _late_answer(attempt, escrow)
    elif attempt.state != Attempt.INTENT and not escrow.is_in_hand():
        escrow.remove(keep_body=outcomes.holds_video(attempt))


def _late_answer(attempt: Attempt, escrow: Escrow) -> None:
    """A worker that was given up may still have written its answer down before it died.

    A long answer may even be whole without saying so; it is read once, when nobody can be writing it any more.
    """
    escrow.give_back()
    response = escrow.read()[1]
    provider = outcomes.provider_of(attempt.generation)
    if response is None and not _is_left(escrow):
        return
    found = escrow.found(response, DIED)
    if found is not None and provider is None:
        return _forget_orphan(escrow)
    if found is not None:
        submission.settle_answer(attempt, provider, found)
    escrow.remove(keep_body=outcomes.holds_video(attempt))


def _forget_orphan(escrow: Escrow) -> None:
    if _is_left(escrow):
        log.info("escrow %s belongs to no attempt (%s)", escrow.name, timezone.now().isoformat())
        escrow.remove()


def _is_left(escrow: Escrow) -> bool:
    """Nobody can be writing it any more. Its age alone does not say so: after a jump of the clock every file looks old."""
    path = next((path for path in (escrow.path, escrow.seized) if path.exists()), escrow.body)
    try:
        old = time.time() - path.stat().st_mtime > ORPHAN_AGE
    except OSError:
        return False
    return old and not escrow.is_in_hand()
