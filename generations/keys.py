"""Provider keys: adding one, opening one for a call, and the sandbox's demo keys."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts.models import Team

from .models import Breaker, Generation, ProviderKey
from .models.fields import opened
from .providers import PROVIDERS as BUILT_IN
from .registry import PROVIDERS
from .scrub import remember, scrub
from .states import IN_FLIGHT, State

SANDBOX_AT_A_TIME = 200  # it takes no money, and load tests are to find our own limits
DEADLOCK, DEADLOCKS = "40P01", 3  # what PostgreSQL calls one, and how many are borne
DEMO_SECRET = "sk-sandbox-ok"  # noqa: S105  (opens nothing but the sandbox)


class UnusableKey(ValueError):
    """The key cannot be stored as given; the message says what to change."""


def add_key(*, team: Team, provider: str, secret: str, base_url: str = "", label: str = "") -> ProviderKey:
    """Store a key encrypted. Raises UnusableKey."""
    if provider not in PROVIDERS:
        raise UnusableKey(f"There is no provider {provider!r}. Use one of: {', '.join(PROVIDERS)}.")
    secret = checked_secret(secret)
    base_url = checked_base_url(base_url.strip() or PROVIDERS[provider].default_base_url)
    is_sandbox = base_url.startswith(settings.SANDBOX_URL)
    limit = {"max_concurrent": SANDBOX_AT_A_TIME} if is_sandbox else {}
    return ProviderKey.objects.create(
        team=team,
        provider=provider,
        secret=secret,
        last4=secret[-4:],
        base_url=base_url,
        label=label.strip()[:80],
        is_sandbox=is_sandbox,
        **limit,
    )


def checked_secret(secret: str) -> str:
    """The key without blanks around it. Raises UnusableKey."""
    secret = secret.strip()
    if len(secret) < 8 or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise UnusableKey("That does not look like a key: it needs at least 8 printable characters without spaces.")
    return secret


def checked_base_url(base_url: str) -> str:
    """The address without a slash at its end. Raises UnusableKey."""
    base_url = base_url.strip().rstrip("/")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise UnusableKey(
            "The base URL must look like https://api.example.com, without a user, a query or a key in it."
        )
    return base_url


def add_demo_keys(team: Team) -> None:
    """A new team can press Generate at once: one key for each provider, which opens only the sandbox."""
    if settings.SANDBOX:
        _add_demo_keys(team, BUILT_IN)


def complete_demo_keys() -> int:
    """Keys for providers that are newer than a team, for teams that work with the sandbox; how many were made.

    Only where the team never had a key for that provider: one that was disabled or replaced stays so.
    """
    if not settings.SANDBOX:
        return 0
    made = 0
    for team in Team.objects.filter(provider_keys__is_sandbox=True).distinct():
        known = set(team.provider_keys.values_list("provider", flat=True))
        made += _add_demo_keys(team, [slug for slug in BUILT_IN if slug not in known])
    return made


def _add_demo_keys(team: Team, providers: Iterable[str]) -> int:
    found = list(providers)
    for slug in found:
        add_key(
            team=team, provider=slug, secret=DEMO_SECRET, base_url=f"{settings.SANDBOX_URL}/{slug}", label="Sandbox"
        )
    return len(found)


def open_secret(key: ProviderKey) -> str:
    """The secret, for one call. From now on it is scrubbed from every log line and stored answer. Raises Unopenable."""
    secret = opened(key.secret)
    remember(secret)
    return secret


def resume(key: ProviderKey) -> None:
    """A person says that the key works again: the jobs that wait for it go on at once."""
    for _ in range(DEADLOCKS):
        try:
            return _resume(key)
        except OperationalError as error:  # a round of the engine holds the same rows, and one of the two was ended
            if connection.in_atomic_block or getattr(error.__cause__, "sqlstate", "") != DEADLOCK:
                raise
    return _resume(key)


def _resume(key: ProviderKey) -> None:
    with transaction.atomic():
        resting = ProviderKey.objects.filter(pk=key.pk, state=ProviderKey.PAUSED)
        if not resting.update(state=ProviderKey.ACTIVE, paused_reason="", paused_at=None):
            return  # a disabled key is not switched on by a button that may be hours old
        moment = timezone.now()
        Breaker.objects.filter(key=key).delete()  # whoever says so knows better than what was counted before
        Generation.objects.filter(provider_key=key, state=State.QUEUED).update(
            due_at=moment, hint_at=moment, message="", first_try_at=None, updated_at=moment
        )
        flying = Generation.objects.filter(provider_key=key, state__in=IN_FLIGHT, poll_errors__gt=0)
        flying.update(due_at=moment, message="", updated_at=moment)


def pause(key: ProviderKey, why: str) -> None:
    pause_by_id(key.pk, why)


def pause_by_id(key_id: int, why: str) -> None:
    """An active key rests until a person acts. One that rests already keeps its first reason."""
    ProviderKey.objects.filter(pk=key_id, state=ProviderKey.ACTIVE).update(
        state=ProviderKey.PAUSED, paused_reason=scrub(why)[:2000], paused_at=timezone.now()
    )
