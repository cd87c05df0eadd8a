"""The pictures that pages show of a video: two posters, a muted preview, a film strip, a mean colour.

The first seconds are decoded once for the poster, the preview and the beginning of the strip; the rest of the strip is
reached by seeking. Source: design brief, section "Media".
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from .boxes import InvalidMedia
from .frames import Deadline, Scaler, in_seconds, in_ticks, open_video, save_atomically, start_of, upright
from .verify import Facts

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer
    from PIL.Image import Image

POSTER_SIDES = (1280, 640)
CELLS, CELL_WIDTH, CELL_HEIGHT = 10, 128, 72
PREVIEW_SECONDS, PREVIEW_RATE = 4, 15
PREVIEW_WIDTH, PREVIEW_HEIGHT = 640, 480  # a tile of 320 CSS pixels on a dense screen
PREVIEW_BYTES = 400_000
# (constant rate factor, kbit/s at most): the second is for pictures that look like noise
QUALITIES = ((27, 700), (33, 400), (38, 250))


@dataclass(frozen=True)
class Derivative:
    """One file beside the video. `kind` is poster-1280, poster-640, preview or strip; sizes in pixels and bytes."""

    kind: str
    path: Path
    content_type: str
    width: int
    height: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Derived:
    files: tuple[Derivative, ...]
    mean_colour: str  # of the poster, "#rrggbb"


@dataclass
class Samples:
    """Pictures to catch while frames go by: the poster and the cells of the strip. Times are absolute seconds."""

    poster_at: float
    cells_at: list[float]
    poster: Image | None = None
    latest: VideoFrame | None = None  # until there is a poster
    now: float = -1.0  # of the last frame that went by
    cells: list[Image] = field(default_factory=list)
    scaler: Scaler = field(default_factory=Scaler)

    def watch(self, frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        """Pass frames through and keep those that are due."""
        for frame in frames:
            self.now = frame.time or 0.0
            self._notice(frame, self.now)
            yield frame

    def _notice(self, frame: VideoFrame, now: float) -> None:
        if self.poster is None:
            self.latest = frame
            if now >= self.poster_at:
                self.poster = upright(frame)
        if len(self.cells) < CELLS and now >= self.cells_at[len(self.cells)]:
            cell = _cell(frame, self.scaler)
            while len(self.cells) < CELLS and now >= self.cells_at[len(self.cells)]:
                self.cells.append(cell)

    def make_do(self) -> None:
        """With the picture that went by last: a video whose second one comes late shows nothing else in its first seconds."""
        if self.poster is None and self.latest is not None:
            self.poster = upright(self.latest)
            self.cells = self.cells or [_cell(self.latest, self.scaler)]
        self.latest = None


def derive(path: Path, out_dir: Path, facts: Facts) -> Derived:
    """Make poster-1280.webp, poster-640.webp, preview.mp4 and strip.webp of a verified video in `out_dir`.

    Each file appears whole or not at all; an existing one is replaced. Posters are never larger than the video; the
    number is their longest side. Raises InvalidMedia when the video cannot be decoded after all, OSError from the disk.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    samples, preview = _read(path, facts)
    if samples.poster is None:
        raise InvalidMedia("The video has no picture to show.")
    large, small = (_shrunk(samples.poster, side) for side in POSTER_SIDES)
    picture = _webp(large, quality=80)
    files = [_save_webp(out_dir, "poster-1280", large, picture)]
    same = small.size == large.size  # of a video no larger than the small one; both names exist all the same
    files.append(_save_webp(out_dir, "poster-640", small, picture if same else _webp(small, quality=80)))
    files.append(_save(out_dir, "preview", ".mp4", "video/mp4", preview_size(facts), preview))
    strip = _strip(samples.cells)
    files.append(_save_webp(out_dir, "strip", strip, _webp(strip, quality=60)))
    return Derived(tuple(files), _mean_colour(small))


def _read(path: Path, facts: Facts) -> tuple[Samples, bytes]:
    seconds = facts.duration_ms / 1000
    with open_video(path) as (container, stream, deadline):
        start = start_of(stream)
        middles = [start + seconds * (index + 0.5) / CELLS for index in range(CELLS)]
        samples = Samples(start + min(0.5, seconds / 2), middles)
        frames = _checked(container.decode(stream), deadline)
        preview = _preview(samples.watch(_opening(frames, start)), start, facts, QUALITIES[0])
        samples.make_do()
        _rest_of_strip(samples, container, stream, frames, deadline)
    for quality in QUALITIES[1:]:
        if len(preview) > PREVIEW_BYTES:
            with open_video(path) as (container, stream, deadline):
                frames = _checked(container.decode(stream), deadline)
                preview = _preview(_opening(frames, start), start, facts, quality)
    return samples, preview


def _checked(frames: Iterator[VideoFrame], deadline: Deadline) -> Iterator[VideoFrame]:
    for frame in frames:
        deadline.check()
        yield frame


def _opening(frames: Iterator[VideoFrame], start: float) -> Iterator[VideoFrame]:
    return takewhile(lambda frame: (frame.time or 0.0) < start + PREVIEW_SECONDS, frames)


def _rest_of_strip(
    samples: Samples,
    container: InputContainer,
    stream: VideoStream,
    frames: Iterator[VideoFrame],
    deadline: Deadline,
) -> None:
    """The cells after the opening: read on, but jump where a keyframe lies between here and there.

    Half a cell early will do, and frames that no other frame needs are skipped: both halve the decoding.
    """
    stream.codec_context.skip_frame = "NONREF"
    tolerance = (samples.cells_at[1] - samples.cells_at[0]) / 2
    while len(samples.cells) < CELLS:
        due = samples.cells_at[len(samples.cells)] - tolerance
        keyframe = _keyframe_before(stream, due + 2 * tolerance)
        if keyframe is not None and in_seconds(stream, keyframe) > samples.now:
            container.seek(keyframe, stream=stream)
            frames = _checked(container.decode(stream), deadline)
        for frame in frames:
            samples.now = frame.time or 0.0
            if samples.now >= due:
                samples.cells.append(_cell(frame, samples.scaler))
                break
        else:  # in Matroska the sound may outlast the pictures
            samples.cells += samples.cells[-1:] * (CELLS - len(samples.cells))
            if not samples.cells:
                raise InvalidMedia("The video has no picture to show.")


def _keyframe_before(stream: VideoStream, seconds: float) -> int | None:
    """The time stamp of the last known keyframe at or before a time, in the stream's time base."""
    index = stream.index_entries.search_timestamp(in_ticks(stream, seconds))
    return stream.index_entries[index].timestamp if index >= 0 else None


def preview_size(facts: Facts) -> tuple[int, int]:
    """Even numbers, at most 640 wide and 480 high, never larger than the video."""
    scale = min(1.0, PREVIEW_HEIGHT / facts.height, PREVIEW_WIDTH / facts.width)
    return max(2, int(facts.width * scale / 2) * 2), max(2, int(facts.height * scale / 2) * 2)


def _preview(frames: Iterable[VideoFrame], start: float, facts: Facts, quality: tuple[int, int]) -> bytes:
    """A muted H.264 MP4 of the frames at no more than 15 a second, with a keyframe each second and its index in front.

    Made in memory, so that a full disk can never look like a damaged video.
    """
    import av

    factor, kilobits = quality
    width, height = preview_size(facts)
    buffer = io.BytesIO()
    # moov_size reserves room for the index at the front (60 frames need about 2 KB); faststart needs a named file.
    with av.open(buffer, "w", format="mp4", options={"moov_size": "6144"}) as output:
        stream = output.add_stream("libx264", rate=PREVIEW_RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = max(1, min(PREVIEW_RATE, round(facts.fps) or PREVIEW_RATE))
        stream.codec_context.thread_count = 1
        # ultrafast with CABAC: a third less work than superfast and smaller files, for a hundredth of SSIM
        stream.options = {
            "preset": "ultrafast",
            "x264-params": "cabac=1",
            "profile": "main",
            "crf": str(factor),
            "maxrate": f"{kilobits}k",
            "bufsize": f"{kilobits}k",
        }
        last, scaler = -1, Scaler()
        for frame in frames:
            number = int(((frame.time or 0.0) - start) * PREVIEW_RATE + 0.5)
            if number > last:
                last = number
                output.mux(stream.encode(_numbered(frame, number, width, height, scaler)))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def _numbered(frame: VideoFrame, number: int, width: int, height: int, scaler: Scaler) -> VideoFrame:
    import av

    if frame.rotation % 360:
        frame = av.VideoFrame.from_image(upright(frame))  # type: ignore[no-untyped-call]
    small = scaler(frame, width, height, "yuv420p")
    small.pts, small.time_base = number, Fraction(1, PREVIEW_RATE)
    return small


def _cell(frame: VideoFrame, scaler: Scaler) -> Image:
    """The frame, scaled to cover one cell of the strip and cropped to it."""
    turned = frame.rotation % 180
    width, height = (CELL_HEIGHT, CELL_WIDTH) if turned else (CELL_WIDTH, CELL_HEIGHT)
    scale = max(width / frame.width, height / frame.height)
    size = max(width, round(frame.width * scale)), max(height, round(frame.height * scale))
    small = upright(frame, size, scaler)
    left, top = (small.width - CELL_WIDTH) // 2, (small.height - CELL_HEIGHT) // 2
    return small.crop((left, top, left + CELL_WIDTH, top + CELL_HEIGHT))


def _strip(cells: list[Image]) -> Image:
    from PIL import Image

    strip = Image.new("RGB", (CELLS * CELL_WIDTH, CELL_HEIGHT))
    for index, cell in enumerate(cells):
        strip.paste(cell, (index * CELL_WIDTH, 0))
    return strip


def _shrunk(image: Image, side: int) -> Image:
    copy = image.copy()
    copy.thumbnail((side, side))
    return copy


def _mean_colour(image: Image) -> str:
    from PIL import Image

    return f"#{image.resize((1, 1), Image.Resampling.BOX).tobytes().hex()}"


def _webp(image: Image, quality: int) -> bytes:
    """Method 1: two thirds of the work of 2, for a tenth more bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=1)
    return buffer.getvalue()


def _save_webp(out_dir: Path, kind: str, image: Image, content: bytes) -> Derivative:
    return _save(out_dir, kind, ".webp", "image/webp", image.size, content)


def _save(
    out_dir: Path, kind: str, suffix: str, content_type: str, size: tuple[int, int], content: bytes
) -> Derivative:
    path = out_dir / f"{kind}{suffix}"
    save_atomically(path, content)
    return Derivative(kind, path, content_type, *size, len(content), hashlib.sha256(content).hexdigest())
