"""What an operator says about a model without a release: offered or not, its name, how it stands, what it costs."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from generations.forms import new_token
from generations.models import Generation, Listing, ModelPrice
from generations.prices import Flat
from generations.providers import SPECS

from .shots import make_key, make_shot

pytestmark = pytest.mark.django_db
SLUG = "apertis-veo3.1"


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)


@pytest.fixture
def web(user: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(user)


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def press(web: Client, model: str) -> Any:
    return web.post("/shots/", {"model": model, "prompt": "A boat", "takes": "1", "form_token": new_token()})


def test_a_model_that_is_switched_off_is_not_offered_and_makes_nothing(web: Client, team: Team) -> None:
    key = make_key(team)
    old = make_shot(team, model=SLUG, provider_key=key)
    Listing.objects.create(slug=SLUG, enabled=False)
    assert f'href="/?model={SLUG}"' not in text(web.get("/models/"))
    assert f'name="model" value="{SLUG}"' not in text(web.get("/"))
    refused = press(web, SLUG)
    assert refused.status_code == 422
    assert "Veo 3.1 is switched off in this studio. Choose another model." in text(refused)
    assert "Veo 3.1" in text(web.get(f"/shots/{old.pk}/")), "history stays readable"
    assert Generation.objects.count() == 1


def test_switching_a_model_off_switches_off_its_other_protocols_and_its_remix(web: Client, team: Team) -> None:
    make_key(team)
    Listing.objects.create(slug="apertis-sora-2", enabled=False)
    assert press(web, "apertis-sora-2-videos").status_code == 422
    assert not Generation.objects.exists()


def test_a_model_of_another_name_is_called_so_everywhere_and_still_asked_by_its_own(web: Client, team: Team) -> None:
    make_key(team)
    Listing.objects.create(slug=SLUG, name="House camera")
    assert "House camera" in text(web.get("/models/"))
    assert "House camera" in text(web.get(f"/?model={SLUG}"))
    assert press(web, SLUG).status_code == 303
    row = Generation.objects.get()
    assert (row.model, row.spec and row.spec.remote_name) == (SLUG, "veo3.1")
    assert "House camera" in text(web.get(f"/shots/{row.pk}/"))


def test_a_status_that_changes_between_releases_is_said_with_the_substitute(web: Client, team: Team) -> None:
    make_key(team, sandbox=False)
    Listing.objects.create(
        slug=SLUG, status="retired", since="2026-12-01", note="Gone.", substitute="apertis-veo3.1-fast"
    )
    page = text(web.get(f"/?model={SLUG}"))
    assert "Veo 3.1 has ended on 2026-12-01" in page
    assert "Veo 3.1 Fast can take its place; nothing changes." in page
    assert "retired since 2026-12-01" in text(web.get("/models/"))


def test_a_price_of_a_model_holds_for_its_protocols_unless_they_have_their_own(team: Team) -> None:
    key = make_key(team)
    for slug, amount in (("apertis", "1"), ("apertis-sora-2", "2"), ("apertis-sora-2-remix", "3")):
        ModelPrice.objects.create(slug=slug, kind=ModelPrice.FLAT, amount=Decimal(amount))
    found = {slug: ModelPrice.objects.price_of(SPECS[slug], key) for slug in
             ("apertis-veo3", "apertis-sora-2", "apertis-sora-2-videos", "apertis-sora-2-remix")}  # fmt: skip
    assert list(found.values()) == [Flat(Decimal(amount)) for amount in ("1", "2", "2", "3")]


def test_the_administration_lists_models_by_name(client_for: Callable[[User], Client], user: User) -> None:
    user.is_superuser = user.is_staff = True
    user.save()
    page = text(client_for(user).get("/admin/generations/listing/add/"))
    assert "Sora 2 Pro" in page
    assert "apertis-sora-2-remix" not in page
    made = client_for(user).post(
        "/admin/generations/listing/add/", {"slug": SLUG, "name": "House camera", "substitute": ""}
    )
    assert made.status_code == 302
    assert Listing.objects.get().enabled is False
