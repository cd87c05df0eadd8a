"""Reference images: only pictures come in, only the team and the provider get them, and only for as long as they need."""

import io

import pytest
from django.core import signing
from django.test import Client
from PIL import Image

from generations import references, uploads
from generations.models import Upload

from . import pictures


@pytest.fixture
def web(client_for, user) -> Client:
    return client_for(user)


@pytest.fixture
def upload(team, user) -> Upload:
    return uploads.keep(pictures.file(), team=team, user=user)


def send(web: Client, file, slot: str = "images-1", model: str = "apertis-veo2-fast-frames"):
    return web.post("/uploads/", {"model": model, "slot": slot, "file": file})


# --- coming in -------------------------------------------------------------------------------------------------------------
def test_an_image_comes_back_as_the_filled_tile_of_its_slot(web, team):
    response = send(web, pictures.file(name="harbour plate.png"))
    tile, kept = response.content.decode(), team.uploads.get()
    assert response.status_code == 200
    assert f'name="images-1-upload" value="{kept.pk}"' in tile
    assert f'src="/uploads/{kept.pk}/"' in tile
    assert 'alt="Last frame: harbour plate.png" width="64" height="36"' in tile


def test_an_image_that_the_models_vendor_would_not_take_is_refused_at_once(web):
    response = send(web, pictures.file(), "images-0", "aiid-happyhorse-1.0-i2v")
    assert response.status_code == 422
    assert "at least 300 pixels on the short side" in response.content.decode()
    assert 'name="images-0-upload"' not in response.content.decode()


@pytest.mark.parametrize(
    ("data", "name", "content_type", "words"),
    [
        (pictures.SVG, "logo.png", "image/png", "is a drawing (SVG). This slot takes PNG, JPEG or WebP."),
        (pictures.HTML, "page.png", "image/png", "is a web page"),
        (pictures.ZIP, "archive.png", "image/png", "is a ZIP archive"),
        (b"GIF89a" + bytes(40), "a.png", "image/png", "is a GIF"),
        (b"", "empty.png", "image/png", "is empty"),
        (pictures.png()[:60], "cut.png", "image/png", "damaged"),
        (pictures.bomb(), "bomb.png", "image/png", "far too many pixels"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(40), "clip.mov", "video/quicktime", "clip.mov is a video"),
    ],
    ids=["svg", "html", "zip", "gif", "empty", "cut", "bomb", "video"],
)
def test_what_is_no_picture_is_refused_in_its_tile_and_nothing_is_kept(web, settings, data, name, content_type, words):
    response = send(web, pictures.file(data, name, content_type))
    tile = response.content.decode()
    assert response.status_code == 422
    assert words in tile
    assert 'role="alert"' in tile
    assert 'type="file" name="images-1-file"' in tile  # the next try is one click away
    assert not Upload.objects.exists()
    assert [path for path in settings.UPLOADS.rglob("*") if path.is_file()] == []


def test_a_file_above_the_limit_is_refused_with_the_limit(web):
    response = send(web, pictures.file(b"\x89PNG\r\n\x1a\n" + bytes(21 * 2**20), "huge.png"))
    assert response.status_code == 422
    assert "larger than 20 MB" in response.content.decode()
    assert not Upload.objects.exists()


def test_a_request_without_a_file_says_so(web):
    response = web.post("/uploads/", {"slot": "images-0"})
    assert (response.status_code, "No file arrived" in response.content.decode()) == (422, True)


@pytest.mark.parametrize("slot", ["images-7", "nothing-0", "", "<script>-0", "images-x"])
def test_a_strange_slot_gets_a_harmless_tile(web, slot):
    response = send(web, pictures.file(), slot=slot)
    assert response.status_code == 200
    assert "<script>" not in response.content.decode()
    assert 'data-role="Image"' in response.content.decode()


def test_names_are_shown_and_never_used_as_paths(web, team, settings):
    send(web, pictures.file(name="../../<b>evil</b>.png"))
    kept = team.uploads.get()
    assert kept.file.resolve().is_relative_to(settings.UPLOADS.resolve())
    assert "evil" not in kept.path


# --- shown to the team -----------------------------------------------------------------------------------------------------
def test_only_the_team_sees_its_uploads(web, client_for, member, stranger, upload):
    path = f"/uploads/{upload.pk}/"
    assert [client_for(person).get(path).status_code for person in (member, stranger)] == [200, 404]
    response = web.get(path)
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "private" in response["Cache-Control"]
    assert Image.open(io.BytesIO(response.content)).size == (64, 36)


def test_an_upload_whose_file_is_gone_is_a_404(web, upload):
    upload.file.unlink()
    assert web.get(f"/uploads/{upload.pk}/").status_code == 404
    assert Client().get(references.signed_path(upload)).status_code == 404


# --- fetched by providers --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_provider_fetches_a_reference_with_nothing_but_its_address(db, upload, method):
    response = getattr(Client(), method)(references.signed_path(upload))
    assert response.status_code == 200
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, max-age=600"
    assert not response.has_header("Vary")
    assert not response.cookies
    assert int(response["Content-Length"]) == upload.bytes
    assert (response.content == upload.file.read_bytes()) is (method == "get")


def test_a_reference_ends_after_some_hours(db, upload, time_machine):
    time_machine.move_to("2026-11-21 12:00:00Z", tick=False)
    path = references.signed_path(upload)
    time_machine.shift(references.LIFE - 60)
    assert Client().get(path).status_code == 200
    time_machine.shift(120)
    assert Client().get(path).status_code == 404


def test_every_other_address_is_a_404(db, upload):
    token, name = references.signed_path(upload).split("/")[2:]
    other = signing.dumps(upload.pk, salt="something-else")
    wrong = [f"/ref/{token}x/{name}", f"/ref/{other}/{name}", f"/ref/{upload.pk}/{name}", f"/ref/{token}/other.png",
             f"/ref/{signing.dumps(upload.pk + 1, salt=references.SALT)}/{name}"]  # fmt: skip
    assert [Client().get(path).status_code for path in wrong] == [404] * len(wrong)
    assert Client().post(f"/ref/{token}/{name}").status_code == 405
