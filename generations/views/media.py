"""Finished files. Behind uvicorn studio.asgi sends them with ranges; here is who may have what, and the plain answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from studio.ranges import content_disposition

from .. import store
from ..models import Asset

KINDS = {
    "video.mp4": Asset.VIDEO,
    "poster.webp": Asset.POSTER,
    "poster-small.webp": Asset.POSTER_SMALL,
    "preview.mp4": Asset.PREVIEW,
    "strip.webp": Asset.STRIP,
}
PROTECTED = "/protected-media/"  # the internal location of the web server in front, see docs/deploy.md


@dataclass(frozen=True)
class Found:
    """A file that this person may have; `cache` is its Cache-Control."""

    path: Path
    relative: str  # to settings.MEDIA
    content_type: str
    etag: str
    filename: str
    download: bool
    cache: str = "private, max-age=86400"


def found(asset: Asset, filename: str, *, download: bool) -> Found:
    return Found(asset.file, asset.path, asset.content_type, f'"{asset.sha256}"', filename, download)


def find(user: Any, pk: int, name: str, *, download: bool = False) -> Found | None:
    """The file of a shot, if `user` is in the shot's team now. One query. None otherwise, and for no such file."""
    if name not in KINDS or not user.is_authenticated or not user.is_active:
        return None
    mine = Asset.objects.filter(generation__team__memberships__user=user).select_related("generation")
    asset = mine.defer("generation__result_url").filter(generation_id=pk, kind=KINDS[name]).first()
    if asset is None:
        return None
    return found(asset, filename(asset.generation, name), download=download)


def filename(shot: Any, name: str) -> str:
    """What a saved file is called: "causeway-first-light-812.mp4"."""
    words = slugify(shot.shown_title)[:60].strip("-") or "shot"
    part = "" if name == "video.mp4" else f"-{name.partition('.')[0]}"
    return f"{words}-{shot.pk}{part}{Path(name).suffix}"


def to_bucket(found: Found) -> HttpResponse:
    """An address that is signed for five minutes; the browser may use it again for four of them."""
    disposition = dict(content_disposition(found.filename, download=found.download))[b"content-disposition"]
    where = store.address(found.relative, content_type=found.content_type, disposition=disposition.decode("latin-1"))
    response = HttpResponse(status=302, headers={"Location": where})
    response["Cache-Control"] = f"private, max-age={store.LIFE - 60}"
    return response


@login_required
@require_safe
def deliver(request: HttpRequest, pk: int, name: str) -> HttpResponse | FileResponse:
    """The whole file, for servers without studio.asgi."""
    return answer(find(request.user, pk, name, download="download" in request.GET))


def answer(found: Found | None) -> HttpResponse | FileResponse:
    """The file with its headers. Raises Http404."""
    if found is None or not (found.path.is_file() or store.is_remote()):
        raise Http404
    if not found.path.is_file():
        return to_bucket(found)
    response: HttpResponse | FileResponse
    if settings.MEDIA_DELIVERY == "x-accel":
        response = HttpResponse(content_type=found.content_type)
        response["X-Accel-Redirect"] = PROTECTED + found.relative
    else:
        response = FileResponse(open(found.path, "rb"), content_type=found.content_type)  # noqa: SIM115  (closed with the response)
    for header, value in content_disposition(found.filename, download=found.download):
        response[header.decode()] = value.decode("latin-1")
    response["ETag"], response["Cache-Control"] = found.etag, found.cache
    return response
