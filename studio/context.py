"""What base.html and stage.html need beside the view's own context. Nothing costs a query until a template asks."""

from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.http import HttpRequest

from accounts.models import User

THEMES = frozenset(value for value, _ in User.THEMES)


def theme(request: HttpRequest) -> str:
    """The signed-in person's theme, else the one in the cookie, else dark (the studio's own room)."""
    user = getattr(request, "user", None)
    chosen = user.theme if user is not None and user.is_authenticated else request.COOKIES.get("theme")
    return chosen if chosen in THEMES else "dark"


def _one_of(given: str | None, known: tuple[str, ...]) -> str:
    return given if given in known else known[0]


def sandbox_active(request: HttpRequest) -> bool:
    """True while every result of this team comes from the sandbox. One query, for signed-in people only.

    A real key that is paused counts as real: shots that wait for it will be charged when it is resumed. A team
    without any key makes no results at all, so nothing is promised to it.
    """
    if not settings.SANDBOX or not (team := getattr(request, "team", None)):
        return False
    from generations.models import ProviderKey  # here: the sign-in and error pages must not depend on shots

    usable = ProviderKey.objects.filter(team=team).exclude(state=ProviderKey.DISABLED)
    return set(usable.values_list("is_sandbox", flat=True).distinct()) == {True}


def unknown_count(request: HttpRequest) -> int:
    """How many outcomes of this team a person has to decide about, at most 100. One query, for signed-in people only."""
    if not (team := getattr(request, "team", None)):
        return 0
    from generations.views.unknown import count_of  # here: the sign-in and error pages must not depend on shots

    return count_of(team)


def setup_pending() -> bool:
    """True while nobody has an account: the sign-in page then says where the setup link is."""
    return not User.objects.exists()


def studio(request: HttpRequest) -> dict[str, object]:
    asked: Callable[[], bool] = cache(lambda: sandbox_active(request))  # a page that asks twice pays once
    unknown: Callable[[], int] = cache(lambda: unknown_count(request))
    return {
        "theme": theme(request),
        "density": _one_of(request.COOKIES.get("density"), ("roomy", "dense")),
        "keys": _one_of(request.COOKIES.get("keys"), ("on", "off")),  # whether single keys do something
        "insecure_http": settings.INSECURE_HTTP,
        "sandbox_active": asked,
        "setup_pending": setup_pending,
        "unknown_count": unknown,
    }
