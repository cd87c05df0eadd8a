"""Goals 6 to 10: what happens while one looks at it and works with it."""

import datetime as dt
import time
from typing import Any

from . import jobs
from .goals import Measure
from .stand import Stand, median, percentile, slow_down, wait

LOOKED_AT = (("create", 60), ("gallery", 15), ("queue", 15))  # seconds on each page while jobs stream in
EVERY = 4.0  # seconds between two jobs
PRESSES, HOVERS = 15, 10
SHIFT = """() => {
  window.shifted = { sum: 0, what: [] };
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) {
    window.shifted.sum += entry.value;
    window.shifted.what.push(...entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? node?.nodeName));
  } }).observe({ type: "layout-shift", buffered: true });
}"""
# A frame is painted when a message that was sent from its animation frame arrives.
CARDS = """() => {
  const seen = new Map();
  const painted = (then) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = then;
    port2.postMessage(0);
  });
  window.cards = [];
  const look = () => { for (const card of document.querySelectorAll("#queue-list .job[data-generation-id]")) {
    const { generationId: id, state } = card.dataset;
    if (seen.get(id) === state) continue;
    seen.set(id, state);
    painted(() => window.cards.push({ id: Number(id), state, at: performance.timeOrigin + performance.now() }));
  } };
  look();
  new MutationObserver(look).observe(document.querySelector("#queue-list"), { childList: true, subtree: true, attributes: true });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === "Enter") window.pressed = performance.timeOrigin + event.timeStamp;
  }, true);
}"""
PREVIEWS = """() => {
  window.hovers = [];
  let began = 0, tile = null;
  addEventListener("pointerover", (event) => {
    const now = event.target.closest("[data-preview]");
    if (now !== tile) { tile = now; began = event.timeStamp; }
  }, true);
  addEventListener("playing", (event) => {
    if (event.target.matches("[data-preview] video")) window.hovers.push(performance.now() - began);
  }, true);
}"""
SLOW = """() => {
  window.slow = { most: 0, what: "" };
  const note = (entry) => {
    if (!entry.interactionId || entry.duration <= window.slow.most) return;
    const { id, className, nodeName } = entry.target ?? {};
    window.slow = { most: entry.duration, what: `${entry.name} on ${id || className || nodeName || "something that has gone"}` };
  };
  const watch = new PerformanceObserver((list) => list.getEntries().forEach(note));
  watch.observe({ type: "event", durationThreshold: 16, buffered: true });
}"""


def shift(stand: Stand) -> list[Measure]:
    found, what = {}, []
    for name, seconds in LOOKED_AT:
        with stand.tab() as tab:
            tab.goto(stand.pages[name])
            tab.evaluate(SHIFT)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                jobs.press(stand, tab)
                tab.wait_for_timeout(EVERY * 1000)
            seen = tab.evaluate("window.shifted")
            found[name], what = seen["sum"], what + seen["what"]
    for name in ("shot", "models", "public link"):
        with stand.tab(signed_in=not stand.outside(name)) as tab:
            tab.goto(stand.pages[name])
            tab.evaluate(SHIFT)
            tab.wait_for_timeout(1500)
            found[name] = tab.evaluate("window.shifted.sum")
    worst = max(found, key=found.__getitem__)
    note = ", ".join(f"{name} {value:.4f}" for name, value in found.items()) + (
        "; " + " / ".join(what[:3]) if what else ""
    )
    return [Measure(6, f"the most, {worst}", round(found[worst], 4), 0.01, "", note)]


def commit(stand: Stand) -> list[Measure]:
    """Goal 8: from the time in the event log, which is written before its commit, to the frame with that state."""
    with stand.tab() as tab:
        tab.goto(f"/?model={jobs.MODEL}")
        tab.wait_for_timeout(1500)
        tab.evaluate(CARDS)
        tab.wait_for_timeout(500)  # what is there counts as known once it is painted
        known = _cards(tab)
        for number in range(PRESSES):
            tab.locator("#prompt").fill(f"A boat goes out, number {number} {jobs.SMALL}")
            tab.keyboard.press("Control+Enter")
            tab.wait_for_timeout(700)
        new = sorted(_cards(tab) - known)
        for pk in new:
            jobs.over(stand, pk)
        tab.wait_for_timeout(1000)
        painted = {(card["id"], card["state"]): card["at"] for card in tab.evaluate("window.cards")}
    values = []
    for pk in new:
        events = jobs.ask(stand, "SELECT to_state, at FROM generations_event WHERE generation_id = ?"
                                 " AND to_state != 'queued' AND from_state != to_state", pk)  # fmt: skip
        values += [painted[pk, state] - _epoch(at) for state, at in events if (pk, state) in painted]
    note = f"{len(values)} states of {len(new)} jobs; the most {max(values):.0f} ms"
    return [
        Measure(8, "median", round(median(values)), 60, "ms", note),
        Measure(8, "p95", round(percentile(values, 0.95)), 150, "ms"),
    ]


def _cards(tab: Any) -> set[int]:
    return {card["id"] for card in tab.evaluate("window.cards")}


def _epoch(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1000


def submit(stand: Stand) -> list[Measure]:
    values = []
    with stand.tab() as tab:
        tab.goto(f"/?model={jobs.MODEL}")
        tab.wait_for_timeout(1500)
        tab.evaluate(CARDS)
        for number in range(PRESSES):
            tab.locator("#prompt").fill(f"A boat, number {number} {jobs.SMALL}")
            known = {card["id"] for card in tab.evaluate("window.cards")}
            tab.keyboard.press("Control+Enter")
            wait(tab, f"window.cards.some((card) => card.id > {max(known, default=0)})", 20, "the card of a new job")
            new = [card["at"] for card in tab.evaluate("window.cards") if card["id"] not in known]
            values.append(min(new) - tab.evaluate("window.pressed"))
            tab.wait_for_timeout(600)
    return [
        Measure(
            9, "p95", round(percentile(values, 0.95)), 300, "ms", f"{PRESSES} presses, median {median(values):.0f} ms"
        )
    ]


def preview(stand: Stand) -> list[Measure]:
    left = 0
    with stand.tab() as tab:
        tab.goto("/gallery/")
        tab.wait_for_timeout(500)
        tab.evaluate(PREVIEWS)
        tiles = tab.locator("#grid .shot[data-preview]")
        for at in range(HOVERS):
            tab.locator("h1").hover()
            tiles.nth(at).hover()
            wait(tab, f"window.hovers.length > {at}", 20, "a preview that plays")
        tab.locator("h1").hover()
        tab.wait_for_timeout(200)
        left = tab.evaluate("document.querySelectorAll('#grid video').length")
        values = tab.evaluate("window.hovers")
    return [
        Measure(
            10, "p95", round(percentile(values, 0.95)), 400, "ms", f"{HOVERS} tiles, median {median(values):.0f} ms"
        ),
        Measure(10, "films left", left, 0, ""),
    ]


def interactions(stand: Stand) -> list[Measure]:
    found = []
    for size, limit in (("desktop", 150), ("phone", 200)):
        worst, what = 0.0, ""
        for task in (_compose, _browse, _watch):
            with stand.tab(size) as tab:
                if size == "phone":
                    slow_down(tab)
                task(tab, stand, size)
                tab.wait_for_timeout(500)
                seen = tab.evaluate("window.slow")
                if seen["most"] > worst:
                    worst, what = seen["most"], f"{task.__name__.strip('_')}: {seen['what']}"
        found.append(Measure(7, size, worst, limit, "ms", what))
    return found


def _ready(tab: Any, path: str) -> None:
    tab.goto(path)
    tab.wait_for_timeout(1000)
    tab.evaluate(SLOW)


def _compose(tab: Any, stand: Stand, size: str) -> None:
    _ready(tab, f"/?model={jobs.MODEL}")
    tab.locator("#prompt").click()
    tab.keyboard.type("A lamp in the window, slow push in", delay=15)
    tab.keyboard.press("Control+Enter")
    tab.wait_for_timeout(800)
    _theme(tab)


def _theme(tab: Any) -> None:
    tab.locator("header .avatar").click()
    for value in ("light", "dark"):
        tab.locator(f"#account-menu button[value={value}]").click()
        tab.wait_for_timeout(400)
    tab.keyboard.press("Escape")


def _browse(tab: Any, stand: Stand, size: str) -> None:
    _ready(tab, "/gallery/")
    for at in (0, 1):
        tab.locator("#grid .shot .pick input").nth(at).check(force=True)
    tab.locator("#unpick").click()
    tab.locator("#q").click()
    tab.keyboard.type("neon", delay=30)
    tab.wait_for_timeout(800)
    tab.get_by_label("Ratio", exact=True).select_option("9:16")
    tab.wait_for_timeout(800)
    tab.get_by_role("button", name="Filters").click()
    tab.keyboard.press("Escape")
    if size == "desktop":
        tab.keyboard.press("Control+k")
        tab.wait_for_timeout(500)
        tab.keyboard.type("light", delay=30)
        tab.wait_for_timeout(400)
        tab.keyboard.press("Escape")


def _watch(tab: Any, stand: Stand, size: str) -> None:
    _ready(tab, stand.pages["shot"])
    tab.locator("[data-do=play]").click()
    tab.wait_for_timeout(600)
    for verb in ("play", "loop", "mute"):
        button = tab.locator(f"[data-do={verb}]")
        if button.count():
            button.click()
    tab.locator("studio-player .seek").focus()
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
    favourite = tab.locator("[id^=fav-shot]")
    for _ in range(2):
        favourite.click()
        tab.wait_for_timeout(300)
