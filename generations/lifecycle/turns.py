"""Whose turn it is: limits of a key, a share for each person, and who stands before whom.

Within a key people take turns, whoever was served longest ago first; within a person the oldest shot goes first, and
what the person hurried before that. Nothing here is remembered outside the rows, so any process finds the same order.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from django.db.models import Count, F, Max, Min, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.template.defaultfilters import pluralize
from django.utils import timezone

from ..models import Attempt, Breaker, Character, Generation, ProviderKey
from ..registry import STREAMED
from ..states import IN_FLIGHT, State
from . import breaker
from .breaker import Closed, clock
from .moves import now

MINUTE = dt.timedelta(seconds=60)
MEMORY = dt.timedelta(hours=1)  # who was served longer ago than this counts as never served
RETRY_SHARE = 0.1
MIN_RETRIES = 3
# Requests that hold a line for minutes, because the answer is the result: a few at a time, each needs room on the disk.
STREAMS_PER_KEY = 2
STREAMS_IN_ALL = 8
OWN_ORDER = (F("hurried_at").desc(nulls_last=True), F("pk").asc())
NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass
class Load:
    """What one key carries. `sent` and `retried` are of the last minute, `first_…` the oldest of them."""

    flying: int = 0  # on the wire or at the provider
    sending: int = 0  # on the wire
    streaming: int = 0  # of these, answered for minutes
    sent: int = 0
    retried: int = 0
    first_sent: dt.datetime | None = None
    first_retried: dt.datetime | None = None
    served: dict[int, dt.datetime] = field(default_factory=dict)  # by person: when a shot of theirs was last sent
    breakers: dict[str, Breaker] = field(default_factory=dict)
    queue: list[tuple[int, int]] = field(default_factory=list)  # (shot, person) that wait, each person's in their order

    def take(self, moment: dt.datetime, *, streamed: bool, again: bool) -> None:
        """One more is about to be sent; the rows will say so when the caller commits."""
        self.flying, self.sending, self.sent = self.flying + 1, self.sending + 1, self.sent + 1
        self.streaming += streamed
        self.retried += again
        self.first_sent = self.first_sent or moment

    def retries_left(self, moment: dt.datetime) -> int:
        """Sending again may be a tenth of all calls of the last minute, and three in any case."""
        reads = self.breakers.get(Breaker.READ)
        calls = self.sent + (breaker.in_window(reads, moment)[0] if reads else 0)
        return max(0, max(MIN_RETRIES, int(calls * RETRY_SHARE)) - self.retried)


@dataclass(frozen=True)
class Room:
    """How many may be sent now; with 0, `closed` says why."""

    count: int
    closed: Closed | None = None


def loads(keys: Iterable[int], moment: dt.datetime, *, queue: bool = False, sent: bool = True) -> dict[int, Load]:
    """The loads of these keys at `moment`, in four queries. `queue` fills in who waits as well; without `sent` nothing is known
    of requests that have ended, in three.
    """
    pks = list(keys)
    found: dict[int, Load] = {pk: Load() for pk in pks}
    rows = Generation.objects.filter(provider_key__in=pks)
    if queue:
        _add_each(found, rows.filter(state__in=(State.QUEUED, State.SUBMITTING, *IN_FLIGHT)))
    else:
        _add_flying(found, rows.filter(state__in=(State.SUBMITTING, *IN_FLIGHT)))
    _add_characters(found, moment)
    for row in Breaker.objects.filter(key__in=pks):
        found[row.key_id].breakers[row.side] = row
    if sent:
        _add_lately_sent(found, moment)
    return found


def _add_each(found: dict[int, Load], rows: QuerySet[Generation]) -> None:
    """Who waits, in each person's own order, and in the same query what flies."""
    every = rows.order_by(*OWN_ORDER).values_list("pk", "provider_key", "created_by", "state", "model")
    for pk, key, person, state, model in every:
        load = found[key]
        if state == State.QUEUED:
            load.queue.append((pk, person))
        else:
            load.flying += 1
            load.sending += state == State.SUBMITTING
            load.streaming += state == State.SUBMITTING and model in STREAMED


def _add_flying(found: dict[int, Load], rows: QuerySet[Generation]) -> None:
    sending = Q(state=State.SUBMITTING)
    streamed = sending & Q(model__in=list(STREAMED))
    counted = rows.order_by().values_list("provider_key").annotate(
        on_their_way=Count("pk"), on_the_wire=Count("pk", filter=sending), for_minutes=Count("pk", filter=streamed)
    )  # fmt: skip
    for key, flying, sending_now, streaming_now in counted:
        load = found[key]
        load.flying, load.sending, load.streaming = flying, sending_now, streaming_now


def _add_lately_sent(found: dict[int, Load], moment: dt.datetime) -> None:
    lately = Q(started_at__gt=moment - MINUTE)
    again = lately & Q(repeats=True)
    tries = Attempt.objects.filter(started_at__gt=moment - MEMORY, generation__provider_key__in=list(found))
    counted = tries.values_list("generation__provider_key", "generation__created_by").annotate(
        last=Max("started_at"), sent=Count("pk", filter=lately), retried=Count("pk", filter=again),
        first_sent=Min("started_at", filter=lately), first_retried=Min("started_at", filter=again),
    )  # fmt: skip
    for key, person, last, sent, retried, first_sent, first_retried in counted:
        load = found[key]
        load.served[person] = last
        load.sent += sent
        load.retried += retried
        load.first_sent = min(filter(None, (load.first_sent, first_sent)), default=None)
        load.first_retried = min(filter(None, (load.first_retried, first_retried)), default=None)


def _add_characters(found: dict[int, Load], moment: dt.datetime) -> None:
    """Orders for characters are requests of the key like any other."""
    on_the_wire, lately = Q(state=Character.MAKING), Q(sent_at__gt=moment - MINUTE)
    rows = Character.objects.filter(on_the_wire | lately, provider_key__in=list(found))
    for key, state, sent_at in rows.values_list("provider_key", "state", "sent_at"):
        load = found[key]
        load.flying += state == Character.MAKING
        load.sending += state == Character.MAKING
        if sent_at and sent_at > moment - MINUTE:
            load.sent += 1
            load.first_sent = min(filter(None, (load.first_sent, sent_at)))


def room(key: ProviderKey, load: Load, moment: dt.datetime, *, streamed: bool = False) -> Room:
    """How many shots of this key may be sent at this moment, whoever's they are; `streamed`: of those that take minutes."""
    allowed = breaker.verdict(load.breakers.get(Breaker.SUBMIT), moment)
    if isinstance(allowed, Closed):
        return Room(0, allowed)
    if key.max_per_minute is not None and load.sent >= key.max_per_minute and load.first_sent:
        until = load.first_sent + MINUTE
        why = f"At most {key.max_per_minute} request{pluralize(key.max_per_minute)} a minute for this key."
        return Room(0, Closed(why, until, f"Next request at {clock(until)}."))
    count = key.max_concurrent - load.flying
    if count <= 0:
        what = "1 other is" if load.flying == 1 else f"{load.flying} others are"
        return Room(0, Closed(f"At most {key.max_concurrent} at a time for this key: {what} being rendered first."))
    if key.max_per_minute is not None:
        count = min(count, key.max_per_minute - load.sent)
    if allowed.one_at_a_time:
        count = min(count, 1 - load.sending)
        if count <= 0:
            return Room(0, Closed("The last request failed, so one goes at a time until the provider is well again."))
    if streamed:
        count = min(count, STREAMS_PER_KEY - load.streaming)
        if count <= 0:
            return Room(
                0, Closed(f"At most {STREAMS_PER_KEY} at a time for this key: each waits for its answer for minutes.")
            )
    return Room(count)


def streaming() -> int:
    """Requests on the wire, of all keys, whose answers take minutes."""
    return Generation.objects.filter(state=State.SUBMITTING, model__in=list(STREAMED)).count()


def line(queue: Iterable[tuple[int, int]], served: dict[int, dt.datetime]) -> list[int]:
    """The order of sending for (shot, person) pairs that come in each person's own order: one a person in turn."""
    seen: defaultdict[int, int] = defaultdict(int)
    ranked = []
    for pk, person in queue:
        seen[person] += 1
        ranked.append((seen[person], served.get(person, NEVER), pk))
    return [pk for *_, pk in sorted(ranked)]


def own_before(queue: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Each shot with how many of the same person's go before it."""
    seen: defaultdict[int, int] = defaultdict(int)
    for pk, person in queue:
        yield pk, seen[person]
        seen[person] += 1


def next_to_send(taken: Collection[int] = (), most: int = 8, *, streamed: bool = False) -> list[int]:
    """At most `most` shots that may be sent now, keys in turn; `taken` are being sent already and keep their place.

    `streamed` picks among those whose answers take minutes, and only among these; otherwise among all others.
    """
    if most <= 0:
        return []
    moment = now()
    due = Generation.objects.filter(
        Q(model__in=list(STREAMED)) if streamed else ~Q(model__in=list(STREAMED)),
        state=State.QUEUED, due_at__lte=moment, lease_until=None, provider_key__state=ProviderKey.ACTIVE,
    )  # fmt: skip
    used = list(due.order_by().values_list("provider_key", flat=True).distinct())
    if not used:
        return []
    found = loads(used, moment)
    keys = sorted(ProviderKey.objects.filter(pk__in=used).defer("secret"), key=lambda key: _last(found[key.pk]))
    rooms = {key.pk: room(key, found[key.pk], moment, streamed=streamed).count for key in keys}
    lines = [_sendable(due.filter(provider_key=key), rooms[key.pk], found[key.pk], taken, moment) for key in keys]
    return [pk for pk in chain.from_iterable(zip_longest(*lines)) if pk is not None][:most]


def _last(load: Load) -> dt.datetime:
    return max(load.served.values(), default=NEVER)


def _sendable(
    due: QuerySet[Generation], count: int, load: Load, taken: Collection[int], moment: dt.datetime
) -> list[int]:
    """The first `count` of one key's due rows in their order, without those that would be one retry too many."""
    if count <= 0:
        return []
    own = Window(RowNumber(), partition_by=F("created_by"), order_by=OWN_ORDER)
    retries, ready = load.retries_left(moment), []
    rows = due if retries else due.filter(repeats=False)
    rows = rows.annotate(nth=own).filter(nth__lte=count + len(taken)).order_by("nth")
    found = list(rows.values_list("pk", "created_by", "repeats"))
    repeats = {pk for pk, _, again in found if again}
    for pk in line([(pk, person) for pk, person, _ in found], load.served):
        if pk in taken:
            count -= 1
        elif pk not in repeats:
            ready.append(pk)
        elif retries > 0:
            retries -= 1
            ready.append(pk)
    return ready[: max(0, count)]


def admitted(generation_ids: Iterable[int]) -> list[int]:
    """Which of these rows may be sent under their keys' limits, in this order. The caller's transaction holds the keys until
    it commits, so that two workers that ask at once cannot both take the last place.
    """
    pks = list(generation_ids)
    rows = {
        row["pk"]: row for row in Generation.objects.filter(pk__in=pks).values("pk", "provider_key", "repeats", "model")
    }
    used = {row["provider_key"] for row in rows.values()}
    # no_key: whoever writes a row that points to the key, such as a cancel, is not kept waiting, nor can it deadlock
    held = ProviderKey.objects.select_for_update(no_key=True).defer("secret").filter(pk__in=used).order_by("pk")
    keys = {key.pk: key for key in held}
    counted = any(key.max_per_minute is not None for key in keys.values()) or any(
        row["repeats"] for row in rows.values()
    )
    moment = now()
    found = loads(keys, moment, sent=counted)
    lines = STREAMS_IN_ALL - streaming() if any(row["model"] in STREAMED for row in rows.values()) else 0
    allowed = []
    for pk, row in ((pk, rows[pk]) for pk in pks if pk in rows):
        load, streamed = found[row["provider_key"]], row["model"] in STREAMED
        full = streamed and lines <= 0
        if full or room(keys[row["provider_key"]], load, moment, streamed=streamed).count <= 0:
            continue
        if row["repeats"] and load.retries_left(moment) <= 0:
            continue
        load.take(moment, streamed=streamed, again=row["repeats"])
        lines -= streamed
        allowed.append(pk)
    return allowed


def may_cast(character: Character) -> Closed | None:
    """Why this order may not be sent under its key's limits, None when it may. The caller's transaction holds the key."""
    key = ProviderKey.objects.select_for_update(no_key=True).defer("secret").get(pk=character.provider_key_id)
    moment = now()
    load = loads([key.pk], moment, sent=key.max_per_minute is not None)[key.pk]
    return room(key, load, moment).closed


def hurry(generation: Generation) -> bool:
    """Move a waiting shot before the others of the same person. Nobody else waits longer for it."""
    waiting = Generation.objects.filter(pk=generation.pk, state=State.QUEUED)
    return bool(waiting.update(hurried_at=now(), updated_at=timezone.now()))
