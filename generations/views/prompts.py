"""Saved prompts by name, and the history of what was submitted."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Membership
from accounts.requests import StudioRequest

from .. import prompts
from ..models import Generation, Prompt
from .access import own, said, team_required, whose

LONGEST = 32_000  # characters; no model takes more
PAGE = 30
RECENT = 50
MOST = 500


class PromptForm(forms.Form):
    prompt = forms.CharField(
        label="Prompt", max_length=LONGEST, widget=forms.Textarea(attrs={"class": "input", "rows": 2})
    )
    name = forms.CharField(
        label="Name",
        max_length=prompts.LONGEST_NAME,
        required=False,
        widget=forms.TextInput(attrs={"class": "input", "placeholder": "Its first words", "autocomplete": "off"}),
    )


class NameForm(forms.Form):
    name = forms.CharField(max_length=prompts.LONGEST_NAME)


def saved_prompt(request: StudioRequest) -> Prompt:
    """The one that `?prompt=` names. 404 for those of other teams."""
    pk = request.GET.get("prompt", "")
    if not (pk.isdecimal() and len(pk) < 19):
        raise Http404
    return get_object_or_404(Prompt, pk=int(pk), team=request.team, deleted_at=None)


@require_http_methods(["GET", "HEAD", "POST"])
@team_required
def saved(request: StudioRequest) -> HttpResponse:
    """The list. Posting saves `prompt` under `name`, or the prompt of a `shot`."""
    if request.method == "POST":
        return _save(request)
    return _page(request, PromptForm())


def _page(request: StudioRequest, form: PromptForm, status: int = 200) -> HttpResponse:
    found = Prompt.objects.filter(team=request.team, deleted_at=None).select_related("created_by").order_by("-pk")
    is_owner = request.membership.role == Membership.OWNER
    return render(
        request,
        "generations/prompts.html",
        {"prompts": found[:MOST], "form": form, "is_owner": is_owner},
        status=status,
    )


def _save(request: StudioRequest) -> HttpResponse:
    shot = request.POST.get("shot", "")
    data = request.POST.copy()
    if shot:
        data["prompt"] = own(request, int(shot)).prompt if shot.isdecimal() and len(shot) < 19 else ""
    form = PromptForm(data)
    if not form.is_valid():
        words = (
            "There is nothing to save: write a prompt first." if not data.get("prompt", "").strip() else "Not saved."
        )
        return said(request, words, to="prompts", status=422) if request.htmx else _page(request, form, 422)
    prompt, new = prompts.save(request.team, request.user, form.cleaned_data["prompt"], form.cleaned_data["name"])
    return said(request, f"Saved as “{prompt.name}”." if new else f"Already saved as “{prompt.name}”.", to="prompts")


@require_POST
@team_required
def rename(request: StudioRequest, pk: int) -> HttpResponse:
    prompt = _mine(request, pk)
    form = NameForm(request.POST)
    if not form.is_valid():
        return said(request, "A prompt needs a name. It keeps the one it had.", to="prompts", status=422)
    prompts.rename(prompt, form.cleaned_data["name"])
    return said(request, f"It is called “{prompt.name}” now.", to="prompts")


@require_POST
@team_required
def delete(request: StudioRequest, pk: int) -> HttpResponse:
    prompt = _mine(request, pk)
    prompts.delete(prompt)
    undo = render_to_string("generations/_undo_prompt.html", {"prompt": prompt})
    messages.success(request, mark_safe(undo))  # noqa: S308  (made by our own template, which escapes)
    return redirect("prompts")


@require_POST
@team_required
def restore(request: StudioRequest, pk: int) -> HttpResponse:
    prompt = prompts.restore(_mine(request, pk))
    return said(request, f"“{prompt.name}” is back.", to="prompts")


def _mine(request: StudioRequest, pk: int) -> Prompt:
    """One that this person may change: their own, or any for owners. Everybody in the team may use it."""
    prompt = get_object_or_404(Prompt, pk=pk, team=request.team)
    if prompt.created_by_id != request.user.pk and request.membership.role != Membership.OWNER:
        raise PermissionDenied
    return prompt


@require_safe
@team_required
def recent(request: StudioRequest) -> JsonResponse:
    """One's own prompts as a list, each once, the newest first: what Alt and the arrows bring back."""
    own_shots = Generation.objects.of_team(request.team).kept().filter(created_by=request.user)
    distinct = own_shots.values("prompt").annotate(last=Max("id")).order_by("-last")
    return JsonResponse([row["prompt"] for row in distinct[:RECENT]], safe=False)


@require_safe
@team_required
def history(request: StudioRequest) -> HttpResponse:
    """Each prompt that was submitted once, the newest first; `?before=` is the id that the page before ended with."""
    person = whose(request.GET)
    shots = Generation.objects.of_team(request.team).kept()
    shots = shots.filter(created_by=int(person)) if person else shots
    distinct = shots.values("prompt").annotate(last=Max("id"), times=Count("id")).order_by("-last")
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        distinct = distinct.filter(last__lt=int(before))
    found = list(distinct[: PAGE + 1])
    newest = Generation.objects.select_related("created_by").in_bulk([row["last"] for row in found[:PAGE]])
    lines = [(newest[row["last"]], row["times"]) for row in found[:PAGE]]
    more = found[PAGE - 1]["last"] if len(found) > PAGE else None
    return render(
        request, "generations/prompt_history.html", {"lines": lines, "more": more, "person": person, "before": before}
    )
