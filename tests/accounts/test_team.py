"""Which team a request works for, and that pages stay private."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from accounts.middleware import SESSION_TEAM, PrivatePagesMiddleware, TeamMiddleware
from accounts.models import Membership, Team
from accounts.teams import create_team

pytestmark = pytest.mark.django_db


def request_of(user, chosen: int | None = None) -> HttpRequest:
    """A request as the view sees it."""
    request = RequestFactory().get("/")
    request.user, request.session = user, SessionStore()
    if chosen is not None:
        request.session[SESSION_TEAM] = chosen
    TeamMiddleware(lambda seen: HttpResponse())(request)
    return request


def test_the_first_team_is_the_one_to_work_in(ines):
    create_team("Second unit", ines)
    request = request_of(ines)
    assert request.team == Team.objects.get(name="Harbour film")
    assert request.membership.role == Membership.OWNER


def test_the_chosen_team_counts_while_the_person_is_a_member(ines):
    second = create_team("Second unit", ines)
    assert request_of(ines, second.pk).team == second
    Membership.objects.filter(team=second).delete()
    assert request_of(ines, second.pk).team.name == "Harbour film"


def test_a_chosen_team_of_others_is_not_used(ines, teo):
    assert request_of(ines, teo.teams.get().pk).team.name == "Harbour film"


def test_strangers_and_people_without_a_team_have_none(ines):
    Membership.objects.all().delete()
    assert not request_of(AnonymousUser()).team
    assert not request_of(ines).team
    assert not request_of(ines).membership


def test_a_page_that_does_not_ask_for_the_team_pays_nothing(ines, django_assert_num_queries):
    with django_assert_num_queries(0):
        request = request_of(ines)
    with django_assert_num_queries(1):
        assert request.team.name + request.membership.role == "Harbour filmowner"


def test_choosing_a_team_lasts_for_the_session(ines_client, ines):
    second = create_team("Second unit", ines)
    answer = ines_client.post("/team/", {"team": second.pk})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert ines_client.session[SESSION_TEAM] == second.pk


@pytest.mark.parametrize("value", ["", "x", "-1", "999999", "theirs"])
def test_a_team_of_others_cannot_be_chosen_and_looks_missing(ines_client, teo, value):
    team = teo.teams.get().pk if value == "theirs" else value
    assert ines_client.post("/team/", {"team": team}).status_code == 404
    assert SESSION_TEAM not in ines_client.session


def test_making_a_team_calls_every_function_of_the_setting(ines, settings):
    settings.STUDIO_NEW_TEAM = ["tests.accounts.test_team.first", "tests.accounts.test_team.second"]
    CALLED.clear()
    team = create_team("Second unit", ines)
    assert [("first", team), ("second", team)] == CALLED
    assert Membership.objects.get(team=team).user == ines


CALLED: list[tuple[str, Team]] = []


def first(team: Team) -> None:
    CALLED.append(("first", team))


def second(team: Team) -> None:
    CALLED.append(("second", team))


# --- private pages ----------------------------------------------------------------------------------------------


def answer_of(signed_in: bool, **headers: str) -> HttpResponse:
    request = RequestFactory().get("/")
    if signed_in:
        request.COOKIES["tungsten_session"] = "x"
    return PrivatePagesMiddleware(lambda seen: HttpResponse(headers=headers))(request)


@pytest.mark.parametrize(
    ("signed_in", "headers", "expected"),
    [
        (True, {"Content-Type": "text/html; charset=utf-8"}, "private, no-store"),
        (True, {"Content-Type": "text/html", "Cache-Control": "private, max-age=60"}, "private, max-age=60"),
        (True, {"Content-Type": "video/mp4"}, None),
        (False, {"Content-Type": "text/html"}, None),
    ],
)
def test_pages_of_signed_in_people_are_kept_out_of_caches(signed_in, headers, expected):
    assert answer_of(signed_in, **headers).get("Cache-Control") == expected


@pytest.mark.parametrize("path", ["/accounts/password/change/", "/no-such-page/"])
def test_no_page_of_a_signed_in_person_is_stored(ines_client, path):
    assert "no-store" in ines_client.get(path)["Cache-Control"]
