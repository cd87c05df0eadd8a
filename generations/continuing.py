"""Going on from a finished shot: its last frame is the first one of the next."""

from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User

from . import media, store, uploads
from .models import Asset, Generation, Listing, Upload
from .registry import MODELS, SPECS, is_offered
from .specs import Media, ModelSpec


def last_frame(shot: Generation, user: User) -> Upload:
    """The frame as a reference image of the team; made once. Raises media.InvalidMedia, OSError, images.RefusedImage."""
    if found := Upload.objects.filter(team=shot.team, frame_of=shot).order_by("pk").first():
        return found
    video = shot.asset(Asset.VIDEO)
    if video is None or not video.is_kept:
        raise media.InvalidMedia("The file is gone from the disk.")
    with store.at_hand(Path(video.file)) as path:
        png = media.frame_png(path, "last")
    file = SimpleUploadedFile(f"last-frame-{shot.pk}.png", png, "image/png")
    return uploads.keep(file, team=shot.team, user=user, frame_of=shot)


def begins_with_image(spec: ModelSpec | None) -> Media | None:
    """The parameter whose first slot is the first frame."""
    return next((param for param in spec.media if "frame" in param.roles[0].lower()), None) if spec else None


def model_for(shot: Generation) -> ModelSpec | None:
    """The shot's own model where it starts from a frame, else one of its provider, else any: of those that new shots can
    be made with. None when there is none.
    """
    off = Listing.objects.switched_off()
    own = SPECS.get(shot.model)
    known = ([own] if own else []) + list(MODELS.values())
    fits = [
        spec for spec in known if begins_with_image(spec) and is_offered(spec) and (spec.of or spec.slug) not in off
    ]
    near = [spec for spec in fits if own and spec.provider == own.provider]
    return next(iter([*near, *fits]), None)


def values(shot: Generation, frame: Upload, spec: ModelSpec) -> dict[str, Any]:
    """What the composer begins with: the shot's prompt and settings, and the frame in its slot."""
    param = begins_with_image(spec)
    plain = {name: value for name, value in shot.params.items() if not isinstance(value, list)}
    image = {param.name: [{"role": param.roles[0], "upload": frame.pk}]} if param else {}
    return plain | image | {"prompt": shot.prompt}
