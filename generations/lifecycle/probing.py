"""The test of an open breaker: one free question to the provider, never a paid request."""

import datetime as dt
import logging

from django.db import transaction
from django.db.models import QuerySet

from .. import keys
from ..models import Attempt, Breaker, Generation, ProviderKey
from ..providers import http
from ..providers.base import Busy, KeyRefused, ProviderError, Target
from ..registry import PROVIDERS
from ..states import IN_FLIGHT, State
from . import breaker, outcomes
from .moves import LostRow, now

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
    """Breakers whose test is due and whose key has something to do; without work nothing is asked."""
    due = Breaker.objects.exclude(state=Breaker.CLOSED).filter(next_probe_at__lte=now(), key__state=ProviderKey.ACTIVE)
    return [row.pk for row in due if _work(row).exists()]


def _work(row: Breaker) -> QuerySet[Generation]:
    states = (State.QUEUED,) if row.side == Breaker.SUBMIT else IN_FLIGHT
    return Generation.objects.filter(provider_key=row.key_id, state__in=states)


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
    provider = PROVIDERS[key.provider]
    try:
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
    """Whatever waited for answers is asked about at once."""
    if row.side == Breaker.READ:
        moment = now()
        _work(row).filter(poll_errors__gt=0, due_at__gt=moment).update(due_at=moment)


def _give_up(row: Breaker) -> None:
    """Shots that could not be sent for half an hour end here, not charged: nobody may be waiting for them any more."""
    if row.side != Breaker.SUBMIT:
        return
    old = now() - outcomes.GIVE_UP_NOT_SENT
    for shot in _work(row).filter(first_try_at__lt=old):
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
