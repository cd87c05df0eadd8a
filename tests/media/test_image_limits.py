from __future__ import annotations

import contextlib
import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from generations.images import RefusedImage, check_and_reencode

from .pictures import clean, encoded, picture, refusal


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *, depth: int = 1, colour: int = 0, extra: bytes = b"", body: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@contextlib.contextmanager
def extra_memory() -> Iterator[list[int]]:
    """How many bytes of real memory the block added at its highest point; the kernel's own count, C libraries included."""

    def highest() -> int:
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024

    try:
        Path("/proc/self/clear_refs").write_text("5")  # set the mark back to the present use
    except OSError:
        pytest.skip("this system does not count memory the way Linux does")
    before, peak = highest(), [0]
    yield peak
    peak[0] = highest() - before


class Endless(io.RawIOBase):
    """A body that claims nothing and never ends."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "read in pieces"
        self.taken += size
        return b"\x89PNG" * (size // 4)


def test_bytes_are_counted_while_they_come() -> None:
    body = Endless()
    with pytest.raises(RefusedImage, match="larger than 1 MB"):
        check_and_reencode(body, max_bytes=2**20)  # type: ignore[arg-type]
    assert body.taken <= 2**20 + 2**17


def webp_canvas(width: int, height: int) -> bytes:
    body = (
        b"VP8X"
        + struct.pack("<I", 10)
        + bytes(4)
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def webp_lossless(width: int, height: int) -> bytes:
    body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(20)
    return b"RIFF" + struct.pack("<I", len(body) + 12) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body


def webp_lossy(width: int, height: int) -> bytes:
    body = b"\x10\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(20)
    return b"RIFF" + struct.pack("<I", len(body) + 12) + b"WEBPVP8 " + struct.pack("<I", len(body)) + body


def jpeg_header(width: int, height: int) -> bytes:
    data = bytearray(encoded(picture(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("header", [png, jpeg_header, webp_canvas, webp_lossless, webp_lossy])
@pytest.mark.parametrize("size", [(12_000, 12_000), (12_001, 10), (10, 12_001), (8000, 5001)])
def test_too_many_pixels_are_refused_from_the_header(
    header: Callable[[int, int], bytes], size: tuple[int, int]
) -> None:
    """The files hold a header and no picture: a decoder would have called them damaged."""
    message = refusal(header(*size))
    assert f"{size[0]}×{size[1]} pixels" in message
    assert ("40 million" if header in (png, jpeg_header) else "20 million") in message


@pytest.mark.parametrize("header", [png, jpeg_header])
def test_an_absurd_size_is_refused_too(header: Callable[[int, int], bytes]) -> None:
    assert "pixels" in refusal(header(65_000, 65_000))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_takes_no_memory() -> None:
    rows = zlib.compress(bytes(1501) * 12_000, 9)
    bomb = png(12_000, 12_000, body=rows)
    assert len(bomb) < 20_000, "17 kB that a decoder turns into 144 million pixels"
    with extra_memory() as peak:
        assert "12000×12000" in refusal(bomb)
    assert peak[0] < 8 * 2**20


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_bomb_in_a_text_or_profile_takes_little_memory(kind: bytes) -> None:
    bomb = zlib.compress(bytes(200 * 2**20), 9)
    content = b"a\0" + (b"\x01\0\0\0" if kind == b"iTXt" else b"\0") + bomb
    data = png(8, 8, depth=8, colour=0, extra=png_chunk(kind, content), body=zlib.compress(bytes(9 * 8)))
    with extra_memory() as peak, contextlib.suppress(RefusedImage):
        assert len(clean(data).bytes) < 1000
    assert peak[0] < 80 * 2**20


def test_a_jpeg_of_very_many_passes_is_refused() -> None:
    data = encoded(picture(), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    assert clean(data).format == "JPEG"
    assert "too long" in refusal(data[:last] + data[last:-2] * 200 + data[-2:])


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("percent", [1, 10, 30, 50, 70, 90, 97])
def test_a_cut_picture_is_refused(image_format: str, percent: int) -> None:
    noise = Image.effect_noise((200, 200), 80).convert("RGB")
    data = encoded(noise, image_format)
    assert refusal(data[: len(data) * percent // 100]).startswith("cat.png is ")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_damage_ends_in_a_picture_or_a_sentence(image_format: str) -> None:
    chance = random.Random(4)
    good = encoded(Image.effect_noise((64, 64), 80).convert("RGB"), image_format)
    for _ in range(150):
        data = bytearray(good)
        for _ in range(chance.choice((1, 5, 50))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with contextlib.suppress(RefusedImage):
            assert clean(bytes(data)).width <= 12_000


@pytest.mark.parametrize(
    ("image_format", "size"), [("JPEG", (4000, 2500)), ("PNG", (4000, 2500)), ("WEBP", (2500, 2000))]
)
def test_a_large_picture_takes_a_bounded_multiple_of_itself(image_format: str, size: tuple[int, int]) -> None:
    """A quarter of the limits may take a quarter of 480 MB."""
    data = encoded(Image.linear_gradient("L").resize(size).convert("RGB"), image_format)
    with extra_memory() as peak:
        assert clean(data).width == size[0]
    assert peak[0] < 120 * 10**6
