"""Another tab has chosen another team, or signed out, since this page was drawn: a press does what its own page says, or
nothing, and never leads nowhere.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.middleware import SESSION_TEAM
from accounts.models import Membership, Team, User
from generations.forms import new_token
from generations.models import Character, Generation, ProviderKey, Upload

from . import pictures
from .asgi import Stream, ask
from .shots import make_shot
from .test_routes import OURS, path_of

Login = Callable[[User], Client]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def a_key(team: Team) -> ProviderKey:
    return ProviderKey.objects.create(
        team=team, provider="apertis", secret="x" * 12, last4="xxxx", base_url="http://127.0.0.1:1", is_sandbox=True
    )


@pytest.fixture
def other(user: User) -> Team:
    """The same person's second team, which they work in now."""
    found = Team.objects.create(name="Night shift")
    Membership.objects.create(user=user, team=found, role=Membership.OWNER)
    a_key(found)
    return found


@pytest.fixture
def web(client_for: Login, user: User, team: Team, other: Team) -> Client:
    a_key(team)
    client = client_for(user)
    client.post("/team/", {"team": other.pk})
    assert client.session[SESSION_TEAM] == other.pk
    return client


def values(**more: Any) -> dict[str, Any]:
    return {"model": "apertis-veo3-fast", "prompt": "A secret of the first team", "aspect_ratio": "16:9", "takes": "1",
            "form_token": new_token(), **more}  # fmt: skip


def test_a_press_is_for_the_team_whose_page_it_is_on(web: Client, team: Team, other: Team) -> None:
    assert web.post("/shots/", values(), headers={**HTMX, "X-Team": str(team.pk)}).status_code == 200
    assert [shot.team for shot in Generation.objects.all()] == [team]
    assert web.session[SESSION_TEAM] == other.pk, "the other tab stays where it is"


def test_without_scripts_the_page_that_comes_next_is_of_that_team_too(web: Client, team: Team, other: Team) -> None:
    page = web.get("/").content.decode()
    assert f'name="page_team" value="{other.pk}"' in page
    answer = web.post("/shots/", values(page_team=str(team.pk)), follow=True)
    assert [shot.team for shot in Generation.objects.all()] == [team]
    assert f'data-team="{team.pk}"' in answer.content.decode()


def test_an_order_for_a_character_is_made_with_the_key_of_its_page(web: Client, team: Team, other: Team) -> None:
    sent = {"url": "https://example.com/a.mp4", "span": "1,3", "form_token": new_token(), "page_team": str(team.pk)}
    page = web.post("/cast/order/", sent | {"start": "1", "end": "3", "accept": "on"}, follow=True)
    assert [order.team for order in Character.objects.all()] == [team], page.content.decode()
    assert f'data-team="{team.pk}"' in page.content.decode()


def test_who_leaves_a_team_leaves_the_one_that_the_page_is_about(
    web: Client, team: Team, other: Team, user: User, member: User
) -> None:
    Membership.objects.filter(user=member).update(role=Membership.OWNER)
    web.post("/team/leave/", {"page_team": str(team.pk)})
    assert list(user.teams.all()) == [other]


def test_the_address_of_a_shot_chooses_its_team(
    web: Client, team: Team, other: Team, stranger: User, client_for: Login
) -> None:
    """A colleague has sent it, or the tab that it is pressed in is of another team."""
    shot = make_shot(team)
    page = web.get(f"/shots/{shot.pk}/?from=mail", follow=True)
    assert page.redirect_chain == [(f"/shots/{shot.pk}/?from=mail", 302)]
    assert (page.status_code, web.session[SESSION_TEAM]) == (200, team.pk)
    assert f"You work in {team} now." in page.content.decode()
    assert client_for(stranger).get(f"/shots/{shot.pk}/").status_code == 404


def test_a_page_of_a_team_that_one_has_left_can_do_nothing(web: Client, team: Team, user: User) -> None:
    Membership.objects.filter(team=team, user=user).delete()
    for asked in ({"headers": {**HTMX, "X-Team": str(team.pk)}}, {"data": values(page_team=str(team.pk))}):
        answer = web.post("/shots/", **{"data": values(), **asked})
        assert answer.status_code == 403
    assert not Generation.objects.exists()


@pytest.mark.parametrize("number", ["x", "9" * 40, "-1", "٣"])
def test_a_team_that_is_no_number_is_nobodys(web: Client, number: str) -> None:
    assert web.post("/shots/", values(page_team=number)).status_code == 403
    assert not Generation.objects.exists()


def test_an_image_goes_where_its_page_is(web: Client, team: Team) -> None:
    sent = {"model": "apertis-veo3-fast", "slot": "images-0", "file": pictures.file()}
    web.post("/uploads/", sent, headers={"X-Team": str(team.pk)})
    [image] = Upload.objects.all()
    assert image.team == team
    assert web.get(f"/uploads/{image.pk}/").status_code == 200, "and it is shown there"


def first_of(cookie: str, **headers: str) -> str:
    async def story() -> str:
        async with Stream(cookie, **headers) as stream:
            return await stream.next() or ""

    return asyncio.run(asyncio.wait_for(story(), 60))


@pytest.mark.django_db(transaction=True)
def test_the_stream_is_of_the_page_that_it_belongs_to(web: Client, team: Team, other: Team, user: User) -> None:
    make_shot(team, "queued", title="Of the first"), make_shot(other, "queued", title="Of the second")
    name = settings.SESSION_COOKIE_NAME
    cookie = f"{name}={web.cookies[name].value}"
    assert "Of the second" in first_of(cookie)
    assert "Of the first" in first_of(cookie, x_team=str(team.pk))
    assert ask("/events/", user, x_team="999999").status == 401


# --- signed out, or the address of a button ----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_press_of_somebody_who_is_signed_out_leads_to_the_sign_in_page_and_back(client: Client) -> None:
    here = {**HTMX, "HX-Current-URL": "http://testserver/gallery/?q=fox&favourites=1"}
    answer = client.post("/shots/3/favourite/", headers=here)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["HX-Redirect"] == "/accounts/login/?next=%2Fgallery%2F%3Fq%3Dfox%26favourites%3D1"


PAGES = [route for route in OURS if not route.startswith(("accounts/", "healthz"))]


@pytest.mark.django_db
@pytest.mark.parametrize("route", PAGES)
def test_no_address_is_a_dead_end_for_a_browser(route: str, client_for: Login, user: User, team: Team) -> None:
    """After signing in, `next` can be the address of a button; and by the theme's button one comes back to any page."""
    make_shot(team, pk=1, submitted_at=timezone.now())
    answer = client_for(user).get(path_of(route), headers=BROWSER, follow=True)
    assert answer.status_code in (200, 404, 422), answer.redirect_chain


@pytest.mark.parametrize(
    ("address", "page"),
    [("/shots/7/favourite/", "/shots/7/"), ("/shots/", "/"), ("/cast/order/", "/cast/"), ("/queue/clear/", "/queue/"),
     ("/gallery/picked/bin/", "/gallery/"), ("/team/invitations/", "/team/"), ("/team/members/5/role/", "/team/"),
     ("/prompts/5/rename/", "/prompts/"), ("/keys/5/resume/", "/"), ("/theme/", "/")],
)  # fmt: skip
def test_the_address_of_a_button_opens_the_page_above_it(
    address: str, page: str, client_for: Login, user: User, team: Team
) -> None:
    make_shot(team, pk=7)
    seen = client_for(user).get(address, headers=BROWSER, follow=True)
    assert (seen.status_code, seen.redirect_chain[-1][0]) == (200, page)
    assert client_for(user).get(address).status_code == 405, "a program is told what it did wrong"


def test_a_stale_form_is_a_sentence_in_a_toast_and_no_page_in_a_card(user: User, team: Team) -> None:
    shot, client = make_shot(team), Client(enforce_csrf_checks=True)
    client.force_login(user)
    answer = client.post(f"/shots/{shot.pk}/favourite/", headers=HTMX)
    assert (answer.status_code, answer["HX-Reswap"]) == (403, "none")
    assert "<html" not in answer.content.decode()
    assert "out of date" in answer.content.decode()
    assert "This form is too old" in client.post(f"/shots/{shot.pk}/favourite/").content.decode()
