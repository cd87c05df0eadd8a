"""The gallery and the page of a shot by mouse and by keyboard alone, in a real browser over a real studio."""

import re
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack import RunningStudio, running_stack, until

pytestmark = [pytest.mark.browser, pytest.mark.processes]
PASSWORD = "a long enough pass phrase"
SHOTS = 8
TILE = "#grid .shot"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A studio with eight finished shots and their pictures."""
    with running_stack(
        tmp_path_factory.mktemp("gallery"), STUDIO_SANDBOX_SECONDS="0.3", STUDIO_OWNER_PASSWORD=PASSWORD
    ) as found:
        found.wait_until_ready()
        found.manage("create_owner", "--email", "ines@example.org", "--name", "Ines Moreau", "--team", "Harbour film")
        for prompt, ratio in (("Lighthouse at first light", "16:9"), ("Figure in neon rain", "9:16")):
            order = ["generate", f"{prompt} [[clip=still]]", "--model", "apertis-veo3", "--takes", "4"]
            made = found.manage(*order, "--param", f"aspect_ratio={ratio}")
            assert made.returncode == 0, made.stderr
        until(lambda: pictured(found) == SHOTS, 240, lambda: f"{pictured(found)} of {SHOTS} shots\n{found.log}")
        yield found
        found.stop()


def pictured(studio: RunningStudio) -> int:
    with sqlite3.connect(f"file:{studio.data}/studio.sqlite3?mode=ro", uri=True) as database:
        sql = "SELECT count(*) FROM generations_generation WHERE state = 'done' AND pictures_due_at IS NULL"
        return int(database.execute(sql).fetchone()[0])


@pytest.fixture(scope="module")
def signed_in(browser: Any, studio: RunningStudio) -> Any:
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"{studio.url}/accounts/login/")
    tab.get_by_label("E-mail").fill("ines@example.org")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_selector("#composer")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(browser: Any, studio: RunningStudio, signed_in: Any) -> Iterator[Any]:
    """A tab on the gallery; an error in its console, or a policy that was broken, fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, storage_state=signed_in)
    tab, problems = context.new_page(), []
    tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(f"{studio.url}/gallery/")
    yield tab
    context.close()
    assert problems == []


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.closest('.shot')?.id ?? document.activeElement.id"))


def tiles(page: Any) -> list[str]:
    return list(page.evaluate(f"[...document.querySelectorAll('{TILE}')].map(tile => tile.id)"))


def address(page: Any) -> str:
    """Asked in the page: Playwright's own `url` only changes while something else is asked."""
    return str(page.evaluate("location.pathname + location.search"))


def to_the_first_tile(page: Any) -> None:
    page.locator(f"{TILE} > a").first.focus()


def test_one_muted_preview_plays_under_the_pointer_and_none_is_left(page: Any) -> None:
    videos = "document.querySelectorAll('video').length"
    for at in (0, 1):
        page.locator(TILE).nth(at).hover()
        until(lambda: page.evaluate("document.querySelector('video')?.currentTime > 0"), 5, "a preview that plays")
        assert page.evaluate(videos) == 1
        assert page.evaluate("document.querySelector('video').muted")
    page.locator("h1").hover()
    until(lambda: page.evaluate(videos) == 0, 2, "the preview to go")


def test_the_grid_is_one_tab_stop_with_arrows(page: Any) -> None:
    all_tiles = tiles(page)
    assert len(all_tiles) == SHOTS
    assert page.evaluate(f"document.querySelectorAll('{TILE} :is(a, button, input)[tabindex=\"0\"]').length") == 1
    to_the_first_tile(page)
    for key, expected in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", SHOTS - 1), ("Home", 0)):
        page.keyboard.press(key)
        assert focused(page) == all_tiles[expected]
    page.keyboard.press("ArrowDown")
    below = focused(page)
    assert page.locator(f"#{below}").bounding_box()["y"] > page.locator(f"#{all_tiles[0]}").bounding_box()["y"]
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert focused(page) not in all_tiles, "Tab leaves the grid"
    page.keyboard.press("Shift+Tab")
    assert focused(page) == all_tiles[0], "and comes back to the same tile"


def test_keys_select_favour_and_bin_with_undo(page: Any) -> None:
    first, second, *_ = tiles(page)
    to_the_first_tile(page)
    page.keyboard.press("f")
    pressed = page.locator(f"#{first} [id^=fav-]")
    until(lambda: pressed.get_attribute("aria-pressed") == "true", 5, "the favourite")
    page.keyboard.press("x")
    assert page.locator("#picked-n").text_content() == "1 selected"
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("#picked-n").text_content() == "2 selected"
    page.keyboard.press("Escape")
    assert not page.locator("#picked").is_visible()
    page.locator(f"#{first} > a").focus()
    page.keyboard.press("Delete")
    until(lambda: first not in tiles(page), 5, "the tile to go")
    until(lambda: focused(page) == second, 5, "the focus on the next tile")
    page.get_by_role("button", name="Undo").click()
    until(lambda: first in tiles(page), 5, "the tile to come back")
    page.locator(f"#{first} [id^=fav-]").click()


def test_a_range_goes_to_the_bin_and_comes_back_together(page: Any) -> None:
    all_tiles = tiles(page)
    page.locator(f"#{all_tiles[0]} .pick input").check(force=True)
    page.locator(f"#{all_tiles[2]} > a").click(modifiers=["Shift"])
    assert page.locator("#picked-n").text_content() == "3 selected"
    page.locator("#picked").get_by_role("button", name="Move to bin").click()
    until(lambda: tiles(page) == all_tiles[3:], 5, "three tiles to go")
    assert not page.locator("#picked").is_visible()
    until(lambda: focused(page) == all_tiles[3], 5, "the focus on the tile after them")
    page.get_by_role("button", name="Undo").click()
    until(lambda: tiles(page) == all_tiles, 5, "three tiles to come back, where they were")


def test_the_selection_outlives_a_filter(page: Any) -> None:
    page.locator(f"{TILE} .pick input").nth(0).check(force=True)  # 9:16: made last
    page.get_by_label("Ratio", exact=True).select_option("16:9")
    until(lambda: len(tiles(page)) == 4, 5, "the filter")
    assert page.locator("#picked-n").text_content() == "1 selected, 1 not shown"
    page.get_by_label("Ratio", exact=True).select_option("")
    until(lambda: len(tiles(page)) == SHOTS, 5, "all of them")
    assert page.locator(f"{TILE} .pick input").nth(0).is_checked()


def test_filters_are_in_the_address_and_back_undoes_them(page: Any, studio: RunningStudio) -> None:
    page.get_by_role("searchbox").fill("neon")
    until(lambda: address(page) == "/gallery/?q=neon", 5, "the address")
    until(lambda: len(tiles(page)) == 4, 5, "the search")
    assert page.evaluate("document.activeElement.id") == "q", "the focus stays"
    until(lambda: page.locator("#status").text_content() == "4 shots", 5, "the count to be said")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Sound", exact=False).select_option("without")
    until(lambda: address(page).endswith("?q=neon&sound=without"), 5, "the second filter")
    assert page.locator("#folded").text_content().startswith("1")
    page.go_back()
    until(lambda: address(page) == "/gallery/?q=neon" and len(tiles(page)) == 4, 10, "the filter before")


def test_the_size_is_remembered(page: Any) -> None:
    height = page.locator(TILE).first.bounding_box()["height"]
    page.get_by_label("Size of the pictures").fill("5")
    assert page.locator(TILE).first.bounding_box()["height"] > height * 1.3
    page.reload()
    assert page.locator("#gal").get_attribute("data-size") == "5"
    page.get_by_label("Size of the pictures").fill("3")


def test_two_shots_play_beside_each_other(page: Any) -> None:
    for at in (0, 5):
        page.locator(f"{TILE} .pick input").nth(at).check(force=True)
    page.get_by_role("button", name="Compare").click()
    page.wait_for_selector("#compare")
    page.get_by_role("button", name="Play all").click()
    moving = "[...document.querySelectorAll('video')].every(video => video.currentTime > 0.2)"
    until(lambda: page.evaluate(moving), 20, "both to play")
    loud = "[...document.querySelectorAll('video')].filter(video => !video.muted).length"
    assert page.evaluate(loud) == 1, "one is heard"
    page.get_by_role("button", name="Pause all").click()
    assert page.evaluate("[...document.querySelectorAll('video')].every(video => video.paused)")


def test_the_selection_comes_home_as_one_zip(page: Any, tmp_path: Path) -> None:
    for at in (0, 5):
        page.locator(f"{TILE} .pick input").nth(at).check(force=True)
    with page.expect_download() as download:
        page.locator("#picked").get_by_role("button", name="Download").click()
    archive = zipfile.ZipFile(download.value.path())
    assert archive.testzip() is None
    assert sorted(name.rpartition(".")[2] for name in archive.namelist()) == ["json", "mp4", "mp4"]


def test_the_palette_leads_anywhere(page: Any, studio: RunningStudio) -> None:
    page.keyboard.press("Control+k")
    until(lambda: page.locator("#palette [role=option]").count() > 8, 5, "the palette")
    page.keyboard.type("> queue")
    first = "document.querySelector('#palette [aria-selected=true]')?.getAttribute('href')"
    until(lambda: page.evaluate(first) == "/queue/", 5, "the queue")
    page.keyboard.press("Escape")
    assert not page.locator("#palette").is_visible()
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette[open]")
    page.keyboard.type("lighthouse")
    until(lambda: re.fullmatch(r"/shots/\d+/", page.evaluate(first) or ""), 5, "a shot")
    page.keyboard.press("Enter")
    page.wait_for_selector("studio-player")


def test_the_player_shuttles_remembers_and_saves_a_frame(page: Any) -> None:
    page.locator(f"{TILE} > a").first.click()
    page.wait_for_selector(".player__ui:not([hidden])")
    video = "document.querySelector('video')"
    until(lambda: page.evaluate(f"{video}.readyState >= 2"), 20, "the video")
    here = address(page)
    page.locator("studio-player").focus()
    page.keyboard.press("l")
    until(lambda: page.evaluate(f"!{video}.paused && {video}.currentTime > 0.3"), 10, "L to play")
    page.keyboard.press("l")
    assert page.evaluate(f"{video}.playbackRate") == 2
    page.keyboard.press("k")
    assert page.evaluate(f"{video}.paused && {video}.playbackRate") == 1
    before = page.evaluate(f"{video}.currentTime")
    page.keyboard.press(".")
    assert page.evaluate(f"{video}.currentTime") > before
    page.keyboard.press("j")
    assert page.evaluate(f"{video}.currentTime") < before
    assert address(page) == here, "J in the player goes back in the video, not to another shot"
    with page.expect_download() as download:
        page.keyboard.press("p")
    assert re.fullmatch(r".*-\d+\.\d\ds\.png", download.value.suggested_filename)
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    page.get_by_label("Volume").fill("0.25")
    page.locator("h2").first.click()
    page.keyboard.press("j")
    page.wait_for_url(lambda url: not url.endswith(here))
    page.wait_for_selector(".player__ui:not([hidden])")
    until(lambda: page.evaluate(f"{video}?.volume") == 0.25, 5, "the volume to be remembered")


PAGES = ("/gallery/", "/gallery/bin/", "/shots/1/", "/gallery/compare/?pick=1&pick=5", "/palette/?q=light")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_accessibility_rule_is_broken(
    browser: Any, studio: RunningStudio, signed_in: Any, path: str, theme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, storage_state=signed_in, reduced_motion="reduce"
    )  # axe measures colours as they are at this moment: nothing may fade
    tab = context.new_page()
    tab.goto(studio.url + path)
    assert violations(tab, theme) == ""
    if path == "/gallery/":  # the states that only appear with a hand in them
        tab.locator(f"{TILE} .pick input").nth(1).check(force=True)
        tab.get_by_role("button", name="Filters").click()
        assert violations(tab, theme) == ""
        tab.keyboard.press("Escape")
        tab.keyboard.press("Control+k")
        tab.wait_for_selector("#palette [role=option]")
        assert violations(tab, theme) == ""
    context.close()


def violations(tab: Any, theme: str) -> str:
    from axe_playwright_python.sync_playwright import Axe

    tab.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    time.sleep(0.3)
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(tab, options={"runOnly": rules})
    return "\n".join(
        f"{rule['id']}: {node['html']} {node['failureSummary']}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    )


@pytest.mark.parametrize("path", PAGES)
def test_nothing_scrolls_sideways_at_320(browser: Any, studio: RunningStudio, signed_in: Any, path: str) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 700}, storage_state=signed_in)
    tab = context.new_page()
    tab.goto(studio.url + path)
    if path == "/gallery/":
        tab.locator(f"{TILE} .pick input").first.check(force=True)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
