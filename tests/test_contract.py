"""Every model, and every protocol that it runs on, from the form to a stored video of the promised size, length and sound.

The cases come from the registry: a model is tested before anybody writes a test for it. With images, the video starts with them.
"""

import functools
import http.server
import io
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
import pytest
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from PIL import Image, ImageStat

from accounts.models import Team, User
from generations import keys, lifecycle, registry
from generations.forms import ParameterForm, new_token
from generations.models import Generation, Host, HostModel, ProviderKey
from generations.providers import PROVIDERS, SPECS, outbound
from generations.specs import Choice, Media, ModelSpec

from . import filled as forms
from . import pictures
from .stack import Sandbox

pytestmark = pytest.mark.django_db
FRESH = [spec for spec in SPECS.values() if not spec.needs_source]
PROMPT = "A lighthouse keeper closes the shutters [[seconds=0]] [[clip=still]]"
RENDER = 120.0  # seconds that a clip may take on a busy machine
COLOUR, RED_GREEN_BLUE = "#b03070", (0xB0, 0x30, 0x70)
SOURCE = 2  # seconds of the video that some models change
HOSTED = {"host-1": "openai"}  # a host that an operator added is the sandbox's OpenAI here
SMALL = ("duration", "seconds", "resolution", "quality")  # the least of each: what is proved does not hang on it
FURTHER: list[tuple[str, dict[str, str]]] = [  # sizes and lengths beside the least
    ("apertis-sora-2", {"duration": "10"}),
    ("apertis-veo3.1-fast", {"aspect_ratio": "9:16"}),
    ("apertis-veo_3_1", {"size": "720x1280", "seconds": "5"}),
    ("apertis-sora-2-pro", {"size": "large", "orientation": "portrait"}),
    ("apertis-sora-2-videos", {"size": "480x480", "seconds": "4"}),
    ("apertis-sora-2-pro-videos", {"size": "1080x1080", "seconds": "4", "style": "noir", "metadata": '{"reel": "7"}'}),
    ("aiid-doubao-seedance-2-0-260128", {"aspect_ratio": "21:9", "resolution": "1080p", "duration": "4"}),
    ("a4f-veo", {"ratio": "1:1", "quality": "720p", "duration": "1"}),
    ("aiid-kling-video", {"mode": "pro", "aspect_ratio": "1:1", "sound": "on"}),
]


def source_video() -> bytes:
    """Two seconds of one colour."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for i in range(24 * SOURCE):
            frame = av.VideoFrame.from_image(Image.new("RGB", (320, 180), COLOUR))
            frame.pts, frame.time_base = i, Fraction(1, 24)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """Pictures and a video on the web: /anything.png is of one colour, /anything.mp4 too."""
    files = {"png": pictures.png(forms.SIZE, COLOUR), "mp4": source_video()}

    class Files(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files[self.path.rpartition(".")[2]]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def key_for(team: Team, sandbox: Sandbox, web: str, settings: Any) -> Iterator[Callable[[str], ProviderKey]]:
    """The team's sandbox key for a provider; the sandbox and the pictures' host may be called."""
    settings.SANDBOX_URL = sandbox.url
    outbound.trust({*settings.TRUSTED_HOSTS, sandbox.host, web.removeprefix("http://")})
    yield lambda provider: keys.add_key(
        team=team, provider=provider, secret=keys.DEMO_SECRET, base_url=f"{sandbox.url}/{HOSTED.get(provider, provider)}",
        label="Sandbox",
    )  # fmt: skip
    outbound.trust(settings.TRUSTED_HOSTS)


@pytest.fixture
def make(
    team: Team, user: User, key_for: Callable[[str], ProviderKey], web: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Generation]:
    """A confirmed shot, through the form, with an image for `media`; what the model and its rules need besides is given."""
    monkeypatch.setattr(forms, "URL", web + "/{}.png")
    monkeypatch.setattr(forms, "VIDEO", web + "/source.mp4")
    monkeypatch.setattr(pictures, "png", functools.partial(pictures.png, colour=COLOUR))

    def go(
        spec: ModelSpec, values: dict[str, str], prompt: str = PROMPT, *, media: Media | None = None,
        parent: Generation | None = None,
    ) -> Generation:  # fmt: skip
        key = parent.provider_key if parent else key_for(spec.provider)
        given = values | (forms.images(media, 1, team, user) if media else {})
        data = QueryDict(mutable=True)
        data.update(forms.filled(spec, team, user, **given) | {"form_token": new_token(), "prompt": prompt})
        form = ParameterForm(spec, data, MultiValueDict(), team=team, user=user, key=key)
        assert form.is_valid(), form.errors
        return lifecycle.start(
            team=team, user=user, key=key, spec=spec, prompt=form.cleaned_data["prompt"], params=form.cleaned_params(),
            token=form.token, parent=parent,
        )[0]  # fmt: skip

    return go


def finish(row: Generation) -> Generation:
    """Step by step until the end, without our own waiting times."""
    verbs = {"queued": lifecycle.submit, "submitted": lifecycle.poll, "running": lifecycle.poll}
    end = time.monotonic() + RENDER
    while time.monotonic() < end:
        Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())
        verbs.get(row.state, lifecycle.archive)(row.pk)
        row.refresh_from_db()
        if row.is_final or row.state == "unknown":
            return row
        time.sleep(0.1)
    raise AssertionError(f"still {row.state} after {RENDER:.0f} s: {row.message}")


def keeps_its_promise(row: Generation) -> None:
    spec = registry.SPECS[row.model]
    video = row.assets.get(kind="video")
    assert (row.state, row.charged) == ("done", "yes"), row.message
    assert (video.width, video.height) == spec.size(row.params), "images are 16:9, and so is the usual size"
    assert video.seconds == pytest.approx(spec.seconds(row.params) or SOURCE, abs=0.15)
    assert video.fps == pytest.approx(spec.output.fps, abs=0.1)
    assert video.has_audio is spec.sound(row.params)


def starts_with_the_image(row: Generation) -> None:
    with av.open(str(row.assets.get(kind="video").file)) as video:
        first = next(video.decode(video=0)).to_image().convert("RGB").resize((32, 18))
    assert tuple(ImageStat.Stat(first).mean) == pytest.approx(RED_GREEN_BLUE, abs=14)


def least(spec: ModelSpec) -> dict[str, str]:
    """The shortest and smallest that a model makes."""
    found = [param for param in spec if isinstance(param, Choice) and param.name in SMALL]
    return {
        param.name: min(param.choices, key=lambda choice: int(choice.replace("4k", "2160").strip("pP")))
        for param in found
    }


def runs() -> Iterator[Any]:
    """Each model without images where it can do without, and once for each of its kinds of images."""
    for spec in FRESH:
        if not any(media.minimum for media in spec.media):
            yield pytest.param(spec, None, id=spec.slug)
        for media in (
            spec.media if "4k" not in spec.remote_name else ()
        ):  # minutes of the processor, and the same adapter
            yield pytest.param(spec, media, id=f"{spec.slug}+{media.name}")


@pytest.mark.parametrize(("spec", "media"), list(runs()))
def test_every_model_keeps_its_promise(
    spec: ModelSpec, media: Media | None, make: Callable[..., Generation], sandbox: Sandbox
) -> None:
    prompt = f"{PROMPT} {new_token()}"
    row = finish(make(spec, least(spec), prompt, media=media))
    keeps_its_promise(row)
    if media or row.params.get("video"):
        starts_with_the_image(row)
    [paid] = sandbox.ledger(contains=prompt)
    assert paid["model"] == spec.remote_name


@pytest.mark.parametrize("slug", ["apertis-veo_3_1", "aiid-sora-2"])
def test_an_image_on_the_web_goes_as_a_file_where_the_provider_wants_one(
    slug: str, make: Callable[..., Generation], web: str
) -> None:
    spec = SPECS[slug]
    row = finish(make(spec, least(spec) | {f"{spec.media[0].name}-0-url": f"{web}/own.png"}))
    starts_with_the_image(row)


@pytest.mark.parametrize(("slug", "values"), FURTHER, ids=[f"{slug} {' '.join(v.values())}" for slug, v in FURTHER])
def test_sizes_and_lengths_are_those_that_were_asked_for(
    slug: str, values: dict[str, str], make: Callable[..., Generation]
) -> None:
    keeps_its_promise(finish(make(SPECS[slug], values)))


@pytest.mark.parametrize("mode", ["json", "bytes", "redirect"])
def test_a_finished_shot_without_an_address_is_fetched_from_content(mode: str, make: Callable[..., Generation]) -> None:
    """Source: Apertis Video API, Get Video Content: bytes by its words, JSON by its example."""
    spec = SPECS["apertis-sora-2-videos"]
    row = finish(make(spec, {"size": "480x480", "seconds": "4"}, f"{PROMPT} [[no-url]] [[content={mode}]]"))
    keeps_its_promise(row)


@pytest.fixture
def hosted(db: None) -> Callable[..., ModelSpec]:
    """A model of an operator's own host."""

    def go(**given: Any) -> ModelSpec:
        host = Host.objects.create(pk=1, name="Basement", base_url="https://videos.example.org")
        row = HostModel.objects.create(host=host, name="Our Sora", remote_name="sora-2", seconds="4, 8", sound=True, fps=30,
                                       sizes="1280x720, 720x1280", **given)  # fmt: skip
        registry.forget()
        return registry.SPECS[f"host-1-{row.pk}"]

    return go


@pytest.mark.parametrize("sent_as", HostModel.CARRIAGE)
def test_a_host_of_the_operators_own_gets_an_image_as_it_wants_it(
    sent_as: str, hosted: Callable[..., ModelSpec], make: Callable[..., Generation]
) -> None:
    spec = hosted(sent_as=sent_as, image=HostModel.REQUIRED)
    row = finish(make(spec, {}, f"{PROMPT} [[clip=small]]", media=spec.media[0]))
    starts_with_the_image(row)


# --- remixes -------------------------------------------------------------------------------------------------------------
def sources() -> Iterator[tuple[str, str]]:
    """Each way to remix, with the protocol of the same API that makes the shot for it."""
    for remix in (spec for spec in SPECS.values() if spec.needs_source):
        api = remix.protocol.rpartition(".")[0]
        yield remix.slug, next(way.slug for way in SPECS[remix.of].ways() if way.protocol.startswith(api))


@pytest.mark.parametrize(("slug", "source"), list(sources()))
def test_a_remix_keeps_the_size_and_length_of_its_source(
    slug: str, source: str, make: Callable[..., Generation], sandbox: Sandbox
) -> None:
    """The source is drawn small: that is not what is proved."""
    shot = finish(make(SPECS[source], {"size": "720x1280", "seconds": "4"}, f"{PROMPT} [[clip=small]]"))
    mark = new_token()
    remix = lifecycle.remix_spec(shot)
    assert remix is SPECS[slug]
    row = finish(make(remix, {}, f"{PROMPT}, in the rain {mark}", parent=shot))
    video = row.assets.get(kind="video")
    assert (row.state, row.parent, row.reuse) == ("done", shot, "remix"), row.message
    assert (video.width, video.height, round(video.seconds), video.has_audio) == (720, 1280, 4, True)
    [paid] = sandbox.ledger(contains=mark)
    assert paid["task_id"] == row.provider_task_id


def test_a_remix_can_be_remixed_in_another_size_where_the_provider_lets_choose(
    make: Callable[..., Generation],
) -> None:
    form, remix = SPECS["apertis-sora-2-videos"], SPECS["apertis-sora-2-remix"]
    shot = finish(make(form, {"seconds": "4"}, f"{PROMPT} [[clip=small]]"))
    row = finish(make(remix, {}, f"{PROMPT}, in the rain [[clip=small]]", parent=shot))
    assert row.provider_task_id.startswith("sora-2:remix-")
    again = finish(make(remix, {"size": "480x480"}, "And now at night", parent=row))
    assert again.assets.get(kind="video").width == 480


def test_each_provider_of_the_registry_has_models() -> None:
    assert all(provider.specs for provider in PROVIDERS.values())
