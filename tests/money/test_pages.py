"""What people see: the price before the click, why a press is refused, what a shot cost, and the question about it."""

from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from generations.forms import new_token
from generations.lifecycle import money
from generations.models import Budget, Generation, Ledger, ModelPrice, ProviderKey
from tests.shots import make_shot
from tests.test_queue import words_of

from .conftest import PRICE

pytestmark = pytest.mark.usefixtures("user", "real_key", "no_cluster")
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def web(client_for: Any, user: User) -> Client:
    return client_for(user)


def values(**changed: Any) -> dict[str, Any]:
    start = {
        "model": "apertis-veo3.1",
        "prompt": "A boat",
        "aspect_ratio": "9:16",
        "takes": "4",
        "form_token": new_token(),
    }
    return start | changed


def said(response: Any) -> str:
    return words_of(response.content.decode())


# --- before the click -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("where", ["page", "estimate", "refused"])
def test_the_price_of_all_takes_stands_beside_the_button(
    web: Client, team: Team, price: ModelPrice, where: str
) -> None:
    money.set_limit(team, Decimal("10"))
    if where == "page":
        response = web.post("/models/apertis-veo3.1/form/", values())  # without script: the whole page
    else:
        path = "/estimate/" if where == "estimate" else "/shots/"
        response = web.post(path, values(prompt="" if where == "refused" else "A boat"), headers=HTMX)
    assert "$1.60 4 × $0.40, $10.00 of $10.00 left this month" in said(response)
    assert Generation.objects.count() == 0


def test_without_a_limit_only_the_price_is_shown(web: Client, price: ModelPrice) -> None:
    page = said(web.post("/estimate/", values(takes="1"), headers=HTMX))
    assert "$0.40 $0.40 a take" in page
    assert "left this month" not in page


@pytest.mark.parametrize("takes", ["", "0", "-1", "1000000", "x", "4.0"])
def test_an_estimate_of_nonsense_is_for_one_take(web: Client, price: ModelPrice, takes: str) -> None:
    response = web.post("/estimate/", values(takes=takes, aspect_ratio="<b>"), headers=HTMX)
    assert response.status_code == 200
    assert "$0.40" in said(response)


def test_an_estimate_sends_and_keeps_nothing(web: Client, price: ModelPrice) -> None:
    assert web.get("/estimate/").status_code == 405
    assert web.post("/estimate/", values(model="nothing")).status_code == 404
    web.post("/estimate/", values())
    assert (Generation.objects.count(), Ledger.objects.count(), Budget.objects.count()) == (0, 0, 0)
    assert Client().post("/estimate/", values()).status_code == 302
    assert Client(enforce_csrf_checks=True).post("/estimate/", values()).status_code == 403


def test_an_unknown_price_is_words_and_never_a_number(web: Client, team: Team) -> None:
    page = said(web.get("/?model=apertis-veo3.1"))
    assert "Price not published" in page
    assert "$" not in page
    money.set_limit(team, Decimal("10"))
    page = said(web.get("/?model=apertis-veo3.1"))
    assert "Price not published so it cannot be held against your limit ($10.00 of $10.00 left this month)" in page
    assert 'aria-disabled="true"' not in page
    money.set_limit(team, Decimal("10"), allow_unknown=False)
    response = web.get("/?model=apertis-veo3.1")
    assert "makes only shots with a known price" in said(response)
    assert 'aria-disabled="true"' in response.content.decode()


def test_what_is_left_is_told_anew_with_every_press(web: Client, team: Team, price: ModelPrice) -> None:
    money.set_limit(team, Decimal("2"))
    response = web.post("/shots/", values(), headers=HTMX)
    assert response.status_code == 200
    assert "$0.40 of $2.00 left this month" in said(response)
    assert 'aria-disabled="true"' in response.content.decode()


@pytest.mark.parametrize("htmx", [True, False])
def test_over_budget_is_refused_with_the_sentence_and_everything_kept(
    web: Client, team: Team, price: ModelPrice, htmx: bool
) -> None:
    money.set_limit(team, Decimal("0.50"))
    data = values(prompt="A boat that stays")
    response = web.post("/shots/", data, headers=HTMX if htmx else {})
    html, words = response.content.decode(), said(response)
    assert response.status_code == 422
    assert "4 takes cost $1.60, but $0.50 of this month's $0.50 is left. 1 take would fit." in unescape(words)
    assert "A boat that stays" in words
    assert 'aria-describedby="estimate over-budget" aria-disabled="true"' in html
    assert Generation.objects.count() == Ledger.objects.count() == 0
    assert web.post("/shots/", data | {"takes": "1"}, headers=HTMX).status_code == 200, "the way out works"


def test_the_price_comes_from_the_server(web: Client, price: ModelPrice) -> None:
    web.post("/shots/", values(price="0", price_amount="0", price_kind="flat", takes="1"), headers=HTMX)
    assert Generation.objects.get().price_amount == PRICE


# --- the page of a shot -------------------------------------------------------------------------------------------------------
PRICED = {"price_kind": "flat", "price_amount": PRICE, "price_words": "$0.40 a take"}


def held(team: Team, state: str = "failed", **fields: Any) -> Generation:
    shot = make_shot(team, state, **PRICED | fields)
    money.reserve([shot])
    return shot


@pytest.mark.parametrize(
    ("state", "charged", "fields", "words"),
    [
        ("queued", "no", PRICED, "Estimated $0.40 Cost Not charged. $0.40 is held for it"),
        ("failed", "unknown", PRICED, "Estimated $0.40 Cost May have been charged. $0.40 is held for it"),
        ("queued", "no", {**PRICED, "price_kind": "per_second", "price_words": "8 s at $0.05 a second"},
         "Estimated $0.40, 8 s at $0.05 a second Cost Not charged"),
        ("running", "yes", {"price_words": "Price not published"},
         "Estimated Price not published Cost Charged. Price not published"),
    ],
)  # fmt: skip
def test_a_shot_says_what_it_was_estimated_at_and_what_it_cost(
    web: Client, team: Team, state: str, charged: str, fields: Any, words: str
) -> None:
    shot = make_shot(team, state, charged=charged, reason="provider_failed" if state == "failed" else "", **fields)
    money.reserve([shot])
    assert words in said(web.get(f"/shots/{shot.pk}/"))


def test_a_finished_shot_says_whose_number_its_price_is(web: Client, team: Team) -> None:
    shot = held(team, "done")
    money.on_edge(shot, "archiving", "done", "yes")
    assert "Charged, $0.40 by the studio's price list" in unescape(said(web.get(f"/shots/{shot.pk}/")))


@pytest.mark.parametrize(("answer", "charged", "spent"), [("yes", "yes", PRICE), ("no", "no", 0)])
def test_two_buttons_decide_whether_a_failed_shot_was_charged(
    web: Client, team: Team, answer: str, charged: str, spent: Any
) -> None:
    shot = held(team, charged="unknown", reason="provider_failed")
    page = said(web.get(f"/shots/{shot.pk}/"))
    assert "It was charged" in page
    assert "It was not charged" in page
    assert web.post(f"/shots/{shot.pk}/charge/", {"charged": answer, "confirmation": "1"}).status_code == 302
    shot.refresh_from_db()
    month = Budget.objects.get(team=team)
    assert (shot.charged, month.reserved, month.spent) == (charged, 0, spent)
    assert money.check(team) == []
    assert "It was charged" not in said(web.get(f"/shots/{shot.pk}/"))
    again = web.post(f"/shots/{shot.pk}/charge/", {"charged": "no"})
    assert again.status_code == 422
    assert "nothing to decide" in said(again)


def pressed(html: str, answer: str) -> dict[str, str]:
    """What this page sends when one of its two buttons is pressed."""
    form = html[html.index('id="held"') :]
    return {"charged": answer, "confirmation": form.split('name="confirmation" value="')[1].split('"')[0]}


@pytest.mark.parametrize(("answer", "after"), [("yes", (PRICE, PRICE)), ("no", (PRICE, 0))])
def test_a_press_that_comes_twice_decides_about_one_request_and_the_other_is_still_asked_about(
    web: Client, team: Team, answer: str, after: Any
) -> None:
    """After "Send again" and a failed end two requests may have been charged; a double click is one answer."""
    shot = held(team, charged="unknown", reason="provider_failed")
    money.reserve([shot], confirmation=2)
    path, month = f"/shots/{shot.pk}/", Budget.objects.get(team=team)
    first = pressed(web.get(path).content.decode(), answer)
    assert web.post(f"{path}charge/", first).status_code == 302
    twice = web.post(f"{path}charge/", first)
    assert twice.status_code == 422
    assert "Nothing was changed. Read it once more and decide anew." in said(twice)
    month.refresh_from_db()
    assert (month.reserved, month.spent) == after
    second = pressed(twice.content.decode(), "no")
    assert web.post(f"{path}charge/", second).status_code == 302
    month.refresh_from_db()
    assert (month.reserved, month.spent) == (0, after[1])
    assert money.check(team) == []


@pytest.mark.parametrize("named", ["", "2", "0", "x", "1" * 5000])
def test_a_press_that_names_no_request_or_another_one_decides_nothing(web: Client, team: Team, named: str) -> None:
    shot = held(team, charged="unknown", reason="provider_failed")
    answer = web.post(f"/shots/{shot.pk}/charge/", {"charged": "yes", "confirmation": named})
    assert answer.status_code == 422
    assert shot.ledger.count() == 1


def test_a_shot_from_before_there_was_a_ledger_can_be_decided_about(
    web: Client, team: Team, real_key: ProviderKey
) -> None:
    shot = make_shot(team, "failed", charged="unknown", reason="provider_failed")
    press = pressed(web.get(f"/shots/{shot.pk}/").content.decode(), "yes")
    assert web.post(f"/shots/{shot.pk}/charge/", press).status_code == 302
    shot.refresh_from_db()
    assert shot.charged == "yes"


@pytest.mark.parametrize("data", [{}, {"charged": "perhaps"}])
def test_another_answer_changes_nothing(web: Client, team: Team, data: dict[str, str]) -> None:
    shot = held(team, charged="unknown", reason="provider_failed")
    assert web.post(f"/shots/{shot.pk}/charge/", data).status_code == 422
    assert shot.ledger.count() == 1


def test_the_question_is_for_the_team_alone(team: Team, client_for: Any, member: User, stranger: User) -> None:
    shot = held(team, charged="unknown", reason="provider_failed")
    path = f"/shots/{shot.pk}/charge/"
    assert client_for(stranger).post(path, {"charged": "no"}).status_code == 404
    assert Client().post(path, {"charged": "no"}).status_code == 302
    assert client_for(member).get(path).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(member)
    assert strict.post(path, {"charged": "no"}).status_code == 403
    assert shot.ledger.count() == 1


def test_the_sandbox_asks_nobody(web: Client, team: Team, real_key: ProviderKey) -> None:
    ProviderKey.objects.update(is_sandbox=True)
    shot = make_shot(team, "failed", charged="unknown", reason="provider_failed", price_kind="flat", price_amount=0)
    money.reserve([shot])
    page = said(web.get(f"/shots/{shot.pk}/"))
    assert "It was charged" not in page
    assert "Sandbox: nothing is charged" in page


def test_an_unknown_outcome_says_what_it_may_have_cost(web: Client, team: Team) -> None:
    shot = held(team, "unknown", charged="unknown", unknown_phase="submit")
    page = said(web.get(f"/shots/{shot.pk}/"))
    assert "$0.40 stays held against the budget until this is decided. Sending again holds $0.40 more." in page


def test_sending_again_without_the_money_is_refused_on_the_page(web: Client, team: Team) -> None:
    shot = held(team, "unknown", charged="unknown", unknown_phase="submit")
    money.set_limit(team, PRICE)
    response = web.post(f"/shots/{shot.pk}/resolve/", {"action": "send-again", "accept": "on"})
    assert response.status_code == 422
    assert "This costs $0.40, but $0.00 of this month's $0.40 is left" in unescape(said(response))
    assert Generation.objects.get().state == "unknown"
    assert "Send again" in said(response)
