"""The escrow file: the answer of a paid request, on disk before it is in the database.

It is allocated whole and synced before the request leaves, so that a disk that fills up meanwhile cannot lose the id.
Layout: 1 byte stage ("0" allocated, "1" on the wire, "2" answered), 8 digits, that many bytes of JSON {status, headers,
size, crc}, then the body as it came. An answer is one write and one sync, because until it is on the disk a crash makes it a
doubt; half a write is known by its checksum. The body of an answer that takes minutes is too large for that: it goes into a
file of its own beside it (`.body`), and stage 2 says that it is whole.
Source: reliability notes, E3 to E5 and 2.6.
"""

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from ..providers.base import Response, Stream

SIZE = 64 * 1024
BODY_ROOM = (
    64 * 2**20
)  # bytes that a long answer has for certain, about 48 MB of video; above that the disk has to have it
SYNC_EVERY = 8 * 2**20
HEAD = 9
KEPT_HEADERS = {"content-type", "retry-after", "x-ratelimit-reset", "x-request-id", "location", "date"}


class NoRoom(Exception):
    """The disk is too full to send a paid request safely."""


class Seized(Exception):
    """The recovery took this file away because the lease was over: the request must not leave any more."""


@dataclass
class Escrow:
    name: str
    marked: bool = False  # whether this process put the request on the wire

    @property
    def path(self) -> Path:
        return Path(settings.ESCROW) / self.name

    @property
    def seized(self) -> Path:
        return self.path.with_suffix(".seized")

    @property
    def body(self) -> Path:
        """Where the body of an answer goes that takes minutes; the file exists only for such a request."""
        return self.path.with_suffix(".body")

    @classmethod
    def allocate(cls, body_cap: int = 0) -> "Escrow":
        """A new file of full size, synced with its directory. Raises NoRoom.

        `body_cap`: the most bytes of an answer that takes minutes, which gets a file of its own; 0 for every other one.
        """
        escrow = cls(f"{secrets.token_hex(12)}.answer")
        folder = escrow.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if body_cap:
                _make_room(escrow.body, body_cap)
            descriptor = os.open(escrow.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.pwrite(descriptor, b"0" + b" " * (SIZE - 1), 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync_folder(folder)
        except OSError as error:
            escrow.remove()
            raise NoRoom(f"The disk cannot take the answer ({error.strerror}), so nothing was sent.") from error
        return escrow

    @contextlib.contextmanager
    def in_hand(self) -> Iterator[None]:
        """Around the request: inside the block nobody throws the file or its body away, however old they look. Raises Seized.

        A lock and not a time, because it ends with its process and no clock can end it before.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            raise Seized(self.name) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    def is_in_hand(self) -> bool:
        """Whether a living process is in that block: its answer may still come, and a long one is perhaps just coming."""
        for path in (self.path, self.seized, self.path):  # wherever a rename takes it meanwhile, one of them finds it
            try:
                with open(path, "rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except FileNotFoundError:
                continue
            except OSError:  # somebody holds it; or nobody can tell, and then nothing is thrown away
                return True
        return False

    @classmethod
    def any_in_hand(cls) -> bool:
        """Whether a request is out of some process of this machine."""
        names = {path.with_suffix(".answer").name for path in Path(settings.ESCROW).glob("*.*")}
        return any(cls(name).is_in_hand() for name in names)

    def mark_wire(self) -> None:
        """From here on a crash means that the request may have left. Raises Seized, and then nothing may leave.

        The mark is written before the look whether the file is still in place, and `seize` renames before it reads:
        whichever comes first, either the recovery sees the mark or this process sees that it was too late.
        """
        try:
            self._write(b"1", 0)
        except FileNotFoundError:
            raise Seized(self.name) from None
        if not self.path.exists():
            raise Seized(self.name)
        self.marked = True

    def seize(self) -> tuple[str, Response | None]:
        """Take the file away from a worker whose lease is over, then read it. Repeatable after a crash."""
        try:
            os.rename(self.path, self.seized)
        except FileNotFoundError:
            if not self.seized.exists():
                return "1", None  # it lies on another machine: nobody can say that the request did not leave
        return _read(self.seized)

    def give_back(self) -> None:
        if self.seized.exists():
            os.rename(self.seized, self.path)

    def write_answer(self, response: Response) -> None:
        """Head and body as they came. What does not fit into the allocated room makes the file grow, if the disk can."""
        crc, size = zlib.crc32(response.body), len(response.body)
        head = json.dumps({"status": response.status, "headers": response.headers, "size": size, "crc": crc}).encode()
        self._write(b"2" + f"{len(head):08d}".encode() + head + response.body, 0)

    @contextlib.contextmanager
    def receiving(self) -> Iterator[Callable[[bytes], None]]:
        """Takes the body piece by piece, synced every 8 MB; after the block it is on the disk and has its true size."""
        with open(self.body, "r+b", buffering=0) as file:
            synced = 0

            def take(piece: bytes) -> None:
                nonlocal synced
                left = memoryview(piece)
                while left:
                    left = left[file.write(left) :]
                if file.tell() - synced > SYNC_EVERY:
                    os.fsync(file.fileno())
                    synced = file.tell()

            try:
                yield take
            finally:
                file.truncate()
                os.fsync(file.fileno())

    def found(self, response: Response | None, why: str) -> Response | Stream | None:
        """What there is to settle after a crash: a whole answer, as much of a long one as came (`why` it broke off), or None."""
        if not self.body.exists() or (response and not 200 <= response.status < 300):
            return response
        return Stream(self.body, "" if response else why)

    def read(self) -> tuple[str, Response | None]:
        """("0" | "1" | "2", the answer when there is one)."""
        return _read(self.path)

    def remove(self, *, keep_body: bool = False) -> None:
        """`keep_body`: there is a video in it that is still to be saved."""
        for path in (self.path, self.seized) if keep_body else (self.path, self.seized, self.body):
            with contextlib.suppress(OSError):  # a disk in trouble must not hide what is being settled
                path.unlink(missing_ok=True)

    def _write(self, data: bytes, offset: int) -> None:
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            while data:
                written = os.pwrite(descriptor, data, offset)
                data, offset = data[written:], offset + written
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _make_room(path: Path, cap: int) -> None:
    """A file that holds its room on the disk, of NULs. Raises OSError when the disk could not take the largest answer."""
    if shutil.disk_usage(path.parent).free < 2 * cap:  # once as it comes, once as the video
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):  # not on macOS, which then has no more than the free space of this moment
            os.posix_fallocate(descriptor, 0, min(cap, BODY_ROOM))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> tuple[str, Response | None]:
    """A file that cannot be read, or only in part, counts as on the wire."""
    try:
        raw = path.read_bytes()
        stage = raw[:1].decode()
        if stage != "2":
            return ("0" if stage == "0" else "1"), None
        body = HEAD + int(raw[1:HEAD])
        kept = json.loads(raw[HEAD:body])
        found = raw[body : body + kept["size"]]
        if len(found) != kept["size"] or zlib.crc32(found) != kept.get("crc", zlib.crc32(found)):
            return "1", None  # the write was cut off
        headers = {name: text[:500] for name, text in kept["headers"].items() if name in KEPT_HEADERS}
        return "2", Response(kept["status"], headers, found)
    except (OSError, ValueError, KeyError):
        return "1", None


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
