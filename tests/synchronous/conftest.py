"""Shots at providers that answer the paid request for minutes."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Team, User
from generations import keys, lifecycle
from generations.models import Generation, ProviderKey
from generations.providers import SPECS
from generations.specs import ModelSpec
from tests.lifecycle.conftest import drive
from tests.stack import Sandbox

__all__ = ["drive"]
KLING = "a4f-kling-v2.1"
VALUES = {"ratio": "16:9", "quality": "720p", "duration": "2"}


@pytest.fixture
def a4f(key: ProviderKey, team: Team, sandbox: Sandbox) -> ProviderKey:
    """The team's key for A4F, which opens the sandbox."""
    return keys.add_key(team=team, provider="a4f", secret="ddc-sandbox-key", base_url=f"{sandbox.url}/a4f")


@pytest.fixture
def start(team: Team, user: User, a4f: ProviderKey, key: ProviderKey) -> Callable[..., Generation]:
    """`start("prompt")` gives a queued shot with a small quick clip, at A4F unless `model` says otherwise."""

    def make(prompt: str = "A boat", *, model: str = KLING, small: bool = True, **values: Any) -> Generation:
        spec: ModelSpec = SPECS[model]
        tags = "[[clip=small]] [[seconds=0.1]]" if small else "[[seconds=0.1]]"
        return lifecycle.start(
            team=team, user=user, key=a4f if spec.provider == "a4f" else key, spec=spec,
            prompt=f"{prompt} {tags} {secrets.token_hex(4)}",
            params=(VALUES if spec.provider == "a4f" else {}) | values, token=secrets.token_hex(8),
        )[0]  # fmt: skip

    return make
