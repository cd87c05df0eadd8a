"""What a hand does with several shots at once."""

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.stack import until

from .hands import SHOTS, TILE, focused, tiles

pytestmark = [pytest.mark.browser, pytest.mark.processes]


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


def test_two_shots_are_shared_and_a_link_plays_for_somebody_without_an_account(page: Any, browser: Any) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for at in (0, 5):
        page.locator(f"{TILE} .pick input").nth(at).check(force=True)
    page.locator("#picked").get_by_role("button", name="Share").click()
    page.get_by_role("heading", name="Share 2 shots").wait_for()
    page.get_by_role("button", name="Create 2 links").click()
    page.get_by_role("heading", name="2 links", exact=True).wait_for()
    addresses = page.locator("code.address").all_text_contents()
    page.get_by_role("button", name="Copy all").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert sorted(re.findall(r"http\S+", copied)) == sorted(addresses)
    stranger = browser.new_context().new_page()
    stranger.goto(addresses[0])
    video = "document.querySelector('video')"
    stranger.evaluate(f"{video}.muted = true; {video}.play()")
    until(lambda: stranger.evaluate(f"{video}.currentTime > 0.1"), 30, "the video to play")
    stranger.context.close()
    page.get_by_role("button", name="Withdraw").first.click()
    page.get_by_role("heading", name="1 link", exact=True).wait_for()


def test_s_shares_the_tile_under_the_focus_or_the_selection(page: Any) -> None:
    first, second, *_ = tiles(page)
    page.locator(f"#{first} > a").focus()
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("s")
    page.get_by_role("heading", name="Share 2 shots").wait_for()
    page.go_back()
    page.wait_for_selector(TILE)
    page.keyboard.press("Escape")
    page.locator(f"#{second} > a").focus()
    page.keyboard.press("s")
    page.wait_for_url(f"**/shots/{second.removeprefix('tile-')}/share/")
