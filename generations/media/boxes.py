"""The structure of a video file, read without a decoder.

A player shows a cut MP4 until the cut and a probe reports its full length, so the structure is walked first: every box
names its size, and the last one has to end where the file ends.
Sources: ISO/IEC 14496-12 section 4.2 (boxes), RFC 8794 section 4 and RFC 9559 section 4.5 (EBML, Segment size).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

EBML_MAGIC = b"\x1a\x45\xdf\xa3"
SEGMENT_ID = b"\x18\x53\x80\x67"
MAX_BOXES = 100_000  # a fragmented film of 20 minutes has a few thousand
# A demuxer reserves memory by the counts in the index, before any deadline can act: a file of 43 kB that announced 16
# million samples took 1 GB and 30 s. No sample is under a byte; 20 minutes have 0.2 million, a minute of PCM sound 3.
MAX_SAMPLES = 3_000_000
MAX_INDEX = 64 * 2**20
COUNT_AT = {b"stsz": 12, b"stz2": 12, b"trun": 8}  # from the name; ISO/IEC 14496-12 sections 8.7.3 and 8.8.8

Family = Literal["mov", "matroska"]
Box = tuple[bytes, int, int]  # type, start of the content, end


class InvalidMedia(Exception):
    """The file is not a whole, playable video. The message is a sentence for people."""


def family_of(path: Path) -> Family:
    """Decide by the first bytes alone: "mov" (MP4, MOV) or "matroska" (WebM, MKV). Raises InvalidMedia."""
    with open(path, "rb") as file:
        head = file.read(64)
    if not head:
        raise InvalidMedia("The file is empty.")
    if head[4:8] == b"ftyp":
        return "mov"
    if head[:4] == EBML_MAGIC:
        return "matroska"
    raise InvalidMedia(f"The file is not a video: it looks like {_looks_like(head)}.")


def walk_boxes(path: Path) -> None:
    """Raise InvalidMedia unless the file is complete by its own account.

    MP4 and MOV: ftyp, moov and mdat exist and the last box ends exactly at the end of the file.
    WebM and Matroska: the Segment ends there, where it states its size (a live recording does not).
    """
    family = family_of(path)
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        if family == "matroska":
            _check_segment(file, size)
            return
        seen, samples = set(), 0
        for kind, start, end in _boxes(file, 0, size):
            seen.add(kind)
            if kind in (b"moov", b"moof"):
                file.seek(start)
                samples += _announced_samples(file.read(min(end - start, MAX_INDEX)))
            if samples > min(size, MAX_SAMPLES) or (kind == b"moov" and end - start > MAX_INDEX):
                raise InvalidMedia("The video is damaged: its index lists more samples than the file can have.")
    missing = [name for name in ("moov", "mdat") if name.encode() not in seen]
    if missing:
        raise InvalidMedia(f"The video is incomplete: its {' and '.join(missing)} part is missing.")


def _boxes(file: BinaryIO, start: int, stop: int) -> Iterator[Box]:
    """The boxes between two offsets, which they must fill exactly."""
    for _ in range(MAX_BOXES):
        if start == stop:
            return
        file.seek(start)
        head = file.read(16)
        size, kind, content = int.from_bytes(head[:4], "big"), head[4:8], start + 8
        if size == 1:  # the size did not fit in 32 bits
            size, content = int.from_bytes(head[8:16], "big"), start + 16
        elif size == 0:  # "up to the end of the file": only the last box may say so
            size = stop - start
        end = start + size
        if start + 8 > stop or end > stop:
            missing = max(end, start + 8) - stop
            raise InvalidMedia(f"The video was cut: it ends {missing} bytes before its last part does.")
        if end < content or not _is_box_type(kind):
            raise InvalidMedia(f"The video is damaged at byte {start}: no known part begins there.")
        yield kind, content, end
        start = end
    raise InvalidMedia("The video is damaged: it has more parts than any real file.")


def _is_box_type(kind: bytes) -> bool:
    return all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind)


def _announced_samples(index: bytes) -> int:
    """How many samples a moov or moof announces. Raises InvalidMedia for what would keep a demuxer busy for minutes.

    Boxes are found by name at any depth: demuxers descend into boxes of many kinds.
    """
    if b"cmov" in index:
        raise InvalidMedia("The video has a compressed index, which no browser reads.")
    for at in _places(index, b"tkhd"):
        number = at + (24 if index[at + 4 : at + 5] == b"\1" else 16)  # by version; section 8.3.2
        if index[number : number + 1] >= b"\x80":  # half a minute in FFmpeg 8, for a single wrong byte
            raise InvalidMedia("The video is damaged: its index has an impossible track number.")
    return sum(
        int.from_bytes(index[at + offset : at + offset + 4], "big")
        for kind, offset in COUNT_AT.items()
        for at in _places(index, kind)
    )


def _places(data: bytes, name: bytes) -> Iterator[int]:
    at = data.find(name)
    while at >= 0:
        yield at
        at = data.find(name, at + 1)


def _check_segment(file: BinaryIO, file_size: int) -> None:
    file.seek(4)
    _skip_element(file, file_size)
    while (element := file.read(4)) != SEGMENT_ID:
        if element[:1] != b"\xec":  # Void, the only other element allowed here
            raise InvalidMedia("The video is damaged: its main part is missing.")
        file.seek(-3, os.SEEK_CUR)
        _skip_element(file, file_size)
    size, unknown = _vint(file)
    end = file.tell() + size
    if unknown or end == file_size:
        return
    if end > file_size:
        raise InvalidMedia(f"The video was cut: it ends {end - file_size} bytes before its last part does.")
    raise InvalidMedia(f"The video is damaged: {file_size - end} foreign bytes follow its end.")


def _skip_element(file: BinaryIO, file_size: int) -> None:
    size, _ = _vint(file)
    if file.tell() + size > file_size:
        raise InvalidMedia("The video was cut in its first bytes.")
    file.seek(size, os.SEEK_CUR)


def _vint(file: BinaryIO) -> tuple[int, bool]:
    """An EBML size: the value, and whether it is the reserved "unknown"."""
    first = file.read(1)
    if not first or not first[0]:
        raise InvalidMedia("The video is damaged or cut in its first bytes.")
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        raise InvalidMedia("The video is damaged or cut in its first bytes.")
    value = int.from_bytes(first + rest, "big") & ((1 << 7 * length) - 1)
    return value, value == (1 << 7 * length) - 1


def _looks_like(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    signs = (
        (b"#extm3u", "a playlist"),
        (b"<!doctype html", "a web page"),
        (b"<html", "a web page"),
        (b"<svg", "a drawing (SVG)"),
        (b"<", "an XML document"),
        (b"{", "a JSON answer"),
        (b"[", "a JSON answer"),
        (b"\x89png", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"gif8", "a GIF image"),
        (b"%pdf", "a PDF document"),
        (b"pk\x03\x04", "a ZIP archive"),
        (b"riff", "a RIFF file (WebP, WAV or AVI)"),
        (b"id3", "a sound file"),
        (b"oggs", "an Ogg file"),
    )
    return next((name for sign, name in signs if text.startswith(sign)), "unknown data")
