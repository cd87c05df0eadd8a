"""Reference images: from data URLs at once, from http(s) URLs when the job starts, as the real providers do."""

import asyncio
import base64
import binascii
import hashlib
import re

from .clips import Clips

FETCH_BYTES, FETCH_SECONDS = 25 * 1024**2, 10.0
DATA_URL = re.compile(r"data:image/(png|jpe?g|webp|gif)(?:;[\w=.-]+)*;base64,", re.IGNORECASE)
INLINE_BYTES = 20 * 1024**2
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8")


class BadImage(ValueError):
    """The message is the sentence for the user."""


def decode(url: str) -> bytes:
    """The bytes of a data URL. Raises BadImage when it is no PNG, JPEG, WebP or GIF of at most 20 MB."""
    head = DATA_URL.match(url)
    if not head:
        raise BadImage("Image must be a base64 data URL of type PNG, JPEG, WebP or GIF.")
    return plain(url[head.end() :])


def plain(text: str) -> bytes:
    """The bytes of an image that came as base64 without a head. Raises BadImage."""
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadImage(f"Image data is not valid base64: {error}.") from error
    if not is_image(content):
        raise BadImage("Image must be PNG, JPEG, WebP or GIF and at most 20 MB.")
    return content


def is_image(content: bytes) -> bool:
    return len(content) <= INLINE_BYTES and content.startswith(SIGNATURES)


def keep(clips: Clips, content: bytes) -> str:
    """Store image bytes; returns their SHA-256, the name they are found under."""
    name = hashlib.sha256(content).hexdigest()
    if not clips.image(name).exists():
        clips.keep_image(name, content)
    return name


async def fetch(url: str) -> bytes:
    """Download one image. Raises BadImage after 10 s, above 25 MB, or when it cannot be reached."""
    import httpx  # loaded with the first image only: the idle server stays small

    try:
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx.AsyncClient(follow_redirects=True, max_redirects=3, trust_env=False) as client,
            client.stream("GET", url) as answer,
        ):
            answer.raise_for_status()
            content = bytearray()
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > FETCH_BYTES:
                    raise BadImage(f"Could not fetch image: {url} is larger than 25 MB.")
            return bytes(content)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadImage(f"Could not fetch image: {url} ({reason}).") from error
