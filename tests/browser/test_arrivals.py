"""What others start while one looks, in a real browser: the stream is played by the test, message by message."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations.models import Generation
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
        view = broadcast.look(team.pk)
        broadcast.draw_feed(view, team.pk)
        message = broadcast.whole(view).wire(1, column=True, shot=None)
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


def test_an_answer_that_comes_late_takes_no_card_back(
    tab_of: TabOf, team: Team, user: User, client_for: Callable[[User], Client]
) -> None:
    shot, other = make_shot(team, "submitted"), make_shot(team, "running")
    tab = tab_of(user)
    send = hears(tab, team, "/queue/")
    late = client_for(user).get("/queue/", headers={"HX-Request": "true"}).content.decode()
    Generation.objects.filter(pk=shot.pk).update(state="running", progress=40, updated_at=timezone.now())
    send()
    tab.get_by_text("Rendering 40%").wait_for()
    tab.route("**/queue/", lambda route: route.fulfill(body=late.replace("Rendering", "Rendered anew")))
    tab.evaluate("htmx.ajax('GET', '/queue/', {target: '#queue-list', swap: 'innerMorph'}).then(() => true)")
    assert "Rendered anew" in tab.locator(f"#job-{other.pk}").inner_text(), "what is as new is drawn"
    assert tab.locator(f"#job-{shot.pk}").get_attribute("data-state") == "running"
    assert "Rendering 40%" in tab.locator(f"#job-{shot.pk}").inner_text()
