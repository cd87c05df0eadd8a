"""What a clip must look like, as plain data: the message from the server to the render process."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

RENDER_VERSION = 2  # part of every cache key: raise it when the look of the clips changes


@dataclass(frozen=True)
class ClipJob:
    """One clip to make. Sizes in pixels, time in seconds (0: as long as the source video).

    Images are SHA-256 names of files in the image folder.
    """

    model: str
    prompt: str
    width: int = 1280
    height: int = 720
    seconds: float = 8.0
    fps: int = 24
    sound: bool = True
    images: tuple[str, ...] = ()
    fit: tuple[tuple[int, int], ...] = ()  # sizes to choose from: the one whose shape is nearest to the first image's
    take: int = 0  # the same prompt asked again gets another movement, as from a real model
    still: bool = False  # its first picture throughout: made in a quarter of the time

    @property
    def key(self) -> str:
        """Name of the clip in the cache: equal jobs share one file."""
        text = json.dumps([RENDER_VERSION, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def line(self, out: str, images: list[str]) -> str:
        """The job as one line of JSON for the render process; `out` and `images` are file paths."""
        return json.dumps({"job": asdict(self), "out": out, "images": images})


def job_from(values: dict[str, Any]) -> ClipJob:
    """The reverse of `ClipJob.line`: a job from its JSON values."""
    fit = tuple((width, height) for width, height in values.get("fit", ()))
    return ClipJob(**{**values, "images": tuple(values["images"]), "fit": fit})


def small(job: ClipJob) -> ClipJob:
    """320x180, 2 s, one clip a model whatever the prompt: for load tests, where rendering is not the subject."""
    width, height = (320, 180) if job.width >= job.height else (180, 320)
    return ClipJob(job.model, "small", width, height, 2.0, job.fps, job.sound, job.images)


def still(job: ClipJob) -> ClipJob:
    """Nothing moves, and it is one clip for equal sizes, lengths and images, whatever the model and the prompt."""
    return replace(job, model="still", prompt="still", take=0, still=True)
