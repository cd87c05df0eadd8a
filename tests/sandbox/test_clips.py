import base64
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from sandbox.jobs import ClipJob, job_from, small
from sandbox.render import clip, motion, stills
from sandbox.render.label import make_label

from .client import Api

SMALL = ClipJob("veo3.1", "a lake", 320, 180, 1.0)


def gradient(first: str, second: str, size: tuple[int, int]) -> Image.Image:
    """A picture that no still looks like, smooth enough to survive scaling."""
    return Image.composite(
        Image.new("RGB", size, first), Image.new("RGB", size, second), Image.linear_gradient("L").resize(size)
    )


def picture_frames(source: Path | bytes) -> list[Image.Image]:
    with av.open(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as opened:
        return [frame.to_image() for frame in opened.decode(video=0)]


def difference(one: Image.Image, two: Image.Image) -> float:
    """Mean absolute difference a channel, 0..255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, two)).mean) / 3


def render(job: ClipJob, path: Path, *images: Image.Image) -> list[Image.Image]:
    clip.make(job, list(images), path)
    return picture_frames(path)


@pytest.mark.parametrize(
    ("width", "height", "seconds", "sound"), [(1280, 720, 3.0, True), (720, 1280, 1.0, False), (180, 320, 2.0, True)]
)
def test_a_clip_has_the_size_length_rate_and_sound_it_was_asked_for(
    tmp_path: Path, width: int, height: int, seconds: float, sound: bool
):
    path = tmp_path / "c.mp4"
    clip.make(ClipJob("veo3", "waves on the ocean", width, height, seconds, sound=sound), [], path)
    with av.open(str(path)) as opened:
        video = opened.streams.video[0]
        context = video.codec_context
        assert (context.name, context.profile, context.pix_fmt, video.width, video.height) == (
            "h264",
            "High",
            "yuv420p",
            width,
            height,
        )
        assert (video.average_rate, video.frames, opened.duration / 1e6) == (
            24,
            seconds * 24,
            pytest.approx(seconds, abs=0.05),
        )
        assert (context.color_range, context.colorspace) == (1, 1)
        assert len(opened.streams.audio) == int(sound)
        if sound:
            audio = opened.streams.audio[0]
            assert (audio.codec_context.name, audio.channels, audio.rate) == ("aac", 2, 48_000)
            assert float(audio.duration * audio.time_base) == pytest.approx(seconds, abs=0.05)
    assert path.stat().st_size < 3_000_000
    head = path.read_bytes()
    assert 0 < head.index(b"moov") < head.index(b"mdat")


def test_the_sound_is_a_tone_neither_silent_nor_clipped(tmp_path: Path):
    clip.make(SMALL, [], tmp_path / "c.mp4")
    with av.open(str(tmp_path / "c.mp4")) as opened:
        peaks = [
            abs(value) for frame in opened.decode(audio=0) for value in memoryview(bytes(frame.planes[0])).cast("f")
        ]
    assert 0.02 < max(peaks) < 0.9


def test_two_prompts_give_two_clips_and_one_prompt_moves(tmp_path: Path):
    one = render(SMALL, tmp_path / "1.mp4")
    two = render(replace(SMALL, prompt="neon rain in the city"), tmp_path / "2.mp4")
    assert difference(one[0], two[0]) > 15
    assert difference(one[0], one[-1]) > 2
    assert difference(one[0], one[1]) < difference(one[0], one[-1])


def test_another_take_of_a_prompt_is_another_clip(tmp_path: Path):
    one, two = (render(replace(SMALL, take=take), tmp_path / f"{take}.mp4") for take in range(2))
    assert difference(one[12], two[12]) > 2


def test_a_video_from_an_image_starts_with_that_image(tmp_path: Path):
    image = gradient("#d0402a", "#1c3f94", (640, 480))
    frames = render(replace(SMALL, images=("a",)), tmp_path / "c.mp4", image)
    cover = image.resize((320, 180), box=(0, 60, 640, 420))
    assert difference(frames[0], cover) < 4
    assert difference(frames[-1], cover) > difference(frames[0], cover)


def test_a_video_from_two_images_starts_with_one_and_ends_with_the_other(tmp_path: Path):
    first, last = gradient("#d0402a", "#1c3f94", (640, 360)), gradient("#10803a", "#e8d890", (360, 360))
    frames = render(replace(SMALL, images=("a", "b")), tmp_path / "c.mp4", first, last)
    assert difference(frames[0], first.resize((320, 180))) < 4
    assert difference(frames[-1], last.resize((320, 180), box=(0, 78.75, 360, 281.25))) < 4
    assert difference(frames[12], frames[0]) > 10


def test_components_all_appear(tmp_path: Path):
    images = [Image.new("RGB", (320, 180), colour) for colour in ("#c03030", "#30a040", "#3040c0")]
    frames = render(replace(SMALL, seconds=2.0, images=("a", "b", "c")), tmp_path / "c.mp4", *images)
    for at, image in zip((0, 24, 47), images, strict=True):
        assert difference(frames[at], image) < 12


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("A lighthouse in a storm", {"lighthouse", "lighthouse_d"}), ("Waves of the ocean", {"ocean"}), ("aurora", {"aurora"}),
        ("sand dunes", {"dunes"}), ("a deep forest", {"forest"}), ("jellyfish", {"jelly_w"}), ("neon city", {"neon"}),
        ("father and child on the moon", {"moon"}), ("planet earth", {"planet"}), ("above the clouds", {"clouds"}),
        ("liquid chrome", {"liquid"}), ("an empty room", {"room"}), ("a perfume bottle", {"still"}), ("a cute robot", {"bust1"}),
    ],
)  # fmt: skip
def test_the_picture_fits_the_words(prompt: str, names: set[str]):
    assert stills.choose(prompt, 1280, 720).name in names


def test_every_still_is_there_and_has_words():
    assert {still.name for still in stills.STILLS} == {path.stem for path in stills.FOLDER.glob("*.webp")}
    assert stills.choose("jellyfish", 720, 1280).name == "jelly"


def test_the_camera_never_leaves_the_picture_and_never_jumps():
    rng = stills.seeded("camera")
    for _ in range(50):
        move = motion.free_move((rng.random(), rng.random()), (1.0, 1.4), rng)
        boxes = [motion.box_at(move, i / 191, (1000, 900), (1000, 562.5)) for i in range(192)]
        assert all(0 <= b[0] < b[2] <= 1000.001 and 0 <= b[1] < b[3] <= 900.001 for b in boxes)
        steps = [max(abs(p - q) for p, q in zip(a, b, strict=True)) for a, b in pairwise(boxes)]
        assert max(steps) < 3


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280)])
def test_the_label_is_in_the_top_left_corner(width: int, height: int):
    label = make_label("veo3.1-fast", 8.0, width, height)
    assert 0 < label.at[0] == label.at[1] <= min(width, height) / 30
    assert label.at[0] % 2 == 0


def test_a_job_survives_its_way_to_the_render_process():
    job = replace(SMALL, images=("a", "b"), take=3)
    assert job_from({**job.__dict__, "images": list(job.images)}) == job
    assert small(replace(job, prompt="x")).key == small(replace(job, prompt="y", take=1)).key
    assert job.key != replace(job, prompt="other").key


@pytest.fixture
def pictures() -> Iterator[str]:
    """A web server with one picture, /red.png; anything else is 404."""
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "#c03030").save(content, "PNG")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path in ("/red.png", "/text.png")
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(content.getvalue() if self.path == "/red.png" else b"no picture")

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_images_are_fetched_from_addresses_and_read_from_data_urls(api: Api, pictures: str):
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "#3040c0").save(content, "PNG")
    data = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
    body = api.made("", images=[f"{pictures}/red.png", data], model="veo2-fast-frames")
    frames = picture_frames(api.file(body["video_url"]).content)
    assert difference(frames[0], Image.new("RGB", frames[0].size, "#c03030")) < 12
    assert difference(frames[-1], Image.new("RGB", frames[0].size, "#3040c0")) < 12


@pytest.mark.parametrize("path", ["/missing.png", "/text.png", ":1/closed.png"])
def test_an_image_that_cannot_be_had_fails_the_job_in_words(api: Api, pictures: str, path: str):
    url = "http://127.0.0.1" + path if path.startswith(":") else pictures + path
    body = api.final(api.create("[[seconds=0]] [[clip=small]]", images=[url]))
    assert (body["status"], body["video_url"]) == ("failed", None)
    assert body["error"].startswith("Could not fetch image: ")


def test_a_broken_data_image_fails_the_job_in_words(api: Api):
    broken = "data:image/png;base64," + base64.b64encode(b"\x89PNG but not really").decode()
    body = api.final(api.create("[[seconds=0]] [[clip=small]]", images=[broken]))
    assert body["error"].startswith("Could not fetch image: ")


def test_no_half_clip_is_left_when_making_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(clip.X264, "preset", "no-such-preset")
    with pytest.raises(av.FFmpegError):
        clip.make(SMALL, [], tmp_path / "clips" / "c.mp4")
    assert list((tmp_path / "clips").iterdir()) == []
