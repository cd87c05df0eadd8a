"""AIID: POST /v1/videos (JSON or a form), GET /v1/videos/{id} and /content. Source: AIID, Create video; New API for the rest."""

import json
import secrets
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from generations.providers.aiid_models import SPECS
from generations.specs import ModelSpec

from .. import bends, files, images, tasks, wire
from ..core import Sandbox, sandbox_of
from ..endings import tags_for
from ..store import Received, Task
from .aiid_rules import (
    DIALECT,
    bad_key,
    content_error,
    invalid,
    invalid_url,
    key_problem,
    limited,
    no_task,
    refused,
)
from .aiid_vendors import ONLY_JSON, Read, Wrong, read
from .common import BODY_BYTES, TooLarge, bearer, disturbed, json_object, own_task, received

MODELS = {spec.remote_name: spec for spec in SPECS}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
WITHOUT_ADDRESS = ("sora", "veo")  # their results are behind /content alone
STEPS = (10, 30, 50)  # a progress that the gateway makes up


# --- create --------------------------------------------------------------------------------------------------------------
async def body_of(request: Request) -> tuple[dict[str, Any] | None, bool]:
    """The fields, and whether they came as a form. Raises TooLarge."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await json_object(request), False
    if int(request.headers.get("content-length") or 0) > BODY_BYTES:
        raise TooLarge
    try:
        form = await request.form(max_files=4, max_part_size=4 * 1024**2)
    except (MultiPartException, AssertionError, KeyError):
        return None, True
    found: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            found[name] = {"file": images.keep(sandbox_of(request).clips, await value.read())}
        else:
            found[name] = value
    try:
        return found | ({"metadata": json.loads(found["metadata"])} if "metadata" in found else {}), True
    except ValueError:
        return None, True


def problem(body: dict[str, Any] | None, is_form: bool) -> tuple[Response | None, Read | None]:
    """The gateway's own checks, then the vendor's."""
    if body is None:
        return invalid("invalid JSON or form"), None
    if not body.get("model"):
        return invalid("model field is required", "missing_model"), None
    spec = MODELS.get(str(body["model"]))
    if spec is None:
        return invalid(f"model {body['model']} is not supported"), None
    if not isinstance(body.get("prompt"), str) or not body["prompt"].strip():
        return invalid("prompt is required"), None
    if is_form and spec.remote_name.startswith(ONLY_JSON):
        return invalid("JSON object required"), None
    if is_form and isinstance(body.get("images"), str):
        return invalid("json: cannot unmarshal string into Go struct field .images of type []string"), None
    try:
        found = read(spec, body)
        for image in [image for group in found.images.values() for image in group]:
            source_of(None, image)
    except (Wrong, images.BadImage, KeyError, TypeError, AttributeError) as wrong:
        return invalid(str(wrong) or "invalid request"), None
    return None, found


def source_of(box: Sandbox | None, image: Any) -> dict[str, str]:
    """What the task remembers of an image: a file of the form, an address, a data URL or plain base64. Raises BadImage."""
    if isinstance(image, dict):
        return {"file": str(image["file"])}
    if urlsplit(image).scheme in ("http", "https"):
        return {"url": image}
    content = images.decode(image) if image.startswith("data:") else images.plain(image)
    return {"file": images.keep(box.clips, content)} if box else {}


def new_task(
    box: Sandbox, note: Received, spec: ModelSpec, body: dict[str, Any], found: Read, tags: dict[str, str]
) -> Task:
    given = [image for name in ("images", "references", "input_reference") for image in found.images.get(name, [])
             if spec.param(name)]  # fmt: skip
    sizes = spec.sizes(found.values)
    seconds = float(found.values.get("duration") or found.values.get("seconds") or spec.output.seconds)
    job = tasks.clip_job(
        box, spec.remote_name, body["prompt"], note.prompt_sha256, sizes[0], seconds, spec.sound(found.values)
    )
    fit = tuple(sizes) if given or found.video else ()
    values = {
        "job": asdict(replace(job, fps=spec.output.fps, fit=fit)),
        "images": [{"url": found.video}] if found.video else [source_of(box, image) for image in given],
        "key": note.key_fingerprint,
        "model": spec.remote_name,
        "seconds": f"{seconds:g}",
    }
    return Task(f"task_{secrets.token_hex(16)}", DIALECT, tasks.seconds_for(box, tags), tags, values)


async def create(request: Request) -> Response:
    """POST /v1/videos"""
    box, key = sandbox_of(request), bearer(request)
    try:
        body, is_form = await body_of(request)
    except TooLarge:
        return invalid("request body is too large")
    sent = body or {}
    prompt = sent["prompt"] if isinstance(sent.get("prompt"), str) else ""
    tags = tags_for(prompt, key)
    note = received(request, DIALECT, key, sent.get("model"), prompt, tags)
    found = None
    refusal = key_problem(key)
    if not refusal and (name := wire.refusal(box.store, tags, note)):
        refusal = refused(name, request)
    if not refusal:
        refusal, found = problem(body, is_form)
    if refusal or found is None:
        refusal = refusal or invalid("invalid request")
        box.store.record(note, str(refusal.status_code))
        return refusal
    task = new_task(box, note, MODELS[sent["model"]], sent, found, tags)
    box.store.bill(note, task, wire.status_of(tags))
    tasks.start(box, task)
    answer = {"id": task.id, "task_id": task.id, "object": "video", "model": task.values["model"], "status": "queued",
              "progress": 0, "created_at": clock(task, 0)}  # fmt: skip
    return await wire.deliver(tags, answer)


# --- one video -----------------------------------------------------------------------------------------------------------
def clock(task: Task, share: float) -> int:
    """Seconds, or milliseconds: Kling always, the others where the ending says so."""
    moment = task.at + task.seconds * share
    return int(moment * 1000) if "ms" in task.tags or task.values["model"].startswith("kling") else int(moment)


def word(task: Task, done: float) -> str:
    """`unknown` until the gateway's own loop has looked at the task."""
    if done < 0.15:
        return "unknown"
    return "pondering" if "unknown-status" in task.tags else "in_progress" if done > 0.3 else "queued"


def video(box: Sandbox, request: Request, task: Task) -> dict[str, Any]:
    """The answer to a query: `completed_at` is set even while the task runs, and a failed one has a progress of 100."""
    state, done = tasks.state(box, task), tasks.share(task)
    body: dict[str, Any] = {
        "id": f"video_{task.id[5:]}" if "id-drift" in task.tags else task.id,
        "task_id": task.id,
        "object": "video",
        "model": "" if task.values["model"].startswith(("kling", "vidu")) else task.values["model"],
        "status": word(task, done) if state == "running" else state,
        "progress": tasks.progress(task) or (STEPS[min(2, int(done * 3))] if state == "running" else 100),
        "created_at": clock(task, 0),
        "completed_at": clock(task, done),
        "seconds": task.values["seconds"],
    }
    if state == "failed":
        code = "content_policy_violation" if "moderated-late" in task.tags else "video_generation_failed"
        body["error"] = {"code": code, "message": tasks.failure(task)}
    elif "running-error" in task.tags and state == "running":
        body["error"] = {"code": "50430", "message": "Request Has Reached API Concurrent Limit"}
    if state == "completed" or ("early-url" in task.tags and state == "running"):
        place_address(box, request, task, body)
    return body


def place_address(box: Sandbox, request: Request, task: Task, body: dict[str, Any]) -> None:
    """The address where this vendor's channel has it, or where `[[url-at=…]]` says; wrapped as the endings say."""
    path = task.tags.get("url-at") or ("" if task.values["model"].startswith(WITHOUT_ADDRESS) else "metadata.url")
    if "late-url" in task.tags and box.store.count(f"late-url:{task.uid}") <= 3:
        path = ""
    if not path or path == "content":
        return
    expired = task.tags.get("expired-url") == "always"
    if "expired-url" in task.tags and not expired:
        expired = box.store.count(f"expired-url:{task.uid}") == 1
    url = files.url_for(box, request, task, expired)
    if "url-relative" in task.tags:
        url = url.partition(box.origin(request))[2]
    if "url-wrapped" in task.tags:
        url = f" `{url}` "
    if "url-words" in task.tags:
        url = "The file could not be fetched from the vendor, use the content route"
    if "url-data" in task.tags:
        url = "data:video/mp4;base64,AAAAIGZ0eXBpc29t"
    *above, last = path.split(".")
    here: Any = body
    for i, step in enumerate(above):
        fresh: Any = [{}] if (above[i + 1 : i + 2] or [last])[0].isdigit() else {}
        here = here[int(step)] if step.isdigit() else here.setdefault(step, fresh)
    here[last] = url


def key_refused(request: Request) -> Response | None:
    key = bearer(request)
    return key_problem(key) or (bad_key() if "401" in tags_for("", key) else None)


async def retrieve(request: Request) -> Response:
    """GET /v1/videos/{id}"""
    if bad := key_refused(request):
        return bad
    box, task = sandbox_of(request), own_task(request, DIALECT, request.path_params["id"])
    if task is None:
        return no_task()
    box.polls[task.id] += 1
    return disturbed(box, task, bad_key(), no_task(), limited(1)) or JSONResponse(
        bends.status(video(box, request, task), task.tags)
    )


async def content(request: Request) -> Response:
    """GET /v1/videos/{id}/content: the bytes, passed through for the key."""
    if bad := key_refused(request):
        return bad
    box, task = sandbox_of(request), own_task(request, DIALECT, request.path_params["id"])
    if task is None:
        return content_error(404, "Task not found")
    if tasks.state(box, task) != "completed":
        return content_error(400, "Task is not completed yet, current status: IN_PROGRESS")
    return files.content(box, request, task)


async def unknown(request: Request) -> Response:
    """Any other path or method: no list, no delete."""
    return invalid_url(request)


ROUTES = [
    Route("/v1/videos", create, methods=["POST"]),
    Route("/v1/videos/{id}", retrieve, methods=["GET"]),
    Route("/v1/videos/{id}/content", content, methods=["GET"]),
    Route("/files/{uid}.mp4", files.serve, methods=["GET"]),
    Route("/{path:path}", unknown, methods=METHODS),
]
