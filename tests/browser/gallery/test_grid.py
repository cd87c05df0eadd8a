"""The grid by mouse and by keyboard alone, its filters and its size, in a real browser over a real studio."""

from typing import Any

import pytest

from tests.stack import RunningStudio, until

from .hands import SHOTS, TILE, address, focused, tiles, to_the_first_tile

pytestmark = [pytest.mark.browser, pytest.mark.processes]


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
    with page.expect_event("load"):
        page.go_back()
    until(lambda: address(page) == "/gallery/?q=neon" and len(tiles(page)) == 4, 10, "the filter before")


def test_the_size_is_remembered(page: Any) -> None:
    height = page.locator(TILE).first.bounding_box()["height"]
    page.get_by_label("Size of the pictures").fill("5")
    assert page.locator(TILE).first.bounding_box()["height"] > height * 1.3
    page.reload()
    assert page.locator("#gal").get_attribute("data-size") == "5"
    page.get_by_label("Size of the pictures").fill("3")
