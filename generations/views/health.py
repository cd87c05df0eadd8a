"""Whether work gets done: read by monitoring and by the supervisor."""

import datetime as dt

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..models import Beacon, Generation
from ..models.generation import age

STALE = 90  # seconds; the canary runs every minute


@require_safe
@never_cache
def worker(request: HttpRequest) -> JsonResponse:
    """Ages in seconds, null when there is nothing to measure. 503 when no task got through the cluster lately."""
    beacons = Beacon.objects.in_bulk(["canary", "engine"])
    canary = _age(beacons, "canary")
    active = Generation.objects.active()
    due = active.filter(due_at__lte=timezone.now(), lease_until=None).order_by("due_at")
    stale = canary is None or canary > STALE
    return JsonResponse(
        {
            "status": "stale" if stale else "ok",
            "canary_age_s": canary,
            "engine_lease_age_s": _age(beacons, "engine"),
            "oldest_due_s": _rounded(due.values_list("due_at", flat=True).first()),
            "backlog": active.count(),
        },
        status=503 if stale else 200,
    )


def _age(beacons: dict[str, Beacon], name: str) -> float | None:
    return _rounded(beacons[name].touched_at) if name in beacons else None


def _rounded(moment: dt.datetime | None) -> float | None:
    seconds = age(moment)
    return None if seconds is None else round(seconds, 1)
