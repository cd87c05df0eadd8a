"""The other protocol of a model, a substitute, a remix and a character, in a real browser: nothing that was typed is lost."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Team, User
from generations.models import Character, Generation
from tests.shots import make_key, make_shot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PROMPT = "@captain walks along the pier"
SORA = {
    "model": "apertis-sora-2-videos",
    "params": {"size": "480x480", "seconds": "4"},
    "provider_task_id": "sora-2:1-a",
}


@pytest.fixture
def page(
    studio_dirs: Any, browser: Any, live_server: Any, user: User, team: Team, monkeypatch: pytest.MonkeyPatch
) -> Any:
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)
    make_key(team)
    signed_in = Client()
    signed_in.force_login(user)
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=live_server.url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": signed_in.cookies[name].value, "url": live_server.url}])
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    assert page.problems == []
    context.close()


def picture(page: Any, name: str) -> None:
    """Into a folder for whoever wants to look; nobody does in an ordinary run."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def chosen(page: Any) -> str:
    return str(page.locator("#form-ids input[name=model]").input_value())


def test_the_other_protocol_and_the_substitute_keep_what_was_typed(page: Any) -> None:
    page.goto("/?model=apertis-sora-2")
    page.locator("#prompt").fill(PROMPT)
    picture(page, "sora")
    page.get_by_role("link", name="Videos", exact=True).click()
    page.locator('#form-ids input[value="apertis-sora-2-videos"]').wait_for(state="attached")
    page.locator("#f-seconds").wait_for()
    assert page.locator("#prompt").input_value() == PROMPT
    page.locator("#more-settings > summary").click()
    picture(page, "sora-videos")
    page.locator("#draft-hint").wait_for()
    page.goto("/")
    page.locator('#form-ids input[value="apertis-sora-2-videos"]').wait_for(state="attached")
    assert page.locator("#prompt").input_value() == PROMPT, "the draft knows the protocol, too"
    page.get_by_role("link", name="Use Veo 3.1").click()
    page.locator('#form-ids input[value="apertis-veo3.1"]').wait_for(state="attached")
    assert page.locator("#prompt").input_value() == PROMPT
    assert page.locator("#ended").count() == 0


def test_enter_in_a_field_does_not_change_the_protocol(page: Any) -> None:
    page.goto("/?model=apertis-sora-2-videos")
    page.locator("#more-settings > summary").click()
    page.locator("#f-style").fill("noir")
    page.locator("#f-style").press("Enter")
    page.locator("#errors").get_by_text("Prompt is missing").wait_for()
    assert (chosen(page), page.locator("#f-style").input_value()) == ("apertis-sora-2-videos", "noir")


def test_a_remix_is_made_from_the_page_of_the_shot(page: Any, team: Team) -> None:
    shot = make_shot(team, files=("poster",), **SORA)
    page.goto(f"/shots/{shot.pk}/")
    picture(page, "shot")
    page.get_by_role("link", name="Remix", exact=True).click()
    page.locator("#source").wait_for()
    page.locator("#prompt").fill("The same at night")
    picture(page, "remix")
    page.locator("#generate").click()
    page.locator("#toasts").get_by_text("Submitted").wait_for(state="attached")
    row = Generation.objects.get(prompt="The same at night")
    assert (row.parent, row.reuse, row.model) == (shot, "remix", "apertis-sora-2-remix")


def test_a_character_is_ordered_and_appears_by_itself(page: Any, team: Team, user: User) -> None:
    page.goto("/cast/")
    page.get_by_label("Address of a video").fill("https://example.com/captain.mp4")
    page.get_by_role("button", name="Make the character").click()
    page.locator("[data-character][data-state=waiting]").wait_for()
    Character.objects.update(state="ready", username="captain", permalink="https://sora.example.com/captain")
    page.get_by_text("@captain").wait_for()
    Character.objects.create(team=team, created_by=user, provider_key=team.provider_keys.get(), form_token="u",
                             state="unknown", source_url="https://example.com/mate.mp4",
                             message="The connection was lost, so the request may be accepted.")  # fmt: skip
    page.goto("/cast/")
    picture(page, "cast")
    page.goto("/models/")
    picture(page, "models")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/cast/")
    picture(page, "cast-390")
    page.goto("/?model=apertis-sora-2")
    picture(page, "sora-390")
