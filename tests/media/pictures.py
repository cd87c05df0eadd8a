"""Small pictures and the two ways an upload can end, for the tests of images."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from generations.images import CleanImage, RefusedImage, check_and_reencode


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def clean(data: bytes, **options: Any) -> CleanImage:
    return check_and_reencode(io.BytesIO(data), **options)


def refusal(data: bytes, name: str = "cat.png", **options: Any) -> str:
    with pytest.raises(RefusedImage) as caught:
        clean(data, display_name=name, **options)
    message = str(caught.value)
    assert message.endswith(".")
    return message


def picture(mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Red on the left, blue on the right, so that turning and colours show."""
    image = Image.new("RGB", size, "#d02020")
    image.paste("#2020d0", (size[0] // 2, 0, *size))
    return image.convert(mode)


def pixels(result: CleanImage) -> Image.Image:
    return Image.open(io.BytesIO(result.bytes))
