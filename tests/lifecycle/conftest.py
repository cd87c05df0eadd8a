import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Team, User
from generations import keys, lifecycle
from generations.models import Breaker, Generation, ProviderKey
from generations.providers import SPECS, outbound

Begin = Callable[[str, str], Generation]
VALUES = {"aspect_ratio": "16:9", "enhance_prompt": False, "enable_upsample": False}


@pytest.fixture
def start(team: Team, user: User, key: ProviderKey) -> Callable[..., Generation]:
    """`start("prompt")` gives a queued generation at the sandbox, with a small quick clip."""

    def make(prompt: str = "A boat", *, model: str = "apertis-veo3-fast", token: str = "", **params: Any) -> Generation:
        tags = "[[clip=small]]" if "[[seconds=" in prompt else "[[clip=small]] [[seconds=0.1]]"  # the last one counts
        tagged = f"{prompt} {tags} {secrets.token_hex(4)}"
        return lifecycle.start(
            team=team, user=user, key=key, spec=SPECS[model], prompt=tagged,
            params=VALUES | params, token=token or secrets.token_hex(8),
        )[0]  # fmt: skip

    return make


@pytest.fixture
def begin(team: Team, user: User, sandbox: Any, settings: Any) -> Iterator[Begin]:
    """`begin(model, prompt)` gives a queued shot at the sandbox's imitation of the model's provider, with a small quick clip."""
    settings.SANDBOX_URL = sandbox.url
    outbound.trust({*settings.TRUSTED_HOSTS, sandbox.host})

    def make(model: str, prompt: str) -> Generation:
        spec = SPECS[model]
        key = ProviderKey.objects.for_provider(team, spec.provider) or keys.add_key(
            team=team, provider=spec.provider, secret=keys.DEMO_SECRET, base_url=f"{sandbox.url}/{spec.provider}"
        )
        values = {param.name: getattr(param, "default", None) for param in spec if param.name != "prompt"}
        words = f"{prompt} [[clip=small]] [[seconds=0.1]] {secrets.token_hex(4)}"
        return lifecycle.start(team=team, user=user, key=key, spec=spec, prompt=words, params=values,
                               token=secrets.token_hex(8))[0]  # fmt: skip

    yield make
    outbound.trust(settings.TRUSTED_HOSTS)


@pytest.fixture
def drive() -> Callable[..., Generation]:
    """Take a row step by step until it rests in one of `until`, without the waiting times; at most `steps` steps."""

    def go(row: Generation, *until: str, steps: int = 1000) -> Generation:
        for _ in range(steps):
            row.refresh_from_db()
            if row.state in (until or ("done", "failed", "cancelled", "unknown")):
                return row
            Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())
            Breaker.objects.update(held_until=None)
            verb = {"queued": lifecycle.submit, "submitted": lifecycle.poll, "running": lifecycle.poll}.get(row.state)
            (verb or lifecycle.archive)(row.pk)
            pause()
        raise AssertionError(f"still {row.state} after {steps} steps: {row.message}")

    return go


def pause() -> None:
    """The sandbox needs a moment of real time to render."""
    import time

    time.sleep(0.03)
