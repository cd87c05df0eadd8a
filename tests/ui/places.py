"""Goals 17, 18 and 19: a large gallery, a browser without scripts, a tab that nobody looks at."""

import json
import subprocess
import sys
import time
from typing import Any

import httpx

from tests.stack import ROOT, until

from . import jobs
from .goals import Measure
from .stand import Stand, median, wait

ROUNDS, LOADED = 30, 10
LONG = """() => {
  window.long = [];
  const note = (entry) => window.long.push(Math.round(entry.duration));
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type: "longtask" });
}"""
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  Object.defineProperty(document, "visibilityState", { value: hidden ? "hidden" : "visible", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
QUERIES = """
import json
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from accounts.models import User
settings.ALLOWED_HOSTS = ["testserver"]
client = Client()
client.force_login(User.objects.get(email="ines@example.org"))
client.get("/gallery/")
with CaptureQueriesContext(connection) as asked:
    assert client.get("/gallery/").status_code == 200
print(json.dumps(len([one for one in asked.captured_queries if not one["sql"].startswith("PRAGMA")])))
"""


def large(stand: Stand) -> list[Measure]:
    count = jobs.ask(stand, "SELECT count(*) FROM generations_generation WHERE state = 'done' AND deleted_at IS NULL")[
        0
    ][0]
    times = _answers(stand)
    script = subprocess.run([sys.executable, "manage.py", "shell", "-v", "0", "-c", QUERIES], cwd=ROOT, env=stand.studio.env,
                            capture_output=True, text=True, check=True)  # fmt: skip
    tasks, seen = _scrolled(stand)
    return [
        Measure(17, "median of the first page, uvicorn included", round(median(times), 1), 120, "ms",
                f"{count} finished shots, {ROUNDS} answers, the slowest {max(times):.0f} ms"),
        Measure(17, "queries", json.loads(script.stdout.splitlines()[-1]), 12, ""),
        Measure(17, "tasks over 50 ms while scrolling", len(tasks), 0, "", f"{seen} tiles; {tasks[:5] or 'none'}"),
    ]  # fmt: skip


def _answers(stand: Stand) -> list[float]:
    cookies = {cookie["name"]: cookie["value"] for cookie in stand.state["cookies"]}
    found = []
    with httpx.Client(base_url=stand.studio.url, cookies=cookies) as client:
        for _ in range(ROUNDS + 3):
            began = time.perf_counter()
            assert client.get("/gallery/").status_code == 200
            found.append((time.perf_counter() - began) * 1000)
    return found[3:]


def _scrolled(stand: Stand) -> tuple[list[int], int]:
    """Ten pages are loaded by the button and by scrolling; then the wheel goes up and down over all of them."""
    with stand.tab() as tab:
        tab.goto("/gallery/")
        for page in range(2, LOADED + 1):
            tab.locator("[data-more]").scroll_into_view_if_needed()
            until(lambda page=page: _pages(tab) >= page or _more(tab, page), 20, f"page {page}")
        tab.mouse.move(700, 500)
        tab.evaluate("scrollTo(0, 0)")
        tab.wait_for_timeout(1000)
        tab.evaluate(LONG)
        for way in (1, -1):
            for _ in range(40):
                tab.mouse.wheel(0, way * 600)
                tab.wait_for_timeout(50)
        return tab.evaluate("window.long"), tab.locator("#grid .shot").count()


def _pages(tab: Any) -> int:
    return int(tab.locator("#grid .shot").count() // 24)


def _more(tab: Any, page: int) -> bool:
    """After five pages the end of the page stays in reach, and the button is pressed."""
    tab.wait_for_timeout(400)
    if _pages(tab) < page and tab.locator("[data-more]").count():
        tab.locator("[data-more]").first.click()
        tab.wait_for_timeout(300)
    return _pages(tab) >= page


# --- without scripts -----------------------------------------------------------------------------------------------------------
def bare(stand: Stand) -> list[Measure]:
    failed, done = [], []
    with stand.tab(java_script_enabled=False) as tab:
        for step in (_signs_in, _makes, _chooses, _filters, _pages_on, _titles, _favours, _bins, _restores, _downloads,
                     _shares, _keeps_a_prompt, _plays):  # fmt: skip
            name = step.__name__.strip("_").replace("_", " ")
            try:
                step(stand, tab)
                done.append(name)
            except Exception as error:  # what could not be done is the result
                failed.append(f"{name}: {str(error)[:160]}")
    return [Measure(18, "steps that failed", len(failed), 0, "", " / ".join(failed) or ", ".join(done))]


def _signs_in(stand: Stand, tab: Any) -> None:
    tab.goto("/")
    assert tab.locator("#composer").count() == 1


def _makes(stand: Stand, tab: Any) -> None:
    tab.goto(f"/?model={jobs.MODEL}")
    tab.locator("#prompt").fill(f"Without any script {jobs.SMALL}")
    tab.locator("#generate").click()
    assert tab.get_by_text("Submitted").count() >= 1
    found = jobs.ask(stand, "SELECT form_token FROM generations_generation WHERE prompt LIKE 'Without any script%'")
    assert jobs.ended(stand, found[0][0])[1] == "done"


def _chooses(stand: Stand, tab: Any) -> None:
    tab.goto("/models/")
    tab.locator("main a[href*='model=']").first.click()
    assert tab.locator("#composer").count() == 1


def _filters(stand: Stand, tab: Any) -> None:
    tab.goto("/gallery/")
    tab.locator("#q").fill("raincoat")
    tab.get_by_role("button", name="Search", exact=True).click()
    assert "q=raincoat" in tab.url, tab.url
    assert tab.locator("#grid .shot").count() > 0, "nothing was found"


def _pages_on(stand: Stand, tab: Any) -> None:
    tab.goto("/gallery/")
    first = tab.locator("#grid .shot").first.get_attribute("id")
    tab.locator("[data-more]").click()
    assert "before=" in tab.url
    assert tab.locator(f"#{first}").count() == 0


def _titles(stand: Stand, tab: Any) -> None:
    tab.goto(stand.pages["shot"])
    tab.locator("#title-in").fill("Titled without a script")
    tab.get_by_role("button", name="Save title").click()
    assert tab.locator("#title-in").input_value() == "Titled without a script"


def _favours(stand: Stand, tab: Any) -> None:
    button = tab.locator("[id^=fav-shot]")
    before = button.get_attribute("aria-pressed")
    button.click()
    assert tab.locator("[id^=fav-shot]").get_attribute("aria-pressed") != before


def _bins(stand: Stand, tab: Any) -> None:
    tab.goto("/gallery/")
    tab.locator("#grid .shot > a").nth(3).click()
    stand.pages["binned"] = tab.url.removeprefix(stand.studio.url)
    tab.get_by_role("button", name="Move to bin").click()
    assert tab.get_by_text("is in the bin").count() >= 1


def _restores(stand: Stand, tab: Any) -> None:
    tab.goto(stand.pages.pop("binned"))
    tab.get_by_role("button", name="Restore").click()
    assert tab.get_by_role("button", name="Move to bin").count() == 1


def _downloads(stand: Stand, tab: Any) -> None:
    tab.goto("/gallery/")
    for at in (0, 1):
        tab.locator("#grid .pick input").nth(at).check(force=True)
    with tab.expect_download() as download:
        tab.locator("#picked").get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.endswith(".zip")


def _shares(stand: Stand, tab: Any) -> None:
    tab.goto(stand.pages["share form"])
    before = tab.locator("code.address").count()
    tab.get_by_role("button", name="Make a link").click()
    assert tab.locator("code.address").count() == before + 1


def _keeps_a_prompt(stand: Stand, tab: Any) -> None:
    tab.goto("/prompts/")
    tab.get_by_role("link", name="Use").first.click()
    assert tab.locator("#prompt").input_value()


def _plays(stand: Stand, tab: Any) -> None:
    tab.goto(stand.pages["shot"])
    assert tab.locator("video[controls][src]").count() == 1


# --- a tab that nobody looks at -------------------------------------------------------------------------------------------
def hidden(stand: Stand) -> list[Measure]:
    with stand.tab() as tab:
        tab.goto("/")
        tab.wait_for_timeout(2000)
        token = jobs.press(stand, tab)
        pk, _ = jobs.shot_of(stand, token)
        wait(tab, f"document.querySelector('#job-{pk}') !== null", 10, "the card")
        tab.evaluate(HIDE, True)
        began = time.monotonic()
        _, state = jobs.ended(stand, token)
        tab.wait_for_timeout(max(0, stand.seconds_hidden - (time.monotonic() - began)) * 1000)
        stale = tab.evaluate(f"document.querySelector('#job-{pk}').dataset.state")
        tab.evaluate(HIDE, False)
        began = time.monotonic()
        wait(tab, f"document.querySelector('#job-{pk}')?.dataset.state === '{state}'", 20, "the true state")
        took = time.monotonic() - began
    note = f"hidden for {stand.seconds_hidden:.0f} s; it showed “{stale}” while it was {state}"
    return [Measure(19, "after it came back", round(took, 2), 1, "s", note)]
