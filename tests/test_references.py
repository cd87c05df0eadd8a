"""Images that travel inside a request: an upload as it is stored, somebody else's image checked like an upload."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from accounts.models import Team, User
from generations import references, uploads
from generations.lifecycle import submission
from generations.models import Generation
from generations.providers import PROVIDERS, SPECS
from generations.providers.base import NotSent, Rejected

from . import pictures
from .host import Host, answer, running_host
from .shots import make_shot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("user")]
SLUG = "apertis-veo_3_1"


@pytest.fixture
def host() -> Iterator[Host]:
    with running_host() as found:
        yield found


def shot(team: Team, item: dict[str, Any]) -> Generation:
    params = {"input_reference": [{"role": "Base image", **item}], "seconds": "5", "size": "16x9", "watermark": False}
    return make_shot(team, "queued", model=SLUG, params=params)


def served(body: bytes, status: str = "200 OK") -> Any:
    return answer(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)


def test_an_upload_goes_into_the_form_as_it_is_stored(team: Team, user: User) -> None:
    upload = uploads.keep(pictures.file(), team=team, user=user)
    row = shot(team, {"upload": upload.pk})
    [file] = references.files(row, "input_reference")
    assert (file.content_type, file.data) == ("image/png", upload.file.read_bytes())
    request = submission.build(row, SPECS[SLUG], PROVIDERS["apertis"])
    assert file.data in request.body
    assert b'filename="reference.png"' in request.body
    assert upload.name.encode() not in request.body, "what a person calls a file is nobody else's business"


def test_an_image_on_the_web_is_checked_and_written_anew(team: Team, host: Host) -> None:
    picture = pictures.png()
    host.behaviour = served(picture + b"<script>")
    [file] = references.files(shot(team, {"url": f"{host.url}/a.png"}), "input_reference")
    assert b"<script>" not in file.data
    assert Image.open(io.BytesIO(file.data)).size == (64, 36)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (pictures.HTML, "200 OK", Rejected),
        (pictures.SVG, "200 OK", Rejected),
        (pictures.bomb(), "200 OK", Rejected),
        (b"", "404 Not Found", Rejected),
        (b"", "500 Oops", NotSent),
    ],
    ids=["a page", "a drawing", "a bomb", "nothing there", "a broken host"],
)
def test_what_is_no_image_is_never_sent_on(team: Team, host: Host, body: bytes, status: str, kind: type) -> None:
    host.behaviour = served(body, status)
    with pytest.raises(kind, match="Nothing was sent"):
        references.files(shot(team, {"url": f"{host.url}/a.png"}), "input_reference")


def test_an_address_on_a_private_network_is_not_fetched(team: Team) -> None:
    with pytest.raises(Rejected, match="Nothing was sent"):
        references.files(shot(team, {"url": "http://169.254.169.254/a.png"}), "input_reference")


def test_an_image_that_is_too_large_is_cut_off_and_refused(team: Team, host: Host, settings: Any) -> None:
    settings.MAX_IMAGE_BYTES = 1000
    host.behaviour = served(bytes(200_000))
    with pytest.raises(Rejected, match="larger than"):
        references.files(shot(team, {"url": f"{host.url}/a.png"}), "input_reference")


def test_an_upload_that_is_gone_is_never_left_out_silently(team: Team, user: User, stranger: User) -> None:
    gone = uploads.keep(pictures.file(), team=team, user=user)
    gone.file.unlink()
    theirs = uploads.keep(pictures.file(), team=stranger.teams.get(), user=stranger)
    for upload in (gone, theirs):
        with pytest.raises(Rejected, match="no longer on the disk"):
            references.files(shot(team, {"upload": upload.pk}), "input_reference")
