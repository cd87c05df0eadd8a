"""The admin of keys and shots: for superusers only, without a secret on any page, and without a way around `lifecycle`."""

import datetime as dt
import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from generations import keys
from generations.models import Breaker, Generation, ProviderKey
from generations.models.fields import opened
from generations.states import State

SECRET = "sk-very-secret-1234"


@pytest.fixture
def boss(user, client_for) -> Client:
    user.is_superuser = user.is_staff = True
    user.save()
    return client_for(user)


@pytest.fixture
def kept(team) -> ProviderKey:
    return keys.add_key(team=team, provider="apertis", secret=SECRET, base_url="https://api.example.com", label="Main")


@pytest.fixture
def shot(team, user, kept) -> Generation:
    return Generation.objects.create(
        team=team, created_by=user, provider_key=kept, model="apertis-veo3", prompt="A boat", form_token="t" * 32,
        params_hash="x", result_url="https://cdn.example.com/signed?token=abc",
    )  # fmt: skip


def add(boss: Client, team, **changed: str):
    data = {"team": team.pk, "provider": "apertis", "base_url": "", "label": "Main", "secret": SECRET} | changed
    return boss.post(reverse("admin:generations_providerkey_add"), data)


def test_a_key_goes_in_and_never_comes_out(boss, team):
    assert add(boss, team).status_code == 302
    key = ProviderKey.objects.get()
    assert (opened(key.secret), key.last4, key.base_url) == (SECRET, "1234", "https://api.apertis.ai")
    for name, arguments in (("changelist", []), ("change", [key.pk]), ("history", [key.pk]), ("add", [])):
        page = boss.get(reverse(f"admin:generations_providerkey_{name}", args=arguments))
        assert page.status_code == 200
        assert "very-secret" not in page.content.decode()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"secret": "short"}, "at least 8"),
        ({"base_url": "ftp://x"}, "base URL must look like"),
        ({"provider": "x"}, "valid choice"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_with_the_reason(boss, team, changed, words):
    response = add(boss, team, **changed)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not ProviderKey.objects.exists()
    assert not re.search(r'name="secret"[^>]*value=', response.content.decode())


def test_pausing_and_resuming_takes_the_waiting_shots_along(boss, kept, shot):
    where = reverse("admin:generations_providerkey_changelist")
    boss.post(where, {"action": "pause", "_selected_action": [kept.pk]})
    kept.refresh_from_db()
    assert kept.state == ProviderKey.PAUSED
    Generation.objects.update(message="The key was refused.")
    boss.post(where, {"action": "resume", "_selected_action": [kept.pk]})
    kept.refresh_from_db()
    shot.refresh_from_db()
    assert (kept.state, shot.message) == (ProviderKey.ACTIVE, "")


def test_disabling_a_key_keeps_its_secret_and_its_shots(boss, kept, shot):
    where = reverse("admin:generations_providerkey_change", args=[kept.pk])
    assert (
        boss.post(
            where,
            {"label": "Old", "state": ProviderKey.DISABLED, "secret": "replaced!", "base_url": "https://evil.example"},
        ).status_code
        == 302
    )
    kept.refresh_from_db()
    assert (kept.label, kept.state, opened(kept.secret), kept.base_url) == (
        "Old", ProviderKey.DISABLED, SECRET, "https://api.example.com",
    )  # fmt: skip
    assert boss.get(reverse("admin:generations_providerkey_delete", args=[kept.pk])).status_code == 403


@pytest.mark.parametrize("before", [ProviderKey.PAUSED, ProviderKey.DISABLED])
def test_a_key_that_is_switched_on_takes_its_waiting_shots_along(boss, kept, shot, before):
    keys.pause(kept, "The provider refused the key.")
    ProviderKey.objects.filter(pk=kept.pk).update(state=before)
    Breaker.objects.create(key=kept, side=Breaker.SUBMIT, state=Breaker.OPEN, reason="Five in a row.")
    later = timezone.now() + dt.timedelta(hours=1)
    Generation.objects.filter(pk=shot.pk).update(
        state="queued", provider_key=kept, due_at=later, message="The key rests."
    )
    form = {"label": "Main", "state": ProviderKey.ACTIVE, "max_concurrent": "20"}
    assert boss.post(reverse("admin:generations_providerkey_change", args=[kept.pk]), form).status_code == 302
    kept.refresh_from_db()
    shot.refresh_from_db()
    assert (kept.state, kept.paused_reason, kept.breakers.count()) == (ProviderKey.ACTIVE, "", 0)
    assert (shot.message, shot.due_at < later) == ("", True)


def test_a_secret_can_be_replaced_and_is_still_never_shown(boss, kept, shot):
    keys.pause(kept, "The provider refused the key.")
    where = reverse("admin:generations_providerkey_change", args=[kept.pk])
    form = {"label": "Main", "state": ProviderKey.PAUSED, "max_concurrent": "20"}
    refused = boss.post(where, form | {"new_secret": "short"})
    assert "at least 8" in refused.content.decode()
    assert boss.post(where, form | {"new_secret": "sk-brand-new-9876"}).status_code == 302
    kept.refresh_from_db()
    assert (opened(kept.secret), kept.last4, kept.state) == ("sk-brand-new-9876", "9876", ProviderKey.ACTIVE)
    for name in ("change", "history"):
        page = boss.get(reverse(f"admin:generations_providerkey_{name}", args=[kept.pk])).content.decode()
        assert "brand-new" not in page
    assert "tests it before anything is sent" in boss.get(where).content.decode()


@pytest.mark.parametrize("name", ["generation", "attempt", "event", "asset", "upload"])
def test_what_lifecycle_writes_can_only_be_read(boss, shot, name):
    assert boss.get(reverse(f"admin:generations_{name}_changelist")).status_code == 200
    assert boss.get(reverse(f"admin:generations_{name}_add")).status_code == 403
    if name == "generation":
        where = reverse("admin:generations_generation_change", args=[shot.pk])
        page = boss.get(where)
        assert page.status_code == 200
        assert "signed?token" not in page.content.decode()
        assert boss.post(where, {"state": "done"}).status_code == 403
        assert (
            boss.post(reverse("admin:generations_generation_delete", args=[shot.pk]), {"post": "yes"}).status_code
            == 403
        )
        shot.refresh_from_db()
        assert shot.state == State.QUEUED


def test_the_task_queue_has_no_pages(db):
    assert not [model for model in admin.site._registry if model._meta.app_label == "django_q"]


def test_an_owner_who_is_no_superuser_stays_outside(client_for, user, kept):
    user.is_staff = True
    user.save()
    for name in ("providerkey", "generation"):
        response = client_for(user).get(reverse(f"admin:generations_{name}_changelist"))
        assert response.status_code in (302, 403)
