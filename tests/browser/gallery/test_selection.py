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
