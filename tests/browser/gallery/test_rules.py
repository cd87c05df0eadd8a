"""No page around the gallery breaks a rule of accessibility or scrolls sideways."""

import time
from typing import Any

import pytest

from tests.stack import RunningStudio

from .hands import PAGES, TILE

pytestmark = [pytest.mark.browser, pytest.mark.processes]


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
