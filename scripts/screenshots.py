"""`make screenshots`: a studio in a temporary folder, filled by `manage.py seed`, and a picture of each page.

Writes docs/screens/all/ (every page, both themes, two sizes; not committed) and docs/screens/*.webp (what README shows).
"""

import re
import shutil
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from bench import common

OUT = common.ROOT / "docs" / "screens"
PASSWORD = "a long enough pass phrase"  # noqa: S105  (of a studio that lives for two minutes)
PROMPT = "Keeper in a yellow raincoat on the causeway, lighthouse ahead, fog at first light. 35 mm, slow dolly in."
NEWEST = [  # rendered by the sandbox after the demonstration shots, so that Create opens with pictures
    (
        "A lone figure with an umbrella in neon rain, out-of-focus signs, tracking from behind.",
        "--model aiid-veo3.1-fast",
    ),
    (PROMPT, "--model apertis-veo3.1-fast --takes 4"),
]
SHOTS = 120  # enough for every page; the gallery shows 24 at once
PAGES = {
    "create": "/", "gallery": "/gallery/", "mine": "/gallery/?person=1", "bin": "/gallery/bin/", "queue": "/queue/",
    "collections": "/collections/", "unknown": "/unknown/", "models": "/models/", "cast": "/cast/", "prompts": "/prompts/",
    "prompt-history": "/prompts/history/", "team": "/team/", "links": "/shares/", "shot": "{shot}", "failed": "{failed}",
    "share": "{shot}share/", "watch": "{link}", "missing": "/nothing-here/", "admin": "/admin/",
    "admin-keys": "/admin/generations/providerkey/", "admin-shots": "/admin/generations/generation/",
}  # fmt: skip
BEFORE = {
    "sign-in": "/accounts/login/",
    "sign-up": "/accounts/signup/",
    "dead-link": "/s/nothing/",
    "dead-invitation": "/join/x/",
}


def fill(env: dict[str, str]) -> None:
    import subprocess

    env["STUDIO_OWNER_PASSWORD"] = PASSWORD
    command = [sys.executable, "manage.py", "seed", "--shots", str(SHOTS)]
    subprocess.run(command, cwd=common.ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    for words, more in NEWEST:
        command = [sys.executable, "manage.py", "generate", words, "--wait", *more.split()]
        subprocess.run(command, cwd=common.ROOT, env=env, check=True, stdout=subprocess.DEVNULL)


def _addresses(tab: Any, base: str) -> dict[str, str]:
    """Pages whose address only the studio knows: a finished shot, a failed one, a link."""
    tab.goto(f"{base}/gallery/")
    shot = tab.locator("#grid a[href^='/shots/']").first.get_attribute("href")
    tab.goto(f"{base}/gallery/?show=failed")
    failed = tab.locator("#grid a[href^='/shots/']").first.get_attribute("href")
    tab.goto(f"{base}/shares/")
    link = tab.locator("code.address").first.text_content().removeprefix(base)
    return {"shot": shot, "failed": failed, "link": link}


def photograph(base: str) -> None:
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update"]  # fmt: skip
    everything = OUT / "all"
    everything.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium") or "chromium", args=quiet)
        for width, height in ((1440, 900), (390, 844)):
            tab = browser.new_context(viewport={"width": width, "height": height}).new_page()
            _both_themes(tab, base, BEFORE, everything, width)
            _sign_in(tab, base)
            known = _addresses(tab, base)
            pages = {name: path.format(**known) for name, path in PAGES.items()}
            _both_themes(tab, base, pages, everything, width)
        browser.close()


def _both_themes(tab: Any, base: str, pages: dict[str, str], folder: Path, width: int) -> None:
    for theme in ("dark", "light"):
        for name, path in pages.items():
            tab.goto(base + path)
            tab.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            if name == "create":
                tab.locator("#prompt").fill(PROMPT)
            time.sleep(1)
            tab.screenshot(path=folder / f"{name}-{theme}-{width}.png")


def _sign_in(tab: Any, base: str) -> None:
    tab.goto(f"{base}/accounts/login/")
    tab.get_by_label("E-mail").fill("ines@example.org")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_selector("#composer")


def keep() -> None:
    from PIL import Image

    for name in ("create-dark-1440", "gallery-dark-1440", "shot-dark-1440", "create-dark-390"):
        with Image.open(OUT / "all" / f"{name}.png") as picture:
            picture.convert("RGB").save(OUT / f"{re.sub('-dark', '', name)}.webp", quality=82, method=6)


def main() -> None:
    env, data = common.studio_env(STUDIO_SANDBOX_SECONDS="2")
    base = f"http://127.0.0.1:{env['STUDIO_PORT']}"
    with common.process(sys.executable, "manage.py", "run", env=env, log=data / "run.log"):
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{base}/healthz", timeout=1)  # noqa: S310  (our own address)
                break
            except OSError:
                time.sleep(0.2)
        fill(env)
        photograph(base)
    keep()
    shutil.rmtree(data, ignore_errors=True)
    print(f"Pictures are in {OUT.relative_to(Path.cwd()) if OUT.is_relative_to(Path.cwd()) else OUT}")


if __name__ == "__main__":
    main()
