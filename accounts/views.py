"""First run and theme. Signing in and out is allauth's; teams are in team_views."""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from . import setup as first_run
from .forms import SetupForm, ThemeForm
from .models import User
from .requests import StudioRequest

THEME_COOKIE_AGE = 365 * 24 * 3600


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password")
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the printed link. A wrong, used or replaced token gives one and the same page."""
    if not first_run.is_open(token):
        return _setup_closed(request)
    form = SetupForm(request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/setup.html", {"form": form}, status=422 if form.is_bound else 200)
    try:
        user = first_run.complete_setup(token, **form.cleaned_data)
    except first_run.SetupClosed:
        return _setup_closed(request)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("/")


def _setup_closed(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/setup_closed.html", {"sentence": first_run.CLOSED}, status=404)


@require_POST
def theme(request: StudioRequest) -> HttpResponse:
    """Keeps the theme with the person, and in a cookie for the pages before signing in; the density belongs to the
    screen, so to the cookie alone. 204 for scripts."""
    form = ThemeForm(request.POST)
    if not form.is_valid():
        return HttpResponse("No such theme. Nothing was changed. Choose dark, light or system.", status=422)
    if "theme" in form.cleaned_data and request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(theme=form.cleaned_data["theme"])
    response = HttpResponse(status=204) if request.htmx else _back(request)
    for name, chosen in form.cleaned_data.items():
        response.set_cookie(
            name, chosen, max_age=THEME_COOKIE_AGE, samesite="Lax", secure=settings.SECURE, httponly=True
        )
    return response


def _back(request: HttpRequest) -> HttpResponseRedirect:
    """To the page that the form was on. Only the path of the referrer is used, and only when it is our own."""
    referrer = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure())
    parts = urlsplit(referrer if ours else "/")
    path = "/" + parts.path.lstrip("/")
    return HttpResponseRedirect(f"{path}?{parts.query}" if parts.query else path)
