from __future__ import annotations

import hashlib
import importlib
import io
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from unittest import mock

import av
import pytest
from PIL import Image

from generations.media import Derived, InvalidMedia, derive, frame_png, verify
from generations.media.frames import Deadline

from .clips import box_start, make_clip

# The package also exports the function of this name
derive_module = importlib.import_module("generations.media.derive")


@pytest.fixture(scope="session")
def long_clip(folder: Path) -> Path:
    """6 s at 640x360, longer than the preview, a keyframe every 2 s."""
    return make_clip(folder / "long.mp4", size=(640, 360), seconds=6, rate=24, gop=48)


@pytest.fixture(scope="session")
def derived(folder: Path, long_clip: Path) -> Derived:
    return derive(long_clip, folder / "derived", verify(long_clip))


def image_of(derived: Derived, kind: str) -> Image.Image:
    return Image.open(next(file.path for file in derived.files if file.kind == kind)).convert("RGB")


def frames_of(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_each_file_is_what_its_record_says(derived: Derived) -> None:
    assert [file.kind for file in derived.files] == ["poster-1280", "poster-640", "preview", "strip"]
    for file in derived.files:
        content = file.path.read_bytes()
        assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        if file.content_type == "image/webp":
            assert Image.open(file.path).size == (file.width, file.height)
            assert Image.open(file.path).format == "WEBP"
    folder = derived.files[0].path.parent
    assert sorted(path.name for path in folder.iterdir()) == [
        "poster-1280.webp",
        "poster-640.webp",
        "preview.mp4",
        "strip.webp",
    ]


def test_the_preview_is_short_silent_and_seekable(derived: Derived) -> None:
    preview = derived.files[2]
    facts = verify(preview.path)
    assert (facts.codec, facts.has_audio, facts.browser_playable) == ("h264", False, True)
    assert (facts.width, facts.height) == (preview.width, preview.height) == (640, 360)
    assert facts.fps == pytest.approx(15, abs=0.1)
    assert 3900 <= facts.duration_ms <= 4100
    assert preview.bytes <= 400_000
    with av.open(str(preview.path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.profile == "Main"
        assert stream.codec_context.pix_fmt == "yuv420p"
        keyframes = [float(p.pts * p.time_base) for p in container.demux(stream) if p.is_keyframe and p.pts is not None]
    assert max(b - a for a, b in zip(keyframes, [*keyframes[1:], 4.0], strict=True)) <= 1.01
    data = preview.path.read_bytes()
    assert box_start(data, b"moov") < box_start(data, b"mdat"), "the index comes first"


def test_noise_is_pressed_below_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=24, options={"preset": "ultrafast", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(100):
            frame = av.VideoFrame.from_image(Image.effect_noise((640, 480), 90).convert("RGB"))
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    preview = derive(path, tmp_path / "out", verify(path)).files[2]
    assert preview.bytes <= 400_000
    assert verify(preview.path).duration_ms > 3900


def test_the_poster_is_the_picture_at_half_a_second(long_clip: Path, derived: Derived) -> None:
    poster = image_of(derived, "poster-640")
    original = Image.open(io.BytesIO(frame_png(long_clip, 0.5)))
    assert poster.size == original.size == (640, 360)
    assert _difference(poster, original) < 6
    assert _difference(poster, Image.open(io.BytesIO(frame_png(long_clip, 3)))) > 6


def test_a_video_of_few_pictures_has_a_poster_too(tmp_path: Path) -> None:
    slow = make_clip(tmp_path / "slow.mp4", seconds=12, rate=Fraction(1, 6), audio=None)
    derived = derive(slow, tmp_path / "derived", verify(slow))
    first = frames_of(slow)[0].to_image()
    assert _difference(image_of(derived, "poster-640"), first) < 6, "its second picture comes after the preview"


def test_the_strip_shows_ten_moments_in_order(long_clip: Path, derived: Derived) -> None:
    strip = image_of(derived, "strip")
    assert strip.size == (1280, 72)
    assert derived.files[3].bytes < 40_000
    small = [frame.to_image(width=128, height=72) for frame in frames_of(long_clip)]
    best = []
    for cell in range(10):
        picture = strip.crop((cell * 128, 0, cell * 128 + 128, 72))
        best.append(min(range(len(small)), key=lambda index: _difference(picture, small[index])))
    for cell, index in enumerate(best):
        assert abs(index / 24 - 0.6 * (cell + 0.5)) <= 0.36, "half a cell of tolerance"
    assert best == sorted(set(best))


@pytest.mark.parametrize("gop", [1, 250])
def test_the_strip_does_not_depend_on_keyframes(tmp_path: Path, gop: int) -> None:
    path = make_clip(tmp_path / "clip.mp4", seconds=6, gop=gop, audio=None)
    strip = image_of(derive(path, tmp_path / "out", verify(path)), "strip")
    cells = [strip.crop((cell * 128, 0, cell * 128 + 128, 72)) for cell in range(10)]
    assert min(_difference(a, b) for a, b in pairwise(cells)) > 1


def test_the_strip_of_a_long_video_costs_a_few_keyframes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "clip.mp4", size=(32, 32), seconds=60, gop=24, audio=None)
    decoded = 0
    checked = derive_module._checked

    def counted(frames: Iterator[av.VideoFrame], deadline: Deadline) -> Iterator[av.VideoFrame]:
        nonlocal decoded
        for frame in checked(frames, deadline):
            decoded += 1
            yield frame

    monkeypatch.setattr(derive_module, "_checked", counted)
    derive(path, tmp_path / "out", verify(path))
    assert 4 * 24 < decoded < 4 * 24 + 30, "four seconds of preview and a frame or two for each cell, of 1440"


def _difference(a: Image.Image, b: Image.Image) -> float:
    """Mean difference of two pictures of one size, 0 to 255."""
    from PIL import ImageChops, ImageStat

    return sum(ImageStat.Stat(ImageChops.difference(a.convert("RGB"), b.convert("RGB"))).mean) / 3


@pytest.mark.parametrize(
    ("size", "posters", "preview"),
    [
        ((96, 160), [(96, 160), (96, 160)], (96, 160)),
        ((2000, 1000), [(1280, 640), (640, 320)], (640, 320)),
        ((800, 1600), [(640, 1280), (320, 640)], (240, 480)),
        ((2048, 16), [(1280, 10), (640, 5)], (640, 4)),
        ((16, 2048), [(10, 1280), (5, 640)], (2, 480)),
    ],
)
def test_every_shape_keeps_its_shape(
    tmp_path: Path, size: tuple[int, int], posters: list[tuple[int, int]], preview: tuple[int, int]
) -> None:
    path = make_clip(tmp_path / "clip.mp4", size=size, seconds=0.3, audio=None)
    files = derive(path, tmp_path / "out", verify(path)).files
    assert [(file.width, file.height) for file in files] == [*posters, preview, (1280, 72)]
    with av.open(str(files[2].path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == preview


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_turned_clip_gives_upright_pictures(tmp_path: Path, rotation: int) -> None:
    straight = make_clip(tmp_path / "straight.mp4", seconds=0.5, audio=None)
    turned = make_clip(tmp_path / "turned.mp4", seconds=0.5, audio=None, rotation=rotation)
    derived = derive(turned, tmp_path / "out", verify(turned))
    expected = Image.open(io.BytesIO(frame_png(straight, 0.25))).rotate(rotation, expand=True)
    assert _difference(image_of(derived, "poster-640"), expected) < 8
    first, upright = frames_of(derived.files[2].path)[0], Image.open(io.BytesIO(frame_png(straight, 0)))
    assert first.rotation == 0
    assert _difference(first.to_image(), upright.rotate(rotation, expand=True)) < 14


@pytest.mark.parametrize(("colour", "expected"), [("#ff0000", (255, 0, 0)), ("#336699", (51, 102, 153))])
def test_the_mean_colour_is_the_colour(tmp_path: Path, colour: str, expected: tuple[int, int, int]) -> None:
    path = tmp_path / "flat.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame.from_image(Image.new("RGB", (64, 64), colour))
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    mean = derive(path, tmp_path / "out", verify(path)).mean_colour
    assert len(mean) == 7
    assert list(bytes.fromhex(mean[1:])) == pytest.approx(list(expected), abs=6)


@pytest.mark.parametrize("name", ["clip.webm", "clip.mkv"])
def test_sound_that_outlasts_the_pictures_does_no_harm(tmp_path: Path, name: str) -> None:
    path = make_clip(
        tmp_path / name, codec="libvpx-vp9", audio="libopus", options={"deadline": "realtime", "cpu-used": "8"}
    )
    facts = verify(path)
    strip = derive(path, tmp_path / "out", type(facts)(**{**facts.__dict__, "duration_ms": 4000})).files[3]
    assert (strip.width, strip.height) == (1280, 72)


def test_a_video_that_breaks_in_the_middle_is_a_sentence(tmp_path: Path, silent_clip: Path) -> None:
    data = bytearray(silent_clip.read_bytes())
    moov, mdat = box_start(data, b"moov"), box_start(data, b"mdat")
    data[mdat + 8 :] = bytes(len(data) - mdat - 8)
    assert moov < mdat
    path = tmp_path / "zeros.mp4"
    path.write_bytes(data)
    with pytest.raises(InvalidMedia, match=r"\.$"):
        derive(path, tmp_path / "out", verify(silent_clip))


def test_a_full_disk_is_not_a_damaged_video(tmp_path: Path, clip: Path) -> None:
    with (
        mock.patch("os.replace", side_effect=OSError(28, "No space left on device")),
        pytest.raises(OSError, match="space"),
    ):
        derive(clip, tmp_path / "out", verify(clip))
    assert list((tmp_path / "out").iterdir()) == [], "no half file stays behind"


@pytest.mark.parametrize(
    ("seconds", "index"), [(0, 0), (1.0, 24), (1.02, 24), (1.99, 47), ("last", 47), (99, 47), (-5, 0)]
)
def test_a_frame_is_the_one_shown_at_that_time(clip: Path, seconds: float | str, index: int) -> None:
    picture = Image.open(io.BytesIO(frame_png(clip, seconds)))  # type: ignore[arg-type]
    assert picture.format == "PNG"
    expected = frames_of(clip)[index].to_image(interpolation="BILINEAR")
    assert _difference(picture, expected) < 1
