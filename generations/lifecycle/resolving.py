"""What a person decides about an unknown outcome. Nothing here happens by itself."""

import datetime as dt
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User

from ..models import Asset, Attempt, Event, Generation, Ledger
from ..registry import STREAMED
from ..states import IN_FLIGHT, TERMINAL, Charged, Reason, State
from . import money
from .moves import FREE, committed, move, now


class CannotResolve(Exception):
    """The message says why, and what to do."""


def can_adopt(generation: Generation) -> bool:
    """Whether this provider can be asked about a shot by its id: not where the answer was all that there ever is."""
    provider = STREAMED.get(generation.model)
    return provider is None or provider.keeps_results


def adopt(generation: Generation, task_id: str, actor: User) -> None:
    """ "It came through": the provider's page shows an id. From here on it is polled like any other job."""
    task_id = task_id.strip()
    if not can_adopt(generation):
        raise CannotResolve("This provider keeps no results, so there is no task to follow. Nothing was changed.")
    if not task_id or len(task_id) > 512 or not task_id.isprintable():
        raise CannotResolve("Enter the task id as the provider shows it.")
    follow(generation, task_id, f"a person entered the id {task_id}", actor)


def follow(generation: Generation, task_id: str, why: str, actor: User | None = None) -> None:
    """The lost request has an id after all. Raises CannotResolve when another shot has it."""
    moment = now()
    spec = generation.spec
    try:
        with transaction.atomic():
            move(
                generation, State.SUBMITTED, why, frm=(State.UNKNOWN,), actor=actor,
                provider_task_id=task_id, charged=Charged.YES, message="", unknown_phase="", submitted_at=moment,
                deadline_at=moment + dt.timedelta(seconds=spec.patience(generation.params) if spec else 3600), due_at=moment,
                poll_errors=0, first_missing_at=None, safe_to_resend=False, **FREE,
            )  # fmt: skip
    except IntegrityError:
        raise CannotResolve("Another shot already has this id. Check it once more.") from None


def release(generation: Generation, actor: User) -> None:
    """ "It was not charged": closes the job as never sent."""
    committed(
        lambda: move(
            generation, State.FAILED, "a person says that it was not charged", frm=(State.UNKNOWN,), actor=actor,
            reason=Reason.NOT_SENT, charged=Charged.NO, message="You said that this was not charged.",
            unknown_phase="", safe_to_resend=False, **FREE,
        )
    )  # fmt: skip


def write_off(generation: Generation, actor: User) -> None:
    """ "It was charged, and it is lost": only for a provider that keeps no results, so that nothing more can come."""
    if can_adopt(generation):
        raise CannotResolve("This provider may still have the result: enter the task's id. Nothing was changed.")
    words = "You said that this was charged. Its answer was lost, and the provider keeps no copy."
    committed(
        lambda: move(
            generation, State.FAILED, "a person says that it was charged and is lost", frm=(State.UNKNOWN,), actor=actor,
            reason=Reason.RESULT_EXPIRED, charged=Charged.YES, message=words,
            unknown_phase="", safe_to_resend=False, **FREE,
        )
    )  # fmt: skip


def send_again(generation: Generation, actor: User) -> None:
    """ "Send again": only for a request whose outcome is unknown, never for one with an id.

    The price is reserved once more; the first reservation stays, because it may have been charged. Only when the
    provider's whole list does not contain the request does it count as refused.
    """
    if generation.provider_task_id:
        raise CannotResolve("The provider has an id for this job, so it is only asked again, never sent again.")
    moment = now()
    try:
        with transaction.atomic():
            refused = _refused_by_the_list(generation)
            why = (
                "the provider's list does not contain it" if refused else "a person accepted that it may be paid twice"
            )
            move(
                generation, State.QUEUED, why, frm=(State.UNKNOWN,), actor=actor,
                charged=Charged.NO if refused else Charged.UNKNOWN, message="", unknown_phase="", due_at=moment,
                hint_at=moment, first_try_at=None, repeats=False, cancel_requested_at=None,
                safe_to_resend=False, **FREE,
            )  # fmt: skip
    except money.OverBudget as error:
        raise CannotResolve(str(error)) from None


def _refused_by_the_list(generation: Generation) -> bool:
    """Whether the list speaks for it at this very moment; then its requests are settled as refused, and so is their money."""
    row = money.locked(generation)
    if row.state != State.UNKNOWN or not row.safe_to_resend:
        return False
    words = "not in the provider's list"
    row.attempts.filter(state=Attempt.UNKNOWN).update(state=Attempt.REJECTED, answer=words)
    for entry in money.open_reservations(row):
        money.end(entry, Ledger.RELEASE, words)
    return True


def decide_charge(generation: Generation, actor: User, *, charged: bool, about: str | None = None) -> None:
    """ "It was charged" or "It was not charged", for the oldest reservation that a shot at its end still holds.

    `about` is the one that the person was asked about (`Cost.oldest`): a press that comes twice decides no other.
    """
    committed(lambda: _decide_charge(generation, actor, charged, about))


def _decide_charge(generation: Generation, actor: User, charged: bool, about: str | None) -> None:
    row = money.locked(generation)
    held = money.open_reservations(row)
    if row.state not in TERMINAL or not (held or row.charged == Charged.UNKNOWN):
        raise CannotResolve("There is nothing to decide about the money of this shot. Nothing was changed.")
    if about is not None and about != money.oldest(held):
        raise CannotResolve(
            "This page was out of date: what it asked about is decided, or the question is another one by now."
            " Nothing was changed. Read it once more and decide anew."
        )
    words = f"a person says that it was {'' if charged else 'not '}charged"
    if held:
        money.end(held[0], Ledger.SETTLE if charged else Ledger.RELEASE, words)
    if row.charged == Charged.UNKNOWN and (charged or len(held) <= 1):
        row.charged = Charged.YES if charged else Charged.NO
    Generation.objects.filter(pk=row.pk).update(charged=row.charged, updated_at=timezone.now())
    Event.objects.create(generation=row, from_state=row.state, to_state=row.state, why=words, actor=actor)
    generation.charged = row.charged


def can_fetch_again(generation: Generation) -> bool:
    """Whether a file that could not be saved, or is gone from the disk, may be had: from its provider, or from the disk
    that has it again.
    """
    if not generation.provider_task_id:
        return False
    if generation.state == State.DONE:
        video = generation.asset(Asset.VIDEO)
        return video is None or not video.is_kept
    lost = (Reason.RESULT_EXPIRED, Reason.RESULT_INVALID)
    return (generation.state == State.FAILED and generation.reason in lost) or _is_back(generation)


def _is_back(generation: Generation) -> bool:
    """Whether the file of a shot that was saved once, and is no longer ready, is on the disk again, and all of it."""
    if generation.state not in (State.FAILED, State.UNKNOWN, *IN_FLIGHT):
        return False
    video = generation.asset(Asset.VIDEO)
    try:
        return video is not None and video.file.stat().st_size == video.bytes
    except OSError:
        return False


def fetch_again(generation: Generation, actor: User) -> None:
    """Ask the provider once more for a result that was paid for; or take its file, when the disk has it again.

    Costs nothing; nothing is sent. Raises LostRow when somebody else was quicker.
    """
    if not can_fetch_again(generation):
        raise CannotResolve("There is nothing to fetch again for this shot.")
    moment, is_back = now(), _is_back(generation)
    anew: dict[str, Any] = {
        "message": "", "url_tries": 0, "archive_tries": 0, "failing_for": 0, "due_at": moment, "hint_at": moment,
    }  # fmt: skip
    with transaction.atomic():
        if generation.is_final:
            move(
                generation, State.SUBMITTED, "a person has the result fetched again", actor=actor, charged=Charged.YES,
                reason="", poll_errors=0, first_missing_at=None, deadline_at=moment + dt.timedelta(hours=1),
                dismissed_at=None, pictures_due_at=None, picture_tries=0, **anew,
            )  # fmt: skip
        if is_back:
            move(
                generation, State.SUCCEEDED, "its file is on the disk again", actor=actor, charged=Charged.YES,
                unknown_phase="", **anew,
            )  # fmt: skip


def check_again(generation: Generation) -> None:
    """Ask about a job with an id at the next tick instead of in half an hour, or fetch its file now. Costs nothing."""
    moment = now()
    Generation.objects.filter(
        pk=generation.pk, state__in=(State.UNKNOWN, State.SUBMITTED, State.RUNNING, State.SUCCEEDED)
    ).exclude(provider_task_id=None).update(due_at=moment, hint_at=moment, updated_at=timezone.now())
