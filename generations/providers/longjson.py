"""JSON with a text in it that is too long for the memory, such as a whole video in base64: read from a file, in pieces.

`read` gives the object with a `Long` in the place of every such text; `decoded` gives the bytes that one of them stands for.
"""

from __future__ import annotations

import binascii
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PIECE = 2**20  # bytes read at a time
LONG = 4096  # a text with more bytes than this stays in the file
SMALL_CAP = 2**20  # bytes of everything else
SIGN = re.compile(rb'["\\]')
PREFIX = re.compile(rb"data:[\w.+-]*(?:\\?/[\w.+-]*)?(?:;[\w=.-]+)*;base64,")


@dataclass(frozen=True)
class Long:
    """A text between its quotes, from byte `start` to before byte `end` of the file, escapes as they were sent."""

    start: int
    end: int


def read(path: Path) -> Any:
    """The one JSON value in the file. Raises ValueError when it is not whole, is none, or has over 1 MB beside its long texts."""
    scan = _Scan()
    for piece in pieces(path):
        scan.feed(piece)
    try:
        return _put_back(json.loads(bytes(scan.small)), scan.mark, scan.longs)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def pieces(path: Path, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes of a file up to `end`, or to the first NUL: from there on it is only room that was kept free."""
    with open(path, "rb") as file:
        file.seek(start)
        left = end - start if end is not None else None
        while piece := file.read(PIECE if left is None else min(PIECE, left)):
            found, nul, _ = piece.partition(b"\0")
            yield found
            if nul:
                return
            left = None if left is None else left - len(piece)


def decoded(path: Path, text: Long) -> Iterator[bytes]:
    """What a text in base64 stands for. Raises ValueError for a wrong letter, wrong padding or a piece that is missing.

    Source: RFC 4648, section 4. A data: prefix, escaped slashes and line breaks are taken as some encoders write them.
    """
    rest, ended, first = b"", False, True
    for piece in pieces(path, text.start, text.end):
        found = rest + piece
        if first:
            found, first = PREFIX.sub(b"", found, count=1) if found.startswith(b"data:") else found, False
        held = found[-1:] if found.endswith(b"\\") else b""  # an escape that goes on in the next piece
        found = _plain(found[: len(found) - len(held)])
        whole = len(found) // 4 * 4
        rest = found[whole:] + held
        if whole and ended:
            raise ValueError("there is more after the padding")
        if whole:
            yield binascii.a2b_base64(found[:whole], strict_mode=True)
            ended = found[whole - 1 : whole] == b"="
    if rest or first:
        raise ValueError("the last letters are missing")


def _plain(text: bytes) -> bytes:
    for escaped, letter in ((rb"\/", b"/"), (rb"\n", b""), (rb"\r", b""), (rb"\u002b", b"+"), (rb"\u003d", b"=")):
        text = text.replace(escaped, letter)
    return text


@dataclass
class _Scan:
    """Copies JSON into `small` and leaves a mark where a long text was. Pieces may end anywhere."""

    mark: str = field(default_factory=lambda: secrets.token_hex(8))  # nobody who writes an answer can guess it
    small: bytearray = field(default_factory=bytearray)
    longs: list[Long] = field(default_factory=list)
    at: int = 0  # how much of the file came before this piece
    begun: int | None = None  # where the text began that we are in
    text: bytearray = field(default_factory=bytearray)
    escaped: bool = False  # the next byte belongs to a backslash

    def feed(self, piece: bytes) -> None:
        place = 0
        while place < len(piece):
            place = self._outside(piece, place) if self.begun is None else self._inside(piece, place, self.begun)
        self.at += len(piece)
        if len(self.small) > SMALL_CAP:
            raise ValueError("too large")

    def _outside(self, piece: bytes, place: int) -> int:
        quote = piece.find(b'"', place)
        if quote < 0:
            self.small += piece[place:]
            return len(piece)
        self.small += piece[place : quote + 1]
        self.begun = self.at + quote + 1
        return quote + 1

    def _inside(self, piece: bytes, place: int, begun: int) -> int:
        if self.escaped:
            self.escaped = False
            self._keep(piece[place : place + 1])
            return place + 1
        found = SIGN.search(piece, place)
        stop = found.start() if found else len(piece)
        self._keep(piece[place:stop])
        if not found:
            return stop
        if found[0] == b"\\":
            self.escaped = True
            self._keep(b"\\")
        else:
            self._close(begun, self.at + stop)
        return stop + 1

    def _keep(self, part: bytes) -> None:
        if len(self.text) <= LONG:
            self.text += part[: LONG + 1]

    def _close(self, begun: int, end: int) -> None:
        if len(self.text) > LONG:
            self.small += f"{self.mark}{len(self.longs)}".encode()
            self.longs.append(Long(begun, end))
        else:
            self.small += self.text
        self.small += b'"'
        self.begun = None
        self.text.clear()


def _put_back(value: Any, mark: str, longs: list[Long]) -> Any:
    if isinstance(value, dict):
        return {key: _put_back(found, mark, longs) for key, found in value.items()}
    if isinstance(value, list):
        return [_put_back(found, mark, longs) for found in value]
    if isinstance(value, str) and value.startswith(mark):
        return longs[int(value.removeprefix(mark))]
    return value
