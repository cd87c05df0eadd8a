"""The team's page: who is in it, who is invited, and the other side of an invitation."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.core.ratelimit import respond_429
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from . import invitations, teams
from .forms import InviteForm, JoinForm, RoleForm
from .guessing import too_many_misses
from .middleware import SESSION_TEAM
from .models import Membership
from .requests import StudioRequest

View = Callable[..., HttpResponse]


def owners_only(view: View) -> View:
    @wraps(view)
    def answer(request: StudioRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.team or request.membership.role != Membership.OWNER:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return login_required(answer)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team(request: StudioRequest) -> HttpResponse:
    """The page of the team that one works in. Posting `team` chooses another one of one's own for this session."""
    if request.method == "POST":
        return _choose(request)
    if not request.team:
        raise PermissionDenied
    return _page(request)


def _choose(request: StudioRequest) -> HttpResponse:
    """404 for teams of others."""
    chosen = request.POST.get("team", "")
    if not chosen.isdecimal():
        raise Http404
    membership = get_object_or_404(request.user.memberships, team_id=int(chosen))
    request.session[SESSION_TEAM] = membership.team_id
    return redirect("/")


def _page(request: StudioRequest, form: InviteForm | None = None, status: int = 200, **more: object) -> HttpResponse:
    is_owner = request.membership.role == Membership.OWNER
    context = {
        "members": request.team.memberships.select_related("user").order_by("created_at", "pk"),
        "is_owner": is_owner,
        "roles": Membership.ROLES,
        "form": form or InviteForm(),
        "invitations": invitations.open_ones().filter(team=request.team).order_by("-pk") if is_owner else [],
    }
    return render(request, "accounts/team.html", context | more, status=status)


@require_POST
@owners_only
def invite(request: StudioRequest) -> HttpResponse:
    """The answer shows the link, this once: nobody can read it again afterwards."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, form, 422)
    made, token = invitations.invite(request.team, request.user, **form.cleaned_data)
    return _page(request, made=made, link=address_of(request, reverse("join", args=[token])))


@require_POST
@owners_only
def revoke(request: StudioRequest, pk: int) -> HttpResponse:
    invitation = get_object_or_404(request.team.invitations, pk=pk)
    done = invitations.revoke(invitation)
    return _said(
        request, "The invitation is withdrawn; its link opens nothing." if done else "It was not open any more."
    )


@require_POST
@owners_only
def role(request: StudioRequest, pk: int) -> HttpResponse:
    membership = get_object_or_404(request.team.memberships.select_related("user"), pk=pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise Http404
    try:
        teams.set_role(membership, form.cleaned_data["role"])
    except teams.LastOwner as error:
        return _said(request, str(error), bad=True)
    return _said(request, f"{membership.user} is {dict(Membership.ROLES)[form.cleaned_data['role']].lower()} now.")


@require_POST
@owners_only
def remove(request: StudioRequest, pk: int) -> HttpResponse:
    membership = get_object_or_404(request.team.memberships.select_related("user"), pk=pk)
    return _out(request, membership, f"{membership.user} is no longer in this team. Their shots stay.", "team")


@require_POST
@login_required
def leave(request: StudioRequest) -> HttpResponse:
    if not request.team:
        raise PermissionDenied
    return _out(request, request.membership, f"You have left {request.team}. Your shots stay with it.", "/")


def _out(request: StudioRequest, membership: Membership, words: str, then: str) -> HttpResponse:
    try:
        teams.remove(membership)
    except teams.LastOwner as error:
        return _said(request, str(error), bad=True)
    messages.success(request, words)
    return redirect(then)


def _said(request: StudioRequest, words: str, *, bad: bool = False) -> HttpResponse:
    (messages.error if bad else messages.success)(request, words)
    return redirect("team")


def address_of(request: HttpRequest, path: str) -> str:
    """As others reach it: the studio's public address when it has one."""
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path)


# --- the other side --------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password")
def join(request: StudioRequest, token: str) -> HttpResponse:
    """The page behind an invitation. Wrong, used, withdrawn and old links give one and the same page."""
    invitation = invitations.find(token)
    if invitation is None:
        return _closed(request, invitations.CLOSED)
    if request.user.is_authenticated:
        return _join_as(request, token, invitation)
    form = JoinForm(request.POST or None, address=invitation.email)
    context = {"form": form, "invitation": invitation, "path": request.path}
    if not form.is_valid():
        return render(request, "accounts/join.html", context, status=422 if form.is_bound else 200)
    try:
        user = invitations.accept_as_new(token, **form.cleaned_data)
    except invitations.InvitationClosed as error:
        return _closed(request, str(error))
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("/")


def _join_as(request: StudioRequest, token: str, invitation: Any) -> HttpResponse:
    if request.method != "POST":
        context = {"invitation": invitation, "fits": invitation.email in ("", request.user.email)}
        return render(request, "accounts/join.html", context)
    try:
        membership = invitations.accept(token, request.user)
    except invitations.InvitationClosed as error:
        return _closed(request, str(error))
    request.session[SESSION_TEAM] = membership.team_id
    return redirect("/")


def _closed(request: HttpRequest, sentence: str) -> HttpResponse:
    if too_many_misses(request):
        return respond_429(request)
    return render(request, "accounts/join_closed.html", {"sentence": sentence}, status=404)
