"""Collections keep shots together; sorting and counting the gallery."""

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations import collections
from generations.models import Asset, Collection
from generations.views import paging

from .shots import make_key, make_shot
from .test_gallery import more, tiles
from .test_queue import HTMX, words_of

Login = Callable[[User], Client]


def test_shots_are_collected_under_a_new_name_and_found_by_it(team: Team, user: User, client_for: Login) -> None:
    one, two, three = (make_shot(team) for _ in range(3))
    client = client_for(user)
    answer = client.post(
        "/gallery/picked/collect/", {"pick": [one.pk, two.pk], "name": " Harbour \n nights "}, headers=HTMX
    )
    assert "2 shots are in the collection “Harbour nights”" in words_of(answer.content.decode())
    kept = Collection.objects.get()
    client.post("/gallery/picked/collect/", {"pick": [three.pk], "collection": kept.pk})
    assert set(tiles(client.get(f"/gallery/?collection={kept.pk}").content.decode())) == {one.pk, two.pk, three.pk}
    client.post("/gallery/picked/take-out/", {"pick": [two.pk], "collection": kept.pk})
    assert set(tiles(client.get(f"/gallery/?collection={kept.pk}").content.decode())) == {one.pk, three.pk}
    assert "2 shots" in words_of(client.get("/collections/").content.decode())


def test_without_a_name_nothing_is_collected(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team)
    for verb in ("collect", "take-out"):
        data = {"pick": [shot.pk], "name": "  ", "collection": "99"}
        assert client_for(user).post(f"/gallery/picked/{verb}/", data, headers=HTMX).status_code == 422
    assert not Collection.objects.exists()


def test_another_teams_collection_does_not_exist(team: Team, user: User, stranger: User, client_for: Login) -> None:
    theirs = collections.collect(stranger.teams.get(), stranger, "Theirs", [])
    shot, client = make_shot(team), client_for(user)
    assert (
        client.post("/gallery/picked/collect/", {"pick": [shot.pk], "collection": theirs.pk}, headers=HTMX).status_code
        == 422
    )
    assert client.post(f"/collections/{theirs.pk}/delete/").status_code == 404
    assert theirs.shots.count() == 0


def test_deleting_a_collection_deletes_no_shot(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team)
    kept = collections.collect(team, user, "For the trailer", [shot])
    client_for(user).post(f"/collections/{kept.pk}/delete/")
    shot.refresh_from_db()
    assert not Collection.objects.exists()


def test_a_name_belongs_to_one_collection(team: Team, user: User, client_for: Login) -> None:
    collections.collect(team, user, "One", [])
    two, client = collections.collect(team, user, "Two", []), client_for(user)
    assert "Another collection has this name" in words_of(
        client.post(f"/collections/{two.pk}/rename/", {"name": "One"}, follow=True).content.decode()
    )
    client.post(f"/collections/{two.pk}/rename/", {"name": "Three"})
    assert set(Collection.objects.values_list("name", flat=True)) == {"One", "Three"}


# --- order and number ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("order", paging.ORDERS)
def test_every_order_shows_every_shot_once(team: Team, user: User, client_for: Login, order: str) -> None:
    start, key = timezone.now() - dt.timedelta(days=2), make_key(team)
    shots = [
        make_shot(team, provider_key=key, created_at=start + dt.timedelta(hours=n // 5))
        for n in range(paging.PAGE * 2 + 5)
    ]
    for n, shot in enumerate(shots[: paging.PAGE + 9]):
        Asset.objects.create(generation=shot, kind="video", path=f"x/{n}", content_type="video/mp4", bytes=1, sha256="-",
                             width=16, height=9, duration_ms=1000 * (n % 7))  # fmt: skip
    client, seen, link = client_for(user), [], f"?order={order}"
    while True:
        html = client.get("/gallery/" + link).content.decode()
        seen += tiles(html)
        if not (link := more(html)):
            break

    def length(shot):
        return next((a.duration_ms for a in shot.assets.all()), 0)

    keys = {
        "": lambda s: (s.created_at, s.pk),
        "oldest": lambda s: (s.created_at, s.pk),
        "longest": lambda s: (length(s), s.pk),
    }
    expected = sorted(shots, key=keys[order], reverse=order != "oldest")
    assert seen == [shot.pk for shot in expected]


@pytest.mark.parametrize(("total", "words"), [
    (0, "0 shots"), (1, "1 shot"), (8, "8 shots"), (1000, "1,000 shots"), (1001, "more than 1,000 shots")
])  # fmt: skip
def test_the_number_is_said_and_counting_ends_somewhere(total: int, words: str) -> None:
    assert paging.count_words(total) == words


def test_the_page_says_how_many_there_are_however_many_it_shows(team: Team, user: User, client_for: Login) -> None:
    key = make_key(team)
    for _ in range(paging.PAGE + 2):
        make_shot(team, provider_key=key)
    assert f'id="counted">{paging.PAGE + 2} shots<' in client_for(user).get("/gallery/").content.decode()
    assert 'id="counted">0 shots<' in client_for(user).get("/gallery/?q=nothing").content.decode()


HERE = "http://testserver/gallery/?q=harbour"


@pytest.mark.parametrize("press", ["/shots/{}/bin/", "/gallery/picked/bin/"])
def test_the_number_follows_what_goes_to_the_bin_and_comes_back(
    team: Team, user: User, client_for: Login, press: str
) -> None:
    one, _ = make_shot(team), make_shot(team)
    make_shot(team, prompt="Another place")
    client, headers = client_for(user), {**HTMX, "HX-Current-URL": HERE}
    gone = client.post(press.format(one.pk), {"pick": one.pk}, headers=headers).content.decode()
    assert '<hx-partial hx-target="#counted" hx-swap="textContent">1 shot<' in gone
    back = press.replace("bin", "restore").format(one.pk)
    assert ">2 shots<" in client.post(back, {"pick": one.pk, "undo": "1"}, headers=headers).content.decode()
    elsewhere = client.post(press.format(one.pk), {"pick": one.pk}, headers={**HTMX, "HX-Current-URL": "http://x/"})
    assert "#counted" not in elsewhere.content.decode()


def test_mine_and_team_keep_the_other_filters_and_say_which_is_on(
    team: Team, user: User, member: User, client_for: Login
) -> None:
    client = client_for(user)
    page = client.get(f"/gallery/?q=fox&favourites=1&person={member.pk}").content.decode()
    tabs = re.findall(r'<a href="([^"]*)"( aria-current="true")?>(Mine|Team)</a>', page)
    assert tabs == [
        (f"?person={user.pk}&amp;q=fox&amp;favourites=1", "", "Mine"), ("?q=fox&amp;favourites=1", "", "Team")
    ]  # fmt: skip
    part = client.get(f"/gallery/?q=fox&person={user.pk}", headers=HTMX).content.decode()
    assert '<hx-partial hx-target="#whose"' in part
    assert f'<a href="?person={user.pk}&amp;q=fox" aria-current="true">Mine</a>' in part


def test_the_lists_of_collections_follow_on_the_page_that_is_open(team: Team, user: User, client_for: Login) -> None:
    shot, headers = make_shot(team), {**HTMX, "HX-Current-URL": "http://testserver/gallery/"}
    sent = {"pick": [shot.pk], "name": "Harbour nights"}
    page = client_for(user).post("/gallery/picked/collect/", sent, headers=headers).content.decode()
    choice = f'<option value="{Collection.objects.get().pk}">Harbour nights</option>'
    parts = dict(re.findall(r'<hx-partial hx-target="(#[a-z-]+)"[^>]*>(.*?)</hx-partial>', page, re.DOTALL))
    assert choice in parts["#collect"]
    assert choice in parts["#fold-collection"]
    assert 'value="Harbour nights"' not in page, "the next press is not for the name that was typed for this one"


def test_what_leaves_the_collection_that_is_shown_leaves_the_page(team: Team, user: User, client_for: Login) -> None:
    one, two = make_shot(team), make_shot(team)
    kept = collections.collect(team, user, "Harbour nights", [one, two])
    sent = {"pick": [one.pk], "collection": kept.pk}
    for here, gone in (("/gallery/", False), (f"/gallery/?collection={kept.pk}", True)):
        headers = {**HTMX, "HX-Current-URL": f"http://testserver{here}"}
        page = client_for(user).post("/gallery/picked/take-out/", sent, headers=headers).content.decode()
        assert (f'id="gone-{one.pk}"' in page, ">1 shot<" in page) == (gone, gone)
