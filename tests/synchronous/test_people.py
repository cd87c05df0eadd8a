"""What people see of shots whose answer takes minutes, what they can decide, and what becomes of the money."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations import lifecycle
from generations.lifecycle import cancelling, money
from generations.models import Budget, Generation, ModelPrice, ProviderKey
from generations.views import cards
from tests.shots import make_key, make_shot

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]
PRICE = Decimal("0.40")
LOST = {"unknown_phase": "submit", "charged": "unknown", "message": "Its answer was lost."}


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)


@pytest.fixture
def far(team: Team, user: User) -> ProviderKey:
    return make_key(team, sandbox=False, provider="a4f")


@pytest.fixture
def paid(a4f: ProviderKey, team: Team) -> Budget:
    """The sandbox's key counts as a real one, a shot costs $0.40, and there is money for two."""
    ProviderKey.objects.filter(pk=a4f.pk).update(is_sandbox=False)
    a4f.refresh_from_db()
    ModelPrice.objects.create(slug="a4f", team=team, kind=ModelPrice.FLAT, amount=PRICE)
    money.set_limit(team, 2 * PRICE)
    return Budget.objects.get(team=team)


def books(team: Team) -> tuple[Decimal, Decimal]:
    assert list(money.check(team)) == []
    month = Budget.objects.get(team=team)
    return month.reserved, month.spent


# --- while it is out ------------------------------------------------------------------------------------------------------
def test_a_card_says_that_it_is_rendering_and_that_the_provider_bills_it(team: Team, far: ProviderKey) -> None:
    shot = make_shot(team, "submitting", model="a4f-veo", provider_key=far, submitted_at=timezone.now())
    card = cards.card_of(shot)
    assert (card.label, card.bar, card.hint, card.can_cancel) == ("Rendering", -1, cards.TOO_LATE, False)
    assert card.since == shot.submitted_at
    assert shot.shown_state == "Rendering"
    shot.model, shot.progress = "apertis-sora-2-chat", 40
    assert (cards.card_of(shot).label, cards.card_of(shot).bar) == ("Rendering 40%", 40)


def test_cancelling_says_the_truth(
    team: Team, user: User, far: ProviderKey, client_for: Callable[[User], Client]
) -> None:
    shot = make_shot(team, "submitting", model="a4f-veo", provider_key=far)
    with pytest.raises(cancelling.TooLate, match="would only lose the video"):
        lifecycle.cancel(shot, user)
    shot.refresh_from_db()
    assert (shot.state, shot.charged) == ("submitting", "no")
    page = client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    assert cards.TOO_LATE in page


def test_one_that_comes_back_unsent_is_cancelled_as_asked(
    start: Start, user: User, a4f: ProviderKey, monkeypatch: Any
) -> None:
    row = start()
    a4f.base_url = "http://127.0.0.1:9"  # nobody listens, and it is not a trusted address
    a4f.save()
    from generations.lifecycle import submission

    build = submission.build

    def asked(*given: Any) -> Any:
        with pytest.raises(cancelling.TooLate):
            lifecycle.cancel(Generation.objects.get(pk=row.pk), user)
        return build(*given)

    monkeypatch.setattr(submission, "build", asked)
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert (row.state, row.charged) == ("cancelled", "no")


def test_what_waits_to_be_saved_is_said_to_be_here(team: Team, far: ProviderKey) -> None:
    shot = make_shot(team, "succeeded", model="a4f-veo", provider_key=far, message="No room.")
    assert "on this disk" in cards.card_of(shot).hint
    shot.model = "apertis-veo3"
    assert "at the provider" in cards.card_of(shot).hint


# --- when the answer is lost ------------------------------------------------------------------------------------------------
def test_there_is_no_task_to_follow_where_nothing_is_kept(
    team: Team, user: User, far: ProviderKey, client_for: Callable[[User], Client]
) -> None:
    shot = make_shot(team, "unknown", model="a4f-veo", provider_key=far, **LOST)
    page = client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    assert "Close it as lost" in page
    assert "Follow this task" not in page
    with pytest.raises(lifecycle.CannotResolve, match="keeps no results"):
        lifecycle.adopt(shot, "x-1", user)
    chat = make_shot(team, "unknown", model="apertis-sora-2-chat", **LOST)
    page = client_for(user).get(f"/shots/{chat.pk}/").content.decode()
    assert "Follow this task" in page
    assert "Close it as lost" not in page
    with pytest.raises(lifecycle.CannotResolve, match="may still have the result"):
        lifecycle.write_off(chat, user)


def test_a_person_can_say_that_it_was_charged_and_is_lost(
    start: Start, drive: Start, paid: Budget, team: Team, user: User, client_for: Callable[[User], Client]
) -> None:
    row = drive(start("A boat [[lose-answer]]"))
    assert row.state == "unknown"
    assert books(team) == (PRICE, 0)
    assert client_for(user).post(f"/shots/{row.pk}/resolve/", {"action": "write-off"}).status_code == 302
    row.refresh_from_db()
    assert (row.state, row.reason, row.charged) == ("failed", "result_expired", "yes")
    assert books(team) == (0, PRICE)


# ending → (reserved, spent)
BOOKS = {"ok": (0, PRICE), "fail": (PRICE, 0), "stream-error": (PRICE, 0), "cut": (PRICE, 0), "400": (0, 0),
         "corrupt": (0, PRICE), "hosted": (0, PRICE)}  # fmt: skip


@pytest.mark.parametrize("ending", BOOKS)
def test_the_books_agree_with_what_was_charged(
    ending: str, start: Start, drive: Start, paid: Budget, team: Team
) -> None:
    drive(start(f"A boat [[{ending}]]"))
    assert books(team) == BOOKS[ending]


def test_paying_twice_is_counted_twice(
    start: Start, drive: Start, paid: Budget, team: Team, user: User, sandbox: Any
) -> None:
    row = drive(start("A boat [[lose-answer]]"))
    Generation.objects.filter(pk=row.pk).update(prompt=row.prompt.replace("[[lose-answer]]", ""))
    lifecycle.send_again(row, user)
    assert books(team) == (2 * PRICE, 0)
    row = drive(row)
    assert row.state == "done"
    assert books(team) == (PRICE, PRICE), "the first may have been charged"
    lifecycle.decide_charge(row, user, charged=True)
    assert books(team) == (0, 2 * PRICE)
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 2
