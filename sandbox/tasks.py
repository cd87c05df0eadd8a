"""The life of an accepted job, the same in every dialect: time passes, a clip is made, it is completed or failed."""

import math
import time
from dataclasses import replace

from . import images
from .core import Sandbox
from .endings import ENDINGS, number, tags_in, without_tags
from .jobs import ClipJob, job_from, small, still
from .store import Task

FAILED_TEXT = "Video generation failed: the model returned no frames."
POLICY_TEXT = "The generated video was blocked by our content policy."
SHORTCUTS = {"small": small, "still": still}
NO_FILE = ("gone-url", "html-video")  # their file is never served, so none is needed


def seconds_for(box: Sandbox, tags: dict[str, str]) -> float:
    return number(tags, "seconds", box.seconds)


def share(task: Task, now: float | None = None) -> float:
    """How much of the job's time has passed, 0..1; a job that never ends stops at 0.9."""
    passed = (now or time.time()) - task.at
    done = min(1.0, passed / task.seconds) if task.seconds > 0 else 1.0
    return min(done, 0.9) if "never" in task.tags else done


def failure(task: Task) -> str:
    """Why the job fails once its time has passed, "" when it does not."""
    if "fail" in task.tags:
        return task.tags["fail"] or FAILED_TEXT
    return POLICY_TEXT if "moderated-late" in task.tags else task.error


def clip_ready(box: Sandbox, task: Task) -> bool:
    return "clip" in task.values and box.clips.path(task.values["clip"]).exists()


def state(box: Sandbox, task: Task) -> str:
    """One of "running", "completed", "failed". A missing clip is made again: that is how a restart heals."""
    if share(task) < 1:
        return "running"
    if failure(task):
        return "failed"
    if clip_ready(box, task) or any(name in task.tags for name in NO_FILE):
        return "completed"
    box.spawn(prepare(box, task))
    return "running"


def start(box: Sandbox, task: Task) -> None:
    """Make the clip ahead of time unless the ending needs none."""
    if all(ENDINGS[name].clip for name in task.tags):
        box.spawn(prepare(box, task))


async def prepare(box: Sandbox, task: Task) -> None:
    """Fetch the images, make the clip; what became of it is kept with the task. A second call waits for nothing."""
    if task.id in box.preparing:
        return
    box.preparing.add(task.id)
    try:
        names = [await image_name(box, source) for source in task.values["images"]]
        job = replace(job_from(task.values["job"]), images=tuple(names))
        shorten = SHORTCUTS.get(task.tags.get("clip", ""))
        job = shorten(job) if shorten else job
        error = await box.clips.make(job)
    except images.BadImage as bad:
        task.error = str(bad)
    else:
        task.values["clip"], task.error = job.key, error or ""
    finally:
        box.preparing.discard(task.id)
    box.store.update(task)


async def image_name(box: Sandbox, source: dict[str, str]) -> str:
    """`source` is {"file": name} for an image that came with the request, {"url": address} for one to be fetched."""
    return source["file"] if "file" in source else images.keep(box.clips, await images.fetch(source["url"]))


def sources(box: Sandbox, urls: list[str]) -> list[dict[str, str]]:
    """What the task remembers of its images. Raises BadImage for a bad data URL."""
    return [
        {"file": images.keep(box.clips, images.decode(url))} if url.startswith("data:") else {"url": url}
        for url in urls
    ]


def clip_job(
    box: Sandbox, model: str, prompt: str, sha256: str, size: tuple[int, int], seconds: float, sound: bool
) -> ClipJob:
    """The clip for a prompt. Asked again, the same prompt moves differently, four ways, as takes of a real model do."""
    known = box.store.rows("SELECT count(*) AS n FROM billed WHERE prompt_sha256 = ? AND model = ?", (sha256, model))
    take = 0 if tags_in(prompt).get("clip") == "small" else known[0]["n"] % 4
    return ClipJob(model, without_tags(prompt), *size, seconds, sound=sound, take=take)


def progress(task: Task) -> str | None:
    """Percent as text where the ending asks for it."""
    done = share(task)
    if "backwards-progress" in task.tags:
        done = 0.5 if 0.3 <= done < 0.5 else 0.3 if 0.5 <= done < 0.7 else done
    elif "progress" not in task.tags:
        return None
    return str(math.floor(100 * done))
