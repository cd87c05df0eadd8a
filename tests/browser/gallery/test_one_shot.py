"""From the gallery to one shot: the palette and the player."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.stack import RunningStudio, until

from .hands import TILE, address

pytestmark = [pytest.mark.browser, pytest.mark.processes]


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
