"""Where finished files are kept: in the media folder or, with STUDIO_S3_BUCKET, in a bucket. Then the folder is only a
workbench: a file is fetched and verified there, goes into the bucket before the shot is "done", and leaves the disk when its
pictures are made. People get it by an address that is signed for five minutes.

Source: reliability notes, 2.8 (S3).
"""

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages

LIFE = 300  # seconds that a signed address works
MEDIA = "media"  # in settings.STORAGES, when there is a bucket


class NotKept(OSError):
    """The bucket does not have the file. It is still on the disk, and the same call may work later."""


def is_remote() -> bool:
    return MEDIA in settings.STORAGES


def keep(file: Path, alive: Callable[[], None] = lambda: None) -> None:
    """Returns when the bucket has this file of the media folder whole; without a bucket at once. Raises NotKept.

    `alive` is called again and again meanwhile, and what it raises ends the upload.
    """
    if not is_remote():
        return
    name, size = _name(file), file.stat().st_size
    with _Reading(file, alive) as body:
        try:
            storages[MEDIA].save(name, File(body, name))  # with a checksum for each part, which the bucket compares
            kept = storages[MEDIA].size(name)
        except Exception as error:  # the library has no common kind of error
            if body.stopped:
                raise body.stopped from error
            raise NotKept(f"The file could not be put into the bucket ({_why(error)}). It is tried again.") from error
    if kept != size:
        raise NotKept(f"The bucket has {kept} of {size} bytes of the file. It is tried again.")


def bring_back(file: Path) -> None:
    """A file of the media folder that is only in the bucket, into the folder. Raises NotKept."""
    part = file.with_suffix(".back")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with storages[MEDIA].open(_name(file), "rb") as body, open(part, "wb") as out:
            for chunk in body.chunks():
                out.write(chunk)
        os.replace(part, file)
    except Exception as error:
        raise NotKept(f"The file could not be fetched from the bucket ({_why(error)}).") from error
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def at_hand(file: Path) -> Iterator[Path]:
    """A file of the media folder on the disk for as long as it is read. Raises NotKept."""
    if not is_remote() or file.is_file():
        yield file
        return
    bring_back(file)
    try:
        yield file
    finally:
        forget(file)


def opened(file: Path) -> IO[bytes]:
    """A file of the media folder for reading, from the disk or from the bucket. Raises OSError."""
    try:
        return open(file, "rb")
    except FileNotFoundError:
        if not is_remote():
            raise
    try:
        return cast(IO[bytes], storages[MEDIA].open(_name(file), "rb"))
    except Exception as error:  # the library has no common kind of error
        raise NotKept(f"The file could not be fetched from the bucket ({_why(error)}).") from error


def forget(file: Path) -> None:
    """The bucket has it, and nobody needs it on the disk any more."""
    if is_remote():
        file.unlink(missing_ok=True)


def address(path: str, *, content_type: str, disposition: str) -> str:
    """Signed, for `LIFE` seconds. `path` is relative to the media folder."""
    answers = {"ResponseContentType": content_type, "ResponseContentDisposition": disposition}
    storage: Any = storages[MEDIA]
    return str(storage.url(path, parameters=answers, expire=LIFE))


class _Reading(io.FileIO):
    def __init__(self, file: Path, alive: Callable[[], None]) -> None:
        super().__init__(file, "rb")
        self.alive = alive
        self.stopped: BaseException | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            self.alive()
        except BaseException as error:
            self.stopped = error
            raise
        return super().read(-1 if size is None else size) or b""


def _name(file: Path) -> str:
    return file.relative_to(settings.MEDIA).as_posix()


def _why(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:300] or type(error).__name__
