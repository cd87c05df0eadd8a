"""Root-level answers that belong to no application: health, robots, and the error pages."""

import logging
import secrets
import sys
import tomllib

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generations.lifecycle.moves import AWAY

from . import context

log = logging.getLogger(__name__)
VERSION: str = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
AGAIN = 10  # seconds after which somebody whose page met such a database should try again
LIMIT_WINDOW = 60  # seconds; the rates of sign-in pages are per minute


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when this process can reach its database, else 503 with a sentence. The worker has its own check."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        log.exception("The health check could not reach the database.")
        sentence = "The database does not answer. No shot is lost: work goes on when it is back."
        return JsonResponse({"status": "down", "version": VERSION, "error": sentence}, status=503)
    return JsonResponse({"status": "ok", "version": VERSION})


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain; charset=utf-8")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    return redirect(static("icon.svg"))  # for pages that name no icon, such as the admin's


def _page(request: HttpRequest, status: int) -> HttpResponse:
    """The error as a whole page; for htmx, which swaps 4xx answers into the page, as one short paragraph."""
    template = "_error.html" if getattr(request, "htmx", False) else f"{status}.html"
    return render(request, template, {"status": status}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    # Reached before the middleware ran (unknown host, oversized form), so no context processor may look at the user.
    page = render_to_string("400.html", {"theme": _cookie_theme(request)})
    return HttpResponse(page, status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 403)


def stale(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form is of another session: its person has signed in or out in another tab."""
    if not request.headers.get("HX-Request"):
        return render(request, "403_csrf.html", status=403)
    words = "This page is out of date. Nothing was done. Load it again."
    response = render(request, "_toast.html", {"words": words, "bad": True}, status=403)
    response["HX-Reswap"] = "none"
    return response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 404)


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Called by allauth when a rate of its own is used up."""
    response = _page(request, 429)
    response["Retry-After"] = str(LIMIT_WINDOW)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """A page that needs neither the database nor the session: one of them may be what broke. 503 when it is the database."""
    incident = secrets.token_hex(4).upper()
    kind = sys.exc_info()[0]
    status = 503 if kind is not None and issubclass(kind, AWAY) else 500
    match = getattr(request, "resolver_match", None)
    # The route, not the path: a path can hold a share token or a setup token.
    log.error(
        "Incident %s: %s %s raised %s. The traceback is in the record beside this one.",
        incident,
        request.method,
        match.route if match else "(no route)",
        kind.__name__ if kind else "an error",
    )
    found = {"status": status, "incident": incident, "theme": _cookie_theme(request)}
    page = render_to_string("_error.html" if getattr(request, "htmx", False) else f"{status}.html", found)
    return HttpResponse(page, status=status, headers={"Retry-After": str(AGAIN)} if status == 503 else None)


def _cookie_theme(request: HttpRequest) -> str:
    chosen = request.COOKIES.get("theme")
    return chosen if chosen in context.THEMES else "dark"
