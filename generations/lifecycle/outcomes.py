"""What a submission came to, each outcome one commit. The classes of failure are those of providers.base."""

import datetime as dt
import logging
import random
from typing import Any

from django.db import IntegrityError
from django.utils import timezone

from .. import keys
from ..models import Attempt, Breaker, Event, Generation, ProviderKey
from ..providers.base import (
    Accepted,
    Busy,
    Delivered,
    Failed,
    KeyRefused,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Response,
)
from ..registry import PROVIDERS, STREAMED
from ..scrub import scrub
from ..states import SAVING, Charged, Reason, State
from . import breaker, money
from .looks import first_look
from .moves import FREE, LostRow, committed, move, now
from .polling import DEFAULT_URL_LIFE, fail_remote
from .rhythm import first_question

log = logging.getLogger(__name__)
GIVE_UP_NOT_SENT = dt.timedelta(minutes=30)
GIVE_UP_BUSY = dt.timedelta(hours=2)
JUST_NOW = dt.timedelta(seconds=30)  # "last used" need not be more exact
Taken = Accepted | Delivered | Failed  # whatever became of it: the provider took the request


def accepted(attempt: Attempt, answer: Taken, response: Response | None = None) -> None:
    """The provider took it. Accepted late too: a worker that lost its lease may still bring the id home."""
    try:
        committed(lambda: _accept(attempt, answer, response), attempt.generation)
    except IntegrityError:  # the id already belongs to another row of this key
        why = f"The provider answered with the id of another shot ({answer.task_id[:80]})."
        committed(lambda: _unknown(attempt, OutcomeUnknown(why), response))


def _accept(attempt: Attempt, answer: Taken, response: Response | None) -> None:
    late_too = (Attempt.INTENT, Attempt.UNKNOWN, Attempt.REJECTED)  # rejected by a list that proved wrong
    remote = "" if isinstance(answer, Failed) else answer.task_id
    if not _close(attempt, Attempt.ACCEPTED, response, frm=late_too, provider_task_id=remote):
        return
    generation = attempt.generation
    try:
        _follow(generation, answer, remote)
    except LostRow:
        if remote and Generation.objects.filter(pk=generation.pk, provider_task_id=remote).exists():
            return  # the list, or a person, was quicker with the same id
        note = (
            "An answer came after this shot was settled: the provider also accepted"
            f" {remote or f'try {attempt.n}'}, which may cost extra."
        )
        Event.objects.create(generation=generation, from_state=generation.state, to_state=generation.state, why=note)
        money.came_late(generation, remote, note)
    used = generation.provider_key.last_used_at
    if used is None or now() - used > JUST_NOW:
        ProviderKey.objects.filter(pk=generation.provider_key_id).update(last_used_at=now())
    breaker.note_success(generation.provider_key_id, Breaker.SUBMIT)


def _follow(generation: Generation, answer: Taken, remote: str) -> None:
    """From here on it is polled; or the answer was the end of it already, and then it is saved, or has failed."""
    moment, spec = now(), generation.spec
    status, prompt = getattr(answer, "status", ""), getattr(answer, "prompt", "")
    began = generation.submitted_at if generation.model in STREAMED else None
    move(
        generation, State.SUBMITTED, f"accepted as {remote}" if remote else "accepted", frm=_acceptable(generation),
        provider_task_id=remote or None, remote_status=status[:80], rewritten_prompt=prompt,
        charged=Charged.YES, message="", reason="", unknown_phase="", submitted_at=began or moment,
        deadline_at=moment + dt.timedelta(seconds=spec.patience(generation.params) if spec else 3600),
        due_at=first_question(moment), **FREE,
    )  # fmt: skip
    if isinstance(answer, Delivered):
        life = DEFAULT_URL_LIFE if answer.url else None
        move(
            generation, State.SUCCEEDED, "the answer brought the video", result_url=answer.url, rendered_at=moment,
            result_expires_at=life and moment + life, due_at=moment, hint_at=moment, url_tries=0,
        )  # fmt: skip
    elif isinstance(answer, Failed):
        fail_remote(generation, answer)


def holds_video(attempt: Attempt) -> bool:
    """Whether the escrow of this attempt holds a video that is still to be saved."""
    if attempt.generation.model not in STREAMED:
        return False
    row = Generation.objects.filter(pk=attempt.generation_id, state__in=SAVING).first()
    return row is not None and not row.result_url


def _acceptable(generation: Generation) -> tuple[str, ...]:
    """The state, if an acceptance is taken up in it: also while a second sending only waits, and after a person released it."""
    usual = (State.SUBMITTING, State.UNKNOWN, State.QUEUED)
    state, reason, task = Generation.objects.values_list("state", "reason", "provider_task_id").get(pk=generation.pk)
    released = state == State.FAILED and reason == Reason.NOT_SENT and task is None
    return (state,) if released or state in usual else usual


def settle_error(attempt: Attempt, error: ProviderError, response: Response | None = None) -> None:
    """Commit what a failure class means for the row. Never a second request, never "not charged" in doubt."""
    handlers: dict[type[ProviderError], Any] = {
        NotSent: _not_sent, Busy: _busy, Rejected: _rejected, KeyRefused: _key_refused,
    }  # fmt: skip
    handler = handlers.get(type(error), _unknown)
    try:
        committed(lambda: handler(attempt, error, response), attempt.generation)
    except LostRow:
        log.info("shot %s: the outcome of try %s came after it was settled", attempt.generation_id, attempt.n)
        committed(lambda: _too_late(attempt, error, response))


def _too_late(attempt: Attempt, error: ProviderError, response: Response | None) -> None:
    """The shot follows another request by now, but what is held for this one depends on what became of it."""
    state = Attempt.REJECTED if isinstance(error, Busy | Rejected | KeyRefused) else Attempt.UNKNOWN
    if isinstance(error, NotSent):
        state = Attempt.NOT_SENT
    if _close(attempt, state, response):
        money.recount(attempt.generation)


def interrupted(error: BaseException, *, sent: bool) -> ProviderError:
    what = f"{type(error).__name__}: {error}"
    if sent:
        return OutcomeUnknown(f"The request was interrupted ({what}), so it may have been accepted.")
    return NotSent(f"The request was interrupted before it left ({what}).")


def _not_sent(attempt: Attempt, error: NotSent, response: Response | None) -> None:
    if not _close(attempt, Attempt.NOT_SENT, response):
        return
    generation = attempt.generation
    if _since_first_try(generation) > GIVE_UP_NOT_SENT:
        _fail(generation, Reason.NOT_SENT, error.message)
    else:
        put_off(generation, error.message, seconds=_backoff(generation, 2, 60), repeats=error.unreachable)
    if error.unreachable:
        breaker.note_failure(generation.provider_key_id, Breaker.SUBMIT, "connect")


def _busy(attempt: Attempt, error: Busy, response: Response | None) -> None:
    """What the provider asks of one request holds for its whole key."""
    if not _close(attempt, Attempt.REJECTED, response):
        return
    generation = attempt.generation
    wait = _backoff(generation, 5, 300) if error.retry_after is None else error.retry_after
    if _since_first_try(generation) > GIVE_UP_BUSY:
        _fail(generation, Reason.REJECTED, error.message)
    else:
        put_off(generation, error.message, seconds=wait, repeats=True)
    breaker.hold_back(generation.provider_key_id, Breaker.SUBMIT, wait, asked=error.retry_after is not None)


def _rejected(attempt: Attempt, error: Rejected, response: Response | None) -> None:
    """A refusal settles an unknown outcome too, when it comes late for the newest attempt."""
    last = Attempt.objects.filter(generation=attempt.generation_id).order_by("-n").first()
    waits = Generation.objects.filter(pk=attempt.generation_id, state=State.UNKNOWN, unknown_phase="submit")
    late = last == attempt and last.state == Attempt.UNKNOWN and waits.exists()
    open_states = (Attempt.UNKNOWN,) if late else (Attempt.INTENT,)
    if _close(attempt, Attempt.REJECTED, response, frm=open_states):
        _fail(attempt.generation, Reason(error.reason), error.message, frm=State.UNKNOWN if late else State.SUBMITTING)
        breaker.note_success(attempt.generation.provider_key_id, Breaker.SUBMIT)


def _key_refused(attempt: Attempt, error: KeyRefused, response: Response | None) -> None:
    """The key rests until a person acts; the job goes back to the queue, nothing was charged."""
    if not _close(attempt, Attempt.REJECTED, response):
        return
    generation = attempt.generation
    keys.pause_by_id(generation.provider_key_id, error.message)
    Generation.objects.filter(pk=generation.pk).update(first_try_at=None)  # resting does not count as trying
    put_off(generation, error.message, seconds=0)


def _unknown(attempt: Attempt, error: ProviderError, response: Response | None) -> None:
    if not _close(attempt, Attempt.UNKNOWN, response):
        return
    move(
        attempt.generation, State.UNKNOWN, scrub(error.message), frm=(State.SUBMITTING,), unknown_phase="submit",
        charged=Charged.UNKNOWN, message=scrub(error.message)[:2000], **FREE, **first_look(),
    )  # fmt: skip
    breaker.note_failure(attempt.generation.provider_key_id, Breaker.SUBMIT, "unknown")


def put_off(
    generation: Generation, why: str, *, seconds: float, lease: str | None = None, repeats: bool = False
) -> None:
    """Back into the queue, to be tried again after `seconds`. A cancel that was asked for meanwhile happens now.

    `repeats` when a request reached out and was not taken: there is a limit for these, and none for our own trouble.
    """
    if generation.state == State.QUEUED:
        due = now() + dt.timedelta(seconds=seconds)
        waiting = Generation.objects.filter(pk=generation.pk, state=State.QUEUED)
        if not waiting.update(message=scrub(why)[:2000], due_at=due, updated_at=timezone.now(), **FREE):
            raise LostRow(f"shot {generation.pk} is no longer queued")
        return
    row = Generation.objects.select_for_update(no_key=True).filter(pk=generation.pk)  # a wish that comes now waits
    if row.values_list("cancel_requested_at", flat=True).first():
        cancelled(generation, lease=lease)
        return
    due = now() + dt.timedelta(seconds=seconds)
    move(
        generation, State.QUEUED, scrub(why), frm=(State.SUBMITTING,), lease=lease,
        message=scrub(why)[:2000], due_at=due, hint_at=due, repeats=repeats or generation.repeats, **FREE,
    )  # fmt: skip


def cancelled(generation: Generation, *, lease: str | None = None, actor: Any = None) -> None:
    move(
        generation, State.CANCELLED, "Cancelled before anything was sent", lease=lease, actor=actor,
        charged=_charged_before(generation), message="", **FREE,
    )  # fmt: skip


def give_up(generation: Generation, message: str) -> None:
    """A waiting shot that could not be sent for too long."""
    _fail(generation, Reason.NOT_SENT, message, frm=State.QUEUED)


def _fail(generation: Generation, reason: Reason, message: str, frm: str = State.SUBMITTING) -> None:
    move(
        generation, State.FAILED, scrub(message), frm=(frm,), reason=reason,
        charged=_charged_before(generation),
        message=scrub(message)[:2000], unknown_phase="", **FREE,
    )  # fmt: skip


def _charged_before(generation: Generation) -> Charged:
    """What earlier requests of this shot may have cost: there are any only when a person sent an unknown one again."""
    states = set(generation.attempts.values_list("state", flat=True))
    if Attempt.ACCEPTED in states:
        return Charged.YES
    return Charged.UNKNOWN if Attempt.UNKNOWN in states else Charged.NO


def _close(
    attempt: Attempt, state: str, response: Response | None, *, frm: tuple[str, ...] = (Attempt.INTENT,), **fields: Any
) -> bool:
    """Write the outcome of an attempt, once; False when it was already written, and then nothing else may be done.

    This is what keeps a late or repeated answer away from a row that meanwhile has another attempt on the wire.
    """
    if response is not None:
        fields |= {"http_status": response.status, "answer": scrub(response.body[:4096].decode(errors="replace"))}
    return bool(
        Attempt.objects.filter(pk=attempt.pk, state__in=frm).update(
            state=state, answered_at=timezone.now(), request_hash=attempt.request_hash, **fields
        )
    )


def _since_first_try(generation: Generation) -> dt.timedelta:
    return now() - generation.first_try_at if generation.first_try_at else dt.timedelta()


def _backoff(generation: Generation, base: float, top: float) -> float:
    """Full jitter, but never under a second: a page says when the next try is, so it must not be at once."""
    return max(1.0, random.uniform(0.3, 1) * min(top, base * 2 ** min(generation.submit_tries, 10)))  # noqa: S311


def provider_of(generation: Generation) -> Any:
    """None when this studio does not know the model, or not yet: an added host may not have been read."""
    return PROVIDERS.get(generation.spec.provider) if generation.spec else None
