"""The page of unknown outcomes: everything that a decision needs, for the team alone, and a reminder every day."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations import lifecycle, tasks
from generations.models import Attempt, Breaker, Event, Evidence, Generation, ProviderKey
from generations.views import cards
from generations.views import unknown as page

from ..shots import make_key, make_shot
from ..test_queue import HTMX, words_of

Login = Callable[[User], Client]


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)


@pytest.fixture
def listing(team: Team) -> ProviderKey:
    return make_key(team, sandbox=False, provider="openai", label="Main account")


def doubtful(team: Team, hours: float = 1, **fields: Any) -> Generation:
    """An unknown shot with its attempt and its log."""
    given = {"unknown_phase": "submit", "charged": "unknown", "message": "The line broke."}
    shot = make_shot(team, "unknown", **given | fields)
    then = timezone.now() - dt.timedelta(hours=hours)
    Event.objects.create(generation=shot, from_state="submitting", to_state="unknown", at=then)
    Attempt.objects.create(generation=shot, n=1, state=Attempt.UNKNOWN, escrow=f"e{shot.pk}", started_at=then,
                           request_hash="ab" * 32, http_status=502)  # fmt: skip
    return shot


def sora(team: Team, key: ProviderKey, **fields: Any) -> Generation:
    params = {"size": "1280x720", "seconds": "8", "input_reference": []}
    return doubtful(team, **{"model": "openai-sora-2", "params": params, "provider_key": key, **fields})


def test_the_page_says_what_was_sent_when_to_whom_and_what_it_may_have_cost(
    team: Team, user: User, client_for: Login, listing: ProviderKey
) -> None:
    shot = sora(
        team, listing, prompt="A boat <b>leaves</b>", price_amount="0.8", price_kind="flat", price_words="a take"
    )
    Evidence.objects.create(generation=shot, words="The list shows 12 renders.")
    html = client_for(user).get("/unknown/").content.decode()
    words = words_of(html)
    for fact in ("Sora 2", "Size 1280x720", "Length 8 s", "Sent ", "To OpenAI", "Main account, ending in 1234",
                 "SHA-256 abababababababab…", "HTTP 502", "May have cost $0.80", "The list shows 12 renders.",
                 "The line broke.", "1 waits for a person", "Look again now, free"):  # fmt: skip
        assert fact in words, fact
    assert "A boat &lt;b&gt;leaves&lt;/b&gt;" in html
    for answer in ("adopt", "release", "send-again"):
        assert f'value="{answer}"' in html
    assert "sk-very-secret" not in html


@pytest.mark.parametrize(
    ("fields", "sandbox", "words"),
    [({}, True, "Sandbox: nothing is charged"), ({}, False, "Price not published"),
     ({"price_words": "by the token"}, False, "by the token"), ({"price_amount": "1.5"}, False, "$1.50")],
)  # fmt: skip
def test_an_unknown_price_is_never_nothing(
    team: Team, user: User, fields: dict[str, Any], sandbox: bool, words: str
) -> None:
    shot = doubtful(team, provider_key=make_key(team, sandbox=sandbox), **fields)
    shot.refresh_from_db()
    assert page.may_have_cost(shot) == words


def test_the_oldest_come_first_and_every_id_is_used_once(
    team: Team, user: User, client_for: Login, listing: ProviderKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    monkeypatch.setattr(page, "MOST", 3)
    shots = {hours: doubtful(team, hours) for hours in (5, 50, 1, 20)}
    html = client_for(user).get("/unknown/").content.decode()
    assert re.findall(r'id="shot-(\d+)"', html) == [str(shots[hours].pk) for hours in (50, 20, 5)]
    assert "and 1 more" in words_of(html)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert sorted(ids) == sorted(set(ids))


def test_two_outcomes_are_not_two_regions_of_one_name(team: Team, user: User, client_for: Login) -> None:
    for _ in range(2):
        make_shot(team, "unknown", prompt="The same words twice")
    html = client_for(user).get("/unknown/").content.decode()
    assert html.count('class="resolve card"') == 2
    assert "<section" not in html


def test_the_page_is_for_the_team_alone(
    team: Team, user: User, member: User, stranger: User, client_for: Login
) -> None:
    doubtful(team, prompt="Only ours")
    assert Client().get("/unknown/").status_code == 302
    assert client_for(user).post("/unknown/").status_code == 405
    for person, shown in ((user, True), (member, True), (stranger, False)):
        answer = client_for(person).get("/unknown/")
        assert answer.status_code == 200
        assert ("Only ours" in answer.content.decode()) is shown
        assert ("Nothing is unknown" in words_of(answer.content.decode())) is not shown


def test_every_page_says_how_many_wait(team: Team, user: User, stranger: User, client_for: Login) -> None:
    """With none the badge says 0, and the style sheet takes the whole link away (tests/browser/test_unknown.py)."""

    def said(person: User) -> list[str]:
        return re.findall(r'data-unknown="(\d+)"', client_for(person).get("/gallery/").content.decode())

    assert said(user) == ["0", "0"], "in the rail and, for a narrow page, at the top"
    for _ in range(2):
        doubtful(team)
    assert said(user) == ["2", "2"]
    assert "2 outcomes to decide" in words_of(client_for(user).get("/gallery/").content.decode())
    assert said(stranger) == ["0", "0"]


def test_the_page_costs_the_same_for_many_as_for_few(
    team: Team, user: User, client_for: Login, listing: ProviderKey, django_assert_max_num_queries: Any
) -> None:
    client = client_for(user)
    for _ in range(12):
        Evidence.objects.create(generation=sora(team, listing), words="x")
    with django_assert_max_num_queries(12):
        assert client.get("/unknown/").status_code == 200


def test_a_safe_resend_needs_no_promise_to_pay_twice(
    team: Team, user: User, client_for: Login, listing: ProviderKey
) -> None:
    shot = sora(team, listing, safe_to_resend=True)
    client = client_for(user)
    for path in ("/unknown/", f"/shots/{shot.pk}/"):
        html = client.get(path).content.decode()
        assert "Safe: the provider's list does not contain it" in words_of(html)
        assert 'name="accept"' not in html
    assert client.post(f"/shots/{shot.pk}/resolve/", {"action": "send-again"}).status_code == 302
    shot.refresh_from_db()
    assert (shot.state, shot.charged) == ("queued", "no")


def test_a_page_that_was_safe_when_it_was_drawn_is_checked_again(
    team: Team, user: User, client_for: Login, listing: ProviderKey
) -> None:
    shot = sora(team, listing)
    answer = client_for(user).post(f"/shots/{shot.pk}/resolve/", {"action": "send-again"})
    assert answer.status_code == 422
    assert Generation.objects.get(pk=shot.pk).state == "unknown"


def test_looking_again_is_free_and_soon(team: Team, user: User, client_for: Login, listing: ProviderKey) -> None:
    later = timezone.now() + dt.timedelta(hours=5)
    shot = sora(team, listing, due_at=later, reconcile_tries=99)
    answer = client_for(user).post(f"/shots/{shot.pk}/check/", headers=HTMX)
    assert answer.status_code == 200
    assert "costs nothing" in answer.content.decode()
    assert lifecycle.lookups() == [listing.pk]


def test_looking_again_at_a_provider_that_is_silent_says_that_it_comes_later(
    team: Team, user: User, client_for: Login, listing: ProviderKey
) -> None:
    shot = sora(team, listing)
    Breaker.objects.create(key=listing, side=Breaker.READ, state=Breaker.OPEN, reason="The provider has failed.")
    answer = client_for(user).post(f"/shots/{shot.pk}/check/", headers=HTMX).content.decode()
    assert "The provider has failed. When it answers again, its list is looked into. That costs nothing." in answer


def test_evidence_is_on_the_page_of_the_shot_too(
    team: Team, user: User, client_for: Login, listing: ProviderKey
) -> None:
    shot = sora(team, listing)
    Evidence.objects.create(generation=shot, words="It is not among 7 renders.")
    words = words_of(client_for(user).get(f"/shots/{shot.pk}/").content.decode())
    assert "It is not among 7 renders." in words
    assert "SHA-256 abab" in words


# --- since when ------------------------------------------------------------------------------------------------------------
def test_the_card_says_since_when_it_waits_and_leads_to_all_of_them(team: Team, user: User, client_for: Login) -> None:
    shot = doubtful(team, 24 * 9)
    html = client_for(user).get(f"/shots/{shot.pk}/card/").content.decode()
    day = timezone.localtime(shot.events.get().at)
    assert f"waits since {day.day} {day:%B}" in words_of(html)
    assert f'href="/unknown/#shot-{shot.pk}"' in html


@pytest.mark.parametrize(("days", "words"), [(0, "since 1"), (1, "since yesterday, 1"), (3, ", 1"), (500, "20")])
def test_a_time_is_said_as_people_say_it(days: int, words: str) -> None:
    noon = timezone.localtime().replace(hour=12, minute=0) - dt.timedelta(days=days)
    assert words in cards.since_words(noon)


def test_once_a_day_the_log_says_that_it_still_waits(team: Team, user: User) -> None:
    old, fresh, ended = doubtful(team, 25), doubtful(team, 23), make_shot(team, "failed")
    Event.objects.create(
        generation=ended, from_state="running", to_state="failed", at=timezone.now() - dt.timedelta(days=5)
    )
    tasks.watchdog()
    tasks.watchdog()
    assert [event.why for event in old.events.all()][1:] == ["still waiting for a person to decide"]
    assert [shot.events.count() for shot in (fresh, ended)] == [1, 1]
    Event.objects.filter(generation=old).update(at=timezone.now() - dt.timedelta(hours=24, seconds=1))
    assert lifecycle.remind() == 1
    old.refresh_from_db()
    assert old.state == "unknown", "no timer turns it into anything else"


# --- cancelling says the truth before the click ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("state", "fields", "sandbox", "words"),
    [
        ("queued", {}, False, "Not sent yet: cancelling is free."),
        ("queued", {"charged": "unknown"}, False, "The first request may still be billed."),
        ("submitting", {}, False, "It is just being sent, so it cannot be cancelled."),
        ("submitted", {}, False, "Already sent and billed, so it cannot be cancelled."),
        ("running", {}, False, "Already sent and billed, so it cannot be cancelled."),
        ("running", {}, True, "Already sent, so it cannot be cancelled. It is free."),
    ],
)
def test_the_card_says_what_cancelling_means(
    team: Team, user: User, client_for: Login, state: str, fields: dict[str, Any], sandbox: bool, words: str
) -> None:
    shot = make_shot(team, state, provider_key=make_key(team, sandbox=sandbox), **fields)
    for path in (f"/shots/{shot.pk}/card/", f"/shots/{shot.pk}/"):
        html = client_for(user).get(path).content.decode()
        assert words in words_of(html)
        assert (f"/shots/{shot.pk}/cancel/" in html) is (state == "queued")
