"""The Apertis Video API, create/query: POST /v1/video/create, GET /v1/video/query. Source: Apertis Video API, "Create
Video" and "Query Video Status"."""

import secrets
import string
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import bends, files, tasks, wire
from ..core import Sandbox, sandbox_of
from ..endings import tags_for, without_tags
from ..store import Received, Task
from . import common
from .apertis_rules import (
    DIALECT,
    MODELS,
    SIZES,
    SORA_SIZES,
    bad_key,
    error,
    invalid,
    invalid_url,
    key_problem,
    limited,
    problem,
    refused,
)
from .common import TooLarge, bearer, json_object, received

SECONDS = 8
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def new_task(box: Sandbox, request: Received, body: dict[str, Any], tags: dict[str, str]) -> Task:
    """The accepted job. Ids look like the document's: "veo3:1234567890-abcdefgh"."""
    model, prompt = body["model"], body["prompt"]
    tail = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
    sora = bool(MODELS[model].durations)
    size = SIZES[body.get("aspect_ratio") or "16:9"]
    if sora:
        size = SORA_SIZES[body.get("size") or "small", body.get("orientation") or "landscape"]
    seconds = body.get("duration") or (10 if sora else SECONDS)
    job = tasks.clip_job(box, model, prompt, request.prompt_sha256, size, seconds, MODELS[model].sound)
    values = {
        "job": asdict(replace(job, fps=30) if sora else job),
        "images": tasks.sources(box, body.get("images") or []),
        "enhanced": enhance(prompt) if body.get("enhance_prompt") else "",
        "upsample": bool(body.get("enable_upsample")),
    }
    family = "sora-2" if sora else model.split("-")[0].split(".")[0]
    return Task(f"{family}:{int(time.time())}-{tail}", DIALECT, tasks.seconds_for(box, tags), tags, values)


def enhance(prompt: str) -> str:
    return (
        f"{without_tags(prompt).rstrip('. ')}. Cinematic lighting, natural motion, shallow depth of field, fine detail."
    )


def clock(task: Task, share: float) -> int:
    """Unix time of a point in the job's life; in milliseconds where the ending says so."""
    moment = task.at + task.seconds * share
    return int(moment * 1000) if "ms" in task.tags else int(moment)


Read = Callable[[Request], Awaitable[dict[str, Any] | None]]
Problem = Callable[[dict[str, Any]], Response | None]
Make = Callable[[Received, dict[str, Any], dict[str, str]], tuple[Task, dict[str, Any]]]


async def create(request: Request) -> Response:
    """POST /v1/video/create"""
    box = sandbox_of(request)

    def make(note: Received, body: dict[str, Any], tags: dict[str, str]) -> tuple[Task, dict[str, Any]]:
        task = new_task(box, note, body, tags)
        answer = {"id": task.id, "status": "pending", "status_update_time": clock(task, 0)}
        return task, answer | ({"enhanced_prompt": task.values["enhanced"]} if task.values["enhanced"] else {})

    return await accept(request, json_object, problem, make)


async def accept(request: Request, read: Read, check: Problem, make: Make, words: str = "prompt") -> Response:
    """Refuse, or bill and answer, as the tags of the prompt (the field `words`) and the key say."""
    box, key = sandbox_of(request), bearer(request)
    try:
        body = await read(request)
    except TooLarge:
        return error(413, "invalid_request_error", "invalid_request", "The request body is larger than 96 MB.")
    sent = body or {}
    prompt = sent[words] if isinstance(sent.get(words), str) else ""
    tags = tags_for(prompt, key)
    note = received(request, DIALECT, key, sent.get("model"), prompt, tags)
    refusal = key_problem(key)
    if not refusal and (name := wire.refusal(box.store, tags, note)):
        refusal = refused(name, request)
    if not refusal and body is None:
        refusal = error(400, "invalid_request_error", "invalid_request", "The request body could not be read.")
    refusal = refusal or check(sent)
    if refusal:
        box.store.record(note, str(refusal.status_code))
        return refusal
    task, answer = make(note, sent, tags)
    box.store.bill(note, task, wire.status_of(tags))
    if "job" in task.values:
        tasks.start(box, task)
    return await wire.deliver(tags, answer)


def no_task(task_id: str) -> Response:
    return error(404, "invalid_request_error", "task_not_found", f"Task not found: {task_id}")


def disturbed(box: Sandbox, task: Task) -> Response | None:
    return common.disturbed(box, task, bad_key(), no_task(task.id), limited(1))


def word(task: Task) -> tuple[str, float]:
    """The status while the job runs, and the share of its time at which that status began."""
    done = tasks.share(task)
    if done < 0.15:
        return "pending", 0.0
    if "unknown-status" in task.tags:
        return "pondering", 0.15
    if task.values["upsample"] and done >= 0.6:
        return ("video_upsampling", 0.7) if done >= 0.7 else ("video_generation_completed", 0.6)
    return "processing", 0.15


def result_url(box: Sandbox, request: Request, task: Task, completed: bool) -> str | None:
    """The URL this query shows: late, early, expired or good."""
    if not completed:
        return files.url_for(box, request, task) if "early-url" in task.tags and tasks.share(task) >= 0.15 else None
    if "no-url" in task.tags:
        return None
    if "late-url" in task.tags and box.store.count(f"late-url:{task.uid}") <= 3:
        return None
    expired = task.tags.get("expired-url") == "always"
    if "expired-url" in task.tags and not expired:
        expired = box.store.count(f"expired-url:{task.uid}") == 1
    return files.url_for(box, request, task, expired)


async def query(request: Request) -> Response:
    """GET /v1/video/query?id="""
    box, key, task_id = sandbox_of(request), bearer(request), request.query_params.get("id", "")
    if bad := key_problem(key) or (bad_key() if "401" in tags_for("", key) else None):
        return bad
    if not task_id:
        return invalid("Missing required parameter: 'id'.", "id", "missing_parameter")
    task = box.store.task(task_id)
    if task is None or task.dialect != DIALECT or "api" in task.values:  # those belong to the other two APIs
        return no_task(task_id)
    box.polls[task_id] += 1
    return disturbed(box, task) or JSONResponse(bends.status(status_body(box, request, task), task.tags))


def status_body(box: Sandbox, request: Request, task: Task) -> dict[str, Any]:
    """The honest body of a query, with the oddities its tags ask for."""
    state = tasks.state(box, task)
    status, since = word(task) if state == "running" else (state, 1.0)
    body = {
        "id": task.id.partition(":")[2] if "id-drift" in task.tags else task.id,
        "status": status,
        "video_url": None if state == "failed" else result_url(box, request, task, state == "completed"),
        "enhanced_prompt": task.values["enhanced"],
        "status_update_time": clock(task, since),
    }
    if state == "failed":
        body["error"] = tasks.failure(task)
        if "moderated-late" in task.tags:
            kind = {"type": "content_policy_error", "code": "content_policy_violation"}
            body["error"] = {"message": body["error"], **kind}
    if (percent := tasks.progress(task)) is not None:
        body["progress"] = percent
    return body


async def unknown(request: Request) -> Response:
    """Any other path or method."""
    return invalid_url(request)


ROUTES = [
    Route("/v1/video/create", create, methods=["POST"]),
    Route("/v1/video/query", query, methods=["GET"]),
    Route("/files/{uid}.mp4", files.serve, methods=["GET"]),
    Route("/{path:path}", unknown, methods=METHODS),
]
