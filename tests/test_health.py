"""/healthz/worker: green only while work really gets through."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations.models import Beacon

from .shots import make_shot

pytestmark = pytest.mark.django_db


def beat(seconds_ago: float, name: str = "canary") -> None:
    moment = timezone.now() - dt.timedelta(seconds=seconds_ago)
    Beacon.objects.update_or_create(name=name, defaults={"touched_at": moment})


def test_a_studio_without_a_worker_is_stale(client: Client) -> None:
    answer = client.get("/healthz/worker")
    assert answer.status_code == 503
    assert answer.json() == {"status": "stale", "canary_age_s": None, "engine_lease_age_s": None, "oldest_due_s": None,
                             "backlog": 0}  # fmt: skip


@pytest.mark.parametrize(("age", "status", "code"), [(5, "ok", 200), (89, "ok", 200), (91, "stale", 503)])
def test_the_canary_decides(client: Client, age: float, status: str, code: int) -> None:
    beat(age)
    answer = client.get("/healthz/worker")
    assert (answer.status_code, answer.json()["status"]) == (code, status)


def test_it_counts_what_waits_and_how_long(client: Client, team: Team, user: User) -> None:
    beat(1)
    beat(3, "engine")
    make_shot(team, "queued", due_at=timezone.now() - dt.timedelta(seconds=40))
    make_shot(team, "running", due_at=timezone.now() + dt.timedelta(seconds=40))
    make_shot(team, "done", due_at=timezone.now() - dt.timedelta(days=1))
    found = client.get("/healthz/worker").json()
    assert found["backlog"] == 2
    assert 40 <= found["oldest_due_s"] < 60
    assert 3 <= found["engine_lease_age_s"] < 20
    assert "no-cache" in client.get("/healthz/worker")["Cache-Control"]
