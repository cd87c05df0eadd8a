"""Several shots as one ZIP, made while it is sent: nothing is written to the disk, and no more than 1 MB is in memory.

The videos are stored as they are, because they are compressed already. `manifest.json` comes last, so that it tells what
really is in the file: a video that is gone from the disk is named there as missing.
"""

import asyncio
import hashlib
import io
import json
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from . import store

CHUNK = 2**20


@dataclass
class Entry:
    """One video: its file, its name in the ZIP, and what the manifest says about it."""

    path: Path | None
    name: str
    facts: dict[str, Any] = field(default_factory=dict)


class _Sink(io.RawIOBase):
    """What zipfile writes into; emptied after each piece. It cannot seek, so lengths follow the data."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        found, self.parts = b"".join(self.parts), []
        return found


def pieces(entries: list[Entry]) -> Iterator[bytes]:
    """The bytes of the ZIP, about 1 MB at a time."""
    sink, manifest = _Sink(), []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[arg-type]  (a stream is enough)
        for entry in entries:
            said: dict[str, Any] = {"file": entry.name, **entry.facts}
            try:
                file = store.opened(entry.path) if entry.path else None
            except OSError:
                file = None
            if file is None:
                said |= {"file": None, "missing": "The file is gone from the studio's disk."}
            else:
                with file:
                    yield from _stored(archive, sink, entry.name, file, said)
            manifest.append(said)
        archive.writestr("manifest.json", json.dumps({"shots": manifest}, ensure_ascii=False, indent=2))
    yield sink.taken()


def _stored(archive: zipfile.ZipFile, sink: _Sink, name: str, file: IO[bytes], said: dict[str, Any]) -> Iterator[bytes]:
    digest, size = hashlib.sha256(), 0
    with archive.open(zipfile.ZipInfo(name, time.localtime()[:6]), "w", force_zip64=True) as inside:
        while chunk := file.read(CHUNK):
            inside.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            yield sink.taken()
    said |= {"bytes": size, "sha256": digest.hexdigest()}


async def streamed(entries: list[Entry]) -> AsyncIterator[bytes]:
    """`pieces` for an ASGI server: each one is read in a thread, so the loop is never blocked."""
    made, end = pieces(entries), b""
    while (piece := await asyncio.to_thread(next, made, None)) is not None:
        if piece != end:
            yield piece
