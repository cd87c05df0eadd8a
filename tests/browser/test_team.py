"""Two people in real browsers: one joins by link and sees the team's shots but no key; a link plays in a private window."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import ROOT, RunningStudio, running_stack, until

pytestmark = [pytest.mark.browser, pytest.mark.processes]
PASSWORD = "a long enough pass phrase"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A studio with a few demonstration shots and an owner, Ines."""
    with running_stack(tmp_path_factory.mktemp("team")) as found:
        found.wait_until_ready()
        command = [sys.executable, "manage.py", "seed", "--shots", "16", "--clips", "1"]
        subprocess.run(command, cwd=ROOT, env={**found.env, "STUDIO_OWNER_PASSWORD": PASSWORD}, check=True)
        yield found
        found.stop()


def window(browser: Any, **options: Any) -> Any:
    """A browser of somebody else's; console errors and policy violations are collected."""
    tab = browser.new_context(viewport={"width": 1440, "height": 900}, **options).new_page()
    tab.set_default_timeout(60_000)
    tab.problems = []
    tab.on("console", lambda message: tab.problems.append(message.text) if message.type == "error" else None)
    return tab


@pytest.fixture(scope="module")
def ines(browser: Any, studio: RunningStudio) -> Iterator[Any]:
    tab = window(browser)
    tab.goto(f"{studio.url}/accounts/login/")
    tab.get_by_label("E-mail").fill("ines@example.org")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_selector("#composer")
    yield tab
    tab.context.close()


def test_a_second_person_joins_by_link_and_sees_the_shots_but_no_key(browser, ines, studio):
    ines.goto(f"{studio.url}/team/")
    ines.get_by_role("button", name="Make a link").click()
    link = ines.locator("#join-link").text_content()
    sofia = window(browser)
    sofia.goto(link)
    sofia.get_by_label("Your name").fill("Sofia Berg")
    sofia.get_by_label("E-mail").fill("sofia@example.org")
    sofia.get_by_label("Password").fill(PASSWORD)
    sofia.get_by_role("button", name="Make my account and join").click()
    sofia.wait_for_selector("#composer")
    sofia.goto(f"{studio.url}/gallery/")
    assert sofia.locator("[data-generation-id]").count() > 0
    sofia.get_by_role("link", name="Mine", exact=True).click()
    sofia.wait_for_url(re.compile(r"person="))
    assert sofia.locator("[data-generation-id]").count() == 0
    assert sofia.context.request.get(f"{studio.url}/admin/", max_redirects=0).status in (302, 403)
    assert "sk-sandbox" not in sofia.content()
    again = window(browser)
    assert again.goto(link).status == 404, "the link works once"
    assert sofia.problems == []
    for tab in (sofia, again):
        tab.context.close()


def test_a_link_plays_in_a_private_window_without_script_and_is_dead_after_it_was_withdrawn(browser, ines, studio):
    ines.goto(f"{studio.url}/gallery/")
    ines.locator("#grid a[href^='/shots/']").first.click()
    ines.get_by_role("link", name="Share").click()
    ines.get_by_role("button", name="Make a link").click()
    address = ines.locator("code.address").first.text_content()
    private = window(browser)
    private.goto(address)
    video = "document.querySelector('video')"
    until(lambda: private.evaluate(f"{video}.readyState >= 1"), 30, "the video's measures")
    private.evaluate(
        f"() => {{ const v = {video}; v.muted = true; v.currentTime = v.duration * 0.6; return v.play(); }}"
    )
    until(lambda: private.evaluate(f"{video}.currentTime > {video}.duration * 0.6"), 30, "the video to play")
    assert private.evaluate("document.scripts.length") == 0
    bare = window(browser, java_script_enabled=False)
    bare.goto(address)
    assert bare.locator("video[controls][src]").count() == 1
    ines.locator(".entry", has_text=address).get_by_role("button", name="Withdraw").click()
    ines.wait_for_load_state()
    assert private.goto(address).status == 404
    assert private.context.request.get(f"{address}video.mp4").status == 404
    for tab in (private, bare):
        tab.context.close()


def test_a_prompt_is_saved_from_the_composer_and_used_again_with_the_other_values_kept(ines, studio):
    ines.goto(f"{studio.url}/?new=1")
    ines.locator("#prompt").fill("A lamp in the window, slow push in")
    ines.get_by_role("button", name="Save this prompt").click()
    ines.wait_for_selector(".toast")
    ines.locator("#prompt").fill("")
    ines.goto(f"{studio.url}/prompts/")
    ines.get_by_role("link", name="Use “A lamp in the window, slow push in”").click()
    ines.wait_for_selector("#composer")
    assert ines.locator("#prompt").input_value() == "A lamp in the window, slow push in"
    assert ines.problems == []


@pytest.mark.parametrize("path", ["/team/", "/prompts/", "/prompts/history/", "/shares/", "/queue/"])
def test_the_new_pages_break_no_rule_and_fit_a_narrow_screen(path, ines, studio):
    from axe_playwright_python.sync_playwright import Axe

    ines.goto(studio.url + path)
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    until(
        lambda: Axe().run(ines, options={"runOnly": rules}).response["violations"] == [], 5, f"no violation on {path}"
    )
    ines.set_viewport_size({"width": 320, "height": 800})
    assert ines.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ines.set_viewport_size({"width": 1440, "height": 900})
