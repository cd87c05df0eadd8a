from __future__ import annotations

import hashlib
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from .pictures import clean, encoded, picture, pixels, refusal


@pytest.mark.parametrize(
    ("image_format", "kind"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_a_picture_keeps_format_size_and_look(image_format: str, kind: str) -> None:
    result = clean(encoded(picture(), image_format))
    assert (result.format, result.content_type, result.width, result.height) == (image_format, kind, 60, 40)
    assert result.sha256 == hashlib.sha256(result.bytes).hexdigest()
    again = pixels(result)
    assert (again.format, again.mode, again.size) == (image_format, "RGB", (60, 40))
    for at, expected in [((5, 20), (208, 32, 32)), ((55, 20), (32, 32, 208))]:
        assert again.getpixel(at) == pytest.approx(expected, abs=6)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_a_plain_one(mode: str) -> None:
    image = Image.new("I;16", (60, 40), 0x8000) if mode == "I;16" else picture(mode)
    result = pixels(clean(encoded(image, "PNG")))
    assert result.mode in {"L", "RGB", "RGBA"}
    if mode == "I;16":
        assert result.getpixel((5, 5)) in (127, 128)
    elif mode != "1":
        assert result.convert("RGB").getpixel((5, 20)) == pytest.approx(image.convert("RGB").getpixel((5, 20)), abs=2)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_transparency_survives(image_format: str) -> None:
    image = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    image.paste((0, 255, 0, 128), (10, 0, 20, 20))
    result = pixels(clean(encoded(image, image_format, lossless=True)))
    assert (result.getpixel((2, 2))[3], result.getpixel((15, 15))[3]) == (0, 128)  # type: ignore[index]


def test_a_palette_with_a_transparent_colour_keeps_it() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.putpixel((0, 0), 0)
    assert pixels(clean(encoded(image, "PNG", transparency=0))).getpixel((0, 0))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_print_and_grey_jpegs_are_readable_everywhere(mode: str) -> None:
    assert pixels(clean(encoded(picture(mode), "JPEG"))).mode in {"RGB", "L"}


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("orientation", "left"), [(1, "red"), (3, "blue"), (6, "top red"), (8, "top blue")])
def test_the_stated_orientation_is_applied(image_format: str, orientation: int, left: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = clean(encoded(picture(), image_format, exif=exif))
    image = pixels(result)
    assert (result.width, result.height) == ((40, 60) if orientation > 4 else (60, 40)) == image.size
    red, _, blue = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert (red > blue) is left.endswith("red")
    assert not image.getexif()


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_the_picture_survives(image_format: str) -> None:
    secret = b"SECRET-52.5200N-13.4050E"
    exif = Image.Exif()
    exif[0x010E] = secret.decode()
    exif.get_ifd(0x8825)[1] = "N"
    options: dict[str, Any] = {"exif": exif, "icc_profile": secret * 4, "xmp": secret, "comment": secret}
    if image_format == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("Comment", secret.decode(), zip=False)
    dirty = encoded(picture(), image_format, **options) + b"<script>" + secret
    assert dirty.count(secret) >= 3
    result = clean(dirty)
    assert secret not in result.bytes
    assert b"<script>" not in result.bytes
    assert not {"exif", "icc_profile", "xmp", "comment", "Comment"} & set(pixels(result).info)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_colours_of_another_profile_become_srgb(image_format: str) -> None:
    """In this profile the first channel means blue and the third red, so that a conversion shows."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"?XYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"?XYZ", b"bXYZ", 1)
    same = pixels(clean(encoded(picture(), image_format, icc_profile=profile)))
    turned = pixels(clean(encoded(picture(), image_format, icc_profile=swapped)))
    assert same.getpixel((5, 20)) == pytest.approx((208, 32, 32), abs=6)
    assert turned.getpixel((5, 20)) == pytest.approx((32, 32, 208), abs=6)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_kept(image_format: str) -> None:
    frames = [Image.new("RGB", (30, 30), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    result = pixels(clean(encoded(frames[0], image_format, save_all=True, append_images=frames[1:], duration=50)))
    assert getattr(result, "n_frames", 1) == 1
    assert result.convert("RGB").getpixel((9, 9)) == pytest.approx((255, 0, 0), abs=3)


def test_a_photo_with_a_second_picture_inside_is_a_jpeg() -> None:
    data = encoded(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (60, 40))])
    result = clean(data)
    assert result.format == "JPEG"
    assert pixels(result).getpixel((5, 20)) == pytest.approx((208, 32, 32), abs=6)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\0\0\0\x18ftypisom", "a video"),
        (b"\0\0\0\x18ftypheic", "a HEIC photo"),
        (b"\0\0\0\x18ftypavif", "an AVIF image"),
        (b"\x1a\x45\xdf\xa3", "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a sound file"),
        (b"GIF89a", "a GIF"),
        (b"BM\0\0", "a BMP image"),
        (b"II*\0", "a TIFF image"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or office document"),
        (b"<?xml version='1.0'?><svg onload='alert(1)'/>", "a drawing (SVG)"),
        (b"<html><script>", "a web page or XML document"),
        (b"<?php system($_GET[0]);", "a web page or XML document"),
        (b"#EXTM3U\n", "not a picture that can be read here"),
        (b"\x7fELF", "not a picture that can be read here"),
        (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR", "not a picture that can be read here"),
    ],
)
def test_what_is_no_picture_is_named_whatever_its_name_says(content: bytes, kind: str) -> None:
    message = refusal(content + bytes(64), "clip.png")
    assert message == f"clip.png is {kind}. This slot takes PNG, JPEG or WebP."


@pytest.mark.parametrize("image_format", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
def test_other_picture_formats_never_reach_a_decoder(image_format: str) -> None:
    assert "This slot takes PNG, JPEG or WebP." in refusal(encoded(picture(), image_format))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\evil.png", "evil.png"),
        ("a\0b\r\nSet-Cookie: x.png", "abSet-Cookie: x.png"),
        ("gnp.\u202egpj.exe", "gnp.gpj.exe"),
        ("", "The file"),
        ("katze 🐈.png", "katze 🐈.png"),
    ],
)
def test_the_name_in_a_message_is_harmless(name: str, shown: str) -> None:
    assert refusal(b"", name).startswith(f"{shown} is empty.")


def test_a_long_name_is_shortened() -> None:
    assert len(refusal(b"", "x" * 300 + ".png")) < 120
