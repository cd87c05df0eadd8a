"""The link to the unknown outcomes comes and goes by itself, on whatever page one is."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.faults import studios
from tests.stack import RunningStudio, until

pytestmark = [pytest.mark.browser, pytest.mark.processes]


@pytest.mark.parametrize(("width", "words"), [(1440, "Unknown"), (390, "1 unknown")])
def test_a_doubt_shows_itself_in_the_navigation_without_a_reload(
    width: int, words: str, browser: Any, running_studio: RunningStudio
) -> None:
    person = studios.Person(running_studio, f"unknown-{width}@example.org")
    context = browser.new_context(viewport={"width": width, "height": 844})
    host = urlsplit(running_studio.url).hostname
    context.add_cookies([
        {"name": name, "value": value, "domain": host, "path": "/"} for name, value in person.client.cookies.items()
    ])  # fmt: skip
    page = context.new_page()
    page.goto(f"{running_studio.url}/gallery/")
    links = page.locator('a[href="/unknown/"]')
    assert links.count() == 2, "in the rail and at the top"

    def shown() -> list[str]:
        return [link.inner_text() for link in links.all() if link.is_visible()]

    assert shown() == []
    token = person.press_until_taken("A boat [[500]]")
    assert studios.ended(running_studio, token).state == "unknown"
    until(shown, 20, "the link")
    assert len(shown()) == 1
    assert words in shown()[0]
    context.close()
