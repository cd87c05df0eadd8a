"""Many shots at once: they go to the bin together and come back, are compared, and leave the studio as one ZIP."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from generations import bundle
from generations.models import Generation

from .shots import CLIP, make_shot
from .test_gallery import tiles
from .test_queue import HTMX, words_of

Login = Callable[[User], Client]
VERBS = ["compare", "share", "download", "favourite", "bin", "restore"]


def post(client: Client, verb: str, *shots: Generation, htmx: bool = True, **more: str) -> Any:
    data = {"pick": [shot.pk for shot in shots], **more}
    return client.post(f"/gallery/picked/{verb}/", data, headers=HTMX if htmx else {})


def zipped(answer: Any) -> zipfile.ZipFile:
    with pytest.warns(Warning, match="asynchronous iterators"):  # the test client is no ASGI server
        return zipfile.ZipFile(io.BytesIO(b"".join(answer)))


@pytest.mark.parametrize("verb", VERBS)
def test_another_teams_shots_do_not_exist(team: Team, user: User, stranger: User, client_for: Login, verb: str) -> None:
    shot = make_shot(team, files=("video",))
    before = Generation.objects.values().get(pk=shot.pk)
    assert post(client_for(stranger), verb, shot).status_code == 422
    assert Client().post(f"/gallery/picked/{verb}/", {"pick": shot.pk})["Location"].startswith("/accounts/login/")
    assert client_for(user).get(f"/gallery/picked/{verb}/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post(f"/gallery/picked/{verb}/", {"pick": shot.pk}).status_code == 403
    assert Generation.objects.values().get(pk=shot.pk) == before


def test_nothing_selected_is_said(team: Team, user: User, client_for: Login) -> None:
    client = client_for(user)
    answer = client.post("/gallery/picked/bin/", {"pick": ["x", "²", "-1", "9" * 30]}, headers=HTMX)
    assert answer.status_code == 422
    assert "Nothing is selected" in words_of(answer.content.decode())
    assert client.post("/gallery/picked/destroy/", {"pick": 1}).status_code == 404


def test_many_go_to_the_bin_and_undo_brings_them_back(team: Team, user: User, client_for: Login) -> None:
    shots, client = [make_shot(team) for _ in range(3)], client_for(user)
    html = post(client, "bin", *shots[:2]).content.decode()
    assert "2 shots are in the bin." in words_of(html)
    assert all(f'id="gone-{shot.pk}"' in html for shot in shots[:2])
    assert tiles(client.get("/gallery/").content.decode()) == [shots[2].pk]
    undo = html.split('name="undo" value="')[1].split('"')[0]
    back = post(client, "restore", *shots[:2], undo=undo).content.decode()
    assert tiles(back) == [shots[0].pk, shots[1].pk]
    assert f'hx-target="#toast-{undo}" hx-swap="delete"' in back
    assert len(tiles(client.get("/gallery/").content.decode())) == 3


def test_what_is_on_its_way_stays_and_is_said(team: Team, user: User, client_for: Login) -> None:
    done, running, client = make_shot(team), make_shot(team, "running"), client_for(user)
    assert "1 still on the way stays." in words_of(post(client, "bin", done, running).content.decode())
    running.refresh_from_db()
    assert running.deleted_at is None
    assert post(client, "bin", running).status_code == 409


def test_the_bin_gives_many_back(team: Team, user: User, client_for: Login) -> None:
    shots, client = [make_shot(team) for _ in range(2)], client_for(user)
    post(client, "bin", *shots, htmx=False)
    assert len(tiles(client.get("/gallery/bin/").content.decode())) == 2
    html = post(client, "restore", *shots).content.decode()
    assert all(f'id="gone-{shot.pk}"' in html for shot in shots)  # out of the bin's page
    assert len(tiles(client.get("/gallery/").content.decode())) == 2


def test_many_become_favourites_and_none_of_them_when_all_are(team: Team, user: User, client_for: Login) -> None:
    shots, client = [make_shot(team, favourite=True), make_shot(team)], client_for(user)
    for on in (True, False):
        html = post(client, "favourite", *shots).content.decode()
        assert html.count(f'aria-pressed="{str(on).lower()}"') == 2
        assert list(Generation.objects.values_list("favourite", flat=True).distinct()) == [on]


def test_without_javascript_the_answers_are_pages(team: Team, user: User, client_for: Login) -> None:
    shot, client = make_shot(team), client_for(user)
    page = client.get("/gallery/").content.decode()
    assert f'name="pick" value="{shot.pk}" form="picked"' in page
    assert 'formaction="/gallery/picked/bin/"' in page
    answer = client.post("/gallery/picked/bin/", {"pick": shot.pk}, follow=True)
    assert answer.redirect_chain == [("/gallery/", 302)]
    assert "is in the bin." in words_of(answer.content.decode())


# --- compare ------------------------------------------------------------------------------------------------------------
def test_two_shots_stand_beside_each_other(team: Team, user: User, client_for: Login) -> None:
    shots, client = [make_shot(team, files=("video", "poster"), title=f"Side {n}") for n in (1, 2)], client_for(user)
    answer = post(client, "compare", *reversed(shots), htmx=False)
    assert answer["Location"] == f"/gallery/compare/?pick={shots[1].pk}&pick={shots[0].pk}"
    html = client.get(answer["Location"]).content.decode()
    assert html.index("Side 2</a>") < html.index("Side 1</a>")  # in the order of the ticks
    assert html.count("<video controls") == 2  # also without JavaScript


@pytest.mark.parametrize("playable", [0, 1, 5])
def test_a_number_that_cannot_be_compared_is_refused_in_words(
    team: Team, user: User, client_for: Login, playable: int
) -> None:
    shots = [make_shot(team, files=("video",)) for _ in range(playable)]
    shots.append(make_shot(team))  # no file
    client = client_for(user)
    answer = client.post("/gallery/picked/compare/", {"pick": [shot.pk for shot in shots]}, follow=True)
    assert f"2 to 4 shots can be compared, and {playable} of the selected ones can be played." in words_of(
        answer.content.decode()
    )


def test_a_comparison_that_is_refused_never_leads_to_itself(team: Team, user: User, client_for: Login) -> None:
    page = f"/gallery/compare/?pick={make_shot(team).pk}"  # as after a press on a page whose files are gone meanwhile
    answer = client_for(user).get(page, headers={"Referer": f"http://testserver{page}"}, follow=True)
    assert answer.redirect_chain == [("/gallery/", 302)]
    assert "0 of the selected ones can be played." in words_of(answer.content.decode())


# --- download -----------------------------------------------------------------------------------------------------------
def test_the_zip_holds_the_videos_and_tells_about_them(team: Team, user: User, client_for: Login) -> None:
    first = make_shot(team, files=("video",), title="Causeway, first light", rewritten_prompt="Grand")
    second = make_shot(team, files=("video",), prompt="Ünïcode ☂ /../../etc/passwd", provider_task_id="task-7")
    answer = post(client_for(user), "download", first, second, htmx=False)
    assert answer.streaming
    assert answer["Content-Type"] == "application/zip"
    assert "attachment" in answer["Content-Disposition"]
    archive = zipped(answer)
    assert archive.testzip() is None
    assert archive.namelist() == [
        f"causeway-first-light-{first.pk}.mp4",
        f"unicode-etcpasswd-{second.pk}.mp4",
        "manifest.json",
    ]
    assert archive.read(archive.namelist()[0]) == CLIP
    told = json.loads(archive.read("manifest.json"))["shots"]
    assert told[0]["rewritten_prompt"] == "Grand"
    assert told[0]["sha256"] == hashlib.sha256(CLIP).hexdigest()
    assert told[1]["prompt"] == "Ünïcode ☂ /../../etc/passwd"
    assert told[1]["provider_id"] == "task-7"
    assert told[1]["settings"]["aspect_ratio"] == "16:9"


def test_the_zip_tells_no_secret(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, files=("video",), result_url="https://cdn.example/x?sig=abc")
    told = zipped(post(client_for(user), "download", shot, htmx=False)).read("manifest.json").decode()
    assert "sig=abc" not in told
    assert "sk-very-secret" not in told


def test_a_missing_video_is_named_and_the_others_come(team: Team, user: User, client_for: Login) -> None:
    gone, kept, failed = make_shot(team, files=("video",)), make_shot(team, files=("video",)), make_shot(team, "failed")
    gone.asset("video").file.unlink()
    archive = zipped(post(client_for(user), "download", gone, kept, failed, htmx=False))
    told = {shot["id"]: shot for shot in json.loads(archive.read("manifest.json"))["shots"]}
    assert len(archive.namelist()) == 2
    assert "gone" in told[gone.pk]["missing"]
    assert told[failed.pk]["file"] is None
    assert told[kept.pk]["bytes"] == len(CLIP)


def test_a_large_zip_is_never_whole_in_memory(tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(bytes(5 * bundle.CHUNK + 7))
    made = list(bundle.pieces([bundle.Entry(large, "large.mp4")]))
    assert max(map(len, made)) < bundle.CHUNK + 1000
    assert len(zipfile.ZipFile(io.BytesIO(b"".join(made))).read("large.mp4")) == 5 * bundle.CHUNK + 7
