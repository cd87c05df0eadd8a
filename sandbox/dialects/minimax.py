"""MiniMax style: POST /v1/video_generation, GET /v1/query/video_generation, GET /v1/files/retrieve. Source: the page "Generate
videos", and MiniMax's own documentation of its first version: errors are HTTP 200 with `base_resp`.

With the ending `http-errors` a relay stands in front that turns them into HTTP statuses, as the page promises.
"""

import secrets
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from generations.providers.minimax import SPECS
from generations.specs import ModelSpec

from .. import files, images, tasks, wire
from ..core import Sandbox, sandbox_of
from ..endings import tags_for
from ..store import Received, Task
from .common import TooLarge, bearer, disturbed, fingerprint, json_object, own_task, received

DIALECT = "minimax"
MODELS = {spec.remote_name: spec for spec in SPECS}
FIELDS = (
    "model",
    "prompt",
    "prompt_optimizer",
    "first_frame_image",
    "subject_reference",
    "aigc_watermark",
    "callback_url",
)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
HTTP = {1002: 429, 1004: 401, 1008: 402, 1026: 400, 1033: 500, 2013: 400}  # what a relay makes of the codes


class Relay(Exception):
    """A refusal by its code; the route says it in the words of MiniMax or of a relay."""

    def __init__(self, code: int, message: str) -> None:
        self.code, self.message = code, message


def said(code: int, message: str, tags: dict[str, str], **more: Any) -> Response:
    if "http-errors" in tags and code:
        return JSONResponse({"error": {"message": message, "code": code}}, HTTP.get(code, 500))
    return JSONResponse({**more, "base_resp": {"status_code": code, "status_msg": message}})


def refused(name: str, request: Request, tags: dict[str, str]) -> Response:
    """The answer for each refusal of the endings table."""
    codes = {"401": (1004, "login fail"), "402": (1008, "insufficient balance"), "400": (2013, "invalid params"),
             "429": (1002, "rate limit"), "429-always": (1002, "rate limit"), "503": (1002, "rate limit"),
             "moderated": (1026, "input new_sensitive"), "500": (1033, "system error")}  # fmt: skip
    if name in codes:
        return said(*codes[name], tags, task_id="")
    if name == "404":
        return JSONResponse({"error": {"message": f"Invalid URL ({request.method} /v1/video_generation)"}}, 404)
    return wire.same_address(request) if name == "redirect" else wire.other(name)


def key_problem(key: str) -> bool:
    return not (key.startswith("sk-") and len(key) > 3)


def image_of(spec: ModelSpec, body: dict[str, Any]) -> str:
    """The one image of the request, "" without one. Raises Relay."""
    frame, people = body.get("first_frame_image"), body.get("subject_reference")
    if (frame and spec.param("first_frame_image") is None) or (people and spec.param("subject_reference") is None):
        raise Relay(2013, f"invalid params, {spec.remote_name} does not take this image")
    if people:
        good = isinstance(people, list) and len(people) == 1 and people[0].get("type") == "character"
        found = people[0].get("image") if good else None
        frame = found[0] if isinstance(found, list) and len(found) == 1 else None
    if spec.media and not isinstance(frame, str):
        raise Relay(2013, f"invalid params, {spec.remote_name} needs one image")
    if frame and not str(frame).startswith(("data:", "http://", "https://")):
        raise Relay(2013, "invalid params, an image is an address or a data URL")
    return str(frame or "")


def checked(body: dict[str, Any] | None) -> tuple[ModelSpec, list[str]]:
    """The model and its images. Raises Relay for what the documentation forbids."""
    spec = MODELS.get(str((body or {}).get("model")))
    if body is None or spec is None:
        raise Relay(2013, "invalid params, model")
    strange = next((name for name in body if name not in FIELDS), "")
    if strange:  # the 01 series refuses duration and resolution
        raise Relay(2013, f"invalid params, {spec.remote_name} does not support {strange}")
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip() or len(prompt) > 2000:
        raise Relay(2013, "invalid params, prompt must have 1 to 2000 characters")
    image = image_of(spec, body)
    if image.startswith("data:"):
        try:
            images.decode(image)
        except images.BadImage as bad:
            raise Relay(2013, str(bad)) from bad
    return spec, [image] if image else []


def new_task(
    box: Sandbox, note: Received, spec: ModelSpec, prompt: str, given: list[str], tags: dict[str, str]
) -> Task:
    sizes = spec.sizes({})
    job = tasks.clip_job(
        box, spec.remote_name, prompt, note.prompt_sha256, sizes[0], spec.output.seconds, spec.output.sound
    )
    values = {
        "job": asdict(replace(job, fps=spec.output.fps, fit=tuple(sizes) if given else ())),
        "images": tasks.sources(box, given),
        "key": note.key_fingerprint,
        "file": str(secrets.randbelow(9 * 10**14) + 10**14),
        "size": list(sizes[0]),
    }
    return Task(str(secrets.randbelow(9 * 10**14) + 10**14), DIALECT, tasks.seconds_for(box, tags), tags, values)


async def create(request: Request) -> Response:
    """POST /v1/video_generation"""
    box, key = sandbox_of(request), bearer(request)
    try:
        body = await json_object(request)
    except TooLarge:
        body = None
    sent = body or {}
    prompt = sent["prompt"] if isinstance(sent.get("prompt"), str) else ""
    tags = tags_for(prompt, key)
    note = received(request, DIALECT, key, sent.get("model"), prompt, tags)
    refusal = refused("401", request, tags) if key_problem(key) else None
    if not refusal and (name := wire.refusal(box.store, tags, note)):
        refusal = refused(name, request, tags)
    if refusal:
        box.store.record(note, str(refusal.status_code))
        return refusal
    try:
        spec, given = checked(body)
    except Relay as problem:
        answer = said(problem.code, problem.message, tags, task_id="")
        box.store.record(note, str(answer.status_code))
        return answer
    task = new_task(box, note, spec, prompt, given, tags)
    box.store.bill(note, task, wire.status_of(tags))
    tasks.start(box, task)
    good = {"status_code": 0, "status_msg": "success"}
    return await wire.deliver(tags, {"task_id": task.id, "base_resp": good}, id_key="task_id")


# --- one video -----------------------------------------------------------------------------------------------------------
def key_refused(request: Request) -> Response | None:
    key = bearer(request)
    tags = tags_for("", key)
    return said(1004, "login fail", tags) if key_problem(key) or "401" in tags else None


def no_task(tags: dict[str, str]) -> Response:
    """A task that is not known is a failed one without an id."""
    return said(0, "success", tags, task_id="", status="Fail", file_id="")


def word(task: Task) -> str:
    done = tasks.share(task)
    if done < 0.3:
        return "Preparing" if done < 0.15 else "Queueing"
    return "pondering" if "unknown-status" in task.tags else "Processing"


async def query(request: Request) -> Response:
    """GET /v1/query/video_generation?task_id="""
    if bad := key_refused(request):
        return bad
    box = sandbox_of(request)
    task = own_task(request, DIALECT, request.query_params.get("task_id", ""))
    if task is None:
        return no_task({})
    box.polls[task.id] += 1
    refused, busy = (said(code, words, task.tags) for code, words in ((1004, "login fail"), (1002, "rate limit")))
    if instead := disturbed(box, task, refused, no_task(task.tags), busy):
        return instead
    state = tasks.state(box, task)
    body = {"task_id": f"9{task.id}" if "id-drift" in task.tags else task.id, "file_id": ""}
    if state == "failed":
        code = 1027 if "moderated-late" in task.tags else 1033 if "fail" in task.tags else 2013
        return JSONResponse(
            body | {"status": "Fail", "base_resp": {"status_code": code, "status_msg": tasks.failure(task)}}
        )
    if state == "completed":
        late = "late-url" in task.tags and box.store.count(f"late-url:{task.uid}") <= 3
        width, height = task.values["size"]
        body |= {"file_id": "" if late else task.values["file"], "video_width": width, "video_height": height}
    status = "Success" if state == "completed" else word(task)
    return JSONResponse(body | {"status": status, "base_resp": {"status_code": 0, "status_msg": "success"}})


async def retrieve(request: Request) -> Response:
    """GET /v1/files/retrieve?file_id=: the id is a number here, and a text in the query."""
    if bad := key_refused(request):
        return bad
    box = sandbox_of(request)
    sql = "SELECT id FROM task WHERE dialect = ? AND json_extract(values_, '$.file') = ?"
    found = box.store.rows(sql, (DIALECT, request.query_params.get("file_id", "")))
    task = box.store.task(found[0]["id"]) if found else None
    if task is None or task.values["key"] != fingerprint(bearer(request)):
        return said(2013, "invalid params, file_id", {})
    expired = task.tags.get("expired-url") == "always" or (
        "expired-url" in task.tags and box.store.count(f"expired-url:{task.uid}") == 1
    )
    file = {"file_id": int(task.values["file"]), "bytes": 0, "created_at": int(task.at), "filename": "output.mp4",
            "purpose": "video_generation", "download_url": files.url_for(box, request, task, expired)}  # fmt: skip
    return JSONResponse({"file": file, "base_resp": {"status_code": 0, "status_msg": "success"}})


async def unknown(request: Request) -> Response:
    """Any other path or method."""
    return JSONResponse(
        {"error": {"message": f"Invalid URL ({request.method} {urlsplit(str(request.url)).path})"}}, 404
    )


ROUTES = [
    Route("/v1/video_generation", create, methods=["POST"]),
    Route("/v1/query/video_generation", query, methods=["GET"]),
    Route("/v1/files/retrieve", retrieve, methods=["GET"]),
    Route("/files/{uid}.mp4", files.serve, methods=["GET"]),
    Route("/{path:path}", unknown, methods=METHODS),
]
