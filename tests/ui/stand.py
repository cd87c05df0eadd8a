"""The studio that is measured, and the browsers that look at it: a desktop, and a phone with a slow processor and line."""

import contextlib
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import requirements
from tests.stack import ROOT, RunningStudio, running_stack, until

PASSWORD = "a long enough pass phrase"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SIZES = {"desktop": DESKTOP, "phone": PHONE}
THROTTLED = {"offline": False, "latency": 40, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
PAGES = {
    "create": "/", "gallery": "/gallery/", "shot": "{shot}", "queue": "/queue/", "failed shot": "{failed}",
    "unknown": "/unknown/", "models": "/models/", "cast": "/cast/", "prompts": "/prompts/",
    "prompt history": "/prompts/history/", "team": "/team/", "links": "/shares/", "share form": "{shot}share/",
    "bin": "/gallery/bin/", "compare": "/gallery/compare/?{picks}", "palette": "/palette/?q=light",
    "public link": "{link}", "not found": "/nothing-here/", "password": "/accounts/password/change/",
    "admin": "/admin/", "admin keys": "/admin/generations/providerkey/",
    "admin change": "/admin/generations/providerkey/{key}/change/", "admin shots": "/admin/generations/generation/",
}  # fmt: skip
OUTSIDE = {"sign-in": "/accounts/login/", "dead link": "/s/nothing/", "dead invitation": "/join/x/"}


@dataclass
class Stand:
    """`pages` holds the address of every page by name; `state` is a signed-in browser's storage."""

    studio: RunningStudio
    browser: Any
    pages: dict[str, str]
    state: Any
    seconds_hidden: float = 600
    problems: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def tab(self, size: str = "desktop", *, signed_in: bool = True, **options: Any) -> Iterator[Any]:
        """A fresh browser with one tab; what it complains about is collected in `problems`."""
        given = {"viewport": SIZES[size], "base_url": self.studio.url, "has_touch": size == "phone"} | options
        context = self.browser.new_context(storage_state=self.state if signed_in else None, **given)
        tab = context.new_page()
        tab.set_default_timeout(30_000)
        tab.on("console", lambda said: self.problems.append(f"{tab.url}: {said.text}") if said.type == "error" else 0)
        tab.on("pageerror", lambda error: self.problems.append(f"{tab.url}: {error}"))
        tab.on("filechooser", lambda _: None)  # from the start: a chooser that opens before it is awaited is lost
        try:
            yield tab
        finally:
            context.close()

    def outside(self, name: str) -> bool:
        return name in OUTSIDE or name == "public link"


def slow_down(tab: Any) -> Any:
    """The phone of the brief: a quarter of this processor, 10 Mbit/s, 40 ms. Gives the CDP session."""
    cdp = tab.context.new_cdp_session(tab)
    cdp.send("Network.enable")
    cdp.send("Network.emulateNetworkConditions", THROTTLED)
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    return cdp


def sign_in(tab: Any, email: str = "ines@example.org") -> None:
    tab.goto("/accounts/login/")
    tab.get_by_label("E-mail").fill(email)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_selector("#composer")


def addresses(tab: Any, base: str) -> dict[str, str]:
    """Every page of PAGES, with what only this studio knows: a shot, a failed one, a link, a key."""
    tab.goto("/gallery/")
    tiles = tab.locator("#grid .shot")
    picks = "&".join(f"pick={tiles.nth(at).get_attribute('data-generation-id')}" for at in (0, 1))
    shot = tiles.first.locator("> a").get_attribute("href")
    tab.goto("/gallery/?show=failed")
    failed = tab.locator("#grid .shot > a").first.get_attribute("href")
    tab.goto("/shares/")
    link = tab.locator("code.address").first.text_content().removeprefix(base)
    tab.goto("/admin/generations/providerkey/")
    key = tab.locator("#result_list tbody a").first.get_attribute("href").split("/")[-3]
    known = {"shot": shot, "failed": failed, "link": link, "key": key, "picks": picks}
    return {name: path.format(**known) for name, path in PAGES.items()}


@contextlib.contextmanager
def standing(data: Path, shots: int, clips: int) -> Iterator[Stand]:
    """A whole studio with `shots` seeded shots, and a browser."""
    from playwright.sync_api import sync_playwright

    with running_stack(data, STUDIO_OWNER_PASSWORD=PASSWORD, STUDIO_SANDBOX_SECONDS="2") as studio:
        studio.wait_until_ready()
        seed(studio, shots, clips)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=requirements.chromium_path(), args=QUIET)
            yield stand_of(studio, browser)
            browser.close()
        studio.stop()


def seed(studio: RunningStudio, shots: int, clips: int) -> None:
    command = [sys.executable, "manage.py", "seed", "--shots", str(shots), "--clips", str(clips)]
    subprocess.run(command, cwd=ROOT, env={**studio.env, "STUDIO_OWNER_PASSWORD": PASSWORD}, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip


def stand_of(studio: RunningStudio, browser: Any) -> Stand:
    context = browser.new_context(base_url=studio.url, viewport=DESKTOP)
    tab = context.new_page()
    sign_in(tab)
    found = Stand(studio, browser, addresses(tab, studio.url) | OUTSIDE, context.storage_state())
    context.close()
    return found


def percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def median(values: list[float]) -> float:
    return float(statistics.median(values))


def wait(tab: Any, script: str, seconds: float = 30, what: str = "") -> Any:
    """The first true value of a script in the page: Playwright's own wait evaluates text, which the policy forbids."""
    found: Callable[[], Any] = lambda: tab.evaluate(script)  # noqa: E731
    return until(found, seconds, what or script)
