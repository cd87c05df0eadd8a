"""The body of a request to AIID: every value put where its model's vendor reads it.

`ModelSpec.wire` says where: a path with dots; "a|b" for images of which each has its own field; nothing for what is not sent by
itself; the name "=720P" is that text, PIXELS the size in pixels that the values come to. What is stranger is a function below.
Source: New API, relay/channel/task/*/adaptor.go (one adaptor a vendor), and the requests of AIID's public clients.
"""

from __future__ import annotations

import copy
from typing import Any

from ..specs import Flag, Media, Param
from .aiid_models.parts import EXTRA, PIXELS
from .base import Job

WHOLE = ("duration", "wm_position")  # sent as numbers; `seconds` is a text in this API
ON_OFF = ("metadata.sound",)  # a switch that Kling calls "on" and "off"


def build_body(job: Job) -> dict[str, Any]:
    """The fields of the request. What a person wrote under "More fields" comes first, so our own settings win."""
    body: dict[str, Any] = {"model": job.spec.remote_name, "prompt": job.prompt}
    if extra := job.values.get(EXTRA.name):
        body["metadata"] = copy.deepcopy(extra)
    places = dict(job.spec.wire)
    for name, place in places.items():
        if name == PIXELS:
            width, height = job.spec.sizes(job.values)[0]
            _put(body, place, f"{width}x{height}")
        elif name.startswith("="):
            _put(body, place, name[1:])
    strange = next((make for start, make in STRANGE.items() if job.spec.remote_name.startswith(start)), None)
    for param in job.spec:
        if param.name in ("prompt", EXTRA.name) or (strange and _is_strange(param)):
            continue
        if isinstance(param, Media):
            _put_images(body, places.get(param.name, param.name), job.media.get(param.name, ()))
        elif (value := _value(param, job, places.get(param.name, param.name))) is not None:
            _put(body, places.get(param.name, param.name), value)
    if strange:
        strange(body, job)
    if job.spec.remote_name == "kling-video" and job.correlation:
        _put(body, "metadata.external_task_id", job.correlation)  # Kling refuses a second job of this name
    return body


def _value(param: Param, job: Job, place: str) -> Any:
    value = job.values.get(param.name)
    if isinstance(param, Flag):
        return ("on" if value else "off") if place in ON_OFF else bool(value)
    return int(value) if value is not None and param.name in WHOLE else value


def _put(body: dict[str, Any], place: str, value: Any) -> None:
    """Write at a path; an object on the way is made, and what is no object is replaced."""
    *above, last = place.split(".")
    for step in above:
        if not isinstance(body.get(step), dict):
            body[step] = {}
        body = body[step]
    if last:
        body[last] = value


def _put_images(body: dict[str, Any], place: str, images: tuple[str, ...]) -> None:
    if "|" in place:
        for where, image in zip(place.split("|"), images, strict=False):
            _put(body, where, image)
    elif images:
        _put(body, place, list(images))


# --- three vendors with shapes of their own ---------------------------------------------------------------------------------
def _is_strange(param: Param) -> bool:
    return isinstance(param, Media) or getattr(param, "shape", "") == "url"


def _seedance(body: dict[str, Any], job: Job) -> None:
    """One first frame goes as `images`. Roles exist only in `content`, which replaces the gateway's own list, so the prompt
    stands in it again."""
    frames, subjects = job.media.get("images", ()), job.media.get("references", ())
    if len(frames) == 1:
        body["images"] = list(frames)
        return
    items = [_item("image", url, role) for url, role in zip(frames, ("first_frame", "last_frame"), strict=False)]
    items += [_item("image", url, "reference_image") for url in subjects]
    items += [_item("video", url, "reference_video") for url in _lines(job, "reference_videos")]
    items += [_item("audio", url, "reference_audio") for url in _lines(job, "reference_audios")]
    if items:
        _put(body, "metadata.content", [{"type": "text", "text": job.prompt}, *items])


def _item(kind: str, url: str, role: str) -> dict[str, Any]:
    return {"type": f"{kind}_url", f"{kind}_url": {"url": url}, "role": role}


def _happyhorse(body: dict[str, Any], job: Job) -> None:
    media = [{"type": "video", "url": url} for url in _lines(job, "video")]
    media += [{"type": "first_frame", "url": url} for url in job.media.get("images", ())]
    media += [{"type": "reference_image", "url": url} for url in job.media.get("references", ())]
    if media:
        _put(body, "metadata.input", {"prompt": job.prompt, "media": media})


def _omni(body: dict[str, Any], job: Job) -> None:
    images = job.media.get("references", ())
    if images:
        body |= {"image": images[0]} if len(images) == 1 else {"images": list(images)}
    for url in _lines(job, "video"):
        body["video"] = url


def _lines(job: Job, name: str) -> list[str]:
    return str(job.values.get(name) or "").split()


STRANGE = {"doubao-": _seedance, "happyhorse": _happyhorse, "gemini-omni": _omni}
