"""A few real clips, made by the sandbox's render process, with the pictures that pages show of them."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from .. import media
from ..models import Asset
from .words import SCENES, Scene

SIZES = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (960, 960)}
SECONDS, RATE = 3.0, 20  # rendering them is nearly all that a seed costs
AT_ONCE = 2
KINDS = {"poster-1280": Asset.POSTER, "poster-640": Asset.POSTER_SMALL, "preview": Asset.PREVIEW, "strip": Asset.STRIP}


class NoClips(Exception):
    """The render process failed; the message says how."""


@dataclass(frozen=True)
class Clip:
    """Files of one scene, each with the columns of its Asset row (without generation and path)."""

    scene: Scene
    files: tuple[tuple[Path, dict[str, object]], ...]


def make(folder: Path, count: int) -> list[Clip]:
    """The first `count` scenes as clips in `folder`. Raises NoClips."""
    scenes = SCENES[:count]
    parts = [scenes[i::AT_ONCE] for i in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = [clip for part in pool.map(lambda part: _make(folder, part), parts) for clip in part]
    return sorted(made, key=lambda clip: scenes.index(clip.scene))


def _make(folder: Path, scenes: tuple[Scene, ...]) -> list[Clip]:
    """The sandbox is a program of its own: it is asked through its render process, and never imported."""
    places = [(scene, folder / str(SCENES.index(scene)) / "video.mp4") for scene in scenes]
    orders = "".join(_order(scene, place) for scene, place in places)
    environment = {**os.environ, "PYTHONPATH": str(settings.BASE_DIR)}
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.render"], cwd=settings.BASE_DIR, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(orders)
        process.stdin.flush()  # it ends when its input ends, so that stays open until the last answer
        answers = [process.stdout.readline() for _ in places]
        process.stdin.close()
    for answer in answers:
        if not answer or json.loads(answer)["error"]:
            raise NoClips(
                f"The sandbox could not make a clip: {json.loads(answer)['error'] if answer else 'it stopped'}"
            )
    return [_clip(scene, place) for scene, place in places]


def _order(scene: Scene, place: Path) -> str:
    width, height = SIZES[scene.ratio]
    job = {"model": "Demonstration", "prompt": scene.prompt, "width": width, "height": height, "seconds": SECONDS,
           "fps": RATE, "sound": True, "images": [], "take": 0}  # fmt: skip
    return json.dumps({"job": job, "out": str(place), "images": []}) + "\n"


def _clip(scene: Scene, place: Path) -> Clip:
    facts = media.verify(place)
    made = media.derive(place, place.parent, facts)
    video = {
        "kind": Asset.VIDEO, "content_type": facts.content_type, "sha256": media.sha256_of(place),
        "bytes": place.stat().st_size, "width": facts.width, "height": facts.height, "fps": facts.fps,
        "duration_ms": facts.duration_ms, "has_audio": facts.has_audio, "codec": facts.codec,
        "mean_colour": made.mean_colour,
    }  # fmt: skip
    pictures = [
        (file.path, {"kind": KINDS[file.kind], "content_type": file.content_type, "sha256": file.sha256,
                     "bytes": file.bytes, "width": file.width, "height": file.height})
        for file in made.files
    ]  # fmt: skip
    return Clip(scene, ((place, video), *pictures))


def put(clip: Clip, folder: Path) -> list[tuple[Path, dict[str, object]]]:
    """The clip's files in the folder of a shot: (path relative to MEDIA, columns). Linked where the disk can, else copied."""
    folder.mkdir(parents=True, exist_ok=True)
    placed = []
    for source, columns in clip.files:
        target = folder / source.name
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
        placed.append((target.relative_to(settings.MEDIA), columns))
    return placed
