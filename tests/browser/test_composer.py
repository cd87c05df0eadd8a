"""The composer in a real browser: nothing typed is ever lost, and everything works from the keyboard."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Team, User
from generations.models import Character, Generation
from tests import pictures
from tests.shots import make_key, make_shot
from tests.stack import until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PROMPT = "Storm swell, a metre above the ocean"


@pytest.fixture
def page(
    studio_dirs: Any, browser: Any, live_server: Any, user: User, team: Team, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)
    make_key(team)
    signed_in = Client()
    signed_in.force_login(user)
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=live_server.url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": signed_in.cookies[name].value, "url": live_server.url}])
    tab = context.new_page()
    tab.set_default_timeout(20_000)
    tab.problems = []
    tab.on("pageerror", lambda error: tab.problems.append(str(error.stack)))
    yield tab
    assert tab.problems == []
    context.close()


def model_of(page: Any) -> str:
    return str(page.locator("#form-ids input[name=model]").input_value())


def type_into(page: Any, text: str) -> None:
    """As a person does, and until the draft is kept."""
    page.locator("#prompt").fill(text)
    page.locator("#draft-hint").get_by_text("Draft saved").wait_for()


def test_a_model_is_chosen_by_a_few_letters_and_the_keyboard(page: Any) -> None:
    page.goto("/")
    type_into(page, PROMPT)
    page.locator("#model-card").press("Enter")
    page.locator(".models__row").first.wait_for()
    page.keyboard.type("veo 2 fast references")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "Veo 2 Fast Components"
    page.keyboard.press("Enter")
    page.locator('#form-ids input[value="apertis-veo2-fast-components"]').wait_for(state="attached")
    assert page.locator("#prompt").input_value() == PROMPT
    assert not page.locator("#model-picker").is_visible()


def test_a_cleared_form_and_a_new_take_leave_the_draft_one_press_away(page: Any, team: Team) -> None:
    shot = make_shot(team, files=("poster",), prompt="An older shot")
    page.goto("/")
    type_into(page, PROMPT)
    page.get_by_role("link", name="Clear the form").click()
    page.get_by_role("button", name="Earlier draft").click()
    until(lambda: page.locator("#prompt").input_value() == PROMPT, 10, "the draft")
    page.goto(f"/?from={shot.pk}")
    assert page.locator("#prompt").input_value() == "An older shot"
    page.locator("[name=aspect_ratio][value='9:16']").check()
    assert page.locator("[data-was='16:9']").inner_text() == "was 16:9"
    page.locator("[name=aspect_ratio][value='16:9']").check()
    assert not page.locator("[data-was='16:9']").is_visible()
    page.get_by_role("button", name="Earlier draft").click()
    until(lambda: page.locator("#prompt").input_value() == PROMPT, 10, "the draft")


def test_without_a_connection_it_says_so_in_place_and_retry_goes_on(page: Any) -> None:
    page.goto("/")
    type_into(page, PROMPT)
    page.route("**/models/", lambda route: route.abort())
    page.route("**/shots/", lambda route: route.abort())
    page.locator("#model-card").click()
    page.locator("#model-table").get_by_text("Could not load").wait_for()
    page.unroute("**/models/")
    page.locator("#model-table").get_by_role("button", name="Retry").click()
    page.locator(".models__row").first.wait_for()
    page.keyboard.press("Escape")
    page.locator("#prompt").press("Control+Enter")
    page.locator("#form-errors").get_by_text("it is not known whether this was sent").wait_for()
    assert page.locator("#prompt").input_value() == PROMPT
    page.unroute("**/shots/")
    page.locator("#form-errors").get_by_role("button", name="Retry").click()
    page.locator("#queue-list [data-generation-id]").wait_for()
    assert Generation.objects.filter(prompt=PROMPT).count() == 1


def test_when_only_the_answer_is_lost_nothing_is_called_uncharged_and_retry_makes_no_second_shot(page: Any) -> None:
    def lose_the_answer(route: Any) -> None:
        route.fetch()
        route.abort()

    page.goto("/")
    type_into(page, PROMPT)
    page.route("**/shots/", lose_the_answer)
    page.locator("#generate").click()
    page.locator("#form-errors").get_by_text("it is not known whether this was sent").wait_for()
    assert "nothing was charged" not in page.locator("#form-errors").inner_text()
    assert Generation.objects.filter(prompt=PROMPT).count() == 1
    page.unroute("**/shots/")
    page.locator("#form-errors").get_by_role("button", name="Retry").click()
    page.locator("#queue-list [data-generation-id]").wait_for()
    assert Generation.objects.filter(prompt=PROMPT).count() == 1


def test_alt_and_the_arrows_bring_back_earlier_prompts(page: Any, team: Team, member: User) -> None:
    for prompt in ("First", "Second", "Second"):
        make_shot(team, prompt=prompt)
    make_shot(team, prompt="Somebody else's", created_by=member)
    page.goto("/")
    field = page.locator("#prompt")
    field.fill("Half a sentence")
    seen = []
    for key in ("Alt+ArrowUp", "Alt+ArrowUp", "Alt+ArrowUp", "Alt+ArrowDown", "Alt+ArrowDown"):
        before = page.locator("#status").text_content()
        field.press(key)
        until(lambda before=before: page.locator("#status").text_content() != before, 10, "the next prompt")
        seen.append(field.input_value())
    assert seen == ["Second", "First", "First", "Second", "Half a sentence"]


def test_a_character_is_suggested_put_in_by_the_keyboard_and_a_stranger_is_marked(
    page: Any, team: Team, user: User
) -> None:
    key = team.provider_keys.get()
    for name in ("captain", "carol", "mate"):
        Character.objects.create(
            team=team, created_by=user, provider_key=key, form_token=name, state="ready", username=name
        )
    page.goto("/?model=apertis-sora-2")
    field = page.locator("#prompt")
    field.press_sequentially("At dawn @ca")
    page.locator("#mentions").wait_for()
    assert page.locator("#mentions [role=option]:visible").all_inner_texts() == ["@\n@captain", "@\n@carol"]
    field.press("ArrowDown")
    active = field.get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").get_attribute("data-name") == "carol"
    field.press("Tab")
    assert field.input_value() == "At dawn @carol "
    field.press_sequentially("@m")
    page.locator("#mentions").wait_for()
    field.press("Escape")
    assert not page.locator("#mentions").is_visible()
    field.fill("@carol meets @marlow here, me@example.org")
    page.locator("#mentions-unknown").get_by_text("@marlow", exact=True).wait_for()
    assert page.locator(".prompt__mirror .mention").all_inner_texts() == ["@carol", "@marlow"]
    assert page.locator(".prompt__mirror .mention--no").all_inner_texts() == ["@marlow"]


def test_images_dropped_anywhere_fill_the_free_slots_and_the_last_one_is_counted(page: Any) -> None:
    page.goto("/?model=apertis-veo2-fast-frames")
    page.locator("#prompt").fill(PROMPT)
    page.wait_for_function("performance.getEntriesByType('resource').some(one => one.name.includes('images'))")
    data = [list(pictures.png((960, 540 + i))) for i in range(3)]
    page.evaluate(
        """(images) => {
            const transfer = new DataTransfer();
            images.forEach((bytes, i) => transfer.items.add(new File([new Uint8Array(bytes)], `${i}.png`, {type: "image/png"})));
            const drop = {bubbles: true, cancelable: true, dataTransfer: transfer};
            document.querySelector("#feed").dispatchEvent(new DragEvent("drop", drop));
        }""",
        data,
    )
    page.locator(".drop--full").nth(1).wait_for()
    roles = [slot.get_attribute("data-role") for slot in page.locator(".drop--full").all()]
    assert roles == ["First frame", "Last frame"]
    first = page.locator(".drop--full img").first.get_attribute("src")
    page.get_by_role("button", name="Move First frame right").focus()
    page.keyboard.press("Enter")
    until(
        lambda: page.locator(".drop--full img").nth(1).get_attribute("src") == first, 10, "the images to change places"
    )
    assert page.locator("#prompt").input_value() == PROMPT


def test_the_queue_is_a_drawer_where_there_is_no_room_and_a_failed_shot_is_made_again_from_it(
    page: Any, team: Team, member: User
) -> None:
    failed = make_shot(team, "failed", reason="rejected", charged="no", params={"aspect_ratio": "16:9"})
    make_shot(team, "queued", created_by=member)
    page.set_viewport_size({"width": 1100, "height": 800})
    page.goto("/")
    drawer = page.locator("#queue")
    assert not drawer.is_visible()
    page.locator("body").press("q")
    drawer.get_by_role("button", name="Retry").click()
    until(lambda: page.locator("#queue-list [data-state=queued]").count() == 2, 10, "the shot made again")
    assert page.locator(f"#job-{failed.pk}").count() == 0
    assert page.title().startswith("(1) "), "the title counts one's own"
    assert page.locator("#queue-badge > [aria-hidden]").inner_text() == "1/2"
    page.keyboard.press("Escape")
    assert not drawer.is_visible()
    page.set_viewport_size({"width": 1440, "height": 900})
    assert drawer.is_visible()


def test_a_frame_of_another_shape_says_so_and_is_cut_by_one_press(page: Any) -> None:
    page.goto("/?model=apertis-veo3-pro-frames")
    image = {"name": "plate.png", "mimeType": "image/png", "buffer": pictures.png((1200, 1200))}
    page.locator("[data-slot=images-0] input[type=file]").set_input_files([image])
    page.get_by_text("This image is 1:1 (1200 × 1200), the shot will be 16:9.").wait_for()
    page.get_by_role("radio", name="9:16").check()
    page.get_by_text("the shot will be 9:16.").wait_for()
    page.get_by_role("button", name="Crop to 9:16: First frame").click()
    page.get_by_role("img", name="First frame: plate, 675 × 1200.png").wait_for()
    assert page.evaluate("document.activeElement.id") == "f-images"
    assert page.get_by_text("the shot will be").count() == 0
