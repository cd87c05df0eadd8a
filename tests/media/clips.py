"""Small synthetic clips, made with the encoders that PyAV brings along."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from av.filter import Graph

from generations.media import InvalidMedia, verify


def _source(*filters: tuple[str, str]) -> Graph:
    graph = Graph()
    nodes = [graph.add(name, args) for name, args in filters]
    for before, after in pairwise(nodes):
        before.link_to(after)
    graph.configure()
    return graph


def make_clip(
    path: Path,
    *,
    size: tuple[int, int] = (160, 96),
    seconds: float = 2,
    rate: int | Fraction = 24,
    gop: int = 12,
    pattern: str = "testsrc2",
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    audio: str | None = "aac",
    video: bool = True,
    rotation: int = 0,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip; the extension of `path` chooses the container."""
    picture = _source((pattern, f"size={size[0]}x{size[1]}:rate={rate}"), ("format", "yuv420p"), ("buffersink", ""))
    sound = _source(
        ("sine", "frequency=220:sample_rate=48000:samples_per_frame=1024"),
        ("aformat", "sample_fmts=fltp:channel_layouts=stereo"),
        ("abuffersink", ""),
    )
    if container_options is None:
        container_options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=container_options) as output:
        tracks: list[tuple[Any, Graph, int, Fraction]] = []
        if video:
            stream: Any = output.add_stream(codec, rate=rate, options=options or {"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.codec_context.gop_size = gop
            stream.codec_context.thread_count = 1
            if rotation:
                stream.set_display_rotation(rotation)
            tracks.append((stream, picture, int(seconds * rate), Fraction(1, rate)))
        if audio:
            speaker = output.add_stream(audio, rate=48000, layout="stereo")
            tracks.append((speaker, sound, int(seconds * 48000 / 1024), Fraction(1024, 48000)))
        _interleave(output, tracks)
    return path


def _interleave(output: Any, tracks: list[tuple[Any, Graph, int, Fraction]]) -> None:
    order = sorted(
        (number * step, index) for index, (_, _, count, step) in enumerate(tracks) for number in range(count)
    )
    for at, index in order:
        stream, graph, _, step = tracks[index]
        frame: Any = graph.pull()
        frame.time_base = Fraction(1, 48000) if stream.type == "audio" else step
        frame.pts = int(at / frame.time_base)
        output.mux(stream.encode(frame))
    for stream, *_ in tracks:
        output.mux(stream.encode(None))


def box_start(data: bytes | bytearray, kind: bytes) -> int:
    """Offset of the first top-level box of a kind."""
    offset = 0
    while offset < len(data):
        if data[offset + 4 : offset + 8] == kind:
            return offset
        offset += int.from_bytes(data[offset : offset + 4], "big")
    raise AssertionError(f"no {kind!r} box")


def written(tmp_path: Path, data: bytes, name: str = "file.mp4") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def refusal(path: Path, **options: float) -> str:
    with pytest.raises(InvalidMedia) as caught:
        verify(path, **options)
    message = str(caught.value)
    assert message[0].isupper()
    assert message.endswith("."), "a refusal is a sentence"
    return message
