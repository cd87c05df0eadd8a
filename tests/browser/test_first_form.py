"""What people do with a finished shot and with a new studio: remix a remix, cast a character, add and test a key."""

from typing import Any

import pytest

from accounts.models import Team, User
from generations import keys
from generations.models import Character, Generation, ProviderKey
from generations.providers import outbound
from tests.shots import make_key, make_shot

from .conftest import TabOf

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SORA = {
    "model": "apertis-sora-2-videos",
    "params": {"size": "480x480", "seconds": "4"},
    "provider_task_id": "sora-2:1-a",
}


def remix(tab: Any, shot: Generation, prompt: str) -> Generation:
    """Press Remix on the page of the shot, and Generate on the next; then the provider is done with it."""
    tab.goto(f"/shots/{shot.pk}/")
    tab.get_by_role("link", name="Remix", exact=True).click()
    tab.locator("#source").wait_for()
    tab.locator("#prompt").fill(prompt)
    tab.locator("#generate").click()
    tab.locator("#toasts").get_by_text("Submitted").wait_for(state="attached")
    made = Generation.objects.get(prompt=prompt)
    Generation.objects.filter(pk=made.pk).update(state="done", provider_task_id=f"sora-2:1-{made.pk}")
    return made


def test_a_remix_of_a_remix_shows_the_whole_family(tab_of: TabOf, user: User, team: Team) -> None:
    first, tab = make_shot(team, files=("poster",), **SORA), tab_of(user)
    second = remix(tab, first, "The same at night")
    third = remix(tab, second, "At night, in the rain")
    assert (third.parent, third.reuse, second.parent) == (second, "remix", first)
    tab.goto(f"/shots/{third.pk}/")
    nodes = tab.locator(".tree .node")
    assert [int(node.get_attribute("data-generation-id")) for node in nodes.all()] == [first.pk, second.pk, third.pk]
    assert tab.locator(".node[aria-current]").get_attribute("data-generation-id") == str(third.pk)


def test_a_character_from_a_finished_shot_is_suggested_after_an_at_sign(tab_of: TabOf, user: User, team: Team) -> None:
    shot, tab = make_shot(team, files=("poster",), **SORA), tab_of(user)
    tab.goto(f"/shots/{shot.pk}/")
    tab.get_by_role("link", name="Make a character").click()
    tab.get_by_role("button", name="Make the character").click()
    tab.locator("[data-character][data-state=waiting]").wait_for()
    made = Character.objects.get()
    assert made.source == shot
    Character.objects.update(state="ready", username="captain")
    tab.goto("/?model=apertis-sora-2-videos")
    tab.locator("#prompt").click()
    tab.keyboard.type("Then @cap")
    tab.get_by_role("option", name="@captain").wait_for()
    tab.keyboard.press("Enter")
    assert tab.locator("#prompt").input_value().startswith("Then @captain")
    tab.keyboard.type(" waves")
    tab.keyboard.press("Control+Enter")
    tab.locator("#toasts").get_by_text("Submitted").wait_for(state="attached")
    assert Generation.objects.filter(prompt__startswith="Then @captain").exists()


def test_an_administrator_adds_a_key_and_tests_it(
    tab_of: TabOf, user: User, team: Team, sandbox: Any, settings: Any
) -> None:
    settings.SANDBOX_URL = sandbox.url
    outbound.trust({*settings.TRUSTED_HOSTS, sandbox.host})
    user.is_staff = user.is_superuser = True
    user.save()
    tab = tab_of(user)
    tab.goto("/admin/generations/providerkey/add/")
    tab.locator("#id_team").select_option(str(team.pk))
    tab.locator("#id_provider").select_option("apertis")
    tab.locator("#id_base_url").fill(f"{sandbox.url}/apertis")
    tab.locator("#id_secret").fill(keys.DEMO_SECRET)
    tab.locator("[name=_save]").click()
    tab.locator("#result_list").wait_for()
    key = ProviderKey.objects.get()
    assert f"…{key.last4}" in tab.content()
    assert keys.DEMO_SECRET not in tab.content()
    tab.locator("#result_list .action-select").check()
    tab.locator("select[name=action]").select_option("test")
    tab.get_by_role("button", name="Go").click()
    tab.get_by_text("answers as Apertis does, and takes the key").wait_for()
    tab.goto(f"/admin/generations/providerkey/{key.pk}/change/")
    assert keys.DEMO_SECRET not in tab.content()
    outbound.trust(settings.TRUSTED_HOSTS)


def test_shots_are_collected_from_the_gallery_and_a_menu_opens_by_keys(tab_of: TabOf, user: User, team: Team) -> None:
    key = make_key(team)
    for title in ("One", "Two"):
        make_shot(team, provider_key=key, title=title, files=("video", "poster-small"))
    tab = tab_of(user)
    tab.goto("/gallery/")
    tab.locator("#grid .pick input").first.check(force=True)
    tab.get_by_role("button", name="Collect", exact=True).click()
    tab.locator("#collect input[name=name]").fill("For the trailer")
    tab.keyboard.press("Enter")
    tab.locator("#toasts").get_by_text("in the collection").wait_for()
    tab.goto("/collections/")
    tab.get_by_role("link", name="Open “For the trailer”").click()
    tab.locator("#grid .shot").wait_for()
    assert tab.locator("#grid .shot").count() == 1
    tab.locator("#grid .shot > a").first.focus()
    tab.keyboard.press("Shift+F10")
    tab.locator("#tile-menu:popover-open").wait_for()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    assert tab.locator("#picked-n").text_content() == "1 selected"


def test_without_a_line_the_gallery_says_so_in_place_and_keeps_what_was_typed(
    tab_of: TabOf, user: User, team: Team
) -> None:
    key = make_key(team)
    for title in ("Harbour", "Dunes"):
        make_shot(team, provider_key=key, title=title, files=("video", "poster-small"))
    tab = tab_of(user)
    tab.goto("/gallery/")
    tab.context.set_offline(True)
    tab.get_by_text("You are offline").wait_for()
    tab.get_by_role("searchbox").fill("dunes")
    tab.locator("#grid-failed").get_by_text("Could not load").wait_for()
    assert tab.locator("#grid .shot").count() == 2, "what was there stays"
    tab.context.set_offline(False)
    tab.get_by_role("button", name="Retry").click()
    tab.locator("#grid-failed").wait_for(state="detached")
    assert tab.locator("#grid .shot").count() == 1
    assert tab.get_by_role("searchbox").input_value() == "dunes"
