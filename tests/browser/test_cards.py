"""The cards of the queue in a real browser: what ends while one looks does not move what one looks at."""

from typing import Any

import pytest

from accounts.models import Team, User
from generations.states import State
from generations.views import job_cards
from tests.shots import make_shot

from .conftest import TabOf

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DRAWN = """html => {
  const list = document.querySelector("#queue-list");
  list.innerHTML = html;
  return [...list.querySelectorAll(".job")].map(card => [card.dataset.state, card.getBoundingClientRect().height]);
}"""
ON_ITS_WAY = [State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.RUNNING, State.SUCCEEDED, State.ARCHIVING]
SIZES: list[dict[str, Any]] = [
    {"viewport": {"width": 1440, "height": 900}},
    {"viewport": {"width": 390, "height": 844}, "has_touch": True},
]


@pytest.mark.parametrize("size", SIZES, ids=["desktop", "phone"])
def test_a_card_keeps_its_height_from_waiting_to_ready(tab_of: TabOf, team: Team, user: User, size: Any) -> None:
    words = "A boat leaves the harbour, gulls over its wake, seen from the end of the pier at first light"
    shots = [make_shot(team, state, prompt=words) for state in (*ON_ITS_WAY, State.DONE, State.CANCELLED)]
    cards = "".join(job_cards.draw(shot, user) for shot in shots)
    tab = tab_of(user, **size)
    tab.goto("/queue/")
    high = dict(tab.evaluate(DRAWN, cards))
    assert set(high) == {shot.state for shot in shots}
    assert len(set(high.values())) == 1, high


def test_a_card_of_the_finished_is_only_as_high_as_its_picture(tab_of: TabOf, team: Team, user: User) -> None:
    done = job_cards.draw(make_shot(team), user)
    tab = tab_of(user)
    tab.goto("/queue/")
    [(_, while_one_looks)] = tab.evaluate(DRAWN, done)
    [(_, later)] = tab.evaluate(DRAWN, f'<li class="queue__label" id="queue-finished">Finished</li>{done}')
    assert later < while_one_looks
    assert not tab.locator(".job__after").is_visible()
