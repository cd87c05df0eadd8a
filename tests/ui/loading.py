"""Goals 1 to 5: what a first visit loads, and how soon it shows."""

from dataclasses import dataclass, field
from typing import Any

from .goals import Measure
from .stand import Stand, median, slow_down

ROUNDS = 5
WATCHED = ("create", "gallery", "shot", "public link")
PICTURES = ("Image", "Media")
PAINTS = """() => new Promise((resolve) => {
  const found = { fcp: 0, lcp: 0 };
  const seen = (note) => new PerformanceObserver((list) => list.getEntries().forEach(note));
  const watch = (type, note) => seen(note).observe({ type, buffered: true });
  watch("paint", (entry) => { if (entry.name === "first-contentful-paint") found.fcp = entry.startTime; });
  watch("largest-contentful-paint", (entry) => { found.lcp = entry.startTime; });
  setTimeout(() => resolve(found), 700);
})"""


@dataclass
class Loaded:
    """Bytes on the wire by kind, and the requests that began before `load`."""

    size: dict[str, float] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    fonts: int = 0

    def kilobytes(self, kind: str) -> float:
        return round(self.size.get(kind, 0) / 1000, 1)


def load(stand: Stand, name: str) -> Loaded:
    """One visit with an empty cache, as CDP counts it: gzip, because the goals are given in gzip."""
    found, kinds = Loaded(), {}
    headers = {"Accept-Encoding": "gzip"}
    with stand.tab(signed_in=not stand.outside(name), extra_http_headers=headers) as tab:
        cdp = tab.context.new_cdp_session(tab)
        cdp.send("Network.enable")
        cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})

        def began(event: Any) -> None:
            kinds[event["requestId"]] = event["type"]
            if event["type"] not in PICTURES and not event["request"]["url"].startswith(("data:", "blob:")):
                found.requests.append(event["request"]["url"])

        def ended(event: Any) -> None:
            kind = kinds.get(event["requestId"], "")
            found.size[kind] = found.size.get(kind, 0) + event["encodedDataLength"]
            found.fonts += kind == "Font"

        cdp.on("Network.requestWillBeSent", began)
        cdp.on("Network.loadingFinished", ended)
        tab.goto(stand.pages[name])
        before = list(found.requests)
        tab.wait_for_timeout(400)  # what comes right after `load` is counted in bytes, too
        found.requests = before
    return found


def sizes(stand: Stand) -> list[Measure]:
    """Goals 1, 2 and 3 of every page; only the heaviest is a number, the rest is its note."""
    loaded = {name: load(stand, name) for name in stand.pages}
    ours = {name: one for name, one in loaded.items() if not name.startswith("admin")}
    host = stand.studio.url
    foreign = [url for one in loaded.values() for url in one.requests if not url.startswith(host)]

    def worst(goal: int, what: str, of: Any, limit: float, unit: str) -> Measure:
        name = max(ours, key=lambda name: of(ours[name]))
        return Measure(goal, what, of(ours[name]), limit, unit, f"the most: {name}")

    return [
        worst(1, "JS of the heaviest page", lambda one: one.kilobytes("Script"), 32, "KB"),
        Measure(1, "JS of the public page", loaded["public link"].kilobytes("Script"), 15, "KB"),
        worst(2, "CSS", lambda one: one.kilobytes("Stylesheet"), 20, "KB"),
        worst(2, "fonts", lambda one: one.kilobytes("Font"), 62, "KB"),
        worst(2, "font files", lambda one: one.fonts, 1, ""),
        worst(2, "HTML", lambda one: one.kilobytes("Document"), 20, "KB"),
        worst(3, "requests before load", lambda one: len(one.requests), 10, ""),
        Measure(3, "requests to third parties", len(foreign), 0, "", ", ".join(foreign[:3])),
    ]  # fmt: skip


def paints(stand: Stand) -> list[Measure]:
    """Goals 4 and 5: each round is a new browser context, so nothing is kept from the one before."""
    found = []
    limits = {"desktop": (0.6, 0.8), "phone": (1.2, 1.8)}
    for size, (first, largest) in limits.items():
        rounds = {name: [_paint(stand, name, size) for _ in range(ROUNDS)] for name in WATCHED}
        for goal, key, limit in ((4, "fcp", first), (5, "lcp", largest)):
            values = {name: median([one[key] for one in each]) / 1000 for name, each in rounds.items()}
            name = max(values, key=values.__getitem__)
            note = ", ".join(f"{page} {value:.2f}" for page, value in values.items())
            found.append(Measure(goal, size, round(values[name], 3), limit, "s", note))
    return found


def _paint(stand: Stand, name: str, size: str) -> dict[str, float]:
    with stand.tab(size, signed_in=not stand.outside(name)) as tab:
        if size == "phone":
            slow_down(tab)
        tab.goto(stand.pages[name])
        return dict(tab.evaluate(PAINTS))
