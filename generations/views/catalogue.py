"""The models as the pages list them: what each takes and gives, and whether this team can use it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from accounts.models import Team, User
from accounts.requests import StudioRequest

from .. import usual
from ..forms import TAKES
from ..lifecycle import money
from ..models import Generation, Listing, ModelPrice, ProviderKey
from ..prices import LENGTHS, NOT_PUBLISHED, Quote, dollars
from ..registry import MODELS, PROVIDERS, SPECS
from ..specs import Choice, Integer, ModelSpec
from ..substitutes import changes
from ..usual import Usual


@dataclass
class Row:
    """One model in the table. `why_not` says why it cannot be used, empty when it can."""

    spec: ModelSpec
    why_not: str = ""
    price: str = ""
    usual: Usual | None = None
    is_chosen: bool = False
    is_off: bool = False

    @property
    def inputs(self) -> str:
        """ "Text, optional frames"."""
        media = [f"{'' if media.minimum else 'optional '}{media.label.lower()}" for media in self.spec.media]
        return ", ".join(["Text", *media])

    @property
    def line(self) -> str:
        output = self.spec.output
        length = "as long as its source" if self.spec.needs_source else output.length
        return f"{self.inputs} · {'with sound' if output.sound else 'silent'} · {length}"

    @property
    def gives(self) -> str:
        """ "4, 6 or 8 s · 16:9 or 9:16 · with sound"."""
        return " · ".join(
            filter(None, (self._lengths, self._shapes, "with sound" if self.spec.output.sound else "silent"))
        )

    @property
    def _lengths(self) -> str:
        param = next((param for name in LENGTHS if (param := self.spec.param(name))), None)
        if isinstance(param, Choice):
            return f"{_either(param.choices)} {param.unit or 's'}"
        if isinstance(param, Integer) and param.minimum and param.maximum:
            return f"{param.minimum} to {param.maximum} s"
        return self.spec.output.length

    @property
    def _shapes(self) -> str:
        shapes = [param for param in self.spec if isinstance(param, Choice) and param.name in self.spec.output.by]
        param = next((param for param in shapes if any(":" in value for value in param.choices)), None)
        return _either(param.choices) if param else ""

    @property
    def stands(self) -> str:
        """How it stands with the model, where that is not simply well."""
        life = self.spec.lifecycle
        if life.status in ("legacy", "retired"):
            return f"{life.status} since {life.since}"
        return "not verified" if life.status == "unverified" else ""


@dataclass
class Group:
    """The models of one provider, with what is to be said about all of them once."""

    name: str
    rows: list[Row]
    notes: list[str] = field(default_factory=list)


def groups(request: StudioRequest, values: dict[str, Any], chosen: ModelSpec | None = None) -> list[Group]:
    """By provider, in the order of the registry, priced for `values` (raw, by our names). A shared note is said once."""
    found, listed, keys = [], Listing.objects.by_slug(), ProviderKey.objects.by_provider(request.team)
    prices, times = list(ModelPrice.objects.of_team(request.team.pk)), usual.of_models(request.team)
    takes = int(values["takes"]) if values.get("takes") in TAKES.choices else 1
    for slug, provider in PROVIDERS.items():
        key, rows = keys.get(slug), []
        for spec in (as_listed(spec, listed) for spec in provider.specs):
            row = Row(spec, _why_not(spec, key, listed), usual=times.get(spec.slug), is_off=not _is_on(spec, listed))
            row.price = _price(money.quote(key, spec, values, takes, rows=prices))
            row.is_chosen = chosen is not None and spec.slug in (chosen.slug, chosen.of)
            rows.append(row)
        notes = [] if key and key.is_sandbox else _notes([row.spec for row in rows])
        if rows:
            found.append(Group(provider.name, rows, notes))
    return found


def _why_not(spec: ModelSpec, key: ProviderKey | None, listed: dict[str, Listing]) -> str:
    if not _is_on(spec, listed):
        return "Switched off in this studio"
    return "" if key else f"No key for {PROVIDERS[spec.provider].name} yet"


def _price(quote: Quote) -> str:
    """Short: it stands in a column."""
    if quote.amount is None:
        return "Not published" if quote.words == NOT_PUBLISHED else quote.words
    return dollars(quote.amount) if quote.amount else "Nothing (sandbox)"


def _either(values: Sequence[str]) -> str:
    """ "4, 6 or 8"; many are "16:9, 9:16 and 3 more"."""
    if len(values) > 4:
        return f"{values[0]}, {values[1]} and {len(values) - 2} more"
    return ", ".join(values[:-1]) + (f" or {values[-1]}" if len(values) > 1 else values[0])


def as_listed(spec: ModelSpec, listed: dict[str, Listing] | None = None) -> ModelSpec:
    """The spec with what the operator says about its model; the ways of a model share it, but keep names of their own."""
    row = (Listing.objects.by_slug() if listed is None else listed).get(spec.of or spec.slug)
    if row is None:
        return spec
    applied = row.applied(spec)
    return replace(applied, name=spec.name) if spec.needs_source else applied


def _is_on(spec: ModelSpec, listed: dict[str, Listing]) -> bool:
    return spec.slug not in listed or listed[spec.slug].enabled


def offered() -> list[ModelSpec]:
    """Every model that new shots can be made with, called what the operator calls it."""
    listed = Listing.objects.by_slug()
    every = (spec for provider in PROVIDERS.values() for spec in provider.specs)
    return [as_listed(spec, listed) for spec in every if _is_on(spec, listed)]


def _notes(specs: Sequence[ModelSpec]) -> list[str]:
    """What is to be said about models, with their names unless it is about all of them."""
    by_note: dict[str, list[str]] = {}
    for spec in specs:
        by_note.setdefault(spec.lifecycle.note, []).append(spec.name)
    return [
        note if len(names) == len(specs) else f"{', '.join(names)}: {note}" for note, names in by_note.items() if note
    ]


@dataclass(frozen=True)
class Ended:
    """A model that its maker has ended, what to use instead, and what that changes."""

    spec: ModelSpec
    substitute: ModelSpec | None
    changes: list[str]


def ended(spec: ModelSpec) -> Ended | None:
    """None for a model that is still to be had."""
    if spec.lifecycle.status != "retired":
        return None
    substitute = next((each for each in offered() if each.slug == spec.lifecycle.substitute), None)
    return Ended(spec, substitute, changes(spec, substitute) if substitute else [])


def ways(spec: ModelSpec) -> list[ModelSpec]:
    """The protocols to choose from on the form; empty where there is nothing to choose."""
    found = [SPECS[way.slug] for way in SPECS[spec.of or spec.slug].ways() if not way.needs_source]
    return found if len(found) > 1 and not spec.needs_source else []


def image_model() -> ModelSpec | None:
    """The first model that starts from one image of yours."""
    takes = [spec for spec in offered() if any(media.minimum for media in spec.media)]
    return min(takes, key=lambda spec: sum(media.minimum for media in spec.media), default=None)


def usual_model(team: Team, user: User) -> ModelSpec:
    """The model of this person's last shot in the team, else the first one with a key, else the first."""
    last = Generation.objects.filter(team=team, created_by=user).order_by("-created_at", "-id")
    slug = last.values_list("model", flat=True).first()
    every = {spec.slug: spec for spec in offered()} or dict(MODELS)
    if slug in SPECS and (SPECS[slug].of or slug) in every:
        return SPECS[SPECS[slug].of] if SPECS[slug].needs_source else SPECS[slug]
    keys = ProviderKey.objects.by_provider(team)
    return next((spec for spec in every.values() if spec.provider in keys), next(iter(every.values())))
