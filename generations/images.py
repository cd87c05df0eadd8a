"""Pictures that people upload: checked by content, decoded within limits, written anew.

Re-encoding removes what is not picture: positions, comments, scripts appended to the file. The limits are judged from
the header, before a decoder reserves memory: 17 kB of PNG can ask for 700 MB. No Django, no network.
Source: reliability notes, section "Uploads".
"""

from __future__ import annotations

import hashlib
import io
import struct
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

Format = Literal["JPEG", "PNG", "WEBP"]

CHUNK = 64 * 1024
MAX_SCANS = 100  # of a progressive JPEG: real ones have about ten, each costs a pass over the picture
# What Pillow's readers raise on bad data
BROKEN = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError)
MAX_PROFILE = 64 * 1024
CONTENT_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
SAVE_OPTIONS: dict[str, dict[str, int]] = {
    "JPEG": {"quality": 92},
    "PNG": {"compress_level": 6},
    "WEBP": {"quality": 92, "method": 2},
}


class RefusedImage(Exception):
    """The upload is not accepted. The message is a sentence for the person who sent it."""


@dataclass(frozen=True)
class CleanImage:
    """A picture safe to store, serve and send. Sizes in pixels, after the rotation stated in the original."""

    bytes: bytes
    format: Format
    content_type: str
    width: int
    height: int
    sha256: str


def check_and_reencode(
    file: BinaryIO,
    *,
    display_name: str = "The file",
    max_bytes: int = 20 * 2**20,
    max_pixels: int = 40_000_000,
    max_side: int = 12_000,
) -> CleanImage:
    """Read an upload and return the picture in it, in the same format, upright, in sRGB, without metadata.

    `display_name` is what the message calls the file; neither it nor the declared type or size is trusted. Of an
    animation the first frame is kept; a WebP may have half of `max_pixels`.
    Raises RefusedImage for all but a whole PNG, JPEG or WebP within the limits.
    """
    name = _shown(display_name)
    data = _read(file, name, max_bytes)
    image_format = _format_of(data, name)
    if image_format == "WEBP":  # its decoder reserves the canvas while opening, and holds four of them at once
        max_pixels //= 2
        _check_size(_webp_size(data), name, max_pixels, max_side)
    if image_format == "JPEG" and data.count(b"\xff\xda") > MAX_SCANS:
        raise RefusedImage(f"{name} is built in a way that takes too long to read. Save it again as JPEG or PNG.")
    return _written(_decode(data, image_format, name, max_pixels, max_side), image_format)


def cropped(file: BinaryIO, width: int, height: int, *, display_name: str = "The file") -> CleanImage:
    """The middle of a picture that was stored here, `width` × `height` pixels of it, nothing scaled. Raises RefusedImage."""
    data = file.read()
    image_format = _format_of(data, display_name)
    image = _decode(data, image_format, display_name, max_pixels=40_000_000, max_side=12_000)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return _written(image.crop((left, top, left + width, top + height)), image_format)


def _written(image: Image, image_format: Format) -> CleanImage:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **SAVE_OPTIONS[image_format])
    clean = buffer.getvalue()
    digest = hashlib.sha256(clean).hexdigest()
    return CleanImage(clean, image_format, CONTENT_TYPES[image_format], image.width, image.height, digest)


def _shown(name: str) -> str:
    """The last part of a client's file name without control and direction characters, at most 80 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    visible = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip()
    if len(visible) > 80:
        visible = f"{visible[:60]}…{visible[-19:]}"
    return visible or "The file"


def _read(file: BinaryIO, name: str, max_bytes: int) -> bytes:
    parts, total = [], 0
    while part := file.read(CHUNK):
        total += len(part)
        if total > max_bytes:
            raise RefusedImage(f"{name} is larger than {max_bytes / 2**20:g} MB. Save it smaller and choose it again.")
        parts.append(part)
    if not total:
        raise RefusedImage(f"{name} is empty. Choose it again.")
    return b"".join(parts)


def _format_of(data: bytes, name: str) -> Format:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise RefusedImage(f"{name} is {_kind(data)}. This slot takes PNG, JPEG or WebP.")


def _kind(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        photos = {b"heic": "a HEIC photo", b"heix": "a HEIC photo", b"mif1": "a HEIC photo", b"avif": "an AVIF image"}
        return photos.get(data[8:12], "a video")
    if data[:4] == b"RIFF":
        return {b"AVI ": "a video", b"WAVE": "a sound file"}.get(data[8:12], "not a picture")
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    signs = (
        (b"\x1a\x45\xdf\xa3", "a video"),
        (b"GIF8", "a GIF"),
        (b"BM", "a BMP image"),
        (b"II*\x00", "a TIFF image"),
        (b"MM\x00*", "a TIFF image"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or office document"),
        (b"ID3", "a sound file"),
        (b"OggS", "a sound file"),
    )
    known = next((kind for sign, kind in signs if head.startswith(sign)), None)
    if known is None and head.startswith(b"<"):
        return "a drawing (SVG)" if b"<svg" in data[:4096].lower() else "a web page or XML document"
    return known or "not a picture that can be read here"


def _check_size(size: tuple[int, int], name: str, max_pixels: int, max_side: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise RefusedImage(f"{name} is damaged. Save it again and choose the new file.")
    if width * height > max_pixels or max(size) > max_side:
        raise RefusedImage(
            f"{name} is {width}×{height} pixels. At most {max_pixels / 1e6:g} million pixels and {max_side} a side are "
            "accepted: save it smaller and choose it again."
        )


def _webp_size(data: bytes) -> tuple[int, int]:
    """Canvas size from the first chunk. Source: RFC 9649 sections 2.5 to 2.7; (0, 0) when it is cut."""
    kind, head = data[12:16], data[16:30]
    if len(data) < 30:
        return 0, 0
    if kind == b"VP8X":
        return int.from_bytes(head[8:11], "little") + 1, int.from_bytes(head[11:14], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[5:9], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return tuple(side & 0x3FFF for side in struct.unpack("<HH", head[10:14])) if kind == b"VP8 " else (0, 0)


def _decode(data: bytes, image_format: Format, name: str, max_pixels: int, max_side: int) -> Image:
    """The first frame, upright, as L, RGB or RGBA, with nothing attached."""
    from PIL import Image, ImageOps

    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=(image_format,))
        _check_size(image.size, name, max_pixels, max_side)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        image = _plain(image, image_format)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise RefusedImage(f"{name} has far too many pixels. Save it smaller and choose it again.") from error
    except (*BROKEN, struct.error) as error:
        raise RefusedImage(f"{name} is damaged or cut off. Save it again and choose the new file.") from error
    image.info = {}
    return image


def _plain(image: Image, image_format: Format) -> Image:
    if image.mode.startswith(("I", "F")):  # 16 bits a channel: PNG calls it I;16
        image = image.point(lambda value: value / 256).convert("L")
    elif image.mode in ("1", "L") and "transparency" not in image.info:
        image = image.convert("L")
    elif image_format != "JPEG" and image.has_transparency_data:
        image = _in_srgb(image.convert("RGBA"), image.info.get("icc_profile"))
    else:
        image = _in_srgb(image, image.info.get("icc_profile"))
        image = image if image.mode == "RGB" else image.convert("RGB")
    return image


def _in_srgb(image: Image, profile: bytes | None) -> Image:
    """Colours as sRGB, because the profile goes with the metadata. A profile that cannot be used is ignored."""
    from PIL import ImageCms

    if not profile or len(profile) > MAX_PROFILE or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    try:
        source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        mode = "RGB" if image.mode == "CMYK" else image.mode
        return ImageCms.profileToProfile(image, source, target, outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
