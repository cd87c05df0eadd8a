"""Two tabs of one person, one of whom has changed team, signed out or gone back: no press does something else than it says."""

from typing import Any

import pytest
from django.conf import settings

from accounts.models import Membership, Team, User
from generations.models import Generation
from tests import pictures
from tests.shots import make_key, make_shot
from tests.stack import until

from .conftest import TabOf

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_tab_goes_on_in_its_team_when_another_is_chosen_elsewhere(tab_of: TabOf, team: Team, user: User) -> None:
    other = Team.objects.create(name="Night shift")
    Membership.objects.create(user=user, team=other)
    make_key(team), make_key(other)
    first = tab_of(user)
    first.goto("/")
    second = first.context.new_page()
    second.goto("/")
    second.locator("[data-account], .avatar, [popovertarget=account-menu]").first.click()
    second.get_by_role("button", name="Night shift").click()
    until(lambda: second.locator(".top__team").text_content() == "Night shift", 10, "the other team")
    first.locator("#prompt").fill("A secret of the first team")
    first.locator("#generate").click()
    first.locator(".job:not(.skel)").first.wait_for()
    assert [shot.team for shot in Generation.objects.all()] == [team]
    with first.expect_file_chooser() as chooser:
        first.locator("[data-attach]").first.click()
    chooser.value.set_files({"name": "boat.png", "mimeType": "image/png", "buffer": pictures.png()})
    first.locator(".drop--full").first.wait_for()
    assert [image.team for image in team.uploads.all()] == [team]


@pytest.mark.parametrize("press", ["heart", "search", "bin", "generate"])
def test_a_press_after_signing_out_elsewhere_leads_to_the_sign_in_page(
    tab_of: TabOf, team: Team, user: User, press: str
) -> None:
    make_key(team)
    shot, tab = make_shot(team, files=("video", "poster-small")), tab_of(user)
    tab.goto("/" if press == "generate" else "/gallery/?order=oldest")
    if press == "bin":
        tab.locator(f"#tile-{shot.pk} .pick input").check(force=True)
    tab.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    if press == "heart":
        tab.locator(f"#tile-{shot.pk} [id^=fav-]").click(force=True)
    elif press == "bin":
        tab.locator("#picked").get_by_role("button", name="Move to bin").click()
    elif press == "search":
        tab.get_by_role("searchbox").fill("fox")
    else:
        tab.locator("#prompt").fill("A boat")
        tab.locator("#generate").click()
    tab.get_by_role("button", name="Sign in").wait_for()
    back = "next=/" if press == "generate" else "next=%2Fgallery%2F%3Forder%3Doldest"
    assert tab.url.endswith(back)
    shot.refresh_from_db()
    assert (shot.favourite, shot.deleted_at, Generation.objects.count()) == (False, None, 1)


def test_after_going_back_to_another_filter_the_gallery_can_be_used_as_before(
    tab_of: TabOf, team: Team, user: User
) -> None:
    shot = make_shot(team, files=("video", "poster-small"), prompt="A figure in neon rain")
    make_shot(team, files=("video", "poster-small"))
    tab = tab_of(user)
    tab.goto("/gallery/")
    tab.get_by_role("searchbox").fill("neon")
    until(lambda: tab.locator("#counted").text_content() == "1 shot", 10, "the search")
    with tab.expect_event("load"):
        tab.go_back()
    until(lambda: tab.locator("#counted").text_content() == "2 shots", 10, "the gallery before it")
    tab.locator(f"#tile-{shot.pk} .pick input").check(force=True)
    assert tab.locator("#picked-n").text_content() == "1 selected"
    assert tab.locator("#picked").is_visible()
    tab.locator("#picked").get_by_role("button", name="Collect").click()
    tab.locator("#collect input").fill("Harbour nights")
    tab.locator("#collect").get_by_role("button", name="Collect").click()
    tab.get_by_text("is in the collection “Harbour nights”").wait_for()
    assert not tab.locator("#picked").is_visible()
    tab.locator("[popovertarget=more-filters]").click()
    tab.locator("#fold-collection").select_option(label="Harbour nights")
    until(lambda: tab.locator("#counted").text_content() == "1 shot", 10, "the collection")
    assert tab.locator("#collect input").input_value() == ""


DRAWN_ANEW = """() => {
    const fields = document.querySelector("#params"), copy = fields.cloneNode(true);
    for (const slot of copy.querySelectorAll("[data-uploading]")) slot.removeAttribute("data-uploading");
    fields.replaceChildren(...copy.childNodes);
}"""


def test_an_image_that_is_on_its_way_finds_its_slot_though_the_fields_were_drawn_anew(
    tab_of: TabOf, team: Team, user: User
) -> None:
    make_key(team)
    tab = tab_of(user)
    tab.goto("/?model=apertis-veo3.1-fast")
    waiting: list[Any] = []
    tab.route("**/uploads/", lambda route: waiting.append(route))
    with tab.expect_file_chooser() as chooser:
        tab.locator("[data-attach]").first.click()
    chooser.value.set_files({"name": "boat.png", "mimeType": "image/png", "buffer": pictures.png()})
    until(lambda: tab.locator("progress").count() and waiting, 10, "the image to leave")
    tab.evaluate(DRAWN_ANEW)
    waiting[0].continue_()
    tab.locator(".drop--full").first.wait_for()
    assert tab.locator("#status").text_content().startswith("boat.png is the")
    assert tab.locator("[data-uploading]").count() == 0
