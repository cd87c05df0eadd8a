"""Unknown outcomes at hosts that list what they accepted: look there, follow what is certainly ours, never send again.

Looks come 30 s, 2, 5 and 10 min after the doubt. When a whole list 15 min later does not contain the request either, the
page may offer "send again" as safe; a person still has to press it. Later looks can take that back.
Source: reliability notes, 2.5.
"""

import datetime as dt
import email.utils
import logging
from dataclasses import dataclass, field, replace

from django.db.models import QuerySet
from django.utils import timezone

from .. import keys
from ..models import Attempt, Event, Evidence, Generation, ProviderKey
from ..models.fields import Unopenable
from ..providers import http
from ..providers.abilities import Lists
from ..providers.base import CannotList, KeyRefused, Listed, ProviderError, Target, Unreachable
from ..registry import PROVIDERS
from ..scrub import scrub
from ..states import State
from . import looks, matching, money, polling, resolving
from .looks import LOOKS, SAFE_AFTER, doubted_at
from .moves import LostRow, committed, now

log = logging.getLogger(__name__)
MOST_PAGES = 50
DEADLINE = 60.0  # seconds for one page
LARGEST_PAGE = 16 * 2**20  # bytes: a hundred prompts of 32,000 characters


@dataclass
class Look:
    """What a walk through the list brought. `error` says why it stopped early; `silent` that there is no list at all."""

    entries: list[Listed] = field(default_factory=list)
    pages: int = 0
    error: str = ""
    silent: bool = False


def doubtful() -> QuerySet[Generation]:
    """Rows that a provider's list could say something about."""
    slugs = [slug for slug, provider in PROVIDERS.items() if isinstance(provider, Lists)]
    return Generation.objects.filter(
        state=State.UNKNOWN, unknown_phase="submit", provider_task_id=None, provider_key__provider__in=slugs
    )


def lookups() -> list[int]:
    """The keys whose lists are to be looked into now. One look serves every row of a key."""
    return list(_due().values_list("provider_key_id", flat=True).distinct())


def awaited() -> QuerySet[Generation]:
    """Rows whose next look has come, whether their provider may be asked now or not."""
    return doubtful().filter(reconcile_tries__lt=len(LOOKS), due_at__lte=now())


def _due() -> QuerySet[Generation]:
    """A provider that is not to be asked for now is not asked for its list either."""
    return awaited().exclude(provider_key__in=polling.silent_keys())


def can_look(generation: Generation) -> bool:
    """Whether the provider of this unknown shot has a list to look into."""
    lists = isinstance(PROVIDERS.get(generation.provider_key.provider), Lists)
    lost = generation.state == State.UNKNOWN and generation.unknown_phase == "submit"
    return lists and lost and not generation.provider_task_id


def look_again(generation: Generation) -> bool:
    """A person wants the list looked into now. Costs nothing. False when this provider has no list."""
    last = len(LOOKS) - 1
    tries = min(generation.reconcile_tries, last)
    return bool(doubtful().filter(pk=generation.pk).update(due_at=now(), reconcile_tries=tries))


def reconcile(key_id: int) -> bool:
    """Look into the list of one key and settle what it settles. False when nothing is due."""
    due = [row for row in _due().filter(provider_key_id=key_id) if looks.claim(row)]
    times = [sent.at for row in due for sent in _lost(row)]
    if not times:
        return False
    key = ProviderKey.objects.get(pk=key_id)
    since = min(times) - matching.BEFORE
    look = _walk(key, since)
    busy = _being_sent(key)  # before the rest is read: whoever is done by now has an id or is in doubt as well
    rows = {row.pk: row for row in doubtful().filter(provider_key=key) if (row.model, row.prompt) not in busy}
    lost = [sent for row in rows.values() for sent in _lost(row) if sent.at > since - matching.AFTER]
    found = matching.assign(lost, look.entries, _ours(key, look), now().timestamp())
    for row in due:
        if row.pk not in rows:
            found[row.pk] = matching.Found(busy=True)
    asked = {row.pk for row in due}
    for pk, what in found.items():
        if what.adopt or pk in asked:
            _settle(rows.get(pk) or Generation.objects.get(pk=pk), what, look, since)
    return True


def _lost(row: Generation) -> list[matching.Sent]:
    """The requests of a row whose answers were lost: usually one, more after a person sent it again."""
    provider = PROVIDERS.get(row.provider_key.provider)
    if row.spec is None or not isinstance(provider, Lists):
        return []
    values = {name: str(value) for name, value in row.params.items() if isinstance(value, str | int | float)}
    name = row.correlation if provider.correlation_field else ""
    return [
        matching.Sent(row.pk, attempt.started_at.timestamp(), row.spec.remote_name, row.prompt, values, name)
        for attempt in row.attempts.filter(state=Attempt.UNKNOWN).order_by("n")
    ]


def _walk(key: ProviderKey, since: float) -> Look:
    """The list back to `since`, newest first. Times are corrected by the difference between the two clocks."""
    provider = PROVIDERS[key.provider]
    assert isinstance(provider, Lists)
    look, after, seen = Look(), "", {""}
    try:
        target = Target(key.base_url, keys.open_secret(key))
        with http.polling_client() as client:
            while look.pages < MOST_PAGES:
                answer = http.get(client, provider.build_list(target, after), seconds=DEADLINE, cap=LARGEST_PAGE)
                listing = provider.read_list(answer)
                ahead = _ahead(answer.headers.get("date", ""))
                page = [
                    replace(each, created_at=each.created_at and each.created_at - ahead) for each in listing.entries
                ]
                look.entries += page
                look.pages += 1
                if not listing.after or _all_older(page, since):
                    return look
                if listing.after in seen:
                    raise Unreachable("The provider's list comes back to the same page again and again.")
                after = listing.after
                seen.add(after)
        look.error = f"The list is longer than {MOST_PAGES} pages."
    except CannotList as error:
        look.error, look.silent = scrub(error.message), True
    except (Unreachable, KeyRefused) as error:
        look.error = scrub(error.message)
        polling.heard(key.pk, [error])
    except (ProviderError, Unopenable) as error:
        look.error = scrub(str(error))
    except Exception as error:  # a reader that trips over a list must not stop the loop
        log.exception("the list of key %s could not be read", key.pk)
        look.error = f"The provider's list could not be read ({type(error).__name__})."
    return look


def _all_older(page: list[Listed], since: float) -> bool:
    """Whether nothing newer can follow. A page that is not in order says nothing about the next one."""
    times = [entry.created_at for entry in page]
    known = [time for time in times if time is not None]
    return bool(known) and len(known) == len(times) and known == sorted(known, reverse=True) and known[0] < since


def _ahead(date: str) -> float:
    """By how many seconds the provider's clock is ahead of ours; 0 for what a slow answer alone can explain."""
    try:
        there = email.utils.parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return 0.0
    ahead = (there.replace(tzinfo=there.tzinfo or dt.UTC) - now()).total_seconds()
    return ahead if abs(ahead) > 30 else 0.0


def _being_sent(key: ProviderKey) -> set[tuple[str, str]]:
    """Models and prompts under way: their renders may be listed already, and their own answers will claim them."""
    return set(Generation.objects.filter(provider_key=key, state=State.SUBMITTING).values_list("model", "prompt"))


def _ours(key: ProviderKey, look: Look) -> set[str]:
    """Ids that belong to a shot, under this key or another one of the same provider, or that were called extra before."""
    listed = [entry.task_id for entry in look.entries if entry.task_id]
    found: set[str] = set()
    for start in range(0, len(listed), 500):
        ids = listed[start : start + 500]
        for rows in (
            Generation.objects.filter(provider_key__provider=key.provider, provider_task_id__in=ids),
            Attempt.objects.filter(generation__provider_key__provider=key.provider, provider_task_id__in=ids),
        ):
            found.update(rows.values_list("provider_task_id", flat=True))
    recent = Evidence.objects.filter(generation__provider_key__provider=key.provider, has_extra=True)
    for detail in recent.filter(at__gt=now() - dt.timedelta(days=7)).values_list("detail", flat=True):
        found.update(detail.get("extra", []))
    return found


# --- what a look means -----------------------------------------------------------------------------------------------------
def _settle(row: Generation, found: matching.Found, look: Look, since: float) -> None:
    try:
        committed(lambda: _write(row, found, look, since))
    except (LostRow, resolving.CannotResolve):
        log.info("shot %s was settled while the list was read", row.pk)


def _write(row: Generation, found: matching.Found, look: Look, since: float) -> None:
    """One commit: the move, what it rests on, and what else it costs."""
    detail = {
        "from": _iso(since), "to": timezone.now().isoformat(timespec="seconds"), "listed": len(look.entries),
        "pages": look.pages, "complete": not look.error, "error": look.error,
        "adopted": found.adopt.task_id if found.adopt else "",
        "extra": [entry.task_id for entry in found.extra], "possible": [entry.task_id for entry in found.possible],
    }  # fmt: skip
    safe = _is_safe(row, found, look)
    words = _words(row, found, look, since, safe)
    if found.adopt:
        _adopt(row, found, words)
    else:
        tries = len(LOOKS) if look.silent else row.reconcile_tries
        kept = Generation.objects.filter(pk=row.pk, state=State.UNKNOWN)
        if not kept.update(safe_to_resend=safe, reconcile_tries=tries, updated_at=timezone.now()):
            raise LostRow(f"shot {row.pk} is no longer unknown")
    Evidence.objects.create(generation=row, words=words, detail=detail, has_extra=bool(found.extra))


def _is_safe(row: Generation, found: matching.Found, look: Look) -> bool:
    """Only a whole list, late enough, without anything that could be the request. A failed look changes nothing."""
    if look.error or found.busy:
        return row.safe_to_resend and not found.possible
    late = (now() - doubted_at(row)).total_seconds() >= SAFE_AFTER
    return late and not (found.adopt or found.extra or found.possible)


def _adopt(row: Generation, found: matching.Found, words: str) -> None:
    """The first lost request has its id. An extra render of a second one belongs to that; a further one is our loss."""
    assert found.adopt
    lost = list(row.attempts.filter(state=Attempt.UNKNOWN).order_by("n"))
    for attempt, entry in zip(lost, [found.adopt, *found.extra], strict=False):
        attempt.state, attempt.provider_task_id = Attempt.ACCEPTED, entry.task_id
        attempt.save(update_fields=["state", "provider_task_id"])
    resolving.follow(row, found.adopt.task_id, words)
    for entry in found.extra:
        why = f"Extra charge: the provider also made {entry.task_id[:80]} from this request, and no shot follows it."
        Event.objects.create(generation=row, from_state=row.state, to_state=row.state, why=why)
        if entry in found.extra[max(0, len(lost) - 1) :]:
            money.extra_charge(row, why)


def _words(row: Generation, found: matching.Found, look: Look, since: float, safe: bool) -> str:
    span = f"{_clock(since)} to {_clock(now().timestamp())}"
    if found.adopt:
        how = "by our own name for it" if found.adopt.correlation else "by its prompt, model and time"
        more = f" {len(found.extra)} more of the same request: an extra charge." if found.extra else ""
        return f"Found in the provider's list, {how}: {found.adopt.task_id[:80]}.{more}"
    if found.busy:
        return (
            "An equal request is just being sent, so the list cannot tell the two apart yet. It is looked into again."
        )
    if look.silent:
        return look.error
    if look.error:
        return f"The provider's list could not be read whole: {look.error} It is looked into again."
    if found.possible:
        ids = ", ".join(entry.task_id[:80] or "one without an id" for entry in found.possible[:5])
        return f"The list from {span} shows {_count(look)}. It does not say enough about these, which may be it: {ids}."
    end = " Sending it again will not pay twice." if safe else " It may still appear there; it is looked into again."
    return f"The list from {span} shows {_count(look)}, and this request is not among them.{end}"


def _count(look: Look) -> str:
    return f"{len(look.entries)} render{'' if len(look.entries) == 1 else 's'}"


def _clock(moment: float) -> str:
    return timezone.localtime(dt.datetime.fromtimestamp(moment, dt.UTC)).strftime("%d %b, %H:%M:%S").lstrip("0")


def _iso(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).isoformat(timespec="seconds")
