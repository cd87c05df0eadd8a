"""What the page of a shot tells: asked, sent and came back; the frame of a moment; the file that is gone."""

import hashlib
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image

from accounts.models import Team, User
from generations.models import Attempt, Generation
from generations.views import compared, neighbours, paging

from .media.clips import make_clip
from .shots import make_key, make_shot
from .test_queue import HTMX, words_of
from .test_shot import FILES

Login = Callable[[User], Client]


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)


# --- asked, sent, came back -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "asked", "measures", "got"),
    [("aspect_ratio", "16:9", {"width": 720, "height": 1280}, "720 × 1280"),
     ("aspect_ratio", "16:9", {"width": 1280, "height": 704}, ""),
     ("aspect_ratio", "auto", {"width": 720, "height": 1280}, ""),
     ("size", "1280x720", {"width": 1280, "height": 704}, "1280 × 704"),
     ("size", "1280x720", {}, ""),
     ("size", "16x9", {}, ""),
     ("size", "9x16", {}, "1280 × 720"),
     ("seconds", "8", {"duration_ms": 5040}, "5.0 s"), ("seconds", "8", {"duration_ms": 8040}, ""),
     ("sound", True, {"has_audio": False}, "without sound"), ("sound", True, {"has_audio": True}, ""),
     ("seed", 7, {"duration_ms": 1}, "")],
)  # fmt: skip
def test_what_came_back_otherwise_than_asked_is_said(
    team: Team, user: User, name: str, asked: Any, measures: dict[str, Any], got: str
) -> None:
    video = make_shot(team, files=("video",)).assets.get()
    for field, value in measures.items():
        setattr(video, field, value)
    assert compared.got_instead(name, asked, video) == got
    assert compared.got_instead(name, asked, None) == ""


def test_a_file_of_another_shape_is_marked_beside_its_setting(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, files=FILES)
    shot.assets.filter(kind="video").update(width=720, height=1280)
    words = words_of(client_for(user).get(f"/shots/{shot.pk}/").content.decode())
    assert "Aspect ratio 16:9 came back 720 × 1280" in words


def test_the_request_is_shown_and_proven_by_its_fingerprint(team: Team, user: User, client_for: Login) -> None:
    from generations.lifecycle.submission import build
    from generations.providers import PROVIDERS

    shot = make_shot(team, provider_key=make_key(team, secret="sk-very-secret-1234"))
    leaves = build(shot, shot.spec, PROVIDERS["apertis"])
    attempt = Attempt.objects.create(generation=shot, n=1, escrow="e", state="accepted",
                                     request_hash=hashlib.sha256(leaves.body).hexdigest())  # fmt: skip
    client = client_for(user)
    html = client.get(f"/shots/{shot.pk}/").content.decode()
    assert "Exactly this left the studio" in html
    assert "POST /v1/video/create" in html
    assert "&quot;aspect_ratio&quot;: &quot;16:9&quot;" in html
    assert "sk-very-secret" not in html
    attempt.request_hash = "0" * 64
    attempt.save()
    assert "Made again from the shot" in client.get(f"/shots/{shot.pk}/").content.decode()


def test_a_shot_that_was_never_sent_shows_no_request(team: Team, user: User, client_for: Login) -> None:
    assert 'id="sent"' not in client_for(user).get(f"/shots/{make_shot(team, 'queued').pk}/").content.decode()


def test_the_request_names_images_instead_of_their_addresses(team: Team, user: User, client_for: Login) -> None:
    images = [{"role": "First frame", "upload": 1}, {"role": "Last frame", "url": "https://pics.example/a.png?sig=abc"}]
    shot = make_shot(team, model="apertis-veo2-fast-frames", params={"images": images})
    Attempt.objects.create(generation=shot, n=1, escrow="e", request_hash="0" * 64)
    html = client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    sent = html[html.index('<pre class="sent"') :].partition("</pre>")[0]
    assert "(your image: First frame)" in sent
    assert "sig=abc" not in sent


@pytest.mark.parametrize(
    ("asked", "made", "pieces"),
    [("A boat", "A red boat", [("same", "A "), ("in", "red "), ("same", "boat")]),
     ("A boat.", "A boat, at dusk.", [("same", "A boat"), ("in", ", at dusk"), ("same", ".")]),
     ("A boat", "A boat", [("same", "A boat")]),
     ("Old", "New", [("out", "Old"), ("in", "New")]),
     ("x " * 2000, "New", [("same", "New")]), ("", "New", [("in", "New")])],
)  # fmt: skip
def test_a_rewritten_prompt_is_shown_as_a_difference(asked: str, made: str, pieces: list[tuple[str, str]]) -> None:
    assert compared.rewritten(asked, made) == pieces


def test_markup_in_a_rewritten_prompt_stays_text(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, prompt="A boat", rewritten_prompt="A boat at <script>dusk</script>")
    html = client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    assert "<ins>at &lt;script&gt;dusk&lt;/script&gt;</ins>" in html
    assert "<script>dusk" not in html


# --- frames, neighbours, a missing file -----------------------------------------------------------------------------------
def test_a_frame_is_saved_as_a_picture(team: Team, user: User, stranger: User, client_for: Login) -> None:
    shot = make_shot(team, files=("video",), title="Causeway")
    make_clip(shot.asset("video").file, seconds=1)
    client, path = client_for(user), f"/shots/{shot.pk}/frame.png"
    answer = client.get(path, {"at": "0.5"})
    assert Image.open(io.BytesIO(answer.content)).format == "PNG"
    assert answer["Content-Disposition"] == f'attachment; filename="causeway-{shot.pk}-0.50s.png"'
    assert client.get(path, {"at": "99"}).status_code == 200  # past the end: the last one
    assert [client.get(path, {"at": at}).status_code for at in ("x", "nan", "inf")] == [400] * 3
    assert client_for(stranger).get(path).status_code == 404
    shot.asset("video").file.write_bytes(b"no video")
    assert client.get(path).status_code == 302  # back to the page, which says it
    shot.asset("video").file.unlink()
    assert client.get(path).status_code == 404


def place_on(client: Client, shot: Generation) -> str:
    found = re.search(r'Gallery</a><span class="[^"]*">([^<]*)<', client.get(f"/shots/{shot.pk}/").content.decode())
    return found[1] if found else ""


def test_the_page_says_at_which_place_of_the_gallery_the_shot_stands(
    team: Team, user: User, stranger: User, client_for: Login
) -> None:
    moment, client = timezone.now(), client_for(user)
    last, middle, first = (make_shot(team, created_at=moment) for _ in range(3))
    running, binned = make_shot(team, "running"), make_shot(team, deleted_at=moment)
    make_shot(stranger.teams.get())
    assert [place_on(client, shot) for shot in (first, middle, last)] == ["1 of 3", "2 of 3", "3 of 3"]
    assert [place_on(client, shot) for shot in (running, binned)] == ["", ""], "neither stands in the gallery"


def test_from_a_filtered_gallery_the_neighbours_are_those_that_it_shows(
    team: Team, user: User, client_for: Login
) -> None:
    third, _, second, _, first = (
        make_shot(team, prompt=words) for words in ("Neon", "Fog", "Neon", "Fog", "Neon rain")
    )
    client, page = client_for(user), f"/shots/{second.pk}/"

    def links(answer: Any) -> list[tuple[str, str]]:
        return re.findall(r'href="/shots/(\d+)/([^"]*)" rel="(?:prev|next)"', answer.content.decode())

    came = client.get(page, headers={"Referer": "http://testserver/gallery/?q=neon&order="})
    assert links(came) == [(str(first.pk), "?within=q%3Dneon"), (str(third.pk), "?within=q%3Dneon")]
    assert "2 of 3</span>" in came.content.decode()
    assert 'href="/gallery/?q=neon"' in came.content.decode(), "and the way back leads there"
    assert links(client.get(f"/shots/{first.pk}/?within=q%3Dneon")) == [(str(second.pk), "?within=q%3Dneon")]
    for strange in (
        "http://elsewhere.example/gallery/?q=neon",
        "http://testserver/gallery/?q=fog",
        "http://[/gallery/",
    ):
        answer = client.get(page, headers={"Referer": strange})
        assert [tail for _, tail in links(answer)] == ["", ""], "not ours, or it does not show this shot"
        assert "3 of 5</span>" in answer.content.decode()


def test_nobody_counts_beyond_a_bound_for_it(
    team: Team, user: User, client_for: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (neighbours, paging):
        monkeypatch.setattr(module, "COUNTED", 3)
    oldest, *_, second, newest = [make_shot(team) for _ in range(6)]
    client = client_for(user)
    assert place_on(client, newest) == "1 of more than 3"
    assert place_on(client, second) == "2 of more than 3"
    assert place_on(client, oldest) == "one of more than 3"
    with CaptureQueriesContext(connection) as asked:
        place_on(client, oldest)
    counted = [
        query["sql"] for query in asked.captured_queries if "COUNT(" in query["sql"] and " LIMIT 4" in query["sql"]
    ]
    assert len(counted) == 2, "and both of its questions end there"


def test_the_neighbours_pictures_are_preloaded_when_there_are_any(team: Team, user: User, client_for: Login) -> None:
    older, shot, newer = make_shot(team), make_shot(team, files=FILES), make_shot(team, files=FILES)
    html = client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    assert f'data-preload="/media/{newer.pk}/poster.webp"' in html
    assert f'/media/{older.pk}/poster.webp"' not in html


def test_a_missing_file_can_be_fetched_again_from_its_card_and_its_page(
    team: Team, user: User, client_for: Login
) -> None:
    lost, never_had_an_id = make_shot(team, files=FILES, provider_task_id="t-1"), make_shot(team, files=FILES)
    for shot in (lost, never_had_an_id):
        shot.asset("video").file.unlink()
    client = client_for(user)
    gallery = client.get("/gallery/").content.decode()
    assert gallery.count(">Fetch again</button>") == 1
    assert f'formaction="/shots/{lost.pk}/check/"' in gallery
    assert "Fetch again, free" in client.get(f"/shots/{lost.pk}/").content.decode()
    assert "Fetch again, free" not in client.get(f"/shots/{never_had_an_id.pk}/").content.decode()
    assert client.post(f"/shots/{lost.pk}/check/").status_code == 302
    assert Generation.objects.get(pk=lost.pk).state == "submitted"
    assert client.post(f"/shots/{never_had_an_id.pk}/check/", headers=HTMX).status_code == 409
