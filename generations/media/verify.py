"""Decide whether a downloaded file is the whole video it claims to be, before it is called done.

Runs in the calling process: a fresh Python with its decoder costs about 0.2 s of processor time for each file, more
than most checks do. It is bounded from inside instead: the formats are two, no other file can be opened, pixels,
streams and index entries have limits, and a deadline is checked at every read and every packet.
Source: reliability notes, section "Archiving".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from .boxes import InvalidMedia, family_of, walk_boxes
from .frames import Deadline, in_seconds, open_video, seek, start_of

if TYPE_CHECKING:
    from av import AudioStream, VideoFrame, VideoStream
    from av.container import InputContainer

Container = Literal["mp4", "mov", "webm", "matroska"]

MIN_SIDE, MAX_SIDE = 16, 8192
MIN_SECONDS, MAX_SECONDS = 0.2, 20 * 60
CONTENT_TYPES = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "matroska": "video/x-matroska",
}
EXTENSIONS = {"mp4": ".mp4", "mov": ".mov", "webm": ".webm", "matroska": ".mkv"}
PLAYABLE_VIDEO = {"mp4": {"h264", "av1", "vp9"}, "webm": {"av1", "vp9", "vp8"}}
PLAYABLE_AUDIO = {"mp4": {"aac", "mp3", "opus", "flac"}, "webm": {"opus", "vorbis"}}
PLAYABLE_PIXELS = {
    "h264": {"yuv420p", "yuvj420p"},
    "vp8": {"yuv420p"},
    "vp9": {"yuv420p", "yuv420p10le"},
    "av1": {"yuv420p", "yuv420p10le"},
}


@dataclass(frozen=True)
class Facts:
    """What is known of a verified video. Width and height are pixels as shown, after the rotation."""

    container: Container
    codec: str
    width: int
    height: int
    duration_ms: int
    fps: float  # average; 0.0 when the file does not tell
    has_audio: bool
    audio_codec: str | None
    rotation: int  # degrees counter-clockwise that players turn the coded picture: 0, 90, 180, 270
    browser_playable: bool  # by today's Chromium, Firefox and Safari without a plug-in

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.container]

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.container]


def verify(path: Path, *, timeout_s: float = 20) -> Facts:
    """Raise InvalidMedia unless the file is a complete, decodable video; else tell what it is.

    Checks the first bytes, the structure up to the last byte, the stream (sides 16 to 8192 pixels, 0.2 s to 20 min),
    and decodes the first and the last second of picture and sound with errors reported, not concealed.
    """
    walk_boxes(path)
    with open_video(path, strict=True, timeout_s=timeout_s) as (container, stream, deadline):
        audio = cast("AudioStream | None", container.streams.best("audio"))
        _check_size(stream)
        seconds = _duration(container, stream, deadline)
        if not MIN_SECONDS <= seconds <= MAX_SECONDS:
            raise InvalidMedia(f"The video lasts {seconds:.2f} s. Between 0.2 s and 20 minutes is accepted.")
        frame = _decode_both_ends(container, stream, audio, seconds, deadline)
        return _facts(_container_kind(path), stream, audio, frame, seconds)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_size(stream: VideoStream) -> None:
    for side in (stream.width, stream.height):
        if not MIN_SIDE <= side <= MAX_SIDE:
            raise InvalidMedia(
                f"The video is {stream.width}×{stream.height} pixels. Sides of {MIN_SIDE} to {MAX_SIDE} are accepted."
            )


def _duration(container: InputContainer, stream: VideoStream, deadline: Deadline) -> float:
    """Seconds by the stream, else by the file, else by reading all time stamps (a live recording states none)."""
    if stream.duration:
        return in_seconds(stream, stream.duration)
    if container.duration:
        return container.duration / 1e6
    last = start = start_of(stream)
    for packet in container.demux(stream):
        deadline.check()
        if packet.pts is not None:
            last = max(last, in_seconds(stream, packet.pts + (packet.duration or 0)))
    return last - start


def _decode_both_ends(
    container: InputContainer, stream: VideoStream, audio: AudioStream | None, seconds: float, deadline: Deadline
) -> VideoFrame:
    """Decode the last second, then the first unless that was read on the way. Returns the last frame."""
    start = start_of(stream)
    # The seek lands on a keyframe, often seconds before: what lies between is decoded and judged as well.
    seek(container, stream, start + max(0.0, seconds - 1))
    first, last = _decode(container, stream, audio, None, deadline)
    if first is None or last is None:
        raise InvalidMedia("The video is damaged: nothing can be decoded at its end.")
    if _time(first) > start + 0.001:
        seek(container, stream, start)
        if _decode(container, stream, audio, start + 1, deadline)[0] is None:
            raise InvalidMedia("The video is damaged: nothing can be decoded at its beginning.")
    return last


def _decode(
    container: InputContainer,
    stream: VideoStream,
    audio: AudioStream | None,
    until: float | None,
    deadline: Deadline,
) -> tuple[VideoFrame | None, VideoFrame | None]:
    """Decode picture and sound from here until a time stamp (or the end). Returns the first and the last picture."""
    first: VideoFrame | None = None
    last: VideoFrame | None = None
    streams: list[VideoStream | AudioStream] = (
        [stream, audio] if audio is not None and audio.codec_context is not None else [stream]
    )
    for packet in container.demux(streams):
        deadline.check()
        decoded = packet.decode()  # the sound too: its errors are raised here
        for frame in cast("list[VideoFrame]", decoded) if packet.stream is stream else ():
            if frame.is_corrupt:  # concealed: in H.264 this finds a third more than strictness alone
                raise InvalidMedia(f"The video is damaged: the picture at {_time(frame):.2f} s has errors.")
            first, last = first or frame, frame
        if until is not None and last is not None and _time(last) >= until:
            break
    return first, last


def _time(frame: VideoFrame) -> float:
    return frame.time or 0.0


def _container_kind(path: Path) -> Container:
    with open(path, "rb") as file:
        head = file.read(256)
    if family_of(path) == "mov":
        return "mov" if head[8:12] == b"qt  " else "mp4"
    return "webm" if b"webm" in head else "matroska"


def _facts(kind: Container, stream: VideoStream, audio: AudioStream | None, frame: VideoFrame, seconds: float) -> Facts:
    rotation = frame.rotation % 360
    width, height = (stream.height, stream.width) if rotation in (90, 270) else (stream.width, stream.height)
    codec = stream.codec_context.codec.canonical_name
    audio_codec = None
    if audio is not None:
        audio_codec = audio.codec_context.codec.canonical_name if audio.codec_context is not None else "unknown"
    playable = (
        codec in PLAYABLE_VIDEO.get(kind, ())
        and frame.format.name in PLAYABLE_PIXELS[codec]
        and (audio_codec is None or audio_codec in PLAYABLE_AUDIO[kind])
    )
    return Facts(
        container=kind,
        codec=codec,
        width=width,
        height=height,
        duration_ms=round(seconds * 1000),
        fps=round(float(stream.average_rate or 0), 3),
        has_audio=audio is not None,
        audio_codec=audio_codec,
        rotation=rotation,
        browser_playable=playable,
    )
