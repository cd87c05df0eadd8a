"""How long a model usually takes, from this team's own finished runs: no provider says it, and none is believed."""

import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from accounts.models import Team

from .models import Generation
from .models.generation import GenerationQuerySet
from .states import State

RUNS = 20  # the newest that count
FEW = 5  # with fewer runs nine in ten says nothing: then it is late after half as long again


@dataclass(frozen=True)
class Usual:
    """Seconds: half of the runs took up to `middle`, nine in ten up to `late`."""

    middle: int
    late: int

    @classmethod
    def of(cls, seconds: list[float]) -> "Usual":
        middle = max(1, round(statistics.median(seconds)))
        if len(seconds) < FEW:
            return cls(middle, max(round(middle * 1.5), round(max(seconds))))
        return cls(middle, max(middle, round(statistics.quantiles(seconds, n=10, method="inclusive")[-1])))


def of_model(team: Team | int, model: str) -> Usual | None:
    """None without any run."""
    newest = _runs(team).filter(model=model).order_by("-created_at")
    seconds = _seconds(newest.values_list("submitted_at", "rendered_at")[:RUNS])
    return Usual.of(seconds) if seconds else None


def of_models(team: Team | int) -> dict[str, Usual]:
    """Every model that has a run, in one query."""
    nth = Window(RowNumber(), partition_by=F("model"), order_by=F("created_at").desc())
    rows = _runs(team).annotate(nth=nth).filter(nth__lte=RUNS).values_list("model", "submitted_at", "rendered_at")
    found: defaultdict[str, list[float]] = defaultdict(list)
    for model, start, end in rows:
        found[model] += _seconds([(start, end)])
    return {model: Usual.of(seconds) for model, seconds in found.items()}


def _runs(team: Team | int) -> GenerationQuerySet:
    done = Generation.objects.filter(team=team, state=State.DONE)
    return done.exclude(Q(submitted_at=None) | Q(rendered_at=None))


def _seconds(pairs: Iterable[tuple[object, object]]) -> list[float]:
    spans = [end - start for start, end in pairs]  # type: ignore[operator]  # moments, without those that are None
    return [span.total_seconds() for span in spans if isinstance(span, timedelta)]
