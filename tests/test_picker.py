"""The table of models: what each takes and costs with these settings, how long it takes us, and why one cannot be used."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations.models import Generation, Listing, ModelPrice
from generations.providers import PROVIDERS

from . import pictures
from .shots import make_key, make_shot

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
SLUG = "apertis-veo3.1"
VALUES = {"model": SLUG, "prompt": "A boat <leaves>", "aspect_ratio": "9:16", "takes": "4", "enhance_prompt": "on"}


@pytest.fixture
def web(client_for: Callable[[User], Client], user: User) -> Client:
    return client_for(user)


def seen(answer: Any) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def row(page: str, name: str) -> str:
    """The row of one model, as text between its tags."""
    return next(part for part in page.split("<tr ")[1:] if f">{name}</" in part)


def test_every_model_is_a_row_under_its_provider(web: Client, team: Team) -> None:
    groups = seen(web.get("/models/")).split("<tbody>")[1:]
    assert len(groups) == len(PROVIDERS)
    for group, provider in zip(groups, PROVIDERS.values(), strict=True):
        assert f'class="grouplab">{provider.name}<' in group
        for spec in provider.specs:
            assert f'href="/?model={spec.slug}"' in group
            assert ("with sound" if spec.output.sound else "silent") in row(group, spec.name)


def test_a_row_says_price_for_the_settings_usual_time_and_what_it_takes(web: Client, team: Team) -> None:
    key = make_key(team, sandbox=False)
    ModelPrice.objects.create(slug=SLUG, kind=ModelPrice.PER_SECOND, amount=Decimal("0.15"))
    start = timezone.now()
    make_shot(team, model=SLUG, provider_key=key, submitted_at=start, rendered_at=start + dt.timedelta(seconds=78))
    part = row(seen(web.post("/models/", VALUES, headers=HTMX)), "Veo 3.1")
    assert "$4.80" in part, "4 takes of 8 s"
    assert "1 min 18 s" in part
    assert "Text, optional frames" in part
    assert "8 s · 16:9 or 9:16 · with sound" in part
    assert 'aria-current="true"' in part
    assert "Not published" in row(seen(web.post("/models/", VALUES, headers=HTMX)), "Veo 3.1 Fast")


def test_a_model_that_cannot_be_used_says_why(web: Client, team: Team) -> None:
    make_key(team)
    Listing.objects.create(slug=SLUG, enabled=False)
    page = seen(web.get("/models/"))
    assert "Switched off in this studio" in row(page, "Veo 3.1")
    assert "<a " not in row(page, "Veo 3.1")
    assert "No key for MiniMax yet" in page
    assert "No key for Apertis yet" not in page


def test_without_script_the_table_is_a_page_that_brings_every_value_along(web: Client, team: Team) -> None:
    make_key(team)
    picture = {"images-0-file": pictures.file()}
    page = seen(web.post("/models/", VALUES | {"model": "apertis-veo2-fast-frames"} | picture))
    assert "<html" in page
    for name, value in (("prompt", "A boat <leaves>"), ("takes", "4"), ("model", "apertis-veo2-fast-frames")):
        assert f'name="{name}" value="{value}"' in page
    assert f'name="images-0-upload" value="{team.uploads.get().pk}"' in page
    assert 'formaction="/models/apertis-veo3/form/"' in page
    assert "hx-post" not in page.split("<table")[1].split("</table>")[0]
    assert Generation.objects.count() == 0


def test_the_table_costs_few_queries_however_many_models_there_are(
    web: Client, team: Team, django_assert_max_num_queries: Any
) -> None:
    make_key(team, sandbox=False)
    with django_assert_max_num_queries(12):
        assert web.post("/models/", VALUES, headers=HTMX).status_code == 200


def test_a_draft_of_a_model_that_is_gone_keeps_its_words(web: Client, team: Team) -> None:
    page = seen(web.post("/models/current/form/", VALUES | {"model": "gone"}, headers=HTMX))
    assert "no longer knows the model of this draft" in page
    assert "A boat <leaves>" in page


def test_enter_in_a_field_presses_generate_and_nothing_else(web: Client, team: Team) -> None:
    form = web.get("/").content.decode().split('id="composer"')[1].split("</form>")[0]
    first = form[form.index("<button") :].split(">")[0]
    assert 'type="submit"' in first
    assert "formaction" not in first
