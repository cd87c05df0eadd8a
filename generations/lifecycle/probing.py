"""The test of an open breaker: one free question to the provider, never a paid request."""

import datetime as dt
import logging

from django.db import transaction
from django.db.models import Q, QuerySet

from .. import keys
from ..models import Attempt, Breaker, Character, Generation, ProviderKey
from ..providers import http
from ..providers.base import Busy, KeyRefused, ProviderError, Target
from ..registry import PROVIDERS
from ..states import IN_FLIGHT, SAVING, State
from . import breaker, casting, looks, outcomes, reconciling
from .looks import LOOKS
from .moves import LostRow, now
from .rhythm import SLOW, is_over, next_question

log = logging.getLogger(__name__)
BUSY_SECONDS = 30  # when a busy provider does not say how long


def replace_secret(key: ProviderKey, secret: str) -> None:
    """Another secret for the same account: its shots stay with the key. Raises keys.UnusableKey.

    Nothing paid is sent with it before a free question was answered, and when that refuses it the key rests again. A
    disabled key stays disabled.
    """
    secret = keys.checked_secret(secret)
    with transaction.atomic():
        ProviderKey.objects.filter(pk=key.pk).update(secret=secret, last4=secret[-4:])
        keys.resume(key)
        breaker.test_first(key.pk, "The key was replaced, and a free question tests it before anything is sent.")


def probes_due() -> list[int]:
    """Breakers whose test is due and whose key has something to do; without work nothing is asked.

    Only sending takes an active key: what was sent is followed with any.
    """
    wanted = Q(side=Breaker.READ) | Q(key__state=ProviderKey.ACTIVE)
    due = Breaker.objects.exclude(state=Breaker.CLOSED).filter(wanted, next_probe_at__lte=now())
    return [row.pk for row in due if _has_work(row)]


def _has_work(row: Breaker) -> bool:
    """A shot in doubt counts when its own time has come, and gets one test: so a provider that is gone is left alone."""
    if row.side == Breaker.SUBMIT:
        orders = Character.objects.filter(provider_key=row.key_id, state=Character.WAITING)
        return _queued(row).exists() or orders.exists()
    under_way = Generation.objects.filter(provider_key=row.key_id, state__in=(*IN_FLIGHT, *SAVING))
    return under_way.exists() or _doubted(row).filter(due_at__lte=now()).exists() or _sought(row).exists()


def _queued(row: Breaker) -> QuerySet[Generation]:
    return Generation.objects.filter(provider_key=row.key_id, state=State.QUEUED)


def _doubted(row: Breaker) -> QuerySet[Generation]:
    """Shots that the provider knows and that it stopped answering for."""
    return Generation.objects.filter(provider_key=row.key_id, state=State.UNKNOWN, unknown_phase="remote")


def _sought(row: Breaker) -> QuerySet[Generation]:
    """Lost requests that the provider's list is to be looked into for now."""
    return reconciling.awaited().filter(provider_key=row.key_id)


def probe(breaker_id: int) -> bool:
    """Test one open breaker. False when somebody else does, or its time has not come."""
    row = Breaker.objects.select_related("key").filter(pk=breaker_id).first()
    if row is None or not breaker.claim_probe(row.key_id, row.side):
        return False
    answered = False
    try:
        answered = _ask(row.key, row.side)
    finally:  # also when this process is told to stop: the breaker must not wait for a tester that is gone
        breaker.end_probe(row.key_id, row.side, answered)
    (_go_on if answered else _give_up)(row)
    return True


def _ask(key: ProviderKey, side: str) -> bool:
    """Whether the provider answers again. A busy one does, and is left alone; a refused key rests, as after a request."""
    try:
        provider = PROVIDERS[key.provider]
        with http.polling_client() as client:
            request = provider.build_probe(Target(key.base_url, keys.open_secret(key)))
            provider.read_probe(http.get(client, request))
    except Busy as error:
        breaker.hold_back(key.pk, side, error.retry_after or BUSY_SECONDS, asked=error.retry_after is not None)
    except KeyRefused as error:
        keys.pause(key, error.message)
    except ProviderError as error:
        log.info("key %s: the test of the provider failed: %s", key.pk, error.message)
        return False
    except Exception:
        log.exception("key %s: the answer to the test of the provider could not be read", key.pk)
        return False
    return True


def _go_on(row: Breaker) -> None:
    """Whatever waited for answers is asked about at once, or when a provider that asked for a wait has had it."""
    if row.side != Breaker.READ:
        return
    moment = now()
    flying = Generation.objects.filter(provider_key=row.key_id, state__in=IN_FLIGHT, poll_errors__gt=0)
    doubted = _doubted(row).filter(due_at__lte=moment + dt.timedelta(seconds=SLOW))  # later: asked about no more
    sought = reconciling.doubtful().filter(provider_key=row.key_id, reconcile_tries__lt=len(LOOKS))
    due = breaker.held_until(row.key_id, row.side, moment)
    for waiting in (flying, doubted, sought):
        waiting.update(due_at=due)


def is_asked_once(shot: Generation) -> bool:
    """Whether the next question about a shot in doubt is the last one, also when its provider does not answer it."""
    return shot.state == State.UNKNOWN and (is_over if shot.unknown_phase == "remote" else looks.is_over)(shot)


def _give_up(row: Breaker) -> None:
    if row.side == Breaker.SUBMIT:
        _end_unsent(row)
    else:
        _put_off(row)


def _put_off(row: Breaker) -> None:
    """Shots in doubt that were due had their question, this test: they come again in their usual time."""
    with transaction.atomic():
        for shot in _doubted(row).filter(due_at__lte=now()):
            same = Generation.objects.filter(pk=shot.pk, state=State.UNKNOWN, due_at=shot.due_at)
            same.update(due_at=next_question(shot))
        for shot in _sought(row):
            looks.put_off(shot)


def _end_unsent(row: Breaker) -> None:
    """What could not be sent for half an hour ends here, not charged: nobody may be waiting for it any more."""
    old = now() - outcomes.GIVE_UP_NOT_SENT
    casting.end_unsent(row.key_id, old)
    for shot in _queued(row).filter(first_try_at__lt=old):
        last = shot.attempts.order_by("-n").first()
        if last is None or last.state != Attempt.NOT_SENT:
            continue
        minutes = int(outcomes.GIVE_UP_NOT_SENT / dt.timedelta(minutes=1))
        words = f"The provider could not be reached for {minutes} minutes, so it was not sent."
        try:
            with transaction.atomic():
                outcomes.give_up(shot, words)
        except LostRow:
            log.info("shot %s moved on while it was given up", shot.pk)
