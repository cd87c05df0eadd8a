"""Reference images on their way to a provider: by an address where it fetches them itself, else inside the request."""

import base64
import io
import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.urls import reverse

from . import images
from .models import Generation, ProviderKey, Upload
from .providers import http
from .providers.base import File, NotSent, Rejected
from .specs import Media

SALT = "reference-image"
GONE = "A reference image of this shot is no longer on the disk. Nothing was sent: add it again."
LIFE = 6 * 3600  # seconds; a job may wait in a provider's queue before the image is fetched


def origin_for(key: ProviderKey) -> str:
    """The address under which this key's provider can reach this studio; "" when it cannot.

    A provider on this machine (the sandbox) reaches the studio's own port; any other needs STUDIO_PUBLIC_URL.
    """
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    return f"http://127.0.0.1:{settings.PORT}" if _is_loopback(urlsplit(key.base_url).hostname or "") else ""


def given(generation: Generation, param: Media) -> tuple[str, ...]:
    """The images of one Media parameter in slot order: addresses, freshly signed for uploads, or the images themselves.

    Raises Rejected when an image cannot be given: a request without it, or with the last frame as the first, would be
    paid for nothing.
    """
    items = generation.params.get(param.name) or []
    found = Upload.objects.filter(team=generation.team_id).in_bulk(
        [item["upload"] for item in items if "upload" in item]
    )
    origin = origin_for(generation.provider_key)
    return tuple(item["url"] if "url" in item else _given(param, origin, found.get(item["upload"])) for item in items)


def files(generation: Generation, name: str) -> tuple[File, ...]:
    """The images of one Media parameter that travel inside the request, in slot order. An address is fetched by us.

    Raises Rejected when an image cannot be given, NotSent when it may be fetched later.
    """
    items = generation.params.get(name) or []
    found = Upload.objects.filter(team=generation.team_id).in_bulk(
        [each["upload"] for each in items if "upload" in each]
    )
    return tuple(_fetched(each["url"]) if "url" in each else _read(found.get(each["upload"])) for each in items)


def _read(upload: Upload | None) -> File:
    try:
        if upload is not None:
            return File(f"reference{Path(upload.path).suffix}", upload.content_type, upload.file.read_bytes())
    except FileNotFoundError:
        pass
    except OSError as error:
        raise NotSent(f"A reference image could not be read ({error.strerror}). Nothing was sent.") from error
    raise Rejected(GONE)


def _fetched(url: str) -> File:
    """Somebody else's image, checked and re-encoded like an upload before it goes on."""
    try:
        with http.download(url, seconds=30) as part:
            data = bytearray()
            for chunk in part.chunks:
                data += chunk
                if len(data) > settings.MAX_IMAGE_BYTES:
                    break  # the check below says that it is too large
        image = images.check_and_reencode(
            io.BytesIO(data), display_name="The image", max_bytes=settings.MAX_IMAGE_BYTES
        )
    except http.DownloadFailed as error:
        sentence = (
            f"The reference image at {urlsplit(url).hostname} cannot be fetched. {error.message} Nothing was sent."
        )
        raise Rejected(f"{sentence} Upload it instead.") if error.gone else NotSent(sentence) from error
    except images.RefusedImage as error:
        raise Rejected(
            f"The address of the reference image does not lead to a usable one. {error} Nothing was sent."
        ) from error
    return File(f"reference.{image.format.lower()}", image.content_type, image.bytes)


def _given(param: Media, origin: str, upload: Upload | None) -> str:
    if param.by[0] == "url":
        return _address(origin, upload)
    image = _read(upload)
    text = base64.b64encode(image.data).decode()
    return text if param.by[0] == "base64" else f"data:{image.content_type};base64,{text}"


def _address(origin: str, upload: Upload | None) -> str:
    if upload is None or not upload.file.is_file():
        raise Rejected(GONE)
    if not origin:
        raise Rejected(
            "The provider cannot reach this studio to fetch the image. Nothing was sent: set STUDIO_PUBLIC_URL."
        )
    return origin + signed_path(upload)


def signed_path(upload: Upload) -> str:
    token = signing.dumps(upload.pk, salt=SALT)
    return reverse("reference", args=[token, Path(upload.path).name])


def opened(token: str) -> Upload | None:
    """The upload of a signed path; None when the signature is wrong or its time is over."""
    try:
        return Upload.objects.filter(pk=signing.loads(token, salt=SALT, max_age=LIFE)).first()
    except signing.BadSignature:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
