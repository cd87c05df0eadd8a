"""The render process: one job a line on standard input, one answer a line on standard output.

It ends as soon as standard input closes, even in the middle of a clip, so it never outlives the server.
"""

import json
import math
import os
import queue
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
from PIL import Image

from ..jobs import ClipJob, job_from
from . import clip

PIXELS = 50_000_000  # refuse larger reference images before decoding them
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


def open_image(path: str) -> Image.Image:
    """The reference image, upright, RGB. Raises OSError or ValueError with a sentence when it is none."""
    with open(path, "rb") as file:
        if file.read(12)[4:8] == b"ftyp":
            return first_frame(path)
    image = Image.open(path, formats=FORMATS)
    if image.width * image.height > PIXELS:
        raise ValueError(f"the image has {image.width} x {image.height} pixels; the limit is 50 megapixels")
    return image.convert("RGB")


def first_frame(path: str) -> Image.Image:
    """Of a source video. Raises OSError when it is none."""
    with av.open(path) as source:
        frame: Image.Image = next(source.decode(video=0)).to_image()  # type: ignore[no-untyped-call]
        return frame


def fitted(job: ClipJob, images: list[Image.Image], paths: list[str]) -> ClipJob:
    """The job in the shape of its first image, and as long as its source video."""
    if job.fit and images:
        shape = images[0].width / images[0].height
        width, height = min(job.fit, key=lambda size: abs(math.log(size[0] / size[1] / shape)))
        job = replace(job, width=width, height=height)
    if not job.seconds:
        with av.open(paths[0]) as source:
            job = replace(job, seconds=round((source.duration or 0) / av.time_base, 3))
    return job


def perform(line: str) -> dict[str, Any]:
    """Make one clip. The answer has `error` (None when made) and `cpu`, the seconds of processor time it took."""
    order, began = json.loads(line), time.process_time()
    try:
        images = [open_image(path) for path in order["images"]]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return {"error": f"Could not fetch image: it cannot be read as PNG, JPEG, WebP or GIF ({error}).", "cpu": 0.0}
    try:
        clip.make(fitted(job_from(order["job"]), images, order["images"]), images, Path(order["out"]))
    except Exception as error:  # the process must answer for every job, whatever broke
        return {"error": f"The clip could not be made: {type(error).__name__}: {error}", "cpu": 0.0}
    return {"error": None, "cpu": round(time.process_time() - began, 3)}


def read_jobs(jobs: "queue.Queue[str]") -> None:
    """Hand lines to the main thread; the end of input ends the process at once."""
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(10)  # the answers of the server come first
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=read_jobs, args=(jobs,), daemon=True).start()
    while True:
        print(json.dumps(perform(jobs.get())), flush=True)


if __name__ == "__main__":
    main()
