"""Images for tests, as a browser would send them."""

import io
import random

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"
ZIP = b"PK\x03\x04" + bytes(60)


def png(size: tuple[int, int] = (64, 36), colour: str | None = None) -> bytes:
    """A PNG; without a colour each one is another picture."""
    shade = colour or "#" + "".join(random.choices("0123456789abcdef", k=6))
    buffer = io.BytesIO()
    Image.new("RGB", size, shade).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def file(data: bytes | None = None, name: str = "harbour.png", content_type: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, png() if data is None else data, content_type)


def bomb() -> bytes:
    """Some kB of PNG that ask for a canvas of 900 million pixels."""
    data = bytearray(png((8, 8)))
    data[16:24] = (30_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)
