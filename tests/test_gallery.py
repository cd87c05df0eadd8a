"""The gallery: every finished shot once, newest first, whatever happens meanwhile; and nothing is deleted by accident."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations.models import Generation
from generations.views import paging

from .shots import make_key, make_shot
from .test_queue import HTMX, words_of

Login = Callable[[User], Client]
ALL = ("video", "poster-small", "preview")


def tiles(html: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'id="tile-(\d+)"', html)]


def more(html: str) -> str:
    found = re.search(r'href="(\?[^"]*before=[^"]*)"', html)
    return found[1].replace("&amp;", "&") if found else ""


@pytest.fixture
def many(team: Team, user: User) -> list[Generation]:
    """More than two pages; ten shots share each moment, as the takes of one confirmation do."""
    start, key = timezone.now() - dt.timedelta(days=2), make_key(team)
    return [
        make_shot(team, provider_key=key, created_at=start + dt.timedelta(minutes=number // 10 * 7))
        for number in range(paging.PAGE * 2 + 15)
    ]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_paging_shows_every_shot_once_although_new_ones_arrive(
    team: Team, user: User, client_for: Login, many: list[Generation], headers: dict[str, str]
) -> None:
    client, seen, link = client_for(user), [], ""
    while True:
        html = client.get("/gallery/" + link, headers=headers).content.decode()
        seen += tiles(html)
        make_shot(team)  # somebody's render finishes while we read
        if not (link := more(html)):
            break
    expected = sorted(many, key=lambda shot: (shot.created_at, shot.pk), reverse=True)
    assert seen == [shot.pk for shot in expected]


@pytest.mark.parametrize("before", ["x", "1-", "-1", "99999999999999999999-1", "1-99999999999999999999", "١-١"])
def test_a_made_up_cursor_is_no_error(team: Team, user: User, client_for: Login, before: str) -> None:
    make_shot(team)
    assert client_for(user).get("/gallery/", {"before": before}).status_code == 200


def test_a_page_costs_at_most_twelve_queries(
    team: Team, user: User, client_for: Login, many: list[Generation], django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        make_shot(team, files=ALL)
    client = client_for(user)
    with django_assert_max_num_queries(12) as queries:
        assert client.get("/gallery/").status_code == 200
    counted = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert all("LIMIT 1001" in sql for sql in counted), "a large team is not counted to its end"


def test_only_finished_shots_of_this_team_are_shown(team: Team, user: User, stranger: User, client_for: Login) -> None:
    mine = make_shot(team)
    make_shot(stranger.teams.get())
    make_shot(team, "running")
    assert tiles(client_for(user).get("/gallery/").content.decode()) == [mine.pk]


@pytest.mark.parametrize(
    ("show", "expected"),
    [("", {"done"}), ("failed", {"failed"}), ("everything", {"done", "failed", "cancelled"}), ("x", {"done"})],
)
def test_a_dismissed_shot_that_failed_is_found_by_the_filter(
    team: Team, user: User, client_for: Login, show: str, expected: set[str]
) -> None:
    for state in ("done", "failed", "cancelled"):
        make_shot(team, state, dismissed_at=timezone.now(), **({"reason": "moderation"} if state == "failed" else {}))
    html = client_for(user).get("/gallery/", {"show": show}).content.decode()
    assert set(re.findall(r'data-state="(\w+)"', html)) == expected
    assert ("Failed: the provider declined the content." in words_of(html)) is ("failed" in expected)


def test_days_are_the_readers_days(team: Team, user: User, client_for: Login, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"  # at 11:30 UTC it is past midnight there for half of the year, or noon
    noon = timezone.localtime().replace(hour=12, minute=0)
    for days in (0, 1, 400):
        make_shot(team, created_at=noon - dt.timedelta(days=days))
    html = client_for(user).get("/gallery/").content.decode()
    heads = re.findall(r'<h2 id="day-[\d-]+">([^<]+)</h2>', html)
    assert heads[:2] == ["Today", "Yesterday"]
    old = timezone.localdate() - dt.timedelta(days=400)
    assert heads[2] == f"{old:%A} {old.day} {old:%B} {old.year}"


def test_a_day_that_goes_on_is_not_headed_twice(team: Team, user: User, client_for: Login) -> None:
    key, noon = make_key(team), timezone.localtime().replace(hour=12, minute=0)
    for number in range(paging.PAGE + 3):
        make_shot(team, provider_key=key, created_at=noon - dt.timedelta(seconds=number))
    client = client_for(user)
    first = client.get("/gallery/").content.decode()
    assert "<h2 id=" not in client.get("/gallery/" + more(first), headers=HTMX).content.decode()
    assert "continued" in words_of(client.get("/gallery/" + more(first)).content.decode())


@pytest.mark.parametrize(
    ("query", "expected"),
    [("q=LANTERN", ["a"]), ("q=harbour+title", ["b"]), ("model=apertis-veo2", ["b"]), ("favourites=1", ["c"]),
     ("model=nonsense", ["c", "b", "a"]), ("q=lantern&favourites=1", [])],
)  # fmt: skip
def test_filters_are_in_the_address(team: Team, user: User, client_for: Login, query: str, expected: list[str]) -> None:
    shots = {
        "a": make_shot(team, prompt="Night market with lanterns"),
        "b": make_shot(team, title="Harbour title", model="apertis-veo2"),
        "c": make_shot(team, favourite=True),
    }
    html = client_for(user).get("/gallery/?" + query).content.decode()
    assert tiles(html) == [shots[name].pk for name in expected]


def test_more_keeps_the_filters(team: Team, user: User, client_for: Login, many: list[Generation]) -> None:
    html = client_for(user).get("/gallery/?q=boat&model=apertis-veo3-fast").content.decode()
    assert "q=boat" in more(html)
    assert "model=apertis-veo3-fast" in more(html)


def test_pages_stop_loading_by_themselves_after_five(
    team: Team, user: User, client_for: Login, many: list[Generation]
) -> None:
    client = client_for(user)
    assert "intersect once" in client.get("/gallery/").content.decode()
    assert "intersect once" not in client.get("/gallery/?auto=5", headers=HTMX).content.decode()


def test_an_empty_gallery_and_an_empty_search_say_what_they_are(team: Team, user: User, client_for: Login) -> None:
    client = client_for(user)
    assert "Shots land here when they finish" in client.get("/gallery/").content.decode()
    make_shot(team)
    words = words_of(client.get("/gallery/?q=zeppelin&favourites=1").content.decode())
    assert "No shots match No favourite with “zeppelin” in this gallery." in words
    assert "The bin is empty" in client.get("/gallery/bin/").content.decode()


def test_the_first_pictures_load_at_once_and_the_others_when_they_are_near(
    team: Team, user: User, client_for: Login
) -> None:
    for _ in range(7):
        make_shot(team, files=ALL)
    images = re.findall(r"<img src=\"/media/[^>]*>", client_for(user).get("/gallery/").content.decode())
    assert ['fetchpriority="high"' in image for image in images] == [True] * 5 + [False] * 2
    assert all('width="640" height="360"' in image for image in images)
    assert all('loading="lazy"' in image for image in images[5:])


def test_a_missing_file_is_said_instead_of_a_broken_picture(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, files=ALL)
    shot.asset("video").file.unlink()
    html = client_for(user).get("/gallery/").content.decode()
    assert "The file is gone from disk" in html
    assert "poster-small.webp" not in html


def test_a_shot_goes_to_the_bin_and_comes_back(team: Team, user: User, client_for: Login) -> None:
    shot, client = make_shot(team, files=ALL), client_for(user)
    gone = client.post(f"/shots/{shot.pk}/bin/", headers=HTMX).content.decode()
    assert f'<li id="gone-{shot.pk}" hidden>' in gone
    assert ">Undo<" in gone
    assert tiles(client.get("/gallery/").content.decode()) == []
    assert tiles(client.get("/gallery/bin/").content.decode()) == [shot.pk]
    back = client.post(f"/shots/{shot.pk}/restore/", {"undo": "1"}, headers=HTMX).content.decode()
    assert tiles(back) == [shot.pk]
    assert tiles(client.get("/gallery/").content.decode()) == [shot.pk]
    assert shot.asset("video").file.exists()


def test_the_bin_works_without_javascript_and_the_undo_too(team: Team, user: User, client_for: Login) -> None:
    shot, client = make_shot(team, title="<b>Causeway</b>"), client_for(user)
    page = client.post(f"/shots/{shot.pk}/bin/", follow=True).content.decode()
    assert f'formaction="/shots/{shot.pk}/restore/">Undo</button>' in page
    assert 'id="act"' in page  # the form that the button sends
    assert "<b>Causeway" not in page
    client.post(f"/shots/{shot.pk}/restore/")
    shot.refresh_from_db()
    assert shot.deleted_at is None


@pytest.mark.parametrize("state", ["queued", "running", "archiving", "unknown"])
def test_what_is_on_its_way_cannot_be_binned(team: Team, user: User, client_for: Login, state: str) -> None:
    shot = make_shot(team, state)
    answer = client_for(user).post(f"/shots/{shot.pk}/bin/", headers=HTMX)
    assert answer.status_code == 409
    assert answer["HX-Reswap"] == "none"  # the tile stays
    shot.refresh_from_db()
    assert shot.deleted_at is None


def test_the_feed_shows_the_takes_of_one_press_together(team: Team, user: User) -> None:
    from generations.views.feed import latest_of

    for take in (1, 2, 3):
        make_shot(team, form_token="together", take=take, takes=3,
                  finished_at=timezone.now() - dt.timedelta(minutes=take == 2))  # fmt: skip
    alone = make_shot(team)
    groups = latest_of(team)
    assert [[shot.take for shot in group.shots] for group in groups] == [[1], [1, 2, 3]]
    assert groups[0].hero == alone
    assert groups[1].hero.take == 3


def test_mine_shows_only_what_this_person_made_and_survives_more(team, user, member, client_for):
    mine = [make_shot(team, files=("video", "poster-small")) for _ in range(25)]
    theirs = make_shot(team, created_by=member, files=("video", "poster-small"))
    page = client_for(user).get(f"/gallery/?person={user.pk}")
    assert f'id="tile-{theirs.pk}"' not in page.content.decode()
    assert f'id="tile-{mine[-1].pk}"' in page.content.decode()
    assert f"person={user.pk}&amp;before=" in page.content.decode()
    assert f'id="tile-{theirs.pk}"' in client_for(user).get("/gallery/").content.decode()
