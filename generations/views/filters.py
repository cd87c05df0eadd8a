"""The filters of the gallery: read from the address, said in words, applied to a query.

Words are looked for with `icontains`. Over 10,000 shots with prompts of 370 characters on SQLite a page takes 0.5 ms with
a common word and 11 ms when nothing is found at all, so a search index (and the triggers that keep it) would buy nothing.
"""

import datetime as dt
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from itertools import pairwise
from math import sqrt
from operator import or_
from typing import Any
from urllib.parse import urlsplit

from django.db.models import CharField, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Cast, Coalesce, NullIf
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.models import Team
from accounts.requests import StudioRequest

from ..models import Asset, Generation
from ..models.generation import GenerationQuerySet
from ..registry import MODELS, PROVIDERS, SPECS
from ..states import ACTIVE, State
from .access import whose
from .paging import ORDERS
from .tiles import RATIOS

Options = tuple[tuple[str, str], ...]  # value in the address, words

SHOWS: dict[str, tuple[str, tuple[str, ...]]] = {  # value in the address: label, states (none: all of them)
    "": ("Finished", (State.DONE,)),
    "active": ("On their way", tuple(ACTIVE)),
    "failed": ("Failed", (State.FAILED,)),
    "unknown": ("Outcome unknown", (State.UNKNOWN,)),
    "cancelled": ("Cancelled", (State.CANCELLED,)),
    "everything": ("Everything", ()),
}
SHAPES = {"16:9": "r169", "9:16": "r916", "1:1": "r11", "21:9": "r219", "4:3": "r43", "3:4": "r34"}
LENGTHS = {"short": ("Up to 5 s", 0, 5500), "middle": ("6 to 9 s", 5500, 9500), "long": ("10 s and more", 9500, 10**9)}
SOUNDS = {"with": "With sound", "without": "Without sound"}
WORDS = 8  # that are looked for; more of them only narrow what is narrow already


@dataclass(frozen=True)
class Pick:
    """One `<select>` of the bar."""

    name: str
    label: str
    value: str
    options: SafeString


@dataclass(frozen=True)
class Filters:
    text: str = ""
    show: str = ""
    model: str = ""
    provider: str = ""
    person: str = ""  # a user's id
    ratio: str = ""
    length: str = ""
    sound: str = ""
    favourites: bool = False
    remixed: bool = False  # another shot was made from it
    since: dt.date | None = None
    until: dt.date | None = None
    collection: str = ""  # its id
    order: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> "Filters":
        """Values that do not exist count as not given."""
        return cls(
            text=" ".join(query.get("q", "").replace("\x00", "").split())[:200],
            show=_one_of(query.get("show"), SHOWS),
            model=_one_of(query.get("model"), MODELS),
            provider=_one_of(query.get("provider"), PROVIDERS),
            person=whose(query),
            ratio=_one_of(query.get("ratio"), SHAPES),
            length=_one_of(query.get("length"), LENGTHS),
            sound=_one_of(query.get("sound"), SOUNDS),
            favourites="favourites" in query,
            remixed="remixed" in query,
            since=_date(query.get("from")),
            until=_date(query.get("to")),
            collection=_id(query.get("collection", "")),
            order=_one_of(query.get("order"), ORDERS),
        )

    def __bool__(self) -> bool:
        return replace(self, order="") != Filters()

    def apply(self, shots: GenerationQuerySet) -> GenerationQuerySet:
        if states := SHOWS[self.show][1]:
            shots = shots.filter(state__in=states) if len(states) > 1 else shots.filter(state=states[0])
        for word in self.text.split()[:WORDS]:
            shots = shots.filter(_contains(word))
        if self.model:
            shots = shots.filter(model__in=[way.slug for way in MODELS[self.model].ways()])
        if self.provider:
            shots = shots.filter(model__in=[spec.slug for spec in SPECS.values() if spec.provider == self.provider])
        if self.person:
            shots = shots.filter(created_by=int(self.person))
        if self.favourites:
            shots = shots.filter(favourite=True)
        if self.collection:
            shots = shots.filter(collections=int(self.collection))
        if self.remixed:
            shots = shots.filter(Exists(Generation.objects.filter(parent=OuterRef("pk"))))
        return self._of_file(self._of_days(shots))

    def _of_days(self, shots: GenerationQuerySet) -> GenerationQuerySet:
        if self.since:
            shots = shots.filter(created_at__gte=_midnight(self.since))
        if self.until:
            shots = shots.filter(created_at__lt=_midnight(self.until + dt.timedelta(days=1)))
        return shots

    def _of_file(self, shots: GenerationQuerySet) -> GenerationQuerySet:
        """What is measured on the file. A shot without one has no ratio, no length and no sound, and is not found."""
        video = Asset.objects.filter(generation=OuterRef("pk"), kind=Asset.VIDEO)
        wanted = Q()
        if self.ratio:
            low, high = bounds(SHAPES[self.ratio])
            wanted &= Q(height__gt=0, width__gte=F("height") * low, width__lt=F("height") * high)
        if self.length:
            wanted &= Q(duration_ms__gte=LENGTHS[self.length][1], duration_ms__lt=LENGTHS[self.length][2])
        if self.sound:
            wanted &= Q(has_audio=self.sound == "with")
        return shots.filter(Exists(video.filter(wanted))) if wanted else shots

    def query(self) -> str:
        """The address that these filters have: only what is set."""
        query = QueryDict(mutable=True)
        values = {"q": self.text, "show": self.show, "model": self.model, "provider": self.provider,
                  "person": self.person, "ratio": self.ratio, "length": self.length, "sound": self.sound,
                  "favourites": "1" if self.favourites else "", "remixed": "1" if self.remixed else "",
                  "from": self.since, "to": self.until, "collection": self.collection, "order": self.order}  # fmt: skip
        query.update({name: str(value) for name, value in values.items() if value})
        return query.urlencode()

    @property
    def of_anybody(self) -> str:
        """The address without the person."""
        return replace(self, person="").query()

    def words(self) -> str:
        """The filters as a sentence, for the page that finds nothing."""
        parts = [f"with “{self.text}”"] if self.text else []
        parts += [f"made with {MODELS[self.model].name}"] if self.model else []
        parts += [f"from {PROVIDERS[self.provider].name}"] if self.provider else []
        parts += ["by this person"] if self.person else []
        parts += [f"in {self.ratio}"] if self.ratio else []
        parts += [f"of {_lower(LENGTHS[self.length][0])}"] if self.length else []
        parts += [_lower(SOUNDS[self.sound])] if self.sound else []
        parts += ["that was remixed"] if self.remixed else []
        parts += ["in this collection"] if self.collection else []
        parts += [f"since {_day(self.since)}"] if self.since else []
        parts += [f"until {_day(self.until)}"] if self.until else []
        parts += {"active": ["on its way"], "failed": ["that failed"], "unknown": ["with an unknown outcome"],
                  "cancelled": ["that was cancelled"]}.get(self.show, [])  # fmt: skip
        return " ".join(["No favourite" if self.favourites else "Nothing", *parts, "in this gallery."])

    @property
    def folded(self) -> int:
        """How many of the filters that are not in the bar are set."""
        folded = (self.provider, self.person, self.sound, self.since, self.until, self.collection)
        return sum(map(bool, folded))


def of_page(request: StudioRequest) -> Filters | None:
    """Those of the gallery that a press of htmx comes from; None for any other page."""
    here = urlsplit(request.htmx.current_url or "")
    return Filters.of(QueryDict(here.query)) if here.path == reverse("gallery") else None


def picks(filters: Filters, team: Team) -> dict[str, Any]:
    """The bar and the fold behind it. One query, for the people and the collections."""
    shows = tuple((value, label) for value, (label, _) in SHOWS.items())
    lengths = tuple((value, words) for value, (words, _, _) in LENGTHS.items())
    people, kept = _named(team)
    return {
        "bar": [
            Pick("show", "Show", filters.show, _options(shows, filters.show)),
            Pick("model", "Model", filters.model, _models(filters.model)),
            _pick("ratio", "Ratio", filters.ratio, "Any ratio", tuple((name, name) for name in SHAPES)),
            _pick("length", "Length", filters.length, "Any length", lengths),
        ],
        "fold": [
            _pick("provider", "Provider", filters.provider, "Any provider",
                  tuple((slug, provider.name) for slug, provider in PROVIDERS.items())),
            _pick("person", "Person", filters.person, "Anybody",
                  people),
            _pick("sound", "Sound", filters.sound, "With or without", tuple(SOUNDS.items())),
            _pick("collection", "Collection", filters.collection, "Any or none", kept),
        ],
        "collections": _options(kept, filters.collection),
        "order": [Pick("order", "Order", filters.order, _options(tuple(ORDERS.items()), filters.order))],
    }  # fmt: skip


def _named(team: Team) -> tuple[Options, Options]:
    """The people and the collections of a team, by name, in one query."""
    words = Coalesce(NullIf("user__name", Value("")), F("user__email"), output_field=CharField())
    people = team.memberships.order_by().annotate(kind=Value("person"), words=words)
    kept = team.collections.order_by().annotate(kind=Value("collection"), words=Cast("name", CharField()))
    rows = people.values_list("kind", "words", "user_id").union(kept.values_list("kind", "words", "pk"), all=True)
    found = sorted((kind, words.casefold(), pk, words) for kind, words, pk in rows)
    named = [tuple((str(pk), words) for of, _, pk, words in found if of == kind) for kind in ("person", "collection")]
    return named[0], named[1]


def bounds(shape: str) -> tuple[float, float]:
    """Width over height, from and to, of what counts as this ratio: as `tiles.ratio_class` decides, the nearest one."""
    ratios = sorted(RATIOS.values())
    edges = [0.0, *(sqrt(low * high) for low, high in pairwise(ratios)), 1e6]
    at = ratios.index(RATIOS[shape])
    return edges[at], edges[at + 1]


def _pick(name: str, label: str, value: str, nothing: str, options: Options) -> Pick:
    return Pick(name, label, value, _options((("", nothing), *options), value))


@lru_cache(maxsize=256)
def _options(options: Options, chosen: str) -> SafeString:
    """Drawn once: a catalogue has hundreds of models, and each page has the list of them."""
    return format_html_join(
        "", '<option value="{}"{}>{}</option>', ((value, _selected(value == chosen), words) for value, words in options)
    )


def _models(chosen: str) -> SafeString:
    offered: dict[str, list[tuple[str, str]]] = {}
    for spec in MODELS.values():
        offered.setdefault(spec.provider, []).append((spec.slug, spec.name))
    groups = tuple((provider.name, tuple(offered.get(slug, ()))) for slug, provider in PROVIDERS.items())
    return _grouped(groups, chosen)


@lru_cache(maxsize=64)
def _grouped(groups: tuple[tuple[str, Options], ...], chosen: str) -> SafeString:
    drawn = ((name, _options(models, chosen)) for name, models in groups if models)
    anything = _options((("", "Any model"),), chosen)
    return anything + format_html_join("", '<optgroup label="{}">{}</optgroup>', drawn)


def _selected(yes: bool) -> SafeString:
    return SafeString(" selected" if yes else "")


def _contains(word: str) -> Q:
    """SQLite folds the case of ASCII only, so a word with other letters is looked for in the ways it is written."""
    ways = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
    return reduce(or_, (Q(prompt__icontains=way) | Q(title__icontains=way) for way in sorted(ways)))


def _one_of(value: str | None, known: object) -> str:
    return value if value and value in known else ""  # type: ignore[operator]


def _id(text: str) -> str:
    return text if text.isascii() and text.isdecimal() and len(text) < 19 else ""


def _date(text: str | None) -> dt.date | None:
    try:
        found = parse_date(text or "")
    except ValueError:  # of the right form, and no day: 31 February
        return None
    return found if found and 1970 <= found.year < 9000 else None


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
