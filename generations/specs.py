"""What a model accepts, as plain data. No Django here.

A ModelSpec is the single source of the form, its validation, the request, the documentation and the contract tests.
Seven parameter kinds, three kinds of rules; anything stranger is code in the provider's file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .prices import Price, Unknown, length
from .rules import Excludes as Excludes
from .rules import NeededWhen as NeededWhen
from .rules import OnlyWhen as OnlyWhen
from .rules import Requires as Requires
from .rules import Rule as Rule
from .rules import broken_rules as broken_rules
from .rules import explain as explain
from .rules import is_set as is_set
from .rules import sentences as sentences

Group = Literal["main", "more"]
Shape = Literal["", "url", "span"]
PIXELS = re.compile(r"[1-9]\d{1,4}x[1-9]\d{1,4}")


@dataclass(frozen=True, kw_only=True)
class Param:
    """What every parameter has. `source` says where a limit comes from when it is not the provider's own document."""

    name: str
    label: str
    help: str = ""
    required: bool = False
    group: Group = "main"
    source: str = ""

    kind = "param"


@dataclass(frozen=True, kw_only=True)
class Text(Param):
    """Free text. `max_length` counts characters; 0 means that the provider states no limit.

    `shape`: "url" are web addresses that the provider fetches, one a line and at most `lines`; "span" is a piece of a video
    as "start,end" in seconds.
    """

    max_length: int = 0
    lines: int = 1
    default: str = ""
    shape: Shape = ""
    casts: bool = False  # "@name" in it puts a character into the shot

    kind = "text"


@dataclass(frozen=True, kw_only=True)
class Choice(Param):
    """One of a few values. `unit` is shown behind each value ("8 s"). Without a default the provider decides.

    `labels` are what people see in place of values that say little, one for each. `wider` are values that only other sources
    know (`source` says which): offered, and marked as perhaps refused.
    """

    choices: tuple[str, ...]
    labels: tuple[str, ...] = ()
    default: str | None = None
    unit: str = ""
    wider: tuple[str, ...] = ()

    kind = "choice"


@dataclass(frozen=True, kw_only=True)
class Integer(Param):
    minimum: int | None = None
    maximum: int | None = None
    default: int | None = None
    unit: str = ""

    kind = "integer"


@dataclass(frozen=True, kw_only=True)
class Number(Param):
    minimum: float
    maximum: float
    step: float
    default: float | None = None

    kind = "number"


@dataclass(frozen=True, kw_only=True)
class Flag(Param):
    default: bool = False

    kind = "flag"


@dataclass(frozen=True)
class Picture:
    """What a provider asks of one image: bytes, pixels of the short side, width through height from `flat` to `wide`."""

    most_bytes: int = 0
    least_side: int = 0
    ratios: tuple[float, float] = (0, 0)


Carriage = Literal["url", "data", "base64", "file"]


@dataclass(frozen=True, kw_only=True)
class Media(Param):
    """Images. `roles` names each slot in order; its length is the most that fit.

    `by` says how an image may travel: "url" is fetched by the provider, "data" is a data URL inside the request, "base64" the
    same without its head, "file" a part of a form. An upload goes by the first. An address goes as it is where "url" is among
    them; for "file" the studio fetches it; else there can be none.
    """

    roles: tuple[str, ...]
    minimum: int = 0
    by: tuple[Carriage, ...] = ("url",)
    picture: Picture = Picture()

    kind = "media"

    @property
    def maximum(self) -> int:
        return len(self.roles)


@dataclass(frozen=True, kw_only=True)
class Json(Param):
    """A JSON object for fields that a gateway passes on unread."""

    kind = "json"


@dataclass(frozen=True)
class Output:
    """What the finished file promises: sizes in pixels, seconds (unless a parameter says), frames a second, sound.

    A size is found by the values of the parameters in `by`, joined with "/": "9:16", "large/portrait"; "" is the model's own. The
    first one is what a model makes that is not asked for any; with an empty `by` the image's shape decides. `seconds` 0 means
    what `unfixed` says; `sound_by` names the switch that turns sound off.
    """

    sizes: tuple[tuple[str, tuple[int, int]], ...]
    seconds: float
    fps: int
    sound: bool
    by: tuple[str, ...] = ("aspect_ratio",)
    sound_by: str = ""
    unfixed: str = "as long as the source"

    @property
    def length(self) -> str:
        return f"{self.seconds:g} s" if self.seconds else self.unfixed


@dataclass(frozen=True)
class Lifecycle:
    """`status` with the day of the knowledge (ISO date) and what it means for the reader.

    `substitute` is the slug of the model to use instead.
    """

    status: Literal["active", "legacy", "retired", "unverified"] = "active"
    since: str = ""
    note: str = ""
    substitute: str = ""


@dataclass(frozen=True, kw_only=True)
class Way:
    """Another protocol that a model runs on, with what it takes there. `label` names it on the form.

    `needs_source`: it does not make a shot from nothing but remakes a finished one; the shot's page offers it.
    """

    slug: str
    label: str
    protocol: str
    params: tuple[Param, ...]
    output: Output
    rules: tuple[Rule, ...] = ()
    name: str = ""  # the model's own when empty
    summary: str = ""
    needs_source: bool = False


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One model at one provider, with the protocol that it is asked by. `slug` is ours and never changes; `remote_name`
    is what the provider calls it.

    What a model takes differs from protocol to protocol, so each further one is a Way; `ways()` gives a spec for each.
    """

    slug: str
    name: str
    provider: str
    remote_name: str
    protocol: str
    params: tuple[Param, ...]
    output: Output
    rules: tuple[Rule, ...] = ()
    lifecycle: Lifecycle = Lifecycle()
    summary: str = ""
    price: Price = field(default_factory=Unknown)  # as the provider publishes it; rows that operators enter come first
    deadline: int = 3600  # seconds after submission until we stop believing in an answer
    slow: tuple[str, Any, int] | None = None  # (parameter, value, seconds): the deadline while it has that value
    wire: tuple[tuple[str, str], ...] = ()  # (parameter, where it goes in the request), when that is not its own name
    movements: tuple[str, ...] = ()  # camera movements that the prompt may name in square brackets
    label: str = ""  # what the form calls this protocol, where there are several
    others: tuple[Way, ...] = ()
    of: str = ""  # the slug of the model, when this spec is one of its further ways
    needs_source: bool = False

    def ways(self) -> tuple[ModelSpec, ...]:
        """This spec, and one for each further protocol of the model."""
        return (self, *(self._way(way) for way in self.others))

    def _way(self, way: Way) -> ModelSpec:
        return replace(
            self, slug=way.slug, label=way.label, protocol=way.protocol, params=way.params, output=way.output,
            rules=way.rules, name=way.name or self.name, summary=way.summary or self.summary,
            needs_source=way.needs_source, others=(), of=self.slug,
        )  # fmt: skip

    @property
    def protocols(self) -> tuple[str, ...]:
        """Every protocol that a shot of this model can be made with."""
        return (self.protocol, *(way.protocol for way in self.others if not way.needs_source))

    def seconds(self, values: Mapping[str, Any]) -> float:
        """How long the file will be that these values ask for."""
        return float(length(self, values))

    def __iter__(self) -> Iterator[Param]:
        return iter(self.params)

    def param(self, name: str) -> Param | None:
        return next((param for param in self.params if param.name == name), None)

    @property
    def media(self) -> tuple[Media, ...]:
        return tuple(param for param in self.params if isinstance(param, Media))

    def patience(self, values: Mapping[str, Any]) -> int:
        """Seconds after submission until we stop believing in an answer."""
        return self.slow[2] if self.slow and values.get(self.slow[0]) == self.slow[1] else self.deadline

    def size(self, values: Mapping[str, Any]) -> tuple[int, int]:
        """(width, height) of the finished file for these values, by our names."""
        return self.sizes(values)[0]

    def sizes(self, values: Mapping[str, Any]) -> list[tuple[int, int]]:
        """Every size that fits the values, the usual one first: what is not chosen fits any."""
        asked = str(values.get("size") or "")
        if PIXELS.fullmatch(asked):
            width, height = asked.split("x")
            return [(int(width), int(height))]
        wanted = [self._chosen(name, values) for name in self.output.by]
        found = [
            size
            for key, size in self.output.sizes
            if all(not word or word == part for word, part in zip(wanted, key.split("/"), strict=False))
        ]
        return found or [self.output.sizes[0][1]]

    def sound(self, values: Mapping[str, Any]) -> bool:
        return self.output.sound and (not self.output.sound_by or bool(values.get(self.output.sound_by)))

    def _chosen(self, name: str, values: Mapping[str, Any]) -> str:
        """A parameter's value, "" while the provider decides ("adaptive" leaves it to the image)."""
        value = values.get(name) or getattr(self.param(name), "default", None) or ""
        return "" if value == "adaptive" else str(value)
