"""Notices a database that was put back from a backup: what waits in it may have been sent, and paid, since.

`run/epoch` in the data folder holds the database's own name and the number of the last request that was about to leave.
It is not part of a backup. A database that knows fewer requests than the file is older than the work that was done here
(attempts are never deleted, so their highest number says how much it knows). Without the file (a new or a moved folder, a
`run` that was deleted) nothing can be said, and nobody is held up. Orders for characters have no attempts: a count of their
own is in the database, and in a file of its own, so that an earlier version still reads the first one.
Source: reliability notes, fault 30.
"""

import fcntl
import logging
import os
import re
import secrets
from pathlib import Path

from django.conf import settings
from django.db.models import Max, Q
from django.utils import timezone

from .. import keys
from ..models import Attempt, Beacon, Character, Generation, ProviderKey
from ..states import State

log = logging.getLogger(__name__)
NAME = "epoch"
ORDERS = "epoch-characters"  # the count of orders, and its file
LINE = re.compile(r"([0-9a-f]{32}) ([0-9]{20})\n")
OLDER = "This database is older than the work that was done in this data folder, as after a backup was put back."
WHY = (
    f"{OLDER} Shots and characters that wait here may have been sent and paid since: look through the provider's own list,"
    " cancel those, then resume the key."
)
BACKUP = "This studio was restored from a backup."
RESTORED = (
    f"{BACKUP} Shots and characters that wait here may have been sent and paid after the backup was made: "
    "cancel those, then resume the key."
)


def check() -> str:
    """At a start, before anything is sent. Rests the keys whose shots could be paid twice; gives the sentence, else ""."""
    known, sent = _read()  # first: what is in the files is in the database too, unless that was changed
    known_for_orders, ordered = _read(ORDERS)
    database, here, orders_here = _database(), _sent(), _ordered()
    older = bool(known) and (known != database or here < sent)
    older = older or (known_for_orders == database and orders_here < ordered)
    resting = rest(WHY) if older else 0
    _write(database, here)  # last: who is killed in between finds the same at the next start
    _write(database, orders_here, ORDERS)
    return WHY if resting else ""


def note(attempt: Attempt) -> None:
    """A request is about to leave. Never fails: a disk in trouble is noticed elsewhere."""
    try:
        known, sent = _read()
        if attempt.pk > sent or not known:
            _write(known or _database(), attempt.pk, further=True)
    except OSError:
        log.warning("the number of this request could not be noted", exc_info=True)


def count_order() -> None:
    """An order for a character will leave; in the transaction that says so. A row may be sent again, so rows are no count."""
    row, _new = Beacon.objects.select_for_update().get_or_create(name=ORDERS, defaults={"owner": "0"})
    Beacon.objects.filter(name=ORDERS).update(owner=str(int(row.owner) + 1), touched_at=timezone.now())


def note_order() -> None:
    """It is about to leave, and its count is committed. Never fails, like `note`."""
    try:
        _write(_read(ORDERS)[0] or _database(), _ordered(), ORDERS, further=True)
    except OSError:
        log.warning("the number of orders could not be noted", exc_info=True)


def rest(why: str) -> int:
    """Pause every key for which a shot or a character waits. Returns how many."""
    shots = Generation.objects.filter(state__in=(State.QUEUED, State.SUBMITTING)).values("provider_key")
    orders = Character.objects.filter(state__in=(Character.WAITING, Character.MAKING)).values("provider_key")
    found = list(ProviderKey.objects.filter(Q(pk__in=shots) | Q(pk__in=orders), state=ProviderKey.ACTIVE))
    for key in found:
        keys.pause(key, why)
    return len(found)


def is_doubtful(key: ProviderKey) -> bool:
    """Whether the key rests because of a restored database: then nobody can say that nothing was charged."""
    return key.state == ProviderKey.PAUSED and key.paused_reason.startswith((OLDER, BACKUP))


def _database() -> str:
    """The name that this database was given at its first start."""
    row, _new = Beacon.objects.get_or_create(name=NAME, defaults={"owner": secrets.token_hex(16)})
    return row.owner


def _sent() -> int:
    return Attempt.objects.aggregate(last=Max("pk"))["last"] or 0


def _ordered() -> int:
    row = Beacon.objects.filter(name=ORDERS).first()
    return int(row.owner) if row else 0


# --- the files: 32 signs, a blank, 20 digits, written in one call so that no crash leaves half of it ------------------------
def _path(name: str) -> Path:
    return Path(settings.RUN) / name


def _read(name: str = NAME) -> tuple[str, int]:
    """(database, number of the last request); ("", 0) when there is no file that can be understood."""
    try:
        found = LINE.fullmatch(_path(name).read_text(errors="replace"))
    except OSError:
        return "", 0
    return (found[1], int(found[2])) if found else ("", 0)


def _write(database: str, number: int, name: str = NAME, *, further: bool = False) -> None:
    """`further`: only if the number grows, because requests of several processes may come here in any order."""
    _path(name).parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(_path(name), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not (further and _read(name)[1] >= number):
            line = f"{database} {number:020d}\n".encode()
            os.pwrite(descriptor, line, 0)
            os.ftruncate(descriptor, len(line))
    finally:
        os.close(descriptor)
