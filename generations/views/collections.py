"""The team's collections: their names, how many shots each holds. What is in one is the gallery with a filter."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import StudioRequest

from .. import collections
from ..models import Collection
from .access import team_required

MOST = 500


@require_safe
@team_required
def listed(request: StudioRequest) -> HttpResponse:
    kept = Count("shots", filter=Q(shots__deleted_at=None))
    found = Collection.objects.filter(team=request.team).select_related("created_by").annotate(kept=kept)
    return render(request, "generations/collections.html", {"collections": found.order_by("name")[:MOST]})


@require_POST
@team_required
def rename(request: StudioRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Collection, pk=pk, team=request.team)
    if not collections.rename(found, request.POST.get("name", "")):
        messages.error(request, "Another collection has this name, or it is empty. Nothing was changed.")
    return redirect("collections")


@require_POST
@team_required
def delete(request: StudioRequest, pk: int) -> HttpResponse:
    """The name goes; every shot stays where it is."""
    found = get_object_or_404(Collection, pk=pk, team=request.team)
    found.delete()
    messages.success(request, f"The collection “{found}” is gone. Its shots are still in the gallery.")
    return redirect("collections")
