"""Camera movements in the prompt: known ones are taken, too many at once refused, and other brackets only remarked upon."""

from typing import Any
from unittest.mock import ANY

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from generations.forms import movements
from generations.models import Generation, ProviderKey
from generations.providers import SPECS

from .filled import filled

DIRECTOR, PLAIN = SPECS["minimax-t2v-01-director"], SPECS["minimax-t2v-01"]
BAD = "[Truck left, Pan right, Zoom in, Shake]"


@pytest.fixture
def web(client_for: Any, user: Any) -> Client:
    return client_for(user)


@pytest.fixture
def plain_key(team: Any) -> ProviderKey:
    given = {"provider": "minimax", "secret": "x" * 12, "last4": "xxxx", "base_url": "http://127.0.0.1:1"}
    return ProviderKey.objects.create(team=team, is_sandbox=True, **given)


@pytest.mark.parametrize(
    ("prompt", "warned"),
    [
        ("A boat [Truck left]", []),
        ("A boat [truck  left,Pan right] then [Static shot]", []),
        ("A boat [[seconds=1]]", []),
        ("A boat [Zoom inn]", ["[Zoom inn] is no camera movement of T2V-01-Director. Did you mean [Zoom in]?"]),
        ("A sign says [sic]", ["[sic] is no camera movement of T2V-01-Director."]),
        ("[Truck left, fly away]", ["[fly away] is no camera movement of T2V-01-Director."]),
        ("an array[]", [ANY]),
    ],
)
def test_unknown_text_in_brackets_is_a_warning_and_never_an_error(prompt: str, warned: list[str]) -> None:
    assert movements.warnings(DIRECTOR, prompt) == warned
    assert movements.problem(DIRECTOR, prompt) == ""


def test_four_at_once_are_refused_with_the_limit_and_a_way_out() -> None:
    sentence = movements.problem(DIRECTOR, f"A boat {BAD}")
    assert "has 4 camera movements" in sentence
    assert "at most 3 at once" in sentence
    assert "second bracket" in sentence
    assert movements.problem(DIRECTOR, "[Truck left, Pan right, Zoom in] [Shake]") == ""


def test_a_model_without_movements_says_nothing_about_brackets() -> None:
    assert movements.warnings(PLAIN, BAD + "[sic]") == []
    assert movements.problem(PLAIN, BAD) == ""


def test_the_picker_is_there_for_the_director_models_alone(web: Client, plain_key: ProviderKey) -> None:
    found = {slug: web.get(f"/?model={slug}").content.decode().count("data-movement=") for slug in
             (DIRECTOR.slug, "minimax-i2v-01-director", PLAIN.slug, "apertis-veo3")}  # fmt: skip
    assert list(found.values()) == [15, 15, 0, 0]


def test_the_row_beside_the_button_warns_before_anything_is_sent(web: Client, plain_key: ProviderKey) -> None:
    data = {"model": DIRECTOR.slug, "prompt": "A boat [<b>]", "takes": "1"}
    row = web.post(reverse("estimate"), data).content.decode()
    assert escape("[<b>] is no camera movement") in row
    assert Generation.objects.count() == 0


def test_a_warned_prompt_is_sent_as_it_is_and_a_refused_one_not(
    web: Client, plain_key: ProviderKey, team: Any, user: Any
) -> None:
    values = filled(DIRECTOR, team, user) | {"model": DIRECTOR.slug, "form_token": "t" * 32}
    refused = web.post("/shots/", values | {"prompt": f"A boat {BAD}"})
    assert (refused.status_code, Generation.objects.count()) == (422, 0)
    assert web.post("/shots/", values | {"prompt": "A boat [sic]"}).status_code == 303
    assert Generation.objects.get().prompt == "A boat [sic]"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_picker_writes_movements_into_the_prompt(
    studio_dirs: Any, browser: Any, live_server: Any, user: Any, plain_key: ProviderKey
) -> None:
    signed_in = Client()
    signed_in.force_login(user)
    context = browser.new_context()
    name, problems = settings.SESSION_COOKIE_NAME, []
    context.add_cookies([{"name": name, "value": signed_in.cookies[name].value, "url": live_server.url}])
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{live_server.url}/?model={DIRECTOR.slug}")
    prompt = page.locator("#prompt")
    prompt.fill("A spaceship landing")
    page.locator("#movements summary").click()
    for movement in ("Truck left", "Pan right", "Zoom in", "Shake"):
        page.get_by_role("button", name=movement, exact=True).click()
    assert prompt.input_value() == "A spaceship landing [Truck left, Pan right, Zoom in] [Shake]"
    page.keyboard.press("Control+z")
    assert prompt.input_value() == "A spaceship landing [Truck left, Pan right, Zoom in]"
    prompt.press_sequentially(" [sic]")
    prompt.blur()
    page.locator("#submit-row").get_by_text("[sic] is no camera movement").wait_for()
    assert problems == []
    context.close()
