"""E6: asking how a job is, in two halves: `question`/`ask` go over the network, `record` commits what the answer means."""

import datetime as dt
import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import httpx
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from .. import keys
from ..models import Asset, Breaker, Generation
from ..models.fields import Unopenable
from ..providers import http
from ..providers.abilities import KeepsContent, Locates, Provider
from ..providers.base import Failed, Finished, KeyRefused, Running, Target, TaskMissing, Unreachable
from ..registry import PROVIDERS
from ..scrub import scrub
from ..specs import ModelSpec
from ..states import IN_FLIGHT, Charged, Reason, State
from . import breaker
from .moves import LostRow, move, now
from .rhythm import SLOW, next_question

log = logging.getLogger(__name__)
Answer = Running | Finished | Failed | Unreachable | TaskMissing | KeyRefused
POLLABLE = (*IN_FLIGHT, State.UNKNOWN)
DEFAULT_URL_LIFE = dt.timedelta(hours=1)  # what a result URL is trusted for when the provider does not say
MOST_URL_TRIES = 10  # "done" without a usable address, this often
MISSING_FOR = dt.timedelta(seconds=60)
_strange_words: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class Question:
    """Everything that a poll needs, without the database: it is asked in a thread."""

    generation_id: int
    provider: Provider
    spec: ModelSpec
    task_id: str
    target: Target


def question(generation: Generation) -> Question | str:
    """What to ask, or the sentence why this row cannot be asked now."""
    spec, key = generation.spec, generation.provider_key
    if spec is None:
        return f"This studio no longer knows the model {generation.model}, so it cannot ask about this shot."
    if not generation.provider_task_id:
        return "The provider's id of this shot is missing, so it cannot be asked about."
    try:
        target = Target(key.base_url, keys.open_secret(key))
    except Unopenable as error:
        return f"{error} Nothing is lost: the provider keeps the shot, and it is followed again when the key opens."
    return Question(generation.pk, PROVIDERS[spec.provider], spec, generation.provider_task_id, target)


def put_aside(generation: Generation, why: str) -> None:
    """A row that cannot be asked now says so and lets the others pass; looked at again in five minutes."""
    try:
        if _overdue(generation) and generation.state in IN_FLIGHT:
            _doubt(generation, why)
        else:
            _later(generation, wait=300, message=why)
    except LostRow:
        log.info("shot %s moved on meanwhile", generation.pk)


def ask(asked: Question, client: httpx.Client) -> Answer:
    """One GET, or two where the address is a question of its own. A failure is an answer too."""
    try:
        response = http.get(client, asked.provider.build_poll(asked.spec, asked.task_id, asked.target))
        answer = asked.provider.read_poll(asked.spec, response, asked.target.base_url)
        return _with_address(asked, answer, client) if isinstance(answer, Finished) and not answer.url else answer
    except (Unreachable, TaskMissing, KeyRefused) as failure:
        return failure
    except Exception as error:  # a reader that trips over an answer must not stop the loop for everybody
        log.exception("shot %s: the provider's answer could not be read", asked.generation_id)
        return Unreachable(f"The provider's answer could not be read ({type(error).__name__}).")


def _with_address(asked: Question, answer: Finished, client: httpx.Client) -> Finished:
    """Where the file is, from a provider whose answer does not say it."""
    provider, target = asked.provider, asked.target
    if isinstance(provider, Locates) and answer.handle:
        response = http.get(client, provider.build_locate(answer.handle, target))
        return replace(answer, url=provider.read_locate(response, target.base_url))
    if isinstance(provider, KeepsContent):
        return replace(answer, url=provider.content_url(asked.spec, asked.task_id, target.base_url))
    return answer


def poll(generation_id: int) -> Answer | None:
    """Ask once and record it: for a single job outside the loop."""
    generation = Generation.objects.select_related("provider_key").get(pk=generation_id)
    if generation.state not in POLLABLE:
        return None
    asked = question(generation)
    if isinstance(asked, str):
        put_aside(generation, asked)
        return None
    with http.polling_client() as client:
        answer = ask(asked, client)
    record(generation, answer)
    heard(generation.provider_key_id, [answer])
    return answer


def heard(key_id: int, answers: Iterable[Answer]) -> None:
    """What answers say about the provider, whatever they say about a shot. A wait that is asked for holds for the key.

    A refused key rests as after a paid request: what it would send next would be refused too.
    """
    found = list(answers)
    for answer in found:
        if isinstance(answer, KeyRefused):
            keys.pause_by_id(key_id, answer.message)
    breaker.note(key_id, Breaker.READ, [kind for answer in found if (kind := _kind(answer)) is not None])
    waits = [answer.retry_after for answer in found if isinstance(answer, Unreachable) and answer.retry_after]
    if waits:
        breaker.hold_back(key_id, Breaker.READ, max(waits))


def silent_keys() -> list[int]:
    """Keys with which nothing is asked for now: their breaker is open, or the provider wants to be left alone."""
    moment = now()
    rows = Breaker.objects.filter(side=Breaker.READ).filter(~Q(state=Breaker.CLOSED) | Q(held_until__gt=moment))
    return list(rows.values_list("key", flat=True))


def silence(key_id: int) -> str:
    """Why nothing is asked with this key for now, in a sentence; "" when it is asked."""
    found = breaker.allows(key_id, Breaker.READ)
    return found.reason if isinstance(found, breaker.Closed) else ""


def _kind(answer: Answer) -> breaker.Kind | Literal[""] | None:
    """None for a refusal: a provider that asks us to wait, or knows the key no more, is neither well nor broken."""
    if isinstance(answer, KeyRefused):
        return None
    if not isinstance(answer, Unreachable):
        return breaker.OK
    if answer.status is None:
        return "connect"
    return "server" if answer.status >= 500 else None if answer.status >= 400 else "unknown"


def record(generation: Generation, answer: Answer) -> None:
    """Commit what an answer means. The caller holds the transaction, or none. A row that moved on meanwhile is left alone."""
    try:
        match answer:
            case Finished(url=""):
                _no_address(generation, answer)
            case Finished():
                _finished(generation, answer)
            case Failed():
                fail_remote(generation, answer)
            case Running():
                _running(generation, answer)
            case TaskMissing():
                _missing(generation, answer)
            case Unreachable():
                _unreachable(generation, answer)
            case KeyRefused():
                _refused(generation, answer)
    except LostRow:
        log.info("shot %s moved on while it was polled", generation.pk)


def _finished(generation: Generation, answer: Finished) -> None:
    moment = now()
    move(
        generation, State.SUCCEEDED, "the provider finished it", frm=(generation.state,), charged=Charged.YES,
        result_url=answer.url, result_expires_at=moment + DEFAULT_URL_LIFE, rendered_at=generation.rendered_at or moment,
        due_at=moment, hint_at=moment, message="", unknown_phase="", poll_errors=0, url_tries=0, failing_for=0,
        remote_status=answer.status[:80], rewritten_prompt=answer.prompt or generation.rewritten_prompt,
    )  # fmt: skip


def _no_address(generation: Generation, answer: Finished) -> None:
    if generation.url_tries + 1 < MOST_URL_TRIES:
        tries = generation.url_tries + 1
        _later(generation, url_tries=tries, remote_status=answer.status[:80], poll_errors=0, wait=min(15, 3 * tries))
        return
    why = "The provider says that it is done but gives no address that the file can be fetched from."
    move(
        generation, State.FAILED, why, frm=(generation.state,), reason=Reason.RESULT_INVALID, charged=Charged.YES,
        message=why, rendered_at=generation.rendered_at or now(),
    )  # fmt: skip


def fail_remote(generation: Generation, answer: Failed) -> None:
    """Charged stays in doubt: no document of these providers says whether a failed render is billed."""
    if generation.rendered_at:
        _still_lost(generation, answer.message)
        return
    move(
        generation, State.FAILED, scrub(answer.message), frm=(generation.state,), reason=Reason(answer.reason),
        charged=Charged.UNKNOWN, message=scrub(answer.message)[:2000], unknown_phase="",
    )  # fmt: skip


def _running(generation: Generation, answer: Running) -> None:
    if not answer.known and (generation.model, answer.status) not in _strange_words:
        _strange_words.add((generation.model, answer.status))
        log.warning("%s: unknown status word %r, taken as still running", generation.model, answer.status[:80])
    if _overdue(generation):
        _give_up_waiting(generation)
        return
    seen = max((value for value in (generation.progress, answer.progress) if value is not None), default=None)
    fields = {
        "progress": seen, "remote_status": answer.status[:80], "poll_errors": 0, "first_missing_at": None,
        "rewritten_prompt": answer.prompt or generation.rewritten_prompt, "message": "",
    }  # fmt: skip
    if generation.state == State.UNKNOWN or (answer.started and generation.state == State.SUBMITTED):
        soon = now() + dt.timedelta(seconds=settings.POLL_MIN)
        fields |= {"unknown_phase": "", "due_at": soon}
        move(generation, State.RUNNING, f"the provider says {answer.status[:80]}", frm=(generation.state,), **fields)
    else:
        _later(generation, **fields)


def _missing(generation: Generation, answer: TaskMissing) -> None:
    """A new id may be unknown for a moment. Missing for good is no proof of failure: a person is asked."""
    since = generation.first_missing_at or now()
    believed = generation.state in IN_FLIGHT or generation.rendered_at
    if now() - since >= MISSING_FOR and generation.poll_errors >= 3 and believed:
        _doubt(generation, f"The provider no longer knows this job. It says: {answer.message}")
    else:
        wait = SLOW if generation.state == State.UNKNOWN else 15
        _later(generation, first_missing_at=since, poll_errors=generation.poll_errors + 1, wait=wait)


def _unreachable(generation: Generation, answer: Unreachable) -> None:
    if _overdue(generation):
        _give_up_waiting(generation)
        return
    errors = generation.poll_errors + 1
    wait = max(answer.retry_after or 0, random.uniform(0.5, 1) * min(120, 5 * 2 ** min(errors, 6)))  # noqa: S311
    message = scrub(answer.message)[:2000] if errors > 2 else generation.message
    _later(generation, poll_errors=errors, message=message, wait=wait)


def _refused(generation: Generation, answer: KeyRefused) -> None:
    """Only the key is refused; the render goes on at the provider. Asked rarely, and at once when the key is resumed."""
    if _overdue(generation):
        _give_up_waiting(generation)
        return
    words = scrub(f"{answer.message} The shot goes on there and is followed again when the key works.")[:2000]
    wait = random.uniform(60, 120)  # noqa: S311
    _later(generation, poll_errors=generation.poll_errors + 1, message=words, wait=wait)


def _give_up_waiting(generation: Generation) -> None:
    if generation.state == State.UNKNOWN:
        _later(generation)
    else:
        _doubt(
            generation, "The provider has not finished this job in the longest time that we wait. It may still do so."
        )


def _doubt(generation: Generation, why: str) -> None:
    if generation.rendered_at:
        _still_lost(generation, why)
        return
    move(
        generation, State.UNKNOWN, scrub(why), frm=(generation.state,), unknown_phase="remote",
        message=scrub(why)[:2000], due_at=now() + dt.timedelta(seconds=SLOW),
    )  # fmt: skip


def _still_lost(generation: Generation, why: str) -> None:
    """The end of a shot that was rendered once and is fetched again: its price is settled, so nothing about it is in doubt."""
    words = f"The result could not be fetched again. {why}"
    if generation.asset(Asset.VIDEO) is not None:
        words += " Should its file come back to this studio's disk, fetch it again: that is free."
    words = scrub(words)[:2000]
    move(
        generation, State.FAILED, words, frm=(generation.state,), reason=Reason.RESULT_EXPIRED, charged=Charged.YES,
        message=words, unknown_phase="",
    )  # fmt: skip


def _later(generation: Generation, *, wait: float | None = None, **fields: object) -> None:
    """The state stays; ask again later. Written only while the row is where we saw it."""
    due = now() + dt.timedelta(seconds=wait) if wait is not None else next_question(generation)
    shown = ("progress", "message", "remote_status")
    changed = any(name in fields and fields[name] != getattr(generation, name) for name in shown)
    extra = {"updated_at": timezone.now()} if changed else {}
    Generation.objects.filter(pk=generation.pk, state=generation.state).update(due_at=due, **fields, **extra)


def _overdue(generation: Generation) -> bool:
    return generation.deadline_at is not None and now() > generation.deadline_at
