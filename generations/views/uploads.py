"""Reference images: taken from people, shown to their team, fetched by providers."""

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import StudioRequest

from .. import references, uploads
from ..forms import Slot, fit, misfit
from ..images import RefusedImage
from ..models import Upload
from ..registry import SPECS
from ..specs import Media
from .access import team_required


@require_POST
@team_required
def receive(request: StudioRequest) -> HttpResponse:
    """One image (`file`) for one `slot` of a `model`. Answers the slot's tile, filled; 422 with the reason in it.

    507 when our own disk is the reason.
    """
    (slot, param), status = _slot(request), 200
    file = request.FILES.get("file")
    try:
        if file is None:
            raise RefusedImage(_nothing_arrived(request))
        upload = uploads.keep(file, team=request.team, user=request.user)
        if param and (why := misfit(param.picture, upload, SPECS[request.POST["model"]].name)):
            slot.fit = fit(SPECS[request.POST["model"]], param, slot.role, upload, {})
            slot.upload = upload if slot.fit and slot.fit.crop else None  # what a cut would mend stays to be cut
            raise RefusedImage(why)
        slot.upload = upload
    except RefusedImage as error:
        slot.error = str(error)
        status = 507 if isinstance(error, uploads.NoRoom) else 422
    context = {"slot": slot, "refused": bool(slot.error)}
    return render(request, "generations/_slot.html", context, status=status)


@require_safe
@team_required
def image(request: StudioRequest, pk: int) -> HttpResponse:
    """An upload of a team that one is in, as it was stored: a tab of another team than the chosen one shows its images."""
    upload = get_object_or_404(Upload, pk=pk, team__memberships__user=request.user)
    return _served(upload, "private, max-age=86400")


@require_safe
def reference(request: HttpRequest, token: str, name: str) -> HttpResponse:
    """For providers: no session, only the signature, and only for some hours."""
    upload = references.opened(token)
    if upload is None or Path(upload.path).name != name:
        raise Http404
    return _served(upload, "private, max-age=600")


def _served(upload: Upload, cache: str) -> HttpResponse:
    """The type is the one that we wrote, never the one that was claimed."""
    try:
        data = upload.file.read_bytes()
    except OSError:
        raise Http404 from None
    response = HttpResponse(data, content_type=upload.content_type)
    response["Cache-Control"] = cache
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _slot(request: StudioRequest) -> tuple[Slot, Media | None]:
    """The slot that the image is for and its parameter; its role is the spec's, never what the page says."""
    given = request.POST.get("slot", "image-0")[:80]
    name, _, number = given.rpartition("-")
    spec = SPECS.get(request.POST.get("model", ""))
    param = spec.param(name) if spec else None
    if isinstance(param, Media) and number.isdecimal() and int(number) < param.maximum:
        return Slot(given, param.roles[int(number)], param.maximum), param
    return Slot(given, "Image"), None


def _nothing_arrived(request: StudioRequest) -> str:
    size = request.META.get("CONTENT_LENGTH") or "0"
    if size.isdecimal() and int(size) > settings.MAX_IMAGE_BYTES:
        return f"The file is larger than {settings.MAX_IMAGE_BYTES / 2**20:g} MB. Save it smaller and choose it again."
    return "No file arrived. Choose it again."
