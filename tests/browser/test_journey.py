"""First light in a real browser: setup link → composer → card at once → progress → the video plays and seeks → gallery."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import yardstick
from tests.stack import RunningStudio, running_stack, until
from tests.ui.places import HIDE

pytestmark = [pytest.mark.browser, pytest.mark.processes]
PASSWORD = "a long enough pass phrase"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A studio on an empty data folder, where nobody has an account yet."""
    with running_stack(tmp_path_factory.mktemp("journey"), cold=True, STUDIO_SANDBOX_SECONDS="3") as found:
        found.wait_until_ready()
        yield found
        found.stop()


# Waiting is done from here with `until`: Playwright's own wait_for_function evaluates text, which the policy forbids.
@pytest.fixture(scope="module")
def page(browser: Any, studio: RunningStudio) -> Iterator[Any]:
    """One tab for the whole journey; every console error and policy violation counts as a fault."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    tab.problems = []
    tab.on("console", lambda message: tab.problems.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    yield tab
    context.close()


def test_1_the_printed_link_makes_the_first_account(page: Any, studio: RunningStudio) -> None:
    assert studio.setup_link
    page.goto(studio.setup_link)
    page.get_by_label("Your name").fill("Ines Moreau")
    page.get_by_label("E-mail").fill("ines@example.org")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_label("Team").fill("Harbour film")
    page.get_by_role("button", name="Open the studio").click()
    page.wait_for_selector("#composer")
    assert "nothing is charged" in page.content()
    again = page.context.request.get(studio.setup_link)
    assert again.status == 404, "the link works once"


WATCH = """() => {
    const old = new Set([...document.querySelectorAll("[data-generation-id]")].map(card => card.dataset.generationId));
    window.pressed = 0; window.seen = 0; window.states = [];
    const look = () => {
        const card = [...document.querySelectorAll("[data-generation-id]")].find(card => !old.has(card.dataset.generationId));
        if (!card) return;
        window.seen ||= performance.now();
        if (window.states.at(-1) !== card.dataset.state) window.states.push(card.dataset.state);
    };
    new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
    document.querySelector("#generate").addEventListener("click", () => { window.pressed = performance.now(); });
}"""


def milliseconds_to_the_card(page: Any, prompt: str) -> float:
    page.get_by_label("Prompt", exact=False).first.fill(prompt)
    page.evaluate(WATCH)
    page.locator("#generate").click()
    until(lambda: page.evaluate("window.seen"), 20, "the card")
    return float(page.evaluate("window.seen - window.pressed"))


def test_2_a_card_appears_at_once_and_progress_moves(page: Any, studio: RunningStudio) -> None:
    """The best of three presses, each against 300 ms where the goals were set; a slower or busier machine has as much longer.

    The provider answers after 5 s, so a page that waits for it is far from any such limit.
    """
    for _ in range(3):
        prompt = f"A red lighthouse at first light, {secrets.token_hex(2)} [[slow=5]] [[seconds=3]]"
        longer = max(1, yardstick.of_waiting())
        took = milliseconds_to_the_card(page, prompt)
        assert took < 5000, "the card waits for the provider"
        if took < 300 * max(longer, yardstick.of_waiting()):
            break
        until(lambda: page.evaluate("window.states.includes('done')"), 60, "the shot to be done")
        page.reload()
    else:
        pytest.fail(f"the card came after {took:.0f} ms, on a machine that takes {longer:.1f} times as long")
    until(lambda: page.evaluate("window.states.includes('done')"), 60, "the shot to be done")
    until(lambda: "Usually ready after" in page.locator("#estimate").inner_text(), 10, "the usual time beside Generate")
    states = page.evaluate("window.states")
    assert states[0] in ("queued", "submitting")
    assert set(states) & {"submitted", "running"}, states
    assert len(studio.sandbox.ledger(contains=prompt.partition(" [[")[0])) == 1


def test_3_the_video_plays_and_seeks(page: Any) -> None:
    page.locator("[data-generation-id][data-state=done] a").first.click()
    page.wait_for_selector("video")
    video = "document.querySelector('video')"
    until(lambda: page.evaluate(f"{video}.readyState >= 1"), 20, "the video's measures")
    page.evaluate(f"() => {{ const v = {video}; v.muted = true; v.currentTime = v.duration * 0.8; return v.play(); }}")
    playing = f"{video}.currentTime > {video}.duration * 0.8 && !{video}.seeking"
    until(lambda: page.evaluate(playing), 20, "the video to play from 80 % on")
    assert page.evaluate(f"{video}.videoWidth") == 1280
    assert page.evaluate(f"{video}.seekable.length") == 1


def test_4_it_is_in_the_gallery_after_a_reload(page: Any, studio: RunningStudio) -> None:
    page.goto(f"{studio.url}/gallery/")
    shown = "[...document.querySelectorAll('[data-state=done] img')].some(image => image.complete && image.naturalWidth > 0)"

    def poster_after_a_reload() -> bool:
        page.reload()
        return bool(page.evaluate(shown))

    until(poster_after_a_reload, 30, "the poster in the gallery")


def test_5_the_bin_gives_it_back(page: Any, studio: RunningStudio) -> None:
    page.locator("[data-generation-id][data-state=done] a").first.click()
    page.wait_for_selector("video")
    page.get_by_role("button", name="Move to bin").or_(page.get_by_role("button", name="bin")).first.click()
    page.get_by_role("button", name="Undo").first.click()
    page.goto(f"{studio.url}/gallery/")
    page.wait_for_selector("[data-generation-id][data-state=done]")


def test_6_the_file_can_be_taken_home(page: Any, studio: RunningStudio, tmp_path: Path) -> None:
    page.locator("[data-generation-id][data-state=done] a").first.click()
    page.wait_for_selector("video")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    assert download.value.suggested_filename.endswith(".mp4")


def test_6b_the_live_stream_opens_even_when_a_script_comes_late(browser: Any, page: Any, studio: RunningStudio) -> None:
    context = browser.new_context(storage_state=page.context.storage_state())
    tab = context.new_page()
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url) if "/events/" in request.url else None)

    def late(route: Any) -> None:
        time.sleep(0.4)
        route.continue_()

    tab.route("**/hx-sse.min*.js", late)
    tab.goto(studio.url)
    until(lambda: tab.evaluate("document.readyState") and asked, 10, "the stream to be opened")
    context.close()


STREAM = "document.querySelector('[hx-sse\\\\:connect]')._htmx?.sse"
LISTENS = """() => {
    window.rung = 0;
    window.AudioContext = class { constructor() { window.rung += 1; throw new Error("heard"); } };
}"""


def test_6c_a_tab_that_rests_behind_another_hears_of_it_when_notices_are_switched_on_there(
    browser: Any, page: Any, studio: RunningStudio
) -> None:
    context = browser.new_context(storage_state=page.context.storage_state())
    behind, front = context.new_page(), context.new_page()
    behind.goto(f"{studio.url}/gallery/")  # without the switches: nothing of the notices is loaded here
    until(lambda: behind.evaluate(f"Boolean({STREAM}?.reader)"), 10, "the stream")
    behind.evaluate(LISTENS)
    behind.evaluate(HIDE, True)
    until(lambda: behind.evaluate(f"{STREAM}.reader === null"), 10, "the stream to rest behind another tab")
    front.goto(studio.url)
    front.get_by_role("button", name="Notices of the queue").click()
    front.get_by_label("Play a sound").check()
    until(lambda: behind.evaluate(f"Boolean({STREAM}?.reader)"), 10, "the stream to run again, hidden as it is")
    order = ["generate", "A bell buoy [[seconds=3]]", "--model", "apertis-veo3"]
    assert studio.manage(*order).returncode == 0
    until(lambda: behind.evaluate("window.rung") == 1, 60, "the tab behind to ring")
    front.get_by_label("Play a sound").uncheck()
    context.close()


def test_7_nothing_went_wrong_on_the_way(page: Any) -> None:
    assert page.problems == []


def test_8_the_phone_and_the_light_theme_have_no_sideways_scroll(
    browser: Any, page: Any, studio: RunningStudio
) -> None:
    state = page.context.storage_state()
    for width in (390, 320):
        context = browser.new_context(
            viewport={"width": width, "height": 844}, storage_state=state, color_scheme="light"
        )
        tab = context.new_page()
        for path in ("/", "/gallery/", "/queue/", "/models/"):
            tab.goto(studio.url + path)
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} at {width}"
        context.close()


@pytest.mark.parametrize("path", ["/", "/gallery/", "/models/", "/queue/"])
def test_9_no_accessibility_rule_is_broken(path: str, page: Any, studio: RunningStudio) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.goto(studio.url + path)
    time.sleep(0.3)  # the entrance of a page is animated; axe measures colours as they are at this moment
    found = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    assert found.response["violations"] == [], found.generate_report()
