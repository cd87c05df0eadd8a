"""The price follows what is chosen, in a real browser, without a reload and without sending anything."""

from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Team, User
from generations.lifecycle import money
from generations.models import Generation, ModelPrice, ProviderKey

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(
    studio_dirs: Any,
    browser: Any,
    live_server: Any,
    user: User,
    real_key: ProviderKey,
    price: ModelPrice,
    no_cluster: None,
) -> Any:
    signed_in = Client()
    signed_in.force_login(user)
    context = browser.new_context()
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": signed_in.cookies[name].value, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/?model=apertis-veo3")
    yield page
    context.close()


def choose(page: Any, takes: str) -> None:
    page.locator(f'input[name=takes][value="{takes}"]').check(force=True)


def test_the_price_follows_the_number_of_takes(page: Any, team: Team) -> None:
    estimate = page.locator("#estimate")
    assert "$0.40" in estimate.inner_text()
    money.set_limit(team, Decimal("1"))
    choose(page, "2")
    estimate.get_by_text("2 × $0.40, $1.00 of $1.00 left this month").wait_for()
    choose(page, "4")
    page.locator("#over-budget").get_by_text("2 takes would fit").wait_for()
    assert page.locator("#generate").get_attribute("aria-disabled") == "true"
    assert Generation.objects.count() == 0


def test_a_refused_press_shows_the_sentence_and_the_way_out_works(page: Any, team: Team) -> None:
    money.set_limit(team, Decimal("1"))
    page.locator("#prompt").fill("A boat leaves the harbour")
    choose(page, "4")
    page.locator("#over-budget").wait_for()
    page.keyboard.press("Control+Enter")
    page.locator("#form-errors").get_by_text("2 takes would fit").wait_for()
    assert page.locator("#prompt").input_value() == "A boat leaves the harbour"
    choose(page, "2")
    page.locator("#over-budget").wait_for(state="detached")
    page.keyboard.press("Control+Enter")
    page.locator("#estimate").get_by_text("$0.20 of $1.00 left this month").wait_for()
    assert Generation.objects.count() == 2


def test_a_draft_comes_back_with_its_price(page: Any) -> None:
    page.locator("#prompt").fill("A boat leaves the harbour")
    choose(page, "4")
    page.locator("#estimate").get_by_text("4 × $0.40").wait_for()
    page.locator("#draft-hint").wait_for()
    page.reload()
    assert page.locator("#prompt").input_value() == "A boat leaves the harbour"
    page.locator("#estimate").get_by_text("4 × $0.40").wait_for()
