"""Opening a video for decoding, and taking single frames from it."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from .boxes import InvalidMedia, family_of

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer
    from PIL import Image

MAX_PIXELS = 36_000_000  # 8K is 33 million
MAX_STREAMS = 16
FORMATS = {"mov": "mov", "matroska": "matroska"}
# max_pixels also holds when the size changes in mid-stream; explode makes an error of what would be concealed.
LENIENT = {"max_pixels": str(MAX_PIXELS)}
STRICT = {**LENIENT, "err_detect": "explode"}


class Deadline:
    """A limit in monotonic seconds for the work on one file. `check` raises InvalidMedia when it has passed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def check(self) -> None:
        if time.monotonic() > self.end:
            raise InvalidMedia(f"The video could not be decoded within {self.seconds:g} seconds.")


class _Reader:
    """What a demuxer sees of a file: bytes, no name, no protocol, no time after the deadline.

    `failure` keeps the reason, because the demuxer may turn it into any error of its own, or into an early end.
    """

    def __init__(self, file: BinaryIO, deadline: Deadline) -> None:
        self.file, self.deadline = file, deadline
        self.tell = file.tell
        self.failure: Exception | None = None

    def read(self, size: int) -> bytes:
        if self.failure is not None:
            return b""
        try:
            self.deadline.check()
            return self.file.read(size)
        except (InvalidMedia, OSError) as error:
            self.failure = error
            raise

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self.file.seek(offset, whence)
        except (OSError, ValueError, OverflowError) as error:  # a negative place
            self.failure = InvalidMedia("The video is damaged: its index points outside the file.")
            raise self.failure from error


def _refuse_io(url: str, flags: int, options: dict[str, str]) -> Any:
    raise InvalidMedia("The video refers to another file. Only self-contained videos are accepted.")


@contextmanager
def open_video(
    path: Path, *, strict: bool = False, timeout_s: float = 60
) -> Iterator[tuple[InputContainer, VideoStream, Deadline]]:
    """Open an MP4, MOV, WebM or Matroska file and its main video stream.

    The format is named, never probed, so that playlists and scripts cannot be tried. The demuxer gets an open file and
    may open nothing else, so that no protocol (http, concat, file) is reachable from inside a file.
    Every decoder error inside the block becomes InvalidMedia; errors of the disk stay OSError.
    """
    import av

    family, deadline = family_of(path), Deadline(timeout_s)
    options = STRICT if strict else LENIENT
    with open(path, "rb") as file:
        reader = _Reader(file, deadline)
        try:
            with av.open(
                reader,
                mode="r",
                format=FORMATS[family],
                options={**options, "max_streams": str(MAX_STREAMS)},
                io_open=_refuse_io,
                metadata_errors="replace",
            ) as container:
                yield container, _main_video(container, options), deadline
        except av.FFmpegError as error:
            if reader.failure is not None:
                raise reader.failure from error
            raise InvalidMedia(f"The video is damaged: it cannot be decoded ({error.strerror}).") from error
        if reader.failure is not None:
            raise reader.failure


def _main_video(container: InputContainer, options: dict[str, str]) -> VideoStream:
    stream = cast("VideoStream | None", container.streams.best("video"))
    if stream is None:
        raise InvalidMedia("The file has no picture: it contains no video stream.")
    if stream.codec_context is None:
        raise InvalidMedia("The video uses a codec that cannot be decoded here.")
    stream.codec_context.options = options
    # One thread: the worker shares its processor with the web, and errors come back at the frame that has them.
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    return stream


def start_of(stream: VideoStream) -> float:
    """The time stamp of the first frame in seconds; files need not begin at zero."""
    return in_seconds(stream, stream.start_time or 0)


def in_seconds(stream: VideoStream, ticks: int) -> float:
    return float(ticks * (stream.time_base or 0))


def in_ticks(stream: VideoStream, seconds: float) -> int:
    return int(seconds / (stream.time_base or 1))


def seek(container: InputContainer, stream: VideoStream, seconds: float) -> None:
    """Go to the last keyframe at or before a time stamp."""
    container.seek(in_ticks(stream, seconds), stream=stream, backward=True)


class Scaler:
    """Scales frames one after another. What the conversion needs is prepared once and kept, which for small pictures is
    most of its cost; one thread, like the decoder.
    """

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame, width: int, height: int, pixels: str) -> VideoFrame:
        return self._reformatter.reformat(frame, width, height, pixels, interpolation="BILINEAR", threads=1)


def upright(frame: VideoFrame, size: tuple[int, int] | None = None, scaler: Scaler | None = None) -> Image.Image:
    """The frame as RGB, turned the way players turn it. `size` is (width, height) before turning."""
    from PIL import Image

    width, height = size or (frame.width, frame.height)
    scaled = (scaler or Scaler())(frame, width, height, "rgb24")
    image: Image.Image = scaled.to_image()  # type: ignore[no-untyped-call]
    turns = {
        90: Image.Transpose.ROTATE_90,
        180: Image.Transpose.ROTATE_180,
        270: Image.Transpose.ROTATE_270,
    }
    turn = turns.get(frame.rotation % 360)
    return image.transpose(turn) if turn is not None else image


def frame_png(path: Path, seconds: float | Literal["last"]) -> bytes:
    """One frame as a PNG: the one shown at `seconds` after the start, or the last one (also for any time past the end).

    Raises InvalidMedia when nothing there can be decoded.
    """
    chosen = None
    with open_video(path) as (container, stream, deadline):
        start = start_of(stream)
        target = float("inf") if seconds == "last" else start + max(0.0, seconds)
        seek(container, stream, min(target, _end_of(container, stream)))
        for frame in container.decode(stream):
            deadline.check()
            # half a millisecond: time stamps are rounded to the time base of the file
            if chosen is not None and frame.time is not None and frame.time > target + 0.0005:
                break
            chosen = frame
        if chosen is None:
            raise InvalidMedia("The video has no picture at that time.")
        image = upright(chosen)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _end_of(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration:
        return start_of(stream) + in_seconds(stream, stream.duration)
    return (container.duration or 0) / 1e6


def save_atomically(path: Path, content: bytes) -> None:
    """Readers see the old file or the whole new one. No fsync: derivatives can be made again from the video."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
