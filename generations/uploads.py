"""Reference images coming in: limited while they stream, checked by content, stored under our own names."""

import contextlib
import logging
import os
import secrets
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import QueryDict

from accounts.models import Team, User

from . import images
from .models import Generation, Upload

log = logging.getLogger(__name__)
MOST_FILES = 10
LEFT_AFTER = 24 * 3600  # seconds


class NoRoom(images.RefusedImage):
    """Our own disk is the reason, not the image."""


class LimitedUploads(FileUploadHandler):
    """Stops a request body before it fills the disk: at most 10 images of the allowed size, and a little for the form.

    Django's own limit does not count files: with its defaults a 1 GB body lands in the temporary folder.
    """

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any) -> None:
        self.seen = 0
        if content_length > MOST_FILES * settings.MAX_IMAGE_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.seen += len(raw_data)
        if start > settings.MAX_IMAGE_BYTES or self.seen > MOST_FILES * settings.MAX_IMAGE_BYTES:
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def keep(file: UploadedFile, *, team: Team, user: User, frame_of: Generation | None = None) -> Upload:
    """Check, re-encode and store one image. Raises images.RefusedImage with the sentence for the field.

    `frame_of`: the shot that it was taken from.
    """
    name = Path(str(file.name or "image")).name[:200]
    clean = images.check_and_reencode(file, display_name=name, max_bytes=settings.MAX_IMAGE_BYTES)
    return _stored(clean, name, team=team, user=user, frame_of=frame_of)


def crop(upload: Upload, width: int, height: int, *, user: User) -> Upload:
    """Another upload with the middle of this one, which stays as it is; the same cut again is the same upload.

    Raises images.RefusedImage.
    """
    try:
        with open(upload.file, "rb") as file:
            clean = images.cropped(file, width, height, display_name=upload.name)
    except OSError as error:
        raise images.RefusedImage(f"{upload.name} is gone from the disk. Choose it again.") from error
    same = Upload.objects.filter(team=upload.team, sha256=clean.sha256, frame_of=upload.frame_of).order_by("pk").first()
    if same and same.file.exists():
        return same
    name = Path(upload.name)
    called = f"{name.stem[:170]}, {width} × {height}{name.suffix[:20]}"
    return _stored(clean, called, team=upload.team, user=user, frame_of=upload.frame_of)


def _stored(clean: images.CleanImage, name: str, *, team: Team, user: User, frame_of: Generation | None) -> Upload:
    folder = Path(str(team.pk))
    path = folder / f"{secrets.token_hex(16)}.{clean.format.lower()}"
    _write(Path(settings.UPLOADS) / path, clean.bytes)
    return Upload.objects.create(
        team=team, created_by=user, path=str(path), name=name, content_type=clean.content_type,
        sha256=clean.sha256, bytes=len(clean.bytes), width=clean.width, height=clean.height, frame_of=frame_of,
    )  # fmt: skip


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all. Raises NoRoom."""
    draft = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        log.exception("an image could not be stored")
        raise NoRoom(
            f"The studio cannot store the image ({error.strerror}). Nothing was sent. Ask an administrator to make room."
        ) from error


def clear_leftovers() -> None:
    """Half-received bodies and half-written images that a killed process left; a day later nobody waits for them."""
    old = time.time() - LEFT_AFTER
    for folder, pattern in ((Path(settings.FILE_UPLOAD_TEMP_DIR), "*"), (Path(settings.UPLOADS), "*/*.new")):
        for path in folder.glob(pattern):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < old:
                    path.unlink()


def kept_ids(data: QueryDict, name: str) -> list[int]:
    return [int(value) for value in data.getlist(name) if value.isdigit()]
