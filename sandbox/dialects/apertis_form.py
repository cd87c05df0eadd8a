"""What Apertis' second API accepts: the form of /v1/videos, remixes, characters. Source: Apertis Video API, "Alternative
API" and "Sora-2 Extended API"; the relay documentation of the same family for what makes a character order wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from .. import images
from ..store import Task
from .apertis_rules import (
    address_problem,
    character_problem,
    choice_problem,
    error,
    invalid,
    span_problem,
    text_problem,
)

VEO, SORA = ("veo_3_1", "veo_3_1-fast"), ("sora-2", "sora-2-pro")
VEO_SIZES = {"16x9": (1280, 720), "720x1280": (720, 1280)}
SORA_SIZES = {"720x1280": (720, 1280), "1280x720": (1280, 720), "480x480": (480, 480), "1080x1080": (1080, 1080)}
FORM_SIZES = VEO_SIZES | SORA_SIZES
SORA_SECONDS = ("4", "8", "10", "12", "15", "25")
LONGEST = 60  # seconds; the document states no limit for Veo
VEO_FIELDS = ("model", "prompt", "seconds", "size", "input_reference", "watermark")
SORA_FIELDS = (
    *VEO_FIELDS, "private", "style", "metadata", "character_url", "character_timestamps", "character_from_task",
    "character_create",
)  # fmt: skip
CREATE_OPTIONS = ("create_self_portrait", "save_to_library")

TASKS = Callable[[str], Task | None]


@dataclass(frozen=True)
class Attached:
    """A file of the form."""

    content: bytes


def form_problem(form: dict[str, Any], finished: TASKS) -> Response | None:
    """Everything the document says about the form; None when it is good."""
    if bad := text_problem(form, (*VEO, *SORA)):
        return bad
    sora = form["model"] in SORA
    for name in form:
        if name not in (SORA_FIELDS if sora else VEO_FIELDS):
            return invalid(f"Unknown parameter for this model: '{name}'.", name)
    for name in ("seconds", "size", *(() if sora else ("input_reference",))):
        if form.get(name) in (None, ""):
            return invalid(f"Missing required parameter: '{name}'.", name, "missing_parameter")
    flags = ("watermark", "private")
    found = (
        choice_problem("size", form["size"], SORA_SIZES if sora else VEO_SIZES),
        choice_problem("seconds", form["seconds"], SORA_SECONDS) if sora else seconds_problem(form["seconds"]),
        *(choice_problem(name, form.get(name), ("true", "false")) for name in flags),
        file_problem(form["input_reference"]) if "input_reference" in form else None,
        sora_problem(form, finished) if sora else None,
    )
    return next((bad for bad in found if bad), None)


def seconds_problem(value: str) -> Response | None:
    good = value.isascii() and value.isdigit() and 1 <= int(value[:4]) <= LONGEST
    return None if good else invalid(f"'seconds' must be a whole number from 1 to {LONGEST}.", "seconds")


def file_problem(found: Any) -> Response | None:
    if not isinstance(found, Attached):
        return invalid("'input_reference' must be a file.", "input_reference")
    if len(found.content) > images.INLINE_BYTES or not found.content.startswith(images.SIGNATURES):
        message = "'input_reference' must be PNG, JPEG, WebP or GIF and at most 20 MB."
        return invalid(message, "input_reference", "invalid_image")
    return None


def sora_problem(form: dict[str, Any], finished: TASKS) -> Response | None:
    """What only Sora takes: metadata and the four character fields."""
    for name in ("metadata", "character_create"):
        if name in form and object_of(form[name]) is None:
            return invalid(f"'{name}' must be a JSON object.", name)
    options = object_of(form.get("character_create", "{}")) or {}
    if any(name not in CREATE_OPTIONS or not isinstance(value, bool) for name, value in options.items()):
        return invalid(f"'character_create' takes {' and '.join(CREATE_OPTIONS)}.", "character_create")
    task_id = form.get("character_from_task")
    if task_id and form.get("character_url"):
        return invalid("Use either character_url or character_from_task.", "character_from_task")
    if task_id and finished(task_id) is None:
        return invalid(f"Task not found or not completed: {task_id}", "character_from_task")
    return character_problem(form, ("character_url", "character_from_task"))


def object_of(text: Any) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def remix_problem(body: dict[str, Any]) -> Response | None:
    for name in body:
        if name not in ("prompt", "size"):
            return invalid(f"Unknown parameter: '{name}'.", name)
    return text_problem({"model": SORA[0], **body}, SORA) or choice_problem("size", body.get("size"), SORA_SIZES)


def character_order_problem(body: dict[str, Any], finished: TASKS) -> Response | None:
    """One source, and 1 to 3 seconds of it. With `model` gateways of this family look for a channel and find none."""
    url, task_id = body.get("url"), body.get("from_task")
    if "model" in body:
        return error(404, "invalid_request_error", "model_not_found", "No available channel for this model.")
    if unknown := next((name for name in body if name not in ("url", "from_task", "timestamps", "source")), None):
        return invalid(f"Unknown parameter: '{unknown}'.", unknown)
    if bool(url) == bool(task_id):
        return invalid("Exactly one of 'url' and 'from_task' is required.", "url", "missing_parameter")
    if url and (bad := address_problem("url", url)):
        return bad
    if task_id and (not isinstance(task_id, str) or finished(task_id) is None):
        return error(404, "invalid_request_error", "task_not_found", f"Task not found: {task_id}", "from_task")
    return span_problem(body["timestamps"]) if body.get("timestamps") is not None else None
