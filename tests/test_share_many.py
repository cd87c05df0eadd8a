"""Several shots of the gallery are shared in one go: a link each, and what cannot be shared is named and left out."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations.models import Generation, Share
from generations.models.fields import opened
from generations.views import share_many

from .shots import make_shot
from .test_queue import words_of

Login = Callable[[User], Client]
WEEK = {"days": "7"}


def ready(team: Team, count: int = 1, **fields: Any) -> list[Generation]:
    return [make_shot(team, files=("video", "poster-small"), title=f"Shot {n}", **fields) for n in range(1, count + 1)]


def chosen(shots: list[Generation]) -> str:
    return "/gallery/share/?" + "&".join(f"pick={shot.pk}" for shot in shots)


def make(client: Client, shots: list[Generation], **given: str) -> Any:
    return client.post("/gallery/share/", {"pick": [shot.pk for shot in shots], **WEEK, **given}, follow=True)


def test_the_selection_leads_to_a_page_with_its_pictures(team: Team, user: User, client_for: Login) -> None:
    shots, client = ready(team, 3), client_for(user)
    assert 'formaction="/gallery/picked/share/"' in client.get("/gallery/").content.decode()
    answer = client.post("/gallery/picked/share/", {"pick": [shot.pk for shot in shots]})
    assert answer["Location"] == chosen(shots)
    html = client.get(answer["Location"]).content.decode()
    assert "<h1>Share 3 shots</h1>" in html
    assert re.findall(r'src="/media/(\d+)/poster-small.webp"', html) == [str(shot.pk) for shot in shots]
    assert re.findall(r'name="pick" value="(\d+)"', html) == [str(shot.pk) for shot in shots]
    assert not Share.objects.exists(), "looking makes no link"


def test_one_press_makes_a_link_each_with_what_was_chosen(team: Team, user: User, client_for: Login) -> None:
    shots, client = ready(team, 3), client_for(user)
    answer = make(client, shots[:2], days="30", show_prompt="on")
    html = answer.content.decode()
    assert "2 links work now." in words_of(html)
    links = Share.objects.order_by("pk")
    assert [link.generation_id for link in links] == [shots[0].pk, shots[1].pk]
    assert {(link.created_by, link.show_prompt, link.allow_download) for link in links} == {(user, True, False)}
    assert {round((link.expires_at - timezone.now()).total_seconds() / 86400) for link in links} == {30}
    for link in links:  # each with its title, its address, Copy and Withdraw; all of them at once as text
        assert html.count(f"http://testserver/s/{opened(link.token)}/") == 3
        assert f'data-copy="#address-{link.pk}"' in html
        assert f'action="/shares/{link.pk}/revoke/"' in html
        assert Client().get(f"/s/{opened(link.token)}/").status_code == 200
    assert 'data-copy="#all-addresses"' in html
    assert html.index("<b>Shot 1</b>") < html.index("<b>Shot 2</b>"), "in the order of the selection"


def test_the_list_shows_only_these_and_the_page_of_all_links_has_them_too(
    team: Team, user: User, client_for: Login
) -> None:
    shots, client = ready(team, 3), client_for(user)
    make(client, shots[:1])
    make(client, shots[1:])
    first, *others = Share.objects.order_by("pk")
    only = client.get("/shares/?" + "&".join(f"link={link.pk}" for link in others)).content.decode()
    assert [opened(link.token) in only for link in (first, *others)] == [False, True, True]
    everything = client.get("/shares/").content.decode()
    assert all(opened(link.token) in everything for link in (first, *others))


def test_withdrawing_one_of_them_comes_back_to_the_others(team: Team, user: User, client_for: Login) -> None:
    client = client_for(user)
    here = make(client, ready(team, 2)).redirect_chain[-1][0]
    first, second = Share.objects.order_by("pk")
    answer = client.post(f"/shares/{first.pk}/revoke/", {"all": "1"}, HTTP_REFERER=f"http://testserver{here}")
    assert answer["Location"] == here
    html = client.get(here).content.decode()
    assert (opened(first.token) in html, opened(second.token) in html) == (False, True)


def test_the_text_that_is_copied_tells_no_prompt_that_is_not_shown(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, files=("video",), prompt="A secret plot")
    for given, told in (({}, "A shot: http"), ({"show_prompt": "on"}, "A secret plot: http")):
        html = make(client_for(user), [shot], **given).content.decode()
        assert re.search(r'id="all-addresses"[^>]*>([^:]*: http)', html)[1] == told


# --- what gets no link --------------------------------------------------------------------------------------------------
def test_shots_of_another_team_are_never_shared(team: Team, user: User, stranger: User, client_for: Login) -> None:
    shots, client = ready(team, 2), client_for(stranger)
    assert client.get(chosen(shots)).status_code == 302
    make(client, shots)
    assert not Share.objects.exists()
    make(client_for(user), shots)
    link = Share.objects.first()
    assert opened(link.token) not in client.get(f"/shares/?link={link.pk}").content.decode()


LEFT_OUT = {
    "it is not finished": lambda team: make_shot(team, "running", title="Left"),
    "it has no video": lambda team: make_shot(team, "failed", title="Left"),
    "it is in the bin": lambda team: make_shot(team, files=("video",), title="Left", deleted_at=timezone.now()),
    "its file is gone from disk": lambda team: make_shot(team, title="Left"),
}


@pytest.mark.parametrize("why", LEFT_OUT)
def test_what_cannot_be_shared_is_named_and_left_out(team: Team, user: User, client_for: Login, why: str) -> None:
    shots, left, client = ready(team, 2), LEFT_OUT[why](team), client_for(user)
    html = client.get(chosen([*shots, left])).content.decode()
    assert "<h1>Share 2 shots</h1>" in html
    assert f"“Left”: {why}" in html
    assert f'value="{left.pk}"' not in html
    answer = make(client, [*shots, left])  # it may have changed while the page was open
    assert f"2 links work now. Left out: “Left” ({why})." in words_of(answer.content.decode())
    assert not Share.objects.filter(generation=left).exists()
    alone = client.get(chosen([left])).content.decode()
    assert "Nothing to share" in alone
    assert '<button class="btn btn--paper">' not in alone


def test_the_same_is_true_of_a_single_shot_whose_file_is_gone(team: Team, user: User, client_for: Login) -> None:
    shot = ready(team)[0]
    shot.asset("video").file.unlink()
    assert client_for(user).post(f"/shots/{shot.pk}/share/", WEEK).status_code == 422
    assert not Share.objects.exists()


def test_there_is_an_end_to_how_many_at_once(
    team: Team, user: User, client_for: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_many, "MOST", 2)
    shots, client = ready(team, 3), client_for(user)
    words = "At most 2 shots can be shared at once, and 3 are selected. No link was made."
    assert words in words_of(client.get(chosen(shots), follow=True).content.decode())
    assert words in words_of(make(client, shots).content.decode())
    assert not Share.objects.exists()
    make(client, shots[:2])
    assert Share.objects.count() == 2


@pytest.mark.parametrize("days", ["", "0", "9999"])
def test_a_time_that_is_not_offered_makes_no_link_and_keeps_the_ticks(
    team: Team, user: User, client_for: Login, days: str
) -> None:
    answer = make(client_for(user), ready(team, 2), days=days, allow_download="on")
    assert answer.status_code == 422
    assert re.search(r'name="allow_download"[^>]* checked', answer.content.decode())
    assert not Share.objects.exists()


def test_nothing_selected_is_said(team: Team, user: User, client_for: Login) -> None:
    for path in ("/gallery/share/", "/gallery/share/?pick=x"):
        answer = client_for(user).get(path, follow=True, HTTP_REFERER=f"http://testserver{path}")
        assert "Nothing is selected." in words_of(answer.content.decode())


def test_all_links_are_made_or_none(team: Team, user: User, client_for: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    from generations import sharing

    shots, client, tokens = ready(team, 2), client_for(user), iter(["one"])
    client.raise_request_exception = False
    monkeypatch.setattr(sharing, "new_token", lambda: next(tokens))  # the second one fails
    assert make(client, shots).status_code == 500
    assert not Share.objects.exists()


@pytest.mark.parametrize("count", [1, 2])
def test_a_form_that_is_sent_twice_makes_its_links_once(team: Team, user: User, client_for: Login, count: int) -> None:
    shots, client = ready(team, count), client_for(user)
    page = f"/shots/{shots[0].pk}/share/" if count == 1 else chosen(shots)
    values = {
        **WEEK,
        "pick": [shot.pk for shot in shots],
        "confirmation": re.findall(r'name="confirmation" value="(\w+)"', client.get(page).content.decode())[0],
    }
    first, second = (client.post(page.partition("?")[0], values) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Share.objects.count() == count
    again = re.findall(r'name="confirmation" value="(\w+)"', client.get(page).content.decode())[0]
    client.post(page.partition("?")[0], {**values, "confirmation": again})
    assert Share.objects.count() == 2 * count, "a form of its own makes links of its own"
    client.post(page.partition("?")[0], {**values, "days": "30"})
    assert Share.objects.count() == 3 * count, "and so does another choice in the same form, reached by the way back"
    Share.objects.update(revoked_at=timezone.now())
    client.post(page.partition("?")[0], values)
    assert Share.objects.open().count() == count, "what was withdrawn is not told to work"
