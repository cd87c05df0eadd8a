"""Every provider and model that this studio knows: those of the release, and the hosts that its operator has added.

As in `providers`, MODELS has one entry a model and SPECS also each further way, and those that are no longer offered: old shots
name them. What may be chosen for a new shot is in `views/catalogue.py`. The lists in `providers` are the release alone, for
documents and tests; everything that serves a person or a shot looks here. What an operator changes is seen by every process
within two seconds; while the database does not answer, what was read last still holds.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from django.db.utils import OperationalError, ProgrammingError

from . import providers
from .providers.abilities import Provider, Streams
from .providers.openai_videos import OpenAIVideos
from .specs import ModelSpec

T = TypeVar("T")
FRESH = 2.0  # seconds
AGAIN = 0.2  # seconds after a look that failed


class Live(Mapping[str, T]):
    """The release's entries first; the added ones are looked up only when they may be meant."""

    def __init__(self, built_in: Mapping[str, T], added: Callable[[], Mapping[str, T]]) -> None:
        self.built_in, self.added = built_in, added

    def __getitem__(self, slug: str) -> T:
        return self.built_in[slug] if slug in self.built_in else self.added()[slug]

    def __iter__(self) -> Iterator[str]:
        yield from self.built_in
        yield from self.added()

    def __len__(self) -> int:
        return len(self.built_in) + len(self.added())


@dataclass(frozen=True)
class Added:
    """What operators have added."""

    hosts: dict[str, Provider] = field(default_factory=dict)
    models: dict[str, ModelSpec] = field(default_factory=dict)
    specs: dict[str, ModelSpec] = field(default_factory=dict)


_kept = Added()  # as it was read last
_due = 0.0  # when it is read anew


def forget() -> None:
    """What is known of added hosts is read anew at the next look: after a change in this process."""
    global _due
    _due = 0.0


def _added() -> Added:
    """A look that fails changes nothing: shots at an added host still need it. Empty only before the first that succeeds."""
    global _kept, _due
    if time.monotonic() >= _due:
        found = _read()
        _kept, _due = found or _kept, time.monotonic() + (FRESH if found else AGAIN)
    return _kept


def _read() -> Added | None:
    """None when it cannot be read, as before the first migration: commands that only look must work then."""
    from .models import Host

    found = Added()
    try:
        rows = list(Host.objects.prefetch_related("models").order_by("name", "pk"))
    except (OperationalError, ProgrammingError):
        return None
    for row in rows:
        every = [(model.offered, model.specs(row.provider)) for model in row.models.all()]
        offered = tuple(specs[0] for is_offered, specs in every if is_offered)
        found.hosts[row.provider] = OpenAIVideos(row.provider, row.name, row.base_url, offered, row.correlation_field)
        found.models.update({specs[0].slug: specs[0] for _, specs in every})
        found.specs.update({spec.slug: spec for _, specs in every for spec in specs})
    return found


def is_offered(spec: ModelSpec) -> bool:
    """Whether new shots can be made with it; the release's own always, as far as the code goes."""
    released = spec.provider in providers.PROVIDERS
    return released or any(offered.slug == (spec.of or spec.slug) for offered in PROVIDERS[spec.provider].specs)


PROVIDERS: Mapping[str, Provider] = Live(providers.PROVIDERS, lambda: _added().hosts)
MODELS: Mapping[str, ModelSpec] = Live(providers.MODELS, lambda: _added().models)
SPECS: Mapping[str, ModelSpec] = Live(providers.SPECS, lambda: _added().specs)
STREAMED: Mapping[str, Streams] = providers.STREAMED  # a host of the OpenAI Videos API answers at once
