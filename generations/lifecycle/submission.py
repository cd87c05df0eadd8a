"""E2 to E5: the paid request. Intent is committed before it leaves, the answer is on disk before it is in the database,
and there is never a second request for one confirmation.
"""

import hashlib
import logging
from typing import Any

from django.conf import settings
from django.db import transaction

from .. import keys, references
from ..models import Attempt, Breaker, Generation, ProviderKey
from ..models.fields import Unopenable
from ..providers import http
from ..providers.abilities import Provider, Streams
from ..providers.base import Job, KeyRefused, NotSent, ProviderError, Rejected, Request, Response, Stream, Target
from ..registry import PROVIDERS, STREAMED
from ..specs import ModelSpec
from ..states import State
from . import breaker, epoch, leases, outcomes, synchronous, turns
from .escrow import Escrow, NoRoom
from .moves import LostRow, move

log = logging.getLogger(__name__)
LARGEST = 64 * 2**20  # bytes of images inside one request


def submit(generation_id: int) -> bool:
    """Send a queued, due row to its provider and write down what came of it. False when there was nothing to do."""
    try:
        escrow = Escrow.allocate(synchronous.body_cap(generation_id))
    except NoRoom as error:
        return _wait(generation_id, str(error))
    try:
        attempt = _intend(generation_id, escrow)
    except BaseException:
        escrow.remove()
        raise
    if attempt is None:
        escrow.remove()
        return False
    epoch.note(attempt)
    _send(attempt, escrow)
    return True


def _intend(generation_id: int, escrow: Escrow) -> Attempt | None:
    """E2, one commit: queued → submitting under a lease, with the attempt that names the escrow file."""
    with transaction.atomic():
        if not turns.may_start(generation_id):
            return None
        generation = leases.claim(generation_id, (State.QUEUED,))
        if generation is None:
            return None
        if generation.cancel_requested_at:
            outcomes.cancelled(generation, lease=generation.lease_token)
            return None
        if generation.provider_key.state != ProviderKey.ACTIVE:
            leases.release(generation)
            return None
        n = generation.attempts.count() + 1
        attempt = Attempt.objects.create(generation=generation, n=n, escrow=escrow.name, repeats=generation.repeats)
        move(
            generation, State.SUBMITTING, f"try {n}", lease=generation.lease_token, message="",
            first_try_at=generation.first_try_at or attempt.started_at, submit_tries=generation.submit_tries + 1,
            **({"submitted_at": attempt.started_at, "progress": None} if generation.model in STREAMED else {}),
        )  # fmt: skip
        return attempt


def _send(attempt: Attempt, escrow: Escrow) -> None:
    generation = attempt.generation
    try:
        spec, provider = _known(generation)
        request = build(generation, spec, provider)
        attempt.request_hash = hashlib.sha256(request.body).hexdigest()
        answer = _exchange(generation, escrow, request)
    except ProviderError as error:
        outcomes.settle_error(attempt, error)
    except BaseException as error:  # a time-out of the queue is a SystemExit; nothing may pass by unrecorded
        outcomes.settle_error(attempt, outcomes.interrupted(error, sent=escrow.marked))
        if not isinstance(error, Exception):
            raise
    else:
        settle_answer(attempt, provider, answer)
    escrow.remove(keep_body=outcomes.holds_video(attempt))


def _exchange(generation: Generation, escrow: Escrow, request: Request) -> Response | Stream:
    """E4: once on the wire, and the answer on the disk as the first thing after it."""

    def before() -> None:
        _onto_the_wire(generation, escrow)

    def after(answer: Response) -> None:
        _into_escrow(escrow, answer)

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


def settle_answer(attempt: Attempt, provider: Provider, answer: Response | Stream) -> None:
    """E5: read an answer (from the wire or from escrow) and commit what it means."""
    response = synchronous.evidence(answer) if isinstance(answer, Stream) else answer
    try:
        accepted = _read(provider, answer)
    except ProviderError as error:
        outcomes.settle_error(attempt, error, response)
    except Exception as error:  # a reader that trips over an answer must not make the outcome look harmless
        outcomes.settle_error(attempt, outcomes.interrupted(error, sent=True), response)
    else:
        outcomes.accepted(attempt, accepted, response)


def _read(provider: Provider, answer: Response | Stream) -> outcomes.Taken:
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
