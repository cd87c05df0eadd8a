"""The filters of the gallery: each finds what it says, together they narrow, and the address keeps them."""

import datetime as dt
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations.models import Generation
from generations.views import tiles
from generations.views.filters import SHAPES, SHOWS, Filters, bounds

from .shots import make_key, make_shot
from .test_gallery import tiles as shown
from .test_queue import HTMX, words_of

Login = Callable[[User], Client]


def with_video(team: Team, width: int = 1280, height: int = 720, **facts: Any) -> Generation:
    shot = make_shot(team, files=("video",))
    shot.assets.filter(kind="video").update(width=width, height=height, **facts)
    return shot


def found(query: str, team: Team) -> set[int]:
    shots = Filters.of(QueryDict(query)).apply(Generation.objects.of_team(team).kept())
    return set(shots.values_list("pk", flat=True))


@pytest.mark.parametrize("ratio", SHAPES)
@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (720, 720), (1260, 540), (960, 720), (720, 960), (1280, 704),
                                  (848, 480), (0, 0)])  # fmt: skip
def test_a_ratio_finds_what_its_tile_is_drawn_as(team: Team, user: User, ratio: str, size: tuple[int, int]) -> None:
    shot = with_video(team, *size)
    drawn_as_it = bool(size[0]) and tiles.ratio_class(shot.asset("video")) == SHAPES[ratio]
    assert (shot.pk in found(f"ratio={ratio}", team)) is drawn_as_it


def test_every_width_belongs_to_exactly_one_ratio() -> None:
    edges = sorted(bounds(shape) for shape in SHAPES.values())
    assert edges[0][0] == 0
    assert all(edge[1] == after[0] for edge, after in pairwise(edges))


@pytest.mark.parametrize(
    ("seconds", "length"),
    [(4.0, "short"), (5.04, "short"), (6.0, "middle"), (8.0, "middle"), (10.0, "long"), (60, "long")],
)
def test_every_length_is_found_once(team: Team, user: User, seconds: float, length: str) -> None:
    shot = with_video(team, duration_ms=round(seconds * 1000))
    assert [name for name in ("short", "middle", "long") if shot.pk in found(f"length={name}", team)] == [length]


def test_sound_person_and_provider(team: Team, user: User, member: User) -> None:
    loud, silent = with_video(team, has_audio=True), with_video(team, has_audio=False)
    theirs = make_shot(team, created_by=member, model="openai-sora-2")
    assert found("sound=with", team) == {loud.pk}
    assert found("sound=without", team) == {silent.pk}
    assert found(f"person={member.pk}", team) == {theirs.pk}
    assert found("provider=apertis", team) == {loud.pk, silent.pk}
    assert found(f"provider=apertis&person={member.pk}", team) == set()


def test_a_shot_has_remixes_when_another_was_made_from_it(team: Team, user: User) -> None:
    first = make_shot(team)
    second = make_shot(team, parent=first, reuse="take")
    make_shot(team)
    third = make_shot(team, parent=second, reuse="remix")
    assert found("remixed=1", team) == {first.pk, second.pk}
    assert third.pk in found("", team)


def test_days_are_whole_days_of_the_reader(team: Team, user: User, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    day, minute = f"{midnight:%Y-%m-%d}", dt.timedelta(minutes=1)
    key = make_key(team)
    before, first, last, after = (
        make_shot(team, provider_key=key, created_at=at).pk
        for at in (
            midnight - minute,
            midnight,
            midnight + dt.timedelta(days=1) - minute,
            midnight + dt.timedelta(days=1),
        )
    )
    assert found(f"from={day}", team) == {first, last, after}
    assert found(f"to={day}", team) == {before, first, last}
    assert found(f"from={day}&to={day}", team) == {first, last}


@pytest.mark.parametrize("show", SHOWS)
def test_each_state_is_found_by_one_choice(team: Team, user: User, show: str) -> None:
    states = ("queued", "running", "archiving", "done", "failed", "unknown", "cancelled")
    shots = {state: make_shot(team, state).pk for state in states}
    expected = {"": {"done"}, "active": {"queued", "running", "archiving"}, "everything": set(states)}.get(show, {show})
    assert found(f"show={show}", team) == {shots[state] for state in expected}


@pytest.mark.parametrize("typed", ["été", "ÉTÉ", "Été", "lune ÉTÉ", "ЛУНА", "100%", "a_b", "\\", "'"])
def test_words_are_found_in_any_case_and_any_letters(team: Team, user: User, typed: str) -> None:
    shot = make_shot(team, prompt="Un été sur la lune, 100% soleil, a_b \\ ' ", title="Луна")
    make_shot(team, prompt="Winter")
    assert found(f"show=everything&q={_quoted(typed)}", team) == {shot.pk}


def _quoted(text: str) -> str:
    query = QueryDict(mutable=True)
    query["q"] = text
    return query.urlencode().removeprefix("q=")


def test_words_may_stand_apart_and_are_all_wanted(team: Team, user: User) -> None:
    both = make_shot(team, prompt="A boat leaves", title="Harbour")
    make_shot(team, prompt="A boat")
    assert found("q=harbour+boat", team) == {both.pk}


@pytest.mark.parametrize(
    "query", ["ratio=5:4", "length=x", "sound=loud", "person=-1", "person=²", "from=2026-02-31", "to=x", "from=0001-01-01",
              "provider=x", "person=99999999999999999999", "q=%00"]
)  # fmt: skip
def test_what_does_not_exist_counts_as_not_given(team: Team, user: User, client_for: Login, query: str) -> None:
    shot = make_shot(team)
    assert shown(client_for(user).get(f"/gallery/?{query}").content.decode()) == [shot.pk]
    assert not Filters.of(QueryDict(query))


EVERYTHING = ("q=boat&show=failed&model=apertis-veo2&provider=apertis&person=1&ratio=16%3A9&length=short&sound=with"
              "&favourites=1&remixed=1&from=2026-01-02&to=2026-03-04&collection=7&order=oldest")  # fmt: skip


def test_the_address_holds_every_filter_and_nothing_else(team: Team, user: User, client_for: Login) -> None:
    assert Filters.of(QueryDict(EVERYTHING)).query() == EVERYTHING
    answer = client_for(user).get("/gallery/?q=&show=&model=&ratio=16:9&from=", headers=HTMX)
    assert answer["HX-Push-Url"] == "/gallery/?ratio=16%3A9"
    assert client_for(user).get("/gallery/?q=", headers=HTMX)["HX-Push-Url"] == "/gallery/"


def test_a_page_that_finds_nothing_names_every_filter(team: Team, user: User, client_for: Login) -> None:
    words = words_of(client_for(user).get(f"/gallery/?{EVERYTHING}").content.decode())
    for part in ("No favourite with “boat”", "from Apertis", "in 16:9", "of up to 5 s", "with sound",
                 "since 2 January 2026", "until 4 March 2026", "that failed"):  # fmt: skip
        assert part in words
    assert "Clear filters" in words


def test_the_bar_shows_what_is_set_and_counts_what_is_folded_away(team: Team, user: User, client_for: Login) -> None:
    html = client_for(user).get("/gallery/?ratio=9:16&sound=with&from=2026-01-02").content.decode()
    assert '<option value="9:16" selected>' in html
    assert '<option value="with" selected>' in html
    assert 'value="2026-01-02"' in html
    assert "2 set" in words_of(html)


@pytest.mark.parametrize(("cookie", "size"), [("1", 1), ("5", 5), ("6", 3), ("x", 3), ("", 3)])
def test_the_size_of_the_rows_is_remembered(team: Team, user: User, client_for: Login, cookie: str, size: int) -> None:
    client = client_for(user)
    client.cookies["rows"] = cookie
    html = client.get("/gallery/").content.decode()
    assert f'data-size="{size}"' in html
    assert f'max="5" value="{size}"' in html


def test_filters_on_the_file_cost_no_more_queries(
    team: Team, user: User, client_for: Login, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        with_video(team)
    client = client_for(user)
    with django_assert_max_num_queries(12):
        client.get("/gallery/?ratio=16:9&length=middle&sound=with&q=boat&provider=apertis")
