"""What others start while one looks, in a real browser: the stream is played by the test, message by message."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Team, User
from generations.views import broadcast, feed
from tests.shots import make_shot

from .conftest import TabOf

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def hears(tab: Any, team: Team, path: str) -> Callable[[], None]:
    """Opens the page; what comes back sends it what the team's pages show at that moment."""
    waiting: list[Any] = []
    tab.route("**/events/**", lambda route: waiting.append(route))
    with tab.expect_request("**/events/**"):
        tab.goto(path)
    tab.evaluate("import(document.querySelector('#queue').dataset.later).then(() => true)")

    def send() -> None:
        message = broadcast.whole(broadcast.look(team.pk)).wire(1, column=True, shot=None)
        waiting.pop(0).fulfill(content_type="text/event-stream", body=message.decode())

    return send


def test_results_are_never_only_hidden_ones(tab_of: TabOf, team: Team, user: User, member: User) -> None:
    old, tab = make_shot(team), tab_of(user)
    send = hears(tab, team, "/")
    new = [make_shot(team, created_by=member) for _ in range(feed.MOST_GROUPS)]
    send()
    tab.locator(f"#take-{old.pk}").wait_for(state="detached")
    for shot in new:
        tab.locator(f"#take-{shot.pk}").wait_for()
    assert tab.locator("#feed-new").is_hidden()


def test_after_the_press_for_new_cards_the_focus_is_on_the_first(
    tab_of: TabOf, team: Team, user: User, member: User
) -> None:
    make_shot(team, "queued")
    tab = tab_of(user)
    send = hears(tab, team, "/queue/")
    new = make_shot(team, "queued", created_by=member)
    send()
    tab.locator("#queue-new").press("Enter")
    tab.locator(f"#job-link-{new.pk}:focus").wait_for()
