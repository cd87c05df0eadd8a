"""A link shows one shot to whoever has it, and nothing else; it is dead as soon as it is withdrawn."""

import datetime as dt
import logging
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Team, User
from generations import sharing
from generations.models import Generation, Share
from generations.models.fields import Sealed
from generations.scrub import ScrubFilter
from generations.states import State

from .asgi import ask
from .shots import CLIP, make_shot

pytestmark = pytest.mark.django_db(transaction=True)
PROMPT = "A secret plot about the harbour master"


@pytest.fixture
def shot(team: Team, user: User) -> Generation:
    return make_shot(
        team, prompt=PROMPT, title="Causeway", files=("video", "poster", "poster-small", "preview", "strip")
    )


def link_to(shot: Generation, by: User, **allowed: Any) -> tuple[Share, str]:
    """The link and its path."""
    made = sharing.share(shot, by, **{"days": 7, "show_prompt": False, "allow_download": False, **allowed})
    return made, f"/s/{made.token}/"


def test_a_member_makes_a_link_on_the_shots_page_and_can_copy_it_again(shot, member, client_for, client):
    page = client_for(member).post(f"/shots/{shot.pk}/share/", {"days": "7"}, follow=True).content.decode()
    path = re.search(r"http://testserver(/s/[\w-]{43}/)", page)[1]
    assert path in client_for(member).get(f"/shots/{shot.pk}/share/").content.decode()
    assert path in client_for(member).get("/shares/").content.decode()
    assert client.get(path).status_code == 200


def test_the_page_needs_no_account_and_no_script(shot, user, client):
    answer = client.get(link_to(shot, user)[1])
    page = answer.content.decode()
    assert "<script" not in page
    assert re.search(r'<video controls[^>]+src="/s/[\w-]{43}/video.mp4"', page)
    assert "Causeway" in page
    assert "Alice Moreau" in page
    assert "AI-generated" in page


@pytest.mark.parametrize("title", ["Causeway", ""])
def test_nothing_else_of_the_team_is_on_the_page(shot, team, user, client, title):
    Generation.objects.filter(pk=shot.pk).update(title=title)
    _, path = link_to(shot, user)
    answer = client.get(path)
    seen = answer.content.decode() + str(answer.headers) + str(ask(f"{path}video.mp4").headers)
    for private in (PROMPT, "secret", team.name, user.email, "sk-", "/media/", "/shots/", "apertis", shot.form_token):
        assert private not in seen, private
    assert "_session" not in str(answer.cookies)


def test_prompt_and_download_are_there_only_when_they_were_ticked(shot, user, client):
    bare, full = link_to(shot, user)[1], link_to(shot, user, show_prompt=True, allow_download=True)[1]
    assert (PROMPT in client.get(bare).content.decode(), PROMPT in client.get(full).content.decode()) == (False, True)
    sent = {path: ask(f"{path}video.mp4?download=1").headers["content-disposition"] for path in (bare, full)}
    assert sent == {bare: 'inline; filename="causeway.mp4"', full: 'attachment; filename="causeway.mp4"'}


def test_somebody_without_a_name_is_not_shown_by_address(shot, user, client):
    User.objects.filter(pk=user.pk).update(name="")
    page = client.get(link_to(shot, user)[1]).content.decode()
    assert "Shared by" not in page
    assert user.email not in page


# --- the file -----------------------------------------------------------------------------------------------------------
def test_the_video_plays_with_ranges(shot, user):
    answer = ask(f"{link_to(shot, user)[1]}video.mp4", range="bytes=100-199")
    assert (answer.status, answer.body) == (206, CLIP[100:200])
    assert answer.headers["content-range"] == f"bytes 100-199/{len(CLIP)}"


@pytest.mark.parametrize("name", ["video.mp4", "poster.webp", "poster-small.webp"])
def test_page_and_files_are_unlisted_and_tell_nobody_their_address(shot, user, name):
    path = link_to(shot, user)[1]
    for answer in (ask(path), ask(path + name), ask("/s/" + "x" * 43 + "/"), ask("/s/" + "x" * 43 + f"/{name}")):
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert ask(path + name).headers["cache-control"] == "private, no-cache"
    assert "no-store" in ask(path).headers["cache-control"]


@pytest.mark.parametrize("name", ["preview.mp4", "strip.webp", "..", "video.mp4/", "key"])
def test_a_link_gives_no_other_file(shot, user, name):
    assert ask(f"{link_to(shot, user)[1]}{name}").status == 404


def test_a_link_does_not_open_its_siblings(shot, team, user, client):
    other = make_shot(team, files=("video",))
    made, _ = link_to(shot, user)
    for path in (f"/media/{shot.pk}/video.mp4", f"/media/{other.pk}/video.mp4", f"/shots/{shot.pk}/", "/gallery/"):
        assert client.get(path, HTTP_REFERER=f"http://testserver/s/{made.token}/").status_code == 302


# --- the end of a link -----------------------------------------------------------------------------------------------------
DEATHS = {
    "withdrawn": lambda link: sharing.revoke(link),
    "expired": lambda link: Share.objects.update(expires_at=timezone.now()),
    "shot in the bin": lambda link: Generation.objects.update(deleted_at=timezone.now()),
    "shot no longer done": lambda link: Generation.objects.update(state=State.SUBMITTED),
    "left the team": lambda link: Membership.objects.filter(user=link.created_by).delete(),
    "switched off": lambda link: User.objects.filter(pk=link.created_by_id).update(is_active=False),
    "shot deleted": lambda link: Generation.objects.filter(pk=link.generation_id).delete(),
}


@pytest.mark.parametrize("death", DEATHS)
def test_page_and_file_die_together_and_at_once(shot, user, member, death):
    link, path = link_to(shot, member)
    etag = ask(f"{path}video.mp4").headers["etag"]
    DEATHS[death](link)
    answers = [ask(path), ask(f"{path}video.mp4"), ask(f"{path}video.mp4", range="bytes=0-9"),
               ask(f"{path}video.mp4", if_none_match=etag), ask(f"{path}poster.webp")]  # fmt: skip
    assert [answer.status for answer in answers] == [404] * 5
    assert answers[0].body == ask("/s/" + "x" * 43 + "/").body, "nobody can tell a dead link from a wrong one"


@pytest.mark.parametrize(("days", "words"), [("1", 1), ("7", 7), ("30", 30), ("365", 365)])
def test_a_link_lives_as_long_as_was_chosen(shot, member, client_for, days, words):
    client_for(member).post(f"/shots/{shot.pk}/share/", {"days": days})
    left = Share.objects.get().expires_at - timezone.now()
    assert abs(left - dt.timedelta(days=words)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("days", ["0", "-1", "9999", "", "x"])
def test_no_link_is_made_for_a_time_that_is_not_offered(shot, member, client_for, days):
    assert client_for(member).post(f"/shots/{shot.pk}/share/", {"days": days}).status_code == 422
    assert not Share.objects.exists()


@pytest.mark.parametrize("state", [state for state in State if state != State.DONE])
def test_only_a_finished_shot_gets_a_link(team, user, client_for, state):
    shot = make_shot(team, state=state)
    assert client_for(user).post(f"/shots/{shot.pk}/share/", {"days": "7"}).status_code == 422
    assert not Share.objects.exists()


def test_anybody_in_the_team_withdraws_a_link_and_nobody_else_does(shot, user, member, stranger, client_for):
    link, path = link_to(shot, user)
    assert client_for(stranger).post(f"/shares/{link.pk}/revoke/").status_code == 404
    assert ask(path).status == 200
    assert client_for(member).post(f"/shares/{link.pk}/revoke/").status_code == 302
    assert ask(path).status == 404


# --- the token -----------------------------------------------------------------------------------------------------------
def test_the_token_has_256_bits_and_lies_sealed(shot, user):
    link, _ = link_to(shot, user)
    assert len(link.token) == 43
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT token, token_hash FROM generations_share")
        assert link.token not in str(cursor.fetchone())


def test_links_that_cannot_be_unsealed_can_still_be_withdrawn(shot, user, client_for):
    Share.objects.filter(pk=link_to(shot, user)[0].pk).update(token=Sealed("f1$broken"))
    page = client_for(user).get("/shares/").content.decode()
    assert "cannot be read any more" in page
    assert "/revoke/" in page


def test_no_log_line_holds_a_link(shot, user):
    for path in (link_to(shot, user)[1], "/join/" + "x" * 43 + "/", "/setup/" + "y" * 43 + "/"):
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "Internal Server Error: %s", (path,), None)
        ScrubFilter().filter(record)
        assert record.getMessage() == f"Internal Server Error: /{path.split('/')[1]}/[token removed]/"


def test_guessing_is_slowed_down(db):
    statuses = [Client().get(f"/s/guess-{n}/").status_code for n in range(22)]
    assert statuses == [404] * 20 + [429] * 2
