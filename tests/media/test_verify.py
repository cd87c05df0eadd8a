from __future__ import annotations

import contextlib
import hashlib
import io
import random
import subprocess
import sys
from pathlib import Path

import pytest

from generations.media import Facts, InvalidMedia, frames, sha256_of, verify

from .clips import box_start, make_clip, refusal, written


def test_a_good_clip_is_described_truly(clip: Path) -> None:
    assert verify(clip) == Facts(
        container="mp4",
        codec="h264",
        width=160,
        height=96,
        duration_ms=2000,
        fps=24.0,
        has_audio=True,
        audio_codec="aac",
        rotation=0,
        browser_playable=True,
    )
    assert verify(clip).content_type == "video/mp4"
    assert verify(clip).extension == ".mp4"


@pytest.mark.parametrize(
    ("name", "codec", "options", "audio", "playable"),
    [
        ("vp9.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}, "libopus", True),
        ("av1.mp4", "libsvtav1", {"preset": "12"}, "aac", True),
        ("av1.webm", "libsvtav1", {"preset": "12"}, "libopus", True),
        ("hevc.mp4", "libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}, "aac", False),
        ("h264.mkv", "libx264", {"preset": "ultrafast"}, "aac", False),
        ("h264.mov", "libx264", {"preset": "ultrafast"}, "aac", False),
        ("open_gop.mp4", "libx264", {"preset": "veryfast", "x264-params": "open-gop=1:bframes=3"}, "aac", True),
        ("refresh.mp4", "libx264", {"preset": "veryfast", "x264-params": "intra-refresh=1"}, "aac", True),
        ("open_hevc.mp4", "libx265", {"preset": "fast", "x265-params": "log-level=none:open-gop=1"}, "aac", False),
    ],
)
def test_every_usual_encoding_is_accepted(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], audio: str, playable: bool
) -> None:
    facts = verify(make_clip(tmp_path / name, codec=codec, options=options, audio=audio, seconds=2.5))
    assert (facts.width, facts.height, facts.has_audio, facts.browser_playable) == (160, 96, True, playable)
    assert facts.codec in name or facts.codec in {"h264", "hevc"}
    assert abs(facts.duration_ms - 2500) < 60


@pytest.mark.parametrize(
    "flags",
    ["frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof", "+faststart", ""],
)
def test_every_layout_of_an_mp4_is_accepted(tmp_path: Path, flags: str) -> None:
    path = make_clip(tmp_path / "clip.mp4", container_options={"movflags": flags} if flags else {})
    assert abs(verify(path).duration_ms - 2000) < 50


def test_a_live_recording_that_states_no_length_is_measured(tmp_path: Path) -> None:
    options = {"live": "1"}
    path = make_clip(tmp_path / "live.mkv", container_options=options, audio=None)
    assert abs(verify(path).duration_ms - 2000) < 60


def test_a_turned_clip_has_the_size_that_people_see(tmp_path: Path) -> None:
    facts = verify(make_clip(tmp_path / "turned.mp4", rotation=90))
    assert (facts.width, facts.height, facts.rotation) == (96, 160, 90)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>Sign in</title>", "web page"),
        (b'\n {"error": "expired"}', "JSON"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "unknown data"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG"),
        (b"GIF89a" + bytes(50), "GIF"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "RIFF"),
        (b"PK\x03\x04" + bytes(50), "ZIP"),
        (b"\0" * 5000, "unknown data"),
        (random.Random(3).randbytes(50_000), "unknown data"),
    ],
)
def test_what_is_no_video_is_named(tmp_path: Path, content: bytes, word: str) -> None:
    assert word in refusal(written(tmp_path, content))


@pytest.mark.parametrize("disguise", [b"\0\0\0\x18ftypisom\0\0\0\0isommp42", b"\x1a\x45\xdf\xa3"])
@pytest.mark.parametrize(
    "body", [b"#EXTM3U\nfile:///etc/passwd\n" * 99, b"<html>" * 99, random.Random(5).randbytes(9999)]
)
def test_the_right_first_bytes_are_not_enough(tmp_path: Path, disguise: bytes, body: bytes) -> None:
    refusal(written(tmp_path, disguise + body))


def test_sound_alone_is_not_a_video(tmp_path: Path) -> None:
    assert "no video stream" in refusal(make_clip(tmp_path / "sound.mp4", video=False))


@pytest.mark.parametrize("part", [b"moov", b"mdat"])
def test_a_missing_part_is_named(tmp_path: Path, clip: Path, part: bytes) -> None:
    data = clip.read_bytes()
    start = box_start(data, part)
    stop = start + int.from_bytes(data[start : start + 4], "big")
    assert part.decode() in refusal(written(tmp_path, data[:start] + data[stop:]))


@pytest.mark.parametrize("seconds", [0.1, 1300])
def test_a_length_out_of_bounds_is_refused(tmp_path: Path, seconds: float) -> None:
    rate = 30 if seconds < 1 else 1
    path = make_clip(tmp_path / "clip.mp4", size=(32, 32), seconds=seconds, rate=rate, audio=None)
    assert "20 minutes" in refusal(path)


def test_a_tiny_picture_is_refused(tmp_path: Path) -> None:
    assert "8×8" in refusal(make_clip(tmp_path / "clip.mp4", size=(8, 8)))


@pytest.mark.parametrize(("layout", "box", "offset"), [("index first", b"stsz", 12), ("fragmented", b"trun", 8)])
def test_an_index_larger_than_the_file_is_refused_before_memory_is_reserved(
    tmp_path: Path, layouts: dict[str, Path], layout: str, box: bytes, offset: int
) -> None:
    data = bytearray(layouts[layout].read_bytes())
    count = data.index(box) + offset
    if box == b"stsz":
        data[count - 4 : count] = (1).to_bytes(4, "big")  # all of one size: the table itself is not needed
    data[count : count + 4] = (0x0A000000).to_bytes(4, "big")
    assert "index" in refusal(written(tmp_path, bytes(data)))


@pytest.mark.parametrize("layout", ["index first", "fragmented"])
def test_an_impossible_track_number_is_refused_before_it_costs_time(
    tmp_path: Path, layouts: dict[str, Path], layout: str
) -> None:
    data = bytearray(layouts[layout].read_bytes())
    data[data.index(b"tkhd") + 16] = 0xFC
    assert "track number" in refusal(written(tmp_path, bytes(data)))


def test_a_compressed_index_is_refused(tmp_path: Path, clip: Path) -> None:
    data = clip.read_bytes().replace(b"udta", b"cmov")
    assert "compressed index" in refusal(written(tmp_path, data))


def test_a_file_that_points_outside_itself_opens_nothing(tmp_path: Path, clip: Path) -> None:
    data = clip.read_bytes().replace(b"url \0\0\0\x01", b"url \0\0\0\0")  # "the data is elsewhere"
    assert data != clip.read_bytes()
    path = written(tmp_path, data)
    opened: list[str] = []
    watching = True
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if watching and event == "open" else None)
    with contextlib.suppress(InvalidMedia):
        verify(path)
    watching = False
    assert {name for name in opened if "python" not in name} == {str(path)}


def test_the_deadline_is_kept(clip: Path) -> None:
    assert "within 0 seconds" in refusal(clip, timeout_s=0)
    with pytest.raises(InvalidMedia, match="within 0 seconds"), frames.open_video(clip, timeout_s=0):
        pytest.fail("the deadline holds while a file is being opened, too")


def test_a_disk_error_is_not_a_damaged_video(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FailingDisk(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(frames, "open", lambda path, mode: FailingDisk(path), raising=False)
    with pytest.raises(OSError, match="Input/output") as caught:
        verify(clip)
    assert not isinstance(caught.value, InvalidMedia)


def test_the_digest_is_that_of_the_bytes(clip: Path) -> None:
    assert sha256_of(clip) == hashlib.sha256(clip.read_bytes()).hexdigest()


def test_importing_is_cheap() -> None:
    code = "import sys, generations.media, generations.images; print({'av', 'PIL', 'django'} & set(sys.modules))"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True).stdout == "set()\n"
