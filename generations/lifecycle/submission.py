"""E2 to E5: the paid request. Intent is committed before it leaves, the answer is on disk before it is in the database,
and there is never a second request for one confirmation.
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from .. import keys, references
from ..models import Attempt, Breaker, Generation, ProviderKey
from ..models.fields import Unopenable
from ..providers import http
from ..providers.abilities import Provider, Streams
from ..providers.base import (
    Job,
    KeyRefused,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Request,
    Response,
    Stream,
    Target,
)
from ..registry import PROVIDERS, STREAMED
from ..specs import ModelSpec
from ..states import State
from . import breaker, epoch, leases, outcomes, synchronous, turns
from .escrow import Escrow, NoRoom
from .moves import AWAY, LostRow, move

log = logging.getLogger(__name__)
LARGEST = 64 * 2**20  # bytes of images inside one request


class Unreadable(Exception):
    """Nobody here can read this answer now, so nothing is settled: it stays on the disk, for the recovery."""


@dataclass
class Sending:
    """One paid request, from the commit that says it will leave to the commit that says what became of it."""

    attempt: Attempt
    escrow: Escrow
    answer: Response | Stream | ProviderError | None = None  # None while it is out


def submit(generation_id: int) -> bool:
    """Send a queued, due row to its provider and write down what came of it. False when there was nothing to do."""
    begun = begin([generation_id])
    for sending in begun:
        _send(sending)
    return bool(begun)


def _send(sending: Sending) -> None:
    try:
        deliver(sending)
    finally:  # a time-out of the queue is a SystemExit; nothing may pass by unrecorded
        settle(sending)
        put_away(sending)


def begin(generation_ids: Iterable[int]) -> list[Sending]:
    """E2: those of these queued rows that may be sent now become "submitting" under a lease, in one commit. Deliver each."""
    escrows: dict[int, Escrow] = {}
    for pk, cap in synchronous.body_caps(generation_ids).items():
        try:
            escrows[pk] = Escrow.allocate(cap)
        except NoRoom as error:
            _wait(pk, str(error))
    if not escrows:
        return []
    attempts: list[Attempt] = []
    try:
        attempts = _intend(escrows)
    except AWAY:
        raise  # perhaps it was committed all the same: then the files prove that nothing left, else the sweep clears them
    except BaseException:
        _forget(escrows.values())
        raise
    _forget(escrows[pk] for pk in escrows.keys() - {attempt.generation_id for attempt in attempts})
    if attempts:
        epoch.note(attempts[-1])
    return [Sending(attempt, escrows[attempt.generation_id]) for attempt in attempts]


def _forget(escrows: Iterable[Escrow]) -> None:
    for escrow in escrows:
        escrow.remove()


def _intend(escrows: dict[int, Escrow]) -> list[Attempt]:
    """The intents, each with the name of its escrow file; in the order of their numbers."""
    with transaction.atomic():
        taken = leases.claim_all(turns.admitted(escrows), (State.QUEUED,))
        going = [generation for generation in taken if _still_wanted(generation)]
        before = Attempt.objects.filter(generation__in=going).values_list("generation")
        tries = dict(before.annotate(count=Count("pk")).order_by())
        attempts = Attempt.objects.bulk_create(
            Attempt(
                generation=row, n=tries.get(row.pk, 0) + 1, escrow=escrows[row.pk].name, repeats=row.repeats
            )
            for row in going
        )  # fmt: skip
        for attempt in attempts:
            _leave(attempt)
    return attempts


def _still_wanted(generation: Generation) -> bool:
    """Looked at under the lease: a cancel may have come first, or the key may rest by now."""
    if generation.cancel_requested_at:
        outcomes.cancelled(generation, lease=generation.lease_token)
        return False
    if generation.provider_key.state != ProviderKey.ACTIVE:
        leases.release(generation)
        return False
    return True


def _leave(attempt: Attempt) -> None:
    generation = attempt.generation
    streamed = generation.model in STREAMED
    began: dict[str, Any] = {"submitted_at": attempt.started_at, "progress": None} if streamed else {}
    move(
        generation, State.SUBMITTING, f"try {attempt.n}", lease=generation.lease_token, message="",
        first_try_at=generation.first_try_at or attempt.started_at, submit_tries=generation.submit_tries + 1, **began,
    )  # fmt: skip


def deliver(sending: Sending) -> Sending:
    """E3 and E4: the request on the wire, its answer on the disk. Whatever happens is in `answer` afterwards."""
    generation = sending.attempt.generation
    try:
        spec, provider = _known(generation)
        request = build(generation, spec, provider)
        sending.attempt.request_hash = hashlib.sha256(request.body).hexdigest()
        sending.answer = _exchange(generation, sending.escrow, request)
    except ProviderError as error:
        sending.answer = error
    except BaseException as error:
        sending.answer = outcomes.interrupted(error, sent=sending.escrow.marked)
        if not isinstance(error, Exception):
            raise
    return sending


def carries_images(sending: Sending) -> bool:
    generation = sending.attempt.generation
    return generation.spec is not None and any(generation.params.get(param.name) for param in generation.spec.media)


def settle(sending: Sending) -> None:
    """E5: commit what became of it. `put_away` follows when that is on the disk, and not before. Raises Unreadable."""
    answer = sending.answer
    assert answer is not None
    sending.attempt.generation.state = (
        State.SUBMITTING
    )  # as it left; a round that was rolled back may have been here before
    if isinstance(answer, ProviderError):
        outcomes.settle_error(sending.attempt, answer)
    elif (provider := outcomes.provider_of(sending.attempt.generation)) is None:
        raise Unreadable(f"The model {sending.attempt.generation.model} is not known now.")
    else:
        settle_answer(sending.attempt, provider, answer)


def put_away(sending: Sending) -> None:
    """The answer is in the database now, and its file is not needed any more."""
    sending.escrow.remove(keep_body=outcomes.holds_video(sending.attempt))


def _exchange(generation: Generation, escrow: Escrow, request: Request) -> Response | Stream:
    """Once on the wire, and the answer on the disk as the first thing after it."""

    def before() -> None:
        _onto_the_wire(generation, escrow)

    def after(answer: Response) -> None:
        _into_escrow(escrow, answer)

    with escrow.in_hand():
        if streams := STREAMED.get(generation.model):
            return synchronous.exchange(generation, escrow, request, streams, before, after)
        return http.paid_post(request, seconds=settings.SUBMIT_DEADLINE, before_wire=before, after_answer=after)


def _onto_the_wire(generation: Generation, escrow: Escrow) -> None:
    """The last look before the first byte: a breaker may have opened while this request was being made and connected."""
    allowed = breaker.allows(generation.provider_key_id, Breaker.SUBMIT)
    if isinstance(allowed, breaker.Closed):
        raise NotSent(f"{allowed.reason} Nothing was sent.")
    escrow.mark_wire()


def _into_escrow(escrow: Escrow, answer: Response) -> None:
    """An answer in hand is settled even when the disk refuses it, or when the recovery took the file away meanwhile."""
    try:
        escrow.write_answer(answer)
    except OSError:
        log.warning("escrow %s could not take the answer", escrow.name, exc_info=True)


def settle_answer(attempt: Attempt, provider: Provider | None, answer: Response | Stream) -> None:
    """Read an answer (from the wire or from escrow) and commit what it means; without a provider, that nobody can."""
    response = synchronous.evidence(answer) if isinstance(answer, Stream) else answer
    try:
        accepted = _read(provider, answer)
    except ProviderError as error:
        outcomes.settle_error(attempt, error, response)
    except Exception as error:  # a reader that trips over an answer must not make the outcome look harmless
        outcomes.settle_error(attempt, outcomes.interrupted(error, sent=True), response)
    else:
        outcomes.accepted(attempt, accepted, response)


def _read(provider: Provider | None, answer: Response | Stream) -> outcomes.Taken:
    if provider is None:
        raise OutcomeUnknown(
            "The provider answered, but this studio no longer knows the model, so it cannot read whether it was accepted."
        )
    if isinstance(answer, Response):
        return provider.read_submit(answer)
    assert isinstance(provider, Streams)
    return provider.read_stream(answer)


def build(generation: Generation, spec: ModelSpec, provider: Provider) -> Request:
    """The request as it will leave. Raises NotSent, KeyRefused or Rejected when it cannot be made."""
    key = generation.provider_key
    try:
        secret = keys.open_secret(key)
    except Unopenable as error:
        raise KeyRefused(f"{error} Add the key again. Nothing was sent.") from error
    sent = {param.name: param.by[0] == "file" for param in spec.media}
    media = {param.name: references.given(generation, param) for param in spec.media if not sent[param.name]}
    files = {name: references.files(generation, name) for name, is_file in sent.items() if is_file}
    size = sum(len(image) for images in media.values() for image in images)
    size += sum(len(file.data) for images in files.values() for file in images)
    if size > LARGEST:
        raise Rejected(
            f"The images have {size // 2**20} MB together, too much for one request. Nothing was sent: use smaller ones."
        )
    values: dict[str, Any] = {name: value for name, value in generation.params.items() if name not in sent}
    job = Job(spec, generation.prompt, values, media, generation.correlation, files, _source(generation))
    return provider.build_submit(job, Target(key.base_url, secret))


def _source(generation: Generation) -> str:
    """The provider's id of the shot that this one remakes; only its own account knows it."""
    parent = generation.parent
    if parent is None or parent.provider_key_id != generation.provider_key_id:
        return ""
    return parent.provider_task_id or ""


def _known(generation: Generation) -> tuple[ModelSpec, Provider]:
    if generation.spec is None:
        raise NotSent(f"This studio no longer knows the model {generation.model}. Nothing was sent.")
    return generation.spec, PROVIDERS[generation.spec.provider]


def _wait(generation_id: int, why: str) -> bool:
    with transaction.atomic():
        generation = leases.claim(generation_id, (State.QUEUED,))
        if generation is None:
            return False
        try:
            outcomes.put_off(generation, why, seconds=30, lease=generation.lease_token)
        except LostRow:
            return False
    return True
