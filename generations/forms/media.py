"""Reference images in a form: slots with roles, each filled by a file, a stored upload, or an address on the web."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from accounts.models import Team, User

from .. import references, uploads
from ..images import RefusedImage
from ..models import ProviderKey, Upload
from ..specs import Media, ModelSpec, Picture
from .addresses import UnusableAddress, checked
from .fields import ParamField
from .fitting import Fit, cut_to, fit, parsed

STUDIO_BYTES = 20 * 2**20


@dataclass
class Slot:
    """One of `count` places for images. `upload` is a row of the team, `url` what was typed; `name` prefixes its inputs."""

    name: str
    role: str
    count: int = 1
    upload: Upload | None = None
    url: str = ""
    error: str = ""
    fit: Fit | None = None

    @property
    def is_full(self) -> bool:
        return bool(self.upload or self.url)

    @property
    def number(self) -> int:
        last = self.name.rpartition("-")[2]
        return int(last) + 1 if last.isdecimal() else 1

    @property
    def value(self) -> dict[str, Any]:
        return {"role": self.role, "upload": self.upload.pk} if self.upload else {"role": self.role, "url": self.url}


class SlotsInput(forms.Widget):
    """Reads `{name}-{i}-file`, `-upload` and `-url` for each slot, as a list of raw values."""

    needs_multipart_form = True

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, Any]]:
        slots = [f"{name}-{i}" for i in range(self.count)]
        return [
            {"file": files.get(f"{slot}-file"), "upload": data.get(f"{slot}-upload"), "url": data.get(f"{slot}-url")}
            for slot in slots
        ]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False


class MediaParam(ParamField):
    """Cleans to `[{"role", "upload"} | {"role", "url"}]` in slot order. After cleaning, `slots` is what to draw.

    Images are stored while cleaning, so that nobody has to choose them again when another field is wrong.
    """

    param: Media
    template = "generations/_field_media.html"

    def __init__(self, param: Media, *, spec: ModelSpec, team: Team, user: User, key: ProviderKey | None) -> None:
        super().__init__(param, widget=SlotsInput(param.maximum))
        self.spec, self.team, self.user, self.key = spec, team, user, key
        self.slots = self.empty_slots()

    def empty_slots(self) -> list[Slot]:
        return [Slot(f"{self.param.name}-{i}", role, self.param.maximum) for i, role in enumerate(self.param.roles)]

    @property
    def limits(self) -> str:
        most, size = self.param.maximum, min(self.param.picture.most_bytes or STUDIO_BYTES, STUDIO_BYTES) // 2**20
        return (
            f"PNG, JPEG or WebP, {size} MB" if most == 1 else f"up to {most} images, PNG, JPEG or WebP, {size} MB each"
        )

    @property
    def takes_addresses(self) -> bool:
        return "url" in self.param.by or "file" in self.param.by

    @property
    def has_addresses(self) -> bool:
        return any(slot.url for slot in self.slots)

    def fill(self, value: list[dict[str, Any]]) -> None:
        """Draw stored values: slots are found by role, what no longer exists is left out."""
        self.slots = self.empty_slots()
        ids = [item["upload"] for item in value if "upload" in item]
        found = Upload.objects.filter(team=self.team).in_bulk(ids)
        for slot, item in zip(self.slots, place(self.param, value), strict=True):
            slot.upload = found.get(item["upload"]) if item and "upload" in item else None
            slot.url = item.get("url", "") if item else ""

    def judge(self, values: Mapping[str, Any]) -> None:
        """Say at each image what does not fit the shot that these values ask for."""
        for slot in self.slots:
            slot.fit = fit(self.spec, self.param, slot.role, slot.upload, values) if slot.upload else None

    def crop(self, order: str) -> None:
        """ "images-0=16:9": the middle of that slot's image takes its place. Anything else changes nothing."""
        name, _, given = order.partition("=")
        slot, shape = next((one for one in self.slots if one.name == name), None), parsed(given)
        if slot is None or slot.upload is None or shape is None:
            return
        try:
            slot.upload = uploads.crop(
                slot.upload, *cut_to((slot.upload.width, slot.upload.height), shape), user=self.user
            )
            slot.error = misfit(self.param.picture, slot.upload, self.spec.name)
        except RefusedImage as error:
            slot.error = str(error)

    def read(self, raw: list[dict[str, Any]]) -> list[Slot]:
        """Store what was sent and look up what was stored. Errors stay at their slot."""
        self.slots = self.empty_slots()
        stored = self._stored(raw)
        for slot, given in zip(self.slots, raw, strict=True):
            try:
                if isinstance(given["file"], UploadedFile):
                    slot.upload = self._keep(given["file"])
                elif given["url"] and given["url"].strip():
                    slot.url = given["url"].strip()
                    checked(slot.url)
                elif given["upload"]:
                    slot.upload = stored[given["upload"]]
                if slot.upload:
                    slot.error = misfit(self.param.picture, slot.upload, self.spec.name)
            except (RefusedImage, UnusableAddress) as error:
                slot.error = str(error)
            except KeyError:
                slot.error = "This image is not one of your team's any more. Choose it again."
        return self.slots

    def clean(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        slots = self.read(value)
        errors = [f"{slot.role}: {slot.error}" if len(slots) > 1 else slot.error for slot in slots if slot.error]
        if errors:
            raise ValidationError(errors)
        full = [slot for slot in slots if slot.is_full]
        self._check_count(full)
        self._check_addresses(full)
        fetched = self.param.by[0] == "url" and any(slot.upload for slot in full)
        if fetched and self.key and not references.origin_for(self.key):
            raise ValidationError(
                "The provider fetches images from this studio and cannot reach it. Set STUDIO_PUBLIC_URL, or paste the "
                "address of an image on the web instead. Nothing was sent."
            )
        if self.interchangeable:
            return [item.value | {"role": slot.role} for item, slot in zip(full, slots, strict=False)]
        return [slot.value for slot in full]

    @property
    def interchangeable(self) -> bool:
        """ "Reference 1 of 3" and "Reference 2 of 3" may change places; a first and a last frame may not."""
        return len({role.split()[0] for role in self.param.roles}) == 1

    def _check_count(self, full: list[Slot]) -> None:
        missing = self.param.minimum - len(full)
        if missing > 0 or (self.required and not full):
            need = max(1, self.param.minimum)
            raise ValidationError(
                f"{self.spec.name} needs at least {need} image{'s' if need > 1 else ''} here. Add one."
            )
        gap = next((slot for slot in self.slots[: len(full)] if not slot.is_full), None)
        if gap and not self.interchangeable:
            raise ValidationError(f"{gap.role} is empty. The provider knows images by their order: fill it first.")

    def _check_addresses(self, full: list[Slot]) -> None:
        if any(slot.url for slot in full) and not self.takes_addresses:
            raise ValidationError(f"{self.spec.name} takes no addresses of images. Upload the image instead.")

    def _keep(self, file: Any) -> Upload:
        """Store a file. The same picture again is the same upload, so that pressing twice stays one confirmation."""
        kept = uploads.keep(file, team=self.team, user=self.user)
        first = Upload.objects.filter(team=self.team, sha256=kept.sha256).earliest("pk")
        return first if first.file.exists() else kept

    def _stored(self, raw: list[dict[str, Any]]) -> dict[str, Upload]:
        ids = {str(given["upload"]) for given in raw if str(given["upload"] or "").isdecimal()}
        found = Upload.objects.filter(team=self.team, pk__in=[int(text) for text in ids if len(text) < 19])
        return {str(upload.pk): upload for upload in found}


def misfit(picture: Picture, upload: Upload, who: str) -> str:
    """Why a provider would not take this image, with the limit; "" when it would."""
    flat, wide = picture.ratios
    if picture.most_bytes and upload.bytes > picture.most_bytes:
        return f"{who} takes images of at most {picture.most_bytes // 2**20} MB. Save it smaller and choose it again."
    if min(upload.width, upload.height) < picture.least_side:
        size = f"{upload.width} × {upload.height}"
        return f"{who} needs at least {picture.least_side} pixels on the short side; this image has {size}."
    if wide and not flat <= upload.width / upload.height <= wide:
        return f"{who} takes images from {flat:g} to {wide:g} times as wide as high. Crop it, or choose another image."
    return ""


def place(param: Media, value: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """Stored images put into the slots of `param`: by role where a slot has it, the others into what is free, in order."""
    rest = list(value)
    placed: list[dict[str, Any] | None] = []
    for role in param.roles:
        match = next((item for item in rest if item.get("role") == role), None)
        placed.append(match)
        if match:
            rest.remove(match)
    return [item or (rest.pop(0) if rest else None) for item in placed]
