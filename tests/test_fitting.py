"""An image that has another shape than the shot is told so in numbers, and one press cuts its middle out; it stays itself."""

import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.models import Team, User
from generations import continuing, uploads
from generations.forms import fit
from generations.models import Upload
from generations.providers import SPECS as RELEASED
from generations.registry import SPECS
from generations.specs import ModelSpec

from .shots import make_key, make_shot
from .test_queue import HTMX, words_of

FRAMES = "apertis-veo3-pro-frames"  # 16:9 or 9:16, chosen in the form
FREE = "minimax-i2v-01"  # follows its image, which may be 0.4 to 2.5 times as wide as high


def picture(width: int, height: int, image_format: str = "PNG", exif: bool = False) -> bytes:
    """Three upright bands: red, green, blue from left to right. With `exif` stored on its side, and said so."""
    image = Image.new("RGB", (width, height), "green")
    for left, colour in ((0, "red"), (width - width // 3, "blue")):
        image.paste(colour, (left, 0, left + width // 3, height))
    buffer, more = io.BytesIO(), {}
    if exif:
        image, tags = image.transpose(Image.Transpose.ROTATE_90), Image.Exif()
        tags[0x0112] = 6  # to be turned by 90 degrees clockwise
        more = {"exif": tags.tobytes()}
    image.save(buffer, image_format, **more)
    return buffer.getvalue()


def kept(team: Team, user: User, width: int, height: int, *, exif: bool = False) -> Upload:
    data = picture(width, height, "JPEG" if exif else "PNG", exif)
    return uploads.keep(SimpleUploadedFile("plate.jpg" if exif else "plate.png", data), team=team, user=user)


@pytest.fixture
def web(db: Any, team: Team, user: User, client_for: Any) -> Client:
    make_key(team)
    make_key(team, provider="minimax")
    client: Client = client_for(user)
    return client


def post(web: Client, path: str, upload: Upload, model: str = FRAMES, htmx: bool = True, **more: str) -> str:
    name = SPECS[model].media[0].name
    data = {"model": model, "prompt": "A boat", f"{name}-0-upload": str(upload.pk), **more}
    return web.post(path, data, headers=HTMX if htmx else {}).content.decode()


# --- what is said ---------------------------------------------------------------------------------------------------------
def said(model: str, width: int, height: int, role: str = "First frame", **values: str) -> tuple[str, str]:
    found = fit(SPECS[model], SPECS[model].media[0], role, Upload(width=width, height=height), values)
    return (found.sentence, found.crop) if found else ("", "")


SAID = [
    (FRAMES, (1280, 720), {}, ("", "")),
    (FRAMES, (1300, 720), {}, ("", "")),  # near enough
    (FRAMES, (1024, 768), {}, ("This image is 4:3 (1024 × 768), the shot will be 16:9.", "16:9")),
    (
        FRAMES,
        (1024, 1024),
        {"aspect_ratio": "9:16"},
        ("This image is 1:1 (1024 × 1024), the shot will be 9:16.", "9:16"),
    ),
    (FRAMES, (720, 1280), {"aspect_ratio": "9:16"}, ("", "")),
    (FRAMES, (640, 360), {}, ("640 × 360 is smaller than the shot, which will be 1280 × 720.", "")),
    (FREE, (1024, 768), {}, ("", "")),
    (FREE, (3000, 600), {}, ("5:1 (3000 × 600) is too wide for this model.", "5:2")),
    (FREE, (600, 3000), {}, ("1:5 (600 × 3000) is too tall for this model.", "2:5")),
    (
        FREE,
        (1000, 200),
        {},
        ("5:1 (1000 × 200) is too wide for this model.", ""),
    ),  # 301 pixels are needed: no cut helps
]


@pytest.mark.parametrize(("model", "size", "values", "words"), SAID)
def test_what_does_not_fit_is_said_with_numbers(
    db: Any, model: str, size: tuple[int, int], values: dict[str, str], words: tuple[str, str]
) -> None:
    assert said(model, *size, **values) == words


@pytest.mark.parametrize("spec", [spec for spec in RELEASED.values() if spec.media], ids=lambda spec: spec.slug)
def test_references_may_have_any_shape_and_a_cut_always_helps(db: Any, spec: ModelSpec) -> None:
    values = {param.name: getattr(param, "default", None) for param in spec}
    for param in spec.media:
        for role in param.roles:
            for size in ((2048, 2048), (4000, 1000), (1500, 2000)):
                found = fit(spec, param, role, Upload(width=size[0], height=size[1]), values)
                if found is None:
                    continue
                assert "frame" in role.lower() or param.picture.ratios[1]
                assert found.crop, found.sentence
                across, down = map(int, found.crop.split(":"))
                cut = Upload(width=across * 400, height=down * 400)
                assert fit(spec, param, role, cut, values) is None


# --- on the tile ------------------------------------------------------------------------------------------------------------
def test_the_tile_says_it_and_offers_the_cut_when_the_ratio_changes(web: Client, team: Team, user: User) -> None:
    upload = kept(team, user, 1280, 720)
    assert "the shot will be" not in post(web, "/estimate/", upload)
    html = post(web, "/estimate/", upload, aspect_ratio="9:16")
    assert "This image is 16:9 (1280 × 720), the shot will be 9:16." in words_of(html)
    assert 'name="crop" value="images-0=9:16"' in html
    assert "the shot will be 9:16" in words_of(post(web, "/models/current/form/", upload, aspect_ratio="9:16"))


@pytest.mark.parametrize("htmx", [True, False])
def test_one_press_cuts_the_middle_out_and_the_original_stays(web: Client, team: Team, user: User, htmx: bool) -> None:
    upload = kept(team, user, 1200, 1200)
    html = post(web, "/models/current/form/", upload, htmx=htmx, crop="images-0=16:9")
    made = Upload.objects.exclude(pk=upload.pk).get()
    assert ("<html" in html) != htmx
    assert f'name="images-0-upload" value="{made.pk}"' in html
    assert "the shot will be" not in words_of(html)
    assert (made.width, made.height, made.name) == (1200, 675, "plate, 1200 × 675.png")
    assert "A boat" in html, "and nothing that was typed is lost"
    assert upload.file.exists()
    post(web, "/models/current/form/", upload, crop="images-0=16:9")
    assert Upload.objects.count() == 2, "the same cut again is the same upload"


def test_the_focus_goes_where_the_button_was_and_the_cut_is_said(web: Client, team: Team, user: User) -> None:
    upload = kept(team, user, 1200, 1200)
    html = post(web, "/models/current/form/", upload, crop="images-0=16:9")
    assert 'id="f-images" tabindex="-1" data-focus' in html
    assert "Cropped to 16:9. The original is kept." in html
    for pressed in ({"move": "images-0>"}, {"clear": "images-0"}):
        assert "data-focus" in post(web, "/models/current/form/", upload, **pressed)
    assert "data-focus" not in post(web, "/models/current/form/", upload)
    assert "data-focus" not in post(web, "/models/current/form/", upload, htmx=False, crop="images-0=16:9")


def test_the_cut_is_centred_and_upright(web: Client, team: Team, user: User) -> None:
    upload = kept(team, user, 1600, 900, exif=True)
    assert (upload.width, upload.height) == (1600, 900), "as a person sees it"
    post(web, "/models/current/form/", upload, crop="images-0=9:16")
    made = Upload.objects.exclude(pk=upload.pk).get()
    with Image.open(made.file) as image:
        assert image.size == (506, 900)
        assert not image.getexif()
        for at in ((3, 450), (503, 450)):  # of three bands only the middle one is left
            red, green, blue = image.convert("RGB").getpixel(at)
            assert green > 100 > max(red, blue)


def test_what_the_provider_would_refuse_keeps_its_place_when_a_cut_helps(web: Client, team: Team) -> None:
    data = {"model": FREE, "slot": "first_frame_image-0", "file": SimpleUploadedFile("wide.png", picture(3000, 600))}
    answer = web.post("/uploads/", data)
    html, upload = answer.content.decode(), team.uploads.get()
    assert answer.status_code == 422
    assert "0.4 to 2.5 times as wide as high" in words_of(html)
    assert 'name="crop" value="first_frame_image-0=5:2"' in html
    assert 'class="err"' in html
    html = post(web, "/models/current/form/", upload, FREE, crop="first_frame_image-0=5:2")
    made = team.uploads.latest("pk")
    assert (made.width, made.height) == (1500, 600)
    assert 'class="err"' not in html


# --- what is not cut -----------------------------------------------------------------------------------------------------
def test_another_teams_image_is_not_cut(web: Client, stranger: User) -> None:
    theirs = kept(stranger.teams.get(), stranger, 1200, 1200)
    html = post(web, "/models/current/form/", theirs, crop="images-0=16:9")
    assert "not one of your team's any more" in words_of(html)
    assert Upload.objects.get() == theirs


@pytest.mark.parametrize(
    "order", ["images-0=", "images-0=0:9", "images-0=16:0", "images-0=x", "images-9=16:9", "=", "images-0=999:1"]
)
def test_a_strange_order_changes_nothing(web: Client, team: Team, user: User, order: str) -> None:
    upload = kept(team, user, 1200, 1200)
    html = post(web, "/models/current/form/", upload, crop=order)
    assert f'name="images-0-upload" value="{upload.pk}"' in html
    assert Upload.objects.count() == 1


def test_an_image_whose_file_is_gone_says_so(web: Client, team: Team, user: User) -> None:
    upload = kept(team, user, 1200, 1200)
    upload.file.unlink()
    html = post(web, "/models/current/form/", upload, crop="images-0=16:9")
    assert "plate.png is gone from the disk. Choose it again." in words_of(html)


def test_a_cut_of_a_last_frame_still_goes_on_from_its_shot(web: Client, team: Team, user: User) -> None:
    shot = make_shot(team)
    frame = kept(team, user, 1200, 1200)
    Upload.objects.filter(pk=frame.pk).update(frame_of=shot)
    post(web, "/models/current/form/", frame, crop="images-0=16:9")
    assert Upload.objects.latest("pk").frame_of == shot
    assert continuing.last_frame(shot, user) == frame, "and the whole frame is what the next one begins with"


def test_the_button_works_in_a_form_without_javascript(web: Client, team: Team, user: User) -> None:
    html = post(web, "/models/current/form/", kept(team, user, 1200, 1200), htmx=False)
    button = re.search(r'<button[^>]*name="crop"[^>]*>', html)
    assert button is not None
    assert 'formaction="/models/current/form/" formnovalidate' in button[0]
