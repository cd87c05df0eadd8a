"""Conflicts are explained before the press, each with one press that resolves it; nothing is lost on the way."""

import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from generations.forms import TAKES, conflicts
from generations.lifecycle import money
from generations.models import Generation, ModelPrice
from generations.providers import SPECS
from generations.specs import ModelSpec, broken_rules

from . import pictures
from .filled import filled
from .shots import make_key

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
RULED = [pytest.param(spec, id=spec.slug) for spec in SPECS.values() if spec.rules]
URL = "https://images.example.com/{}.png"


@pytest.fixture
def web(client_for: Callable[[User], Client], user: User) -> Client:
    return client_for(user)


def seen(answer: Any) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def values_of(spec: ModelSpec, given: dict[str, str]) -> dict[str, Any]:
    """What was posted, by our names: images as the list that a row keeps."""
    found: dict[str, Any] = {param.name: given[param.name] for param in spec if param.name in given}
    for media in spec.media:
        found[media.name] = [given[key] for key in given if key.startswith(f"{media.name}-")]
    return found


@pytest.mark.parametrize("spec", RULED)
def test_a_form_that_keeps_the_rules_blocks_nothing(spec: ModelSpec, team: Team, user: User) -> None:
    values = values_of(spec, filled(spec, team, user))
    assert [conflict for conflict in conflicts.conflicts(spec, values) if conflict.blocks] == []


@pytest.mark.parametrize("spec", RULED)
def test_what_the_form_would_refuse_is_said_before_and_every_press_resolves_it(
    spec: ModelSpec, team: Team, user: User
) -> None:
    """Everything at once: whatever rules that breaks, the composer blocks for the same sentences."""
    values: dict[str, Any] = {"prompt": "A boat"}
    for param in spec:
        if param.kind == "media":
            values[param.name] = [URL.format(1)]
        elif param.kind == "flag":
            values[param.name] = True
        else:
            values[param.name] = getattr(param, "choices", ("words",))[-1]
    broken = {sentence for _, sentence in broken_rules(spec, values)}
    blocking = [conflict for conflict in conflicts.conflicts(spec, values) if conflict.blocks]
    assert {conflict.sentence for conflict in blocking} == broken
    for conflict in blocking:
        for fix in conflict.fixes:
            after = conflicts.conflicts(spec, values | {fix.name: fix.value})
            assert conflict.sentence not in {each.sentence for each in after if each.blocks}, fix


GROK = "aiid-grok-imagine-1.0-video"


def test_the_control_that_lost_is_off_and_says_why_with_a_way_out(web: Client, team: Team) -> None:
    make_key(team, provider="aiid")
    data = {"model": GROK, "prompt": "A boat", "takes": "1", "images-0-url": URL.format(1)}
    page = seen(web.post("/estimate/", data, headers=HTMX))
    part = page.split('data-field="references"')[2]  # the first is the target's own name
    sentence = next(rule for rule in conflicts.conflicts(SPECS[GROK], {"images": [1]})).sentence
    assert "drop--off" in part.split("</fieldset>")[0]
    assert sentence in part
    assert 'name="fix" value="images="' in part
    fixed = seen(web.post("/models/current/form/", data | {"fix": "images="}, headers=HTMX))
    assert URL.format(1) not in fixed
    assert "drop--off" not in fixed
    assert "A boat" in fixed


def test_a_choice_that_needs_another_value_is_struck_out_and_one_press_away(web: Client, team: Team) -> None:
    make_key(team, provider="aiid")
    data = {"model": "aiid-veo3.1", "prompt": "A boat", "takes": "1", "duration": "4"}
    page = seen(web.post("/estimate/", data, headers=HTMX))
    assert re.search(r'value="1080p"[^>]* disabled', page)
    assert 'name="fix" value="duration=8"' in page
    fixed = seen(web.post("/models/current/form/", data | {"fix": "duration=8"}, headers=HTMX))
    assert not re.search(r'value="1080p"[^>]* disabled', fixed)
    data |= {"resolution": "1080p"}
    row = seen(web.post("/estimate/", data, headers=HTMX)).split("hx-partial")[0]
    assert "works only when" in row
    assert 'aria-disabled="true"' in row


def test_every_reason_that_blocks_generate_is_listed_with_its_fix(web: Client, team: Team) -> None:
    key = make_key(team, sandbox=False)
    ModelPrice.objects.create(slug="apertis", kind=ModelPrice.FLAT, amount=Decimal("1"), provider_key=key)
    money.set_limit(team, Decimal("2.50"))
    data = {"model": "apertis-veo3-pro-frames", "prompt": "A boat", "takes": TAKES.choices[-1]}
    row = seen(web.post("/estimate/", data, headers=HTMX))
    assert "needs at least 1 image" in row
    assert 'href="#f-images"' in row
    assert 'name="fix" value="takes=2"' in row
    fixed = seen(web.post("/models/current/form/", data | {"fix": "takes=2"}, headers=HTMX))
    assert re.search(r'name="takes" value="2" checked', fixed)
    assert Generation.objects.count() == 0


@pytest.mark.parametrize("number", ["x", "²", "-1", "9" * 40])
def test_undo_with_an_image_that_is_no_number_leaves_it_out(web: Client, team: Team, number: str) -> None:
    data = {"model": "apertis-veo3.1", "prompt": "A boat", "undo": "1", "before-images-0-upload": number}
    assert web.post("/models/aiid-veo3.1/form/", data, headers=HTMX).status_code == 200


def test_undo_after_a_switch_brings_back_what_the_other_model_could_not_take(web: Client, team: Team) -> None:
    make_key(team, provider="aiid")
    data = {"model": "aiid-veo3.1", "prompt": "A boat", "takes": "1", "duration": "4", "resolution": "720p"}
    there = web.post("/models/aiid-hailuo-video/form/", data, headers=HTMX).content.decode()
    kept = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', there))
    shown = dict(re.findall(r'type="radio" name="(\w+)" value="([^"]*)" checked', there))
    assert 'name="undo"' in there
    assert not set(kept) & set(shown), "what waits never stands in for what is shown"
    back = web.post("/models/aiid-veo3.1/form/", shown | kept | {"prompt": "A boat", "undo": "1"}, headers=HTMX)
    again = dict(re.findall(r'type="radio" name="(\w+)" value="([^"]*)" checked', back.content.decode()))
    assert (again["duration"], again["resolution"]) == ("4", "720p")
    assert 'id="carried"' not in seen(back)


@pytest.mark.parametrize(
    ("move", "order"), [("images-1<", [1, 0, 2]), ("images-1>", [0, 2, 1]), ("images-0<", [0, 1, 2])]
)
def test_images_change_places_without_a_mouse(web: Client, team: Team, move: str, order: list[int]) -> None:
    make_key(team)
    data = {"model": "apertis-veo2-fast-components", "prompt": "A boat", "takes": "1"}
    data |= {f"images-{i}-url": URL.format(i) for i in range(3)}
    page = seen(web.post("/models/current/form/", data | {"move": move}, headers=HTMX))
    assert [int(number) for number in re.findall(r"images\.example\.com/(\d)\.png", page)] == order


def test_a_tile_offers_only_the_moves_that_there_are(web: Client, team: Team) -> None:
    make_key(team)
    data = {"model": "apertis-veo2-fast-components", "prompt": "A boat", "takes": "1"}
    page = seen(web.post("/models/current/form/", data | {"images-0-file": pictures.file()}))
    assert 'aria-label="Move Reference 1 of 3 right"' in page
    assert "left" not in "".join(re.findall(r'aria-label="Move [^"]*"', page))
