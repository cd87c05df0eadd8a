"""When a shot is asked about again: seldom enough for a provider with a hundred of them, soon enough for a person with one."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Team, User
from generations import agenda, lifecycle
from generations.engine import Engine
from generations.lifecycle import rhythm
from generations.models import Generation
from tests.shots import make_shot
from tests.workers import on_the_spot

SECOND = dt.timedelta(seconds=1)
Start = Callable[..., Generation]


@pytest.mark.django_db  # whose clock counts on PostgreSQL
@pytest.mark.parametrize(
    ("age", "least", "most"), [(1, 2, 2.3), (59, 2, 2.3), (61, 4.5, 5), (299, 4.5, 5), (301, 13.5, 15)]
)
def test_the_older_a_shot_the_longer_the_pause(age: int, least: float, most: float) -> None:
    moment = timezone.now()
    shot = Generation(state="running", submitted_at=moment - age * SECOND)
    assert least <= (rhythm.next_question(shot) - moment) / SECOND <= most + 0.2


@pytest.fixture(autouse=True)
def as_it_is_used(settings: Any) -> None:
    settings.POLL_MIN = 2.3


@pytest.fixture
def running(team: Team, user: User) -> Callable[..., Generation]:
    def make(**fields: Any) -> Generation:
        moment = timezone.now()
        return make_shot(
            team, **{"state": "running", "submitted_at": moment, "due_at": moment + 2.2 * SECOND, **fields}
        )

    return make


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sooner", "fields"),
    [
        (True, {}),
        (False, {"due_at": timezone.now()}),
        (False, {"poll_errors": 1}),  # in trouble: that has waits of its own
        (False, {"url_tries": 1}),  # ready, but without an address: ten tries are all that it gets
        (False, {"message": "The key cannot be opened."}),
        (False, {"state": "submitted"}),  # nothing is ready before the first question
        (False, {"submitted_at": timezone.now() - 90 * SECOND}),
    ],
    ids=["young", "due anyway", "in trouble", "no address", "put aside", "not asked about yet", "older than a minute"],
)
def test_few_shots_are_asked_about_sooner(sooner: bool, fields: dict[str, Any], running: Start) -> None:
    shot = running(**fields)
    before = shot.due_at
    lifecycle.ask_sooner()
    shot.refresh_from_db()
    assert (shot.due_at < before) is sooner
    if sooner:
        assert 1 <= (shot.due_at - timezone.now()) / SECOND <= 1.3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("others", "called"), [(0, True), (lifecycle.FEW, False)], ids=["few", "many"])
def test_only_few_shots_are_asked_about_sooner(
    others: int, called: bool, start: Start, running: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried: list[int] = []
    monkeypatch.setattr(lifecycle, "ask_sooner", lambda: hurried.append(agenda.look().asked))
    shot = start()
    lifecycle.submit(shot.pk)
    Generation.objects.filter(pk=shot.pk).update(due_at=timezone.now())
    for number in range(others):
        running(due_at=timezone.now() + 900 * SECOND, provider_task_id=f"elsewhere-{number}")
    Engine(hint=on_the_spot).run(1)
    shot.refresh_from_db()
    assert shot.state not in ("queued", "submitted"), "it was not asked about"
    assert bool(hurried) is called
