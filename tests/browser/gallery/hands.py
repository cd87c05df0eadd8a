"""What the tests of the gallery look at and point to."""

from typing import Any

SHOTS = 8
TILE = "#grid .shot"
PAGES = (
    "/gallery/",
    "/gallery/bin/",
    "/shots/1/",
    "/gallery/compare/?pick=1&pick=5",
    "/gallery/share/?pick=1&pick=5",
    "/palette/?q=light",
)


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.closest('.shot')?.id ?? document.activeElement.id"))


def tiles(page: Any) -> list[str]:
    return list(page.evaluate(f"[...document.querySelectorAll('{TILE}')].map(tile => tile.id)"))


def address(page: Any) -> str:
    """Asked in the page: Playwright's own `url` only changes while something else is asked."""
    return str(page.evaluate("location.pathname + location.search"))


def to_the_first_tile(page: Any) -> None:
    page.locator(f"{TILE} > a").first.focus()
