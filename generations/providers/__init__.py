"""PROVIDERS is the one list: a provider that is not here does not exist.

MODELS has one entry a model; SPECS also has the further protocols that a model runs on, each under a slug of its own.
"""

from __future__ import annotations

from ..specs import ModelSpec
from .a4f import A4F_VIDEO
from .abilities import Provider, Streams
from .aiid import AIID
from .apertis import APERTIS
from .minimax import MINIMAX
from .openai_videos import OPENAI

ALL: tuple[Provider, ...] = (APERTIS, OPENAI, AIID, MINIMAX, A4F_VIDEO)
PROVIDERS: dict[str, Provider] = {provider.slug: provider for provider in ALL}
MODELS: dict[str, ModelSpec] = {spec.slug: spec for provider in PROVIDERS.values() for spec in provider.specs}
SPECS: dict[str, ModelSpec] = {way.slug: way for spec in MODELS.values() for way in spec.ways()}

# models whose paid request is answered for minutes, with the result or its address at the end
STREAMED: dict[str, Streams] = {
    slug: provider
    for slug, spec in SPECS.items()
    if isinstance(provider := PROVIDERS[spec.provider], Streams) and provider.streams(spec)
}
