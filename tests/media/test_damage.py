from __future__ import annotations

import random
from pathlib import Path

import pytest

from generations.media import InvalidMedia, frames, verify, walk_boxes

from .clips import box_start, make_clip, refusal, written


@pytest.mark.parametrize("percent", [*range(10, 100, 10), 95, 99])
@pytest.mark.parametrize("layout", ["index first", "index last", "fragmented", "webm"])
def test_a_cut_file_is_never_accepted(tmp_path: Path, layouts: dict[str, Path], layout: str, percent: int) -> None:
    data = layouts[layout].read_bytes()
    path = written(tmp_path, data[: len(data) * percent // 100])
    assert "cut" in refusal(path)
    with pytest.raises(InvalidMedia):
        walk_boxes(path)


@pytest.mark.parametrize("missing", [1, 2, 7, 8, 9, 100])
@pytest.mark.parametrize("layout", ["index first", "index last", "fragmented", "webm"])
def test_a_cut_inside_the_last_part_is_noticed(
    tmp_path: Path, layouts: dict[str, Path], layout: str, missing: int
) -> None:
    assert f"{missing} bytes" in refusal(written(tmp_path, layouts[layout].read_bytes()[:-missing])) or missing >= 8


@pytest.mark.parametrize("layout", ["index first", "index last", "webm"])
@pytest.mark.parametrize("extra", [b"\0", b"<script>alert(1)</script>", b"\0" * 1000])
def test_foreign_bytes_after_the_end_are_noticed(
    tmp_path: Path, layouts: dict[str, Path], layout: str, extra: bytes
) -> None:
    refusal(written(tmp_path, layouts[layout].read_bytes() + extra))


@pytest.mark.parametrize(
    "after", [b"", b"\x01\xff\xff\xff\xff\xff\xff\xfe", b"\x84\x42\x86\x81\x01\xec\x0f\xff\xff\xff\xff"]
)
def test_sizes_that_no_file_has_are_cuts(tmp_path: Path, after: bytes) -> None:
    assert "first bytes" in refusal(written(tmp_path, b"\x1a\x45\xdf\xa3" + after))


@pytest.mark.parametrize("percent", range(60, 100, 5))
def test_a_last_part_without_a_size_is_still_judged_by_decoding(
    tmp_path: Path, silent_clip: Path, percent: int
) -> None:
    data = bytearray(silent_clip.read_bytes())
    mdat = box_start(data, b"mdat")
    data[mdat : mdat + 4] = bytes(4)  # "up to the end of the file": the walk cannot see a cut now
    assert verify(written(tmp_path, bytes(data))).duration_ms == 3000
    cut = written(tmp_path, bytes(data[: len(data) * percent // 100]))
    walk_boxes(cut)
    refusal(cut)


@pytest.fixture(scope="session")
def many_keyframes(folder: Path) -> Path:
    return make_clip(folder / "keyframes.mp4", seconds=3, gop=24, audio=None, pattern="mandelbrot")


@pytest.mark.parametrize("where", ["first second", "last second"])
@pytest.mark.parametrize("keyframes", ["one", "many"])
@pytest.mark.parametrize("seed", range(6))
def test_overwritten_pictures_are_noticed(
    tmp_path: Path, silent_clip: Path, many_keyframes: Path, where: str, keyframes: str, seed: int
) -> None:
    data = bytearray((silent_clip if keyframes == "one" else many_keyframes).read_bytes())
    mdat = box_start(data, b"mdat") + 8
    third = (len(data) - mdat) // 3
    chance = random.Random(seed)
    at = mdat + (0 if where == "first second" else 2 * third) + chance.randrange(third - 2000)
    data[at : at + 2000] = chance.randbytes(2000)
    assert "damaged" in refusal(written(tmp_path, bytes(data)))


def test_single_flipped_bytes_are_often_noticed_and_never_crash(tmp_path: Path, silent_clip: Path) -> None:
    good = silent_clip.read_bytes()
    mdat = box_start(good, b"mdat") + 8
    chance = random.Random(5)
    noticed = 0
    for _ in range(60):
        data = bytearray(good)
        data[chance.randrange(mdat, len(data))] ^= chance.randrange(1, 256)
        try:
            verify(written(tmp_path, bytes(data)))
        except InvalidMedia:
            noticed += 1
    assert noticed >= 24, "H.264 has no checksum: 40 to 90 of 100 flips break its entropy coding"


def test_an_index_that_points_outside_the_file_is_damage(tmp_path: Path, clip: Path) -> None:
    data = bytearray(clip.read_bytes())
    at = data.index(b"stco") + 12
    data[at : at + 4] = b"\x7f\xff\xff\xff"
    refusal(written(tmp_path, bytes(data)))


@pytest.mark.parametrize("offset", [-5, 2**70])
def test_a_demuxer_that_jumps_to_nowhere_is_stopped_with_a_sentence(clip: Path, offset: int) -> None:
    with open(clip, "rb") as file, pytest.raises(InvalidMedia, match="outside the file"):
        frames._Reader(file, frames.Deadline(9)).seek(offset)


def test_damage_anywhere_ends_in_facts_or_a_sentence(tmp_path: Path, layouts: dict[str, Path]) -> None:
    chance = random.Random(11)
    for layout in layouts.values():
        good = layout.read_bytes()
        for _ in range(40):
            data = bytearray(good)
            for _ in range(chance.choice((1, 4, 64))):
                data[chance.randrange(min(len(data), 4000))] = chance.randrange(256)  # the headers
            try:
                length = verify(written(tmp_path, bytes(data)), timeout_s=1).duration_ms
            except InvalidMedia:
                continue
            assert 200 <= length <= 1_200_000
