import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Team, User
from generations import keys, lifecycle
from generations.models import Attempt, Breaker, Generation, ProviderKey
from generations.providers import SPECS

VALUES = {"size": "1280x720", "seconds": "4", "input_reference": []}


@pytest.fixture
def new_key(team: Team, key: ProviderKey, sandbox: Any) -> Callable[..., ProviderKey]:
    """`new_key()` opens a listing host at which nothing was made yet; `new_key("list-500")` one with that ending."""

    def make(ending: str = "") -> ProviderKey:
        secret = f"sk-sandbox-{ending}" if ending else f"sk-list-{secrets.token_hex(8)}"
        return keys.add_key(team=team, provider="openai", secret=secret, base_url=f"{sandbox.url}/openai")

    return make


@pytest.fixture
def listing_key(new_key: Callable[..., ProviderKey]) -> ProviderKey:
    return new_key()


@pytest.fixture
def start(team: Team, user: User, listing_key: ProviderKey) -> Callable[..., list[Generation]]:
    """`start("prompt", takes=4)` gives queued takes at the listing host."""

    def make(prompt: str, *, key: ProviderKey | None = None, takes: int = 1, **params: str) -> list[Generation]:
        return lifecycle.start(
            team=team, user=user, key=key or listing_key, spec=SPECS["openai-sora-2"], params=VALUES | params, takes=takes,
            prompt=f"{prompt} [[clip=small]] [[seconds=0]]", token=secrets.token_hex(8),
        )  # fmt: skip

    return make


@pytest.fixture
def lose(start: Callable[..., list[Generation]]) -> Callable[..., Generation]:
    """`lose("prompt")` gives a row whose request was billed and whose answer was lost."""

    def make(prompt: str, tags: str = "[[lose-answer]]", **options: Any) -> Generation:
        return send(start(f"{prompt} {tags}", **options)[0])

    return make


def send(row: Generation) -> Generation:
    """Send it now, whatever the breaker thinks of so many lost answers."""
    Breaker.objects.all().delete()
    assert lifecycle.submit(row.pk)
    row.refresh_from_db()
    return row


def look(key: ProviderKey, after: float = 30) -> bool:
    """Look into the list as if the doubts were `after` seconds old."""
    rows = Generation.objects.filter(provider_key=key, state="unknown")
    then = timezone.now() - dt.timedelta(seconds=after)
    Attempt.objects.filter(generation__in=rows, state=Attempt.UNKNOWN).update(answered_at=then)
    for row in rows:
        lifecycle.look_again(row)
    return lifecycle.reconcile(key.pk)


def seen(row: Generation) -> Generation:
    row.refresh_from_db()
    return row
