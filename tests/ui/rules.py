"""Goals 11, 12, 13 and 20: rules that every page keeps, in both themes and at every size."""

import re
from collections.abc import Iterator
from typing import Any

from tests.test_templates import BANNED, TEMPLATES

from .goals import Measure
from .stand import QUIET, Stand

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAINT = "theme => { document.documentElement.dataset.theme = theme; }"
SIDEWAYS = "() => Math.max(0, document.documentElement.scrollWidth - innerWidth)"
# Where the focus is, whether it is on the screen at all, and whether anything of it can be seen at nine points of it.
SEEN = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const box = at.getBoundingClientRect(), label = (at.labels?.[0] ?? at).getBoundingClientRect();
  const area = box.width > 2 && box.height > 2 ? box : label;
  let seen = 0;
  for (const x of [.1, .5, .9]) for (const y of [.1, .5, .9]) {
    const hit = document.elementFromPoint(area.left + area.width * x, area.top + area.height * y);
    const near = [at, at.closest("label"), at.parentElement];
    if (hit && (hit.contains(at) || near.some((one) => one?.contains(hit)))) seen++;
  }
  return { seen, name: at.outerHTML.slice(0, 120) };
}"""


def broken(tab: Any, theme: str) -> list[str]:
    """Broken rules as sentences: colours are measured as they are at this moment, so nothing may fade.

    Without `preload` axe brings no style of its own, which the policy would refuse.
    """
    from axe_playwright_python.sync_playwright import Axe

    tab.evaluate(PAINT, theme)
    tab.wait_for_timeout(500 if "/admin/" in tab.url else 60)  # the admin fades its colours, whatever one prefers
    found = Axe().run(tab, options={"runOnly": RULES, "preload": False}).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]


def visits(stand: Stand, size: str, **options: Any) -> Iterator[tuple[str, Any]]:
    """Every page in a tab of that size, those for people outside in a browser of their own."""
    for inside in (True, False):
        with stand.tab(size, signed_in=inside, reduced_motion="reduce", **options) as tab:
            for name, path in stand.pages.items():
                if stand.outside(name) != inside:
                    tab.goto(path)
                    yield name, tab


def axe(stand: Stand) -> list[Measure]:
    found, pages = [], 0
    for size in ("desktop", "phone"):
        for name, tab in visits(stand, size):
            pages += 1
            for theme in ("dark", "light"):
                found += [f"{name} {size} {theme}, {words}" for words in broken(tab, theme)]
    note = f"{pages} pages at one size each, in two themes" if not found else " / ".join(found[:6])
    return [Measure(11, "violations", len(found), 0, "", note)]


def focus(stand: Stand) -> list[Measure]:
    """Goal 12: Tab through every page of a screen that is small enough for bars to be in the way."""
    covered, wide = [], []
    for name, tab in visits(stand, "desktop"):
        tab.set_viewport_size({"width": 1440, "height": 600})
        covered += [f"{name}: {words}" for words in tabbed(tab)]
    for name, tab in visits(stand, "phone"):
        tab.set_viewport_size({"width": 320, "height": 700})
        if over := tab.evaluate(SIDEWAYS):
            wide.append(f"{name} by {over} px")
    return [
        Measure(12, "stops of Tab that are covered", len(covered), 0, "", " / ".join(covered[:4])),
        Measure(12, "pages that scroll sideways at 320 px", len(wide), 0, "", ", ".join(wide)),
    ]


def tabbed(tab: Any, most: int = 60) -> list[str]:
    """The stops of Tab of which nothing can be seen."""
    found = []
    for _ in range(most):
        tab.keyboard.press("Tab")
        at = tab.evaluate(SEEN)
        for _ in range(10):  # a link that shows itself when it has the focus needs a frame, which may be late
            if at is None or at["seen"]:
                break
            tab.wait_for_timeout(100)
            at = tab.evaluate(SEEN)
        if at is None:
            break
        if not at["seen"]:
            found.append(str(at["name"]))
    return found


def policy(stand: Stand) -> list[Measure]:
    """Goal 13. A page that does not exist says so in the console, and is meant to."""
    before = len(stand.problems)
    for _ in visits(stand, "desktop"):
        pass
    meant = re.compile(r"status of 40[34]|/nothing")
    problems = [words for words in stand.problems[before:] if not meant.search(words)]
    lint = [f"{path.name}: {why}" for path in TEMPLATES for why, pattern in BANNED.items()
            if re.search(pattern, path.read_text(), re.IGNORECASE)]  # fmt: skip
    return [
        Measure(13, "policy violations and console errors", len(problems), 0, "", " / ".join(problems[:4])),
        Measure(13, "template lint", len(lint), 0, "", " / ".join(lint[:4])),
    ]


def zoom(stand: Stand) -> list[Measure]:
    """Goal 20: at 200 % zoom a window has half as many pixels of twice the size; a font of 32 pixels is the browser's own."""
    from tests import requirements

    wide = []
    for name, tab in visits(stand, "desktop", device_scale_factor=2):
        tab.set_viewport_size({"width": 720, "height": 450})
        if over := tab.evaluate(SIDEWAYS):
            wide.append(f"{name} by {over} px")
    options = [*QUIET, "--blink-settings=defaultFontSize=32,defaultFixedFontSize=26"]
    ours, large = stand.browser, stand.browser.browser_type.launch(
        executable_path=requirements.chromium_path(), args=options)  # fmt: skip
    stand.browser = large
    big = []
    for name, tab in visits(stand, "desktop"):
        if over := tab.evaluate(SIDEWAYS):
            big.append(f"{name} by {over} px")
    stand.browser = ours
    large.close()
    return [
        Measure(20, "pages that scroll sideways at 200 % zoom", len(wide), 0, "", ", ".join(wide)),
        Measure(20, "pages that scroll sideways with a font of 32 px", len(big), 0, "", ", ".join(big)),
    ]
