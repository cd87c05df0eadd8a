"""Apertis' second API: POST /v1/videos as a form, its status, content and remix, and POST /sora/v1/characters.
Source: Apertis Video API, "Alternative API" and "Sora-2 Extended API"."""

import asyncio
import hashlib
import io
import secrets
import time
import uuid
from dataclasses import asdict, replace
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import bends, files, images, tasks
from ..core import Sandbox, sandbox_of
from ..endings import tags_for
from ..store import Received, Task
from . import apertis
from .apertis_form import FORM_SIZES, SORA, TASKS, Attached, character_order_problem, form_problem, remix_problem
from .apertis_rules import DIALECT, bad_key, error, key_problem
from .common import BODY_BYTES, TooLarge, bearer, json_object

FORM, CHARACTER = "videos", "character"  # `values["api"]` of a task


# --- create and remix ----------------------------------------------------------------------------------------------------
async def form_of(request: Request) -> dict[str, Any] | None:
    """The fields of the form, files as Attached; None when it is none. Raises TooLarge."""
    if int(request.headers.get("content-length") or 0) > BODY_BYTES:
        raise TooLarge
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return None
    try:
        form = await request.form(max_files=1, max_part_size=4 * 1024**2)
    except (MultiPartException, AssertionError, KeyError):
        return None
    return {
        name: Attached(await value.read()) if isinstance(value, UploadFile) else value
        for name, value in form.multi_items()
    }


def new_task(box: Sandbox, note: Received, task_id: str, values: dict[str, Any], tags: dict[str, str]) -> Task:
    """`values` are model, prompt, seconds, size and the image, if any."""
    fps = 30 if values["model"] in SORA else 24
    size, seconds = FORM_SIZES[values["size"]], float(values["seconds"])
    job = tasks.clip_job(box, values["model"], values["prompt"], note.prompt_sha256, size, seconds, True)
    image = values.pop("image", None)
    kept = {
        "api": FORM, "job": asdict(replace(job, fps=fps)), "upsample": False, "enhanced": "",
        "images": [{"file": images.keep(box.clips, image)}] if image else [],
    }  # fmt: skip
    return Task(task_id, DIALECT, tasks.seconds_for(box, tags), tags, values | kept)


async def create(request: Request) -> Response:
    """POST /v1/videos"""
    box = sandbox_of(request)

    def make(note: Received, form: dict[str, Any], tags: dict[str, str]) -> tuple[Task, dict[str, Any]]:
        sora = form["model"] in SORA
        task_id = f"sora-2:{int(time.time())}-{secrets.token_hex(4)}" if sora else f"video_{uuid.uuid4()}"
        values = {name: form[name] for name in ("model", "prompt", "seconds", "size")}
        if "input_reference" in form:
            values["image"] = form["input_reference"].content
        task = new_task(box, note, task_id, values, tags)
        return task, {
            "id": task.id, "object": "video", "model": values["model"], "status": "pending" if sora else "queued",
            "progress": 0, "created_at": apertis.clock(task, 0), "seconds": int(values["seconds"]),
            "size": values["size"],
        }  # fmt: skip

    return await apertis.accept(request, form_of, lambda form: form_problem(form, finished(request)), make)


async def remix(request: Request) -> Response:
    """POST /v1/videos/{id}/remix: the settings of a completed Sora video with another prompt."""
    box, source = sandbox_of(request), finished(request)(request.path_params["id"])

    def make(note: Received, body: dict[str, Any], tags: dict[str, str]) -> tuple[Task, dict[str, Any]]:
        assert source
        kept = {name: source.values[name] for name in ("model", "seconds", "size")}
        task_id = f"sora-2:remix-{int(time.time())}-{secrets.token_hex(4)}"
        task = new_task(box, note, task_id, kept | body | {"remixed": source.id}, tags)
        return task, {"id": task.id, "object": "video", "status": "pending", "progress": 0}

    def check(body: dict[str, Any]) -> Response | None:
        return remix_problem(body) if source else apertis.no_task(request.path_params["id"])

    return await apertis.accept(request, json_object, check, make)


def finished(request: Request) -> TASKS:
    """Looks up a completed Sora video of this API; None for anything else."""
    box = sandbox_of(request)

    def look(task_id: str) -> Task | None:
        task = box.store.task(task_id)
        mine = task is not None and task.dialect == DIALECT and task.values.get("api") == FORM
        return (
            task if mine and task and task.values["model"] in SORA and tasks.state(box, task) == "completed" else None
        )

    return look


# --- one video -----------------------------------------------------------------------------------------------------------
def asked_for(request: Request) -> Task | Response:
    """The task of the path, or why it is not shown."""
    box, key, task_id = sandbox_of(request), bearer(request), request.path_params["id"]
    if bad := key_problem(key) or (bad_key() if "401" in tags_for("", key) else None):
        return bad
    task = box.store.task(task_id)
    return task if task and task.dialect == DIALECT and task.values.get("api") == FORM else apertis.no_task(task_id)


def status_body(box: Sandbox, request: Request, task: Task) -> dict[str, Any]:
    """Veo and Sora show different fields; both have id, status, progress and video_url."""
    body = apertis.status_body(box, request, task)
    share = tasks.share(task)
    body.setdefault("progress", 100 if body["status"] == "completed" else min(99, int(100 * share)))
    if task.values["model"] in SORA:
        body = {name: body[name] for name in ("id", "status", "progress", "video_url", "error") if name in body}
        body |= {"model": task.values["model"], "seconds": int(task.values["seconds"]), "size": task.values["size"]}
    return body


async def retrieve(request: Request) -> Response:
    """GET /v1/videos/{id}"""
    box, task = sandbox_of(request), asked_for(request)
    if isinstance(task, Response):
        return task
    box.polls[task.id] += 1
    return apertis.disturbed(box, task) or JSONResponse(bends.status(status_body(box, request, task), task.tags))


async def content(request: Request) -> Response:
    """GET /v1/videos/{id}/content: JSON with the address for Sora, as printed in the document; the bytes for Veo."""
    box, task = sandbox_of(request), asked_for(request)
    if isinstance(task, Response):
        return task
    if tasks.state(box, task) != "completed":
        return error(404, "invalid_request_error", "video_not_ready", "Video is not ready yet. Check its status first.")
    if task.values["model"] not in SORA:
        return files.content(box, request, task)
    note = {"id": task.id, "status": "completed", "enhanced_prompt": task.values["prompt"],
            "status_update_time": apertis.clock(task, 1)}  # fmt: skip
    return files.content(box, request, task, "json", note)


# --- characters ----------------------------------------------------------------------------------------------------------
async def character(request: Request) -> Response:
    """POST /sora/v1/characters: from a video's address or from a completed task. Billed, like everything that is made."""
    box = sandbox_of(request)

    async def order_of(request: Request) -> dict[str, Any] | None:
        body = await json_object(request)
        words = (body or {}).get("url") or (body or {}).get("from_task")
        return None if body is None else body | {"source": words}

    def make(note: Received, body: dict[str, Any], tags: dict[str, str]) -> tuple[Task, dict[str, Any]]:
        task = Task(f"char_{secrets.token_hex(6)}", DIALECT, 0, tags, {"api": CHARACTER})
        name = f"character_{task.uid[:6]}"
        return task, {
            "id": task.id, "username": name, "permalink": f"https://sora.example.com/characters/{name}",
            "profile_picture_url": f"{box.origin(request)}/{DIALECT}/characters/{task.uid}.jpg",
        }  # fmt: skip

    def check(body: dict[str, Any]) -> Response | None:
        return character_order_problem(body, finished(request))

    return await apertis.accept(request, order_of, check, make, words="source")


async def picture(request: Request) -> Response:
    """GET /characters/{uid}.jpg"""
    task = sandbox_of(request).store.task(request.path_params["uid"], "uid")
    if task is None or task.values.get("api") != CHARACTER:
        return files.no_such_key()
    return Response(await asyncio.to_thread(portrait, task.uid), media_type="image/jpeg")


def portrait(uid: str) -> bytes:
    """A square of one of the stills, another for each character."""
    from PIL import Image, ImageOps

    from ..render.stills import FOLDER

    stills = sorted(FOLDER.glob("*.webp"))
    still = stills[int(hashlib.sha256(uid.encode()).hexdigest(), 16) % len(stills)]
    out = io.BytesIO()
    ImageOps.fit(Image.open(still).convert("RGB"), (320, 320)).save(out, "JPEG", quality=85)
    return out.getvalue()


ROUTES = [
    Route("/v1/videos", create, methods=["POST"]),
    Route("/v1/videos/{id}", retrieve, methods=["GET"]),
    Route("/v1/videos/{id}/content", content, methods=["GET"]),
    Route("/v1/videos/{id}/remix", remix, methods=["POST"]),
    Route("/sora/v1/characters", character, methods=["POST"]),
    Route("/characters/{uid}.jpg", picture, methods=["GET"]),
]
