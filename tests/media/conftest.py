from __future__ import annotations

from pathlib import Path

import pytest

from .asgi import CONTENT
from .clips import make_clip


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def clip(folder: Path) -> Path:
    """2 s, 160x96, 24 frames a second, H.264 and AAC, a keyframe each half second."""
    return make_clip(folder / "clip.mp4")


@pytest.fixture(scope="session")
def silent_clip(folder: Path) -> Path:
    """3 s without sound and one keyframe only, so that nearly every byte of mdat is a picture."""
    options = {"preset": "veryfast"}
    return make_clip(folder / "silent.mp4", seconds=3, gop=250, audio=None, pattern="mandelbrot", options=options)


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ranges") / "clip.mp4"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(scope="session")
def layouts(folder: Path, clip: Path) -> dict[str, Path]:
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    return {
        "index first": clip,
        "index last": make_clip(folder / "index_last.mp4", container_options={}),
        "fragmented": make_clip(folder / "fragmented.mp4", container_options=fragments),
        "webm": make_clip(
            folder / "clip.webm",
            codec="libvpx-vp9",
            audio="libopus",
            options={"deadline": "realtime", "cpu-used": "8"},
        ),
    }
