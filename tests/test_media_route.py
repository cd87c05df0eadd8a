"""Finished files over HTTP: with ranges, with a good name, and for the team only."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Team, User
from generations.models import Generation

from .asgi import ask
from .shots import CLIP, make_shot

pytestmark = pytest.mark.django_db(transaction=True)
ALL = ("video", "poster", "poster-small", "preview", "strip")
NAMES = [("video.mp4", "video/mp4"), ("poster.webp", "image/webp"), ("poster-small.webp", "image/webp"),
         ("preview.mp4", "video/mp4"), ("strip.webp", "image/webp")]  # fmt: skip


@pytest.fixture
def shot(team: Team, user: User) -> Generation:
    return make_shot(team, title="Causeway, first light", files=ALL)


@pytest.mark.parametrize(("name", "content_type"), NAMES)
def test_every_file_of_a_shot_has_its_name(shot: Generation, user: User, name: str, content_type: str) -> None:
    answer = ask(f"/media/{shot.pk}/{name}", user)
    assert (answer.status, answer.body) == (200, CLIP)
    assert answer.headers["content-type"] == content_type
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_player_can_seek(shot: Generation, user: User) -> None:
    answer = ask(f"/media/{shot.pk}/video.mp4", user, range="bytes=100-199")
    assert (answer.status, answer.body) == (206, CLIP[100:200])
    assert answer.headers["content-range"] == f"bytes 100-199/{len(CLIP)}"


def test_an_unchanged_file_is_not_sent_again(shot: Generation, user: User) -> None:
    etag = ask(f"/media/{shot.pk}/video.mp4", user).headers["etag"]
    answer = ask(f"/media/{shot.pk}/video.mp4", user, if_none_match=etag)
    assert (answer.status, answer.body) == (304, b"")


def test_a_download_has_a_name_that_one_can_find_again(shot: Generation, user: User) -> None:
    answer = ask(f"/media/{shot.pk}/video.mp4?download=1", user)
    assert answer.headers["content-disposition"] == (f'attachment; filename="causeway-first-light-{shot.pk}.mp4"')
    assert ask(f"/media/{shot.pk}/video.mp4", user).headers["content-disposition"].startswith("inline")


def test_a_title_without_letters_still_makes_a_file_name(team: Team, user: User) -> None:
    shot = make_shot(team, title="灯台", files=("video",))
    answer = ask(f"/media/{shot.pk}/video.mp4?download=1", user)
    assert answer.headers["content-disposition"] == f'attachment; filename="shot-{shot.pk}.mp4"'


def test_strangers_cannot_tell_a_file_from_none(shot: Generation, user: User, stranger: User) -> None:
    foreign = ask(f"/media/{shot.pk}/video.mp4", stranger)
    missing = ask("/media/999999/video.mp4", stranger)
    assert (foreign.status, foreign.body) == (404, missing.body)
    assert missing.status == 404


def test_who_is_not_signed_in_is_asked_to(shot: Generation) -> None:
    answer = ask(f"/media/{shot.pk}/video.mp4")
    assert answer.status == 302
    assert answer.headers["location"].startswith("/accounts/login/")


@pytest.mark.parametrize("how", ["removed", "switched off"])
def test_access_ends_with_the_next_request(shot: Generation, team: Team, member: User, how: str) -> None:
    assert ask(f"/media/{shot.pk}/video.mp4", member).status == 200
    if how == "removed":
        Membership.objects.filter(user=member, team=team).delete()
    else:
        User.objects.filter(pk=member.pk).update(is_active=False)
    assert ask(f"/media/{shot.pk}/video.mp4", member).status in (302, 404)


@pytest.mark.parametrize("path", ["video.webm", "..%2Fvideo.mp4", "video.mp4.part", "escrow", "VIDEO.MP4"])
def test_only_the_known_names_exist(shot: Generation, user: User, path: str) -> None:
    assert ask(f"/media/{shot.pk}/{path}", user).status == 404


def test_a_file_that_is_gone_from_disk_is_a_404(shot: Generation, user: User) -> None:
    shot.asset("video").file.unlink()
    assert ask(f"/media/{shot.pk}/video.mp4", user).status == 404


def test_other_methods_are_refused(shot: Generation, user: User) -> None:
    assert ask(f"/media/{shot.pk}/video.mp4", user, method="DELETE").status == 405
    assert ask(f"/media/{shot.pk}/video.mp4", user, method="HEAD").body == b""


def test_behind_nginx_only_the_place_is_sent(shot: Generation, user: User, stranger: User, settings: Any) -> None:
    settings.MEDIA_DELIVERY = "x-accel"
    answer = ask(f"/media/{shot.pk}/video.mp4?download=1", user)
    assert answer.headers["x-accel-redirect"] == f"/protected-media/{shot.asset('video').path}"
    assert answer.body == b""
    assert "attachment" in answer.headers["content-disposition"]
    assert "x-accel-redirect" not in ask(f"/media/{shot.pk}/video.mp4", stranger).headers


def test_an_unknown_host_gets_nothing(shot: Generation, user: User) -> None:
    answer = ask(f"/media/{shot.pk}/video.mp4", user, host="evil.example")
    assert answer.status == 400
    assert CLIP not in answer.body


def test_the_plain_view_follows_the_same_rule(shot: Generation, user: User, stranger: User, client_for: Any) -> None:
    path = f"/media/{shot.pk}/video.mp4?download=1"
    answer = client_for(user).get(path)
    assert b"".join(answer.streaming_content) == CLIP
    assert answer["Content-Disposition"] == f'attachment; filename="causeway-first-light-{shot.pk}.mp4"'
    assert client_for(stranger).get(path).status_code == 404
    assert Client().get(path).status_code == 302
