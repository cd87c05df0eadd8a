"""Characters: one paid request each, under the same caution as a shot. Apertis' document does not say what one costs.

The intent and the name of the escrow file are committed before the request leaves, the answer is on the disk before it is
in the database, and a doubt is left to a person. Nothing is polled: the answer is the character.
"""

import datetime as dt
import logging
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import Team, User

from .. import keys
from ..models import Breaker, Budget, Character, Generation, ProviderKey
from ..models.fields import Unopenable
from ..prices import NOT_PUBLISHED, Quote, free
from ..providers import http
from ..providers.abilities import MakesCharacters
from ..providers.base import (
    Busy,
    CharacterOrder,
    KeyRefused,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Response,
    Target,
)
from ..registry import PROVIDERS
from ..scrub import scrub
from ..states import State
from . import breaker, epoch, money, outcomes, turns
from .escrow import Escrow, NoRoom
from .leases import is_dead, me
from .moves import committed, now
from .portraits import fetch_portrait
from .starting import remix_spec

log = logging.getLogger(__name__)
MOST_TRIES = 20  # requests that provably did not go through, with up to five minutes between them
LOOK_AGAIN, LOOK_SLOWLY = 2.0, 30.0  # seconds until an order looks again whether its key has room, or is open again
FREE: dict[str, Any] = {"lease_owner": "", "lease_until": None}


class CannotCast(Exception):
    """The character cannot be ordered, or decided about. The message says why and what to do; nothing was sent."""


def casting_key(team: Team) -> ProviderKey | None:
    """The key that makes a character from a video on the web."""
    makers = [slug for slug, provider in PROVIDERS.items() if isinstance(provider, MakesCharacters)]
    found = (ProviderKey.objects.for_provider(team, slug) for slug in makers)
    return next((key for key in found if key), None)


def can_cast(shot: Generation) -> bool:
    """Whether the provider can make a character from this finished shot."""
    made = shot.spec is not None and isinstance(PROVIDERS[shot.spec.provider], MakesCharacters)
    return made and shot.state == State.DONE and remix_spec(shot) is not None


def cast(
    *, team: Team, user: User, token: str, url: str = "", shot: Generation | None = None, span: str = ""
) -> Character:
    """Order one character, from `url` or from `shot`; the commit is the queue entry. The same token gives the same row.

    Raises CannotCast; then there is no row.
    """
    key = shot.provider_key if shot else casting_key(team)
    if shot and not can_cast(shot):
        raise CannotCast(
            "The provider cannot make a character from this shot. Nothing was sent: use the address of a video."
        )
    if key is None or key.state == ProviderKey.DISABLED:
        raise CannotCast("There is no key for a provider that makes characters. Nothing was sent: add one first.")
    price = free(1) if key.is_sandbox else Quote(None, 1, NOT_PUBLISHED)
    if refused := money.refusal(Budget.objects.current(team), price):
        raise CannotCast(f"{refused} Nothing was sent.")
    given = {"created_by": user, "provider_key": key, "source_url": url, "source": shot, "span": span,
             "source_task_id": (shot.provider_task_id or "") if shot else ""}  # fmt: skip
    try:
        with transaction.atomic():
            return Character.objects.get_or_create(team=team, form_token=token, defaults=given)[0]
    except IntegrityError:  # another request with this token was quicker
        return Character.objects.get(team=team, form_token=token)


# --- what the engine does ---------------------------------------------------------------------------------------------
def characters_due() -> list[int]:
    """Orders to be sent, and pictures to be fetched, now."""
    due = Character.objects.filter(due_at__lte=now())
    orders = due.filter(state=Character.WAITING, provider_key__state=ProviderKey.ACTIVE)
    pictures = due.filter(state=Character.READY, picture=None, picture_tries__lt=Character.MOST_PICTURE_TRIES)
    return [
        *orders.values_list("pk", flat=True)[:4],
        *pictures.exclude(picture_url="").values_list("pk", flat=True)[:4],
    ]


def make_character(pk: int) -> bool:
    """Send one order, or fetch the picture of a ready one. False when there was nothing to do."""
    row = Character.objects.filter(pk=pk).first()
    if row is not None and row.state == Character.READY:
        return fetch_portrait(row)
    if row is None or _waits(row):  # asked before a file is made for the answer, and again with the row in hand
        return False
    try:
        escrow = Escrow.allocate()
    except NoRoom as error:
        _look_later(row, str(error), _in(30))
        return False
    character = _claim(pk, escrow)
    if character is None:
        escrow.remove()
        return False
    epoch.note_order()
    _send(character, escrow)
    return True


@transaction.atomic
def _waits(row: Character) -> bool:
    """Whether its key takes nothing now; then the order says why, and when it looks again."""
    closed = turns.may_cast(row)
    if closed is None:  # what is closed is false by itself
        return False
    soon = _in(LOOK_AGAIN)
    later = max(soon, min(closed.until, _in(LOOK_SLOWLY))) if closed.until else soon
    _look_later(row, f"{closed.reason} {closed.when}".strip() + " Nothing was sent.", later)
    return True


def _look_later(row: Character, why: str, due: dt.datetime) -> None:
    Character.objects.filter(pk=row.pk, state=Character.WAITING).update(message=row.truly(why), due_at=due)


def end_unsent(key_id: int, before: dt.datetime) -> None:
    """Orders that were tried last before this moment, and whose provider could not be reached since."""
    for row in Character.objects.filter(provider_key=key_id, state=Character.WAITING, tries__gt=0, sent_at__lt=before):
        words = row.truly(
            "The provider could not be reached for half an hour, so it was not sent. Nothing was charged."
        )
        Character.objects.filter(pk=row.pk, state=Character.WAITING).update(state=Character.FAILED, message=words)


def _claim(pk: int, escrow: Escrow) -> Character | None:
    """waiting → making, with the file that gets the answer, in one commit. None when it is not to be sent now."""
    moment = now()
    until = moment + dt.timedelta(seconds=settings.LEASE)
    with transaction.atomic():
        row = Character.objects.filter(pk=pk, provider_key__state=ProviderKey.ACTIVE).first()
        # only columns of its own: with a join PostgreSQL would not look at them again after waiting for another worker
        free_row = Character.objects.filter(pk=pk, state=Character.WAITING, due_at__lte=moment)
        if row is None or not free_row.exists():
            return None
        if _waits(row):
            return None
        if not free_row.update(
            state=Character.MAKING, escrow=escrow.name, lease_owner=me(), lease_until=until, message="", sent_at=moment
        ):
            return None
        epoch.count_order()
    return Character.objects.select_related("provider_key", "created_by", "team").get(pk=pk)


def _send(character: Character, escrow: Escrow) -> None:
    key = character.provider_key
    order = CharacterOrder(character.source_url, character.source_task_id, character.span)

    def onto_the_wire() -> None:
        allowed = breaker.allows(key.pk, Breaker.SUBMIT)
        if isinstance(allowed, breaker.Closed):
            raise NotSent(f"{allowed.reason} Nothing was sent.")
        escrow.mark_wire()

    try:
        provider = _maker(character)
        request = provider.build_character(order, Target(key.base_url, keys.open_secret(key)))
        with escrow.in_hand():
            response = http.paid_post(
                request, seconds=settings.SUBMIT_DEADLINE, before_wire=onto_the_wire,
                after_answer=lambda answer: _into_escrow(escrow, answer),
            )  # fmt: skip
    except Unopenable as error:
        _settle_error(character, KeyRefused(f"{error} Add the key again. Nothing was sent."))
    except ProviderError as error:
        _settle_error(character, error)
    except BaseException as error:  # a time-out of the queue is a SystemExit; nothing may pass by unrecorded
        _settle_error(character, outcomes.interrupted(error, sent=escrow.marked))
        if not isinstance(error, Exception):
            raise
    else:
        _settle(character, response)
    escrow.remove()


def _maker(character: Character) -> MakesCharacters:
    provider = PROVIDERS.get(character.provider_key.provider)
    if not isinstance(provider, MakesCharacters):
        raise Rejected("This provider makes no characters. Nothing was sent.")
    return provider


def _into_escrow(escrow: Escrow, answer: Response) -> None:
    try:
        escrow.write_answer(answer)
    except OSError:
        log.warning("escrow %s could not take the answer", escrow.name, exc_info=True)


# --- what came of it --------------------------------------------------------------------------------------------------
def _settle(character: Character, response: Response) -> None:
    try:
        made = _maker(character).read_character(response)
    except ProviderError as error:
        return _settle_error(character, error)
    except Exception as error:  # a reader that trips over an answer must not make the outcome look harmless
        return _settle_error(character, outcomes.interrupted(error, sent=True))
    _change(
        character, Character.READY, "", remote_id=made.remote_id, username=made.username, permalink=made.permalink,
        picture_url=made.picture,
    )  # fmt: skip
    breaker.note_success(character.provider_key_id, Breaker.SUBMIT)


def _settle_error(character: Character, error: ProviderError) -> None:
    key = character.provider_key_id
    match error:
        case NotSent() | Busy() if character.tries + 1 >= MOST_TRIES:
            _change(
                character, Character.FAILED, f"{error.message} It was tried {MOST_TRIES} times. Nothing was charged."
            )
        case NotSent() | Busy():
            wait = getattr(error, "retry_after", None) or min(300, 2 ** (character.tries + 1))
            _change(character, Character.WAITING, error.message, due_at=_in(wait), tries=character.tries + 1)
        case KeyRefused():
            keys.pause_by_id(key, error.message)
            _change(character, Character.WAITING, error.message)
        case Rejected():
            _change(character, Character.FAILED, f"{error.message} Nothing was charged.")
            breaker.note_success(key, Breaker.SUBMIT)
        case _:
            _change(character, Character.UNKNOWN, error.message)
            breaker.note_failure(key, Breaker.SUBMIT, "unknown")
    if isinstance(error, NotSent) and error.unreachable:
        breaker.note_failure(key, Breaker.SUBMIT, "connect")


def _change(character: Character, state: str, message: str, **fields: Any) -> None:
    """Written only while this request is the row's newest, and once: a late answer may still settle a doubt."""
    rows = Character.objects.filter(pk=character.pk, escrow=character.escrow)
    late_too = (Character.WAITING,) if state == Character.READY else ()
    rows = rows.filter(state__in=(Character.MAKING, Character.UNKNOWN, *late_too))
    words = scrub(character.truly(message) if state in (Character.WAITING, Character.FAILED) else message)[:2000]
    committed(lambda: rows.update(state=state, message=words, **FREE, **({"due_at": now()} | fields)))


def _in(seconds: float) -> dt.datetime:
    return now() + dt.timedelta(seconds=seconds)


# --- recovery ---------------------------------------------------------------------------------------------------------
def sweep_characters() -> int:
    """Bring back orders whose worker died, and take late answers of unknown ones."""
    rows = Character.objects.filter(state__in=(Character.MAKING, Character.UNKNOWN)).exclude(escrow="")
    return sum(recover(row) for row in rows.select_related("provider_key"))


def recover(row: Character) -> int:
    """One order: what its file on the disk says of it. Returns 1 when something came of that."""
    escrow = Escrow(row.escrow)
    if row.state == Character.UNKNOWN:
        response = escrow.read()[1]
        if response is not None:
            _settle(row, response)
            escrow.remove()
        return int(response is not None)
    if row.lease_until and row.lease_until >= now() and not is_dead(row.lease_owner):
        return 0
    stage, response = escrow.seize()
    if response is not None:
        _settle(row, response)
    elif stage == "0":
        _settle_error(row, NotSent("The worker stopped before the request left. It is sent now."))
    else:
        _settle_error(
            row, OutcomeUnknown("The worker stopped while the request was on its way; it may have been accepted.")
        )
        escrow.give_back()  # a worker that is only slow may still write its answer into it
        return 1
    escrow.remove()
    return 1
