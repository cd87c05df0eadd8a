"""The Videos API of OpenAI: create, retrieve, list, content, delete and remix. Source: OpenAI API reference, Videos."""

import re
import secrets
from dataclasses import asdict, replace
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import bends, files, images, tasks, wire
from ..core import Sandbox, sandbox_of
from ..endings import number, tags_for
from ..store import Received, Task
from .common import BODY_BYTES, TooLarge, bearer, disturbed, fingerprint, json_object, own_task, received
from .openai_rules import (
    DIALECT,
    SECONDS,
    STANDARD,
    Attached,
    bad_key,
    error,
    invalid,
    invalid_url,
    key_problem,
    limited,
    metadata_of,
    no_video,
    problem,
    refused,
)

FPS = 30
MOST_LISTED = 100
FIELD = re.compile(r"(metadata|input_reference)\[([^\]]+)\]")  # a field of an object, as OpenAI's own client sends it
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


# --- create --------------------------------------------------------------------------------------------------------------
async def body_of(request: Request) -> dict[str, Any] | None:
    """The fields of a JSON or a multipart request, None when it is neither. Raises TooLarge."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await json_object(request)
    if int(request.headers.get("content-length") or 0) > BODY_BYTES:
        raise TooLarge
    try:
        form = await request.form(max_files=1, max_part_size=4 * 1024**2)
    except (MultiPartException, AssertionError, KeyError):
        return None
    found: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            found[name] = Attached(await value.read())
        elif name == "input_reference":  # hosts of New API's family take the address as a plain text
            found[name] = {"image_url": value}
        elif inner := FIELD.fullmatch(name):
            kept = found.get(inner[1])
            found[inner[1]] = (kept if isinstance(kept, dict) else {}) | {inner[2]: value}
        else:
            found[name] = value
    return found


def new_task(box: Sandbox, note: Received, body: dict[str, Any], tags: dict[str, str], remixed: str = "") -> Task:
    """The accepted job. Ids look like those of the reference: "video_" and hex digits."""
    model, size = body.get("model", "sora-2"), body.get("size", STANDARD[0])
    width, height = (int(side) for side in size.split("x"))
    seconds = body.get("seconds", SECONDS[0])
    job = tasks.clip_job(box, model, body["prompt"], note.prompt_sha256, (width, height), float(seconds), True)
    values = {
        "job": asdict(replace(job, fps=FPS)),
        "images": sources(box, body.get("input_reference")),
        "key": note.key_fingerprint,
        "seconds": seconds,
        "size": size,
        "model": model,
        "prompt": body["prompt"],
        "remixed": remixed,
        "metadata": metadata_of(body["metadata"]) if "metadata" in body else None,
        "user": body.get("user"),
    }
    return Task(f"video_{secrets.token_hex(24)}", DIALECT, tasks.seconds_for(box, tags), tags, values)


def sources(box: Sandbox, image: Attached | dict[str, str] | None) -> list[dict[str, str]]:
    if isinstance(image, Attached):
        return [{"file": images.keep(box.clips, image.content)}]
    return tasks.sources(box, [image["image_url"]]) if image else []


async def create(request: Request) -> Response:
    """POST /v1/videos"""
    box, key = sandbox_of(request), bearer(request)
    try:
        body = await body_of(request)
    except TooLarge:
        return error(413, "The request body is larger than 96 MB.")
    return await accept(request, box, key, body, "")


async def remix(request: Request) -> Response:
    """POST /v1/videos/{id}/remix: the settings of a completed video with another prompt."""
    box, key = sandbox_of(request), bearer(request)
    if bad := key_problem(key):
        return bad
    task = own_task(request, DIALECT, request.path_params["id"])
    if task is None or tasks.state(box, task) != "completed":
        return no_video(request.path_params["id"])
    sent = await json_object(request) or {}
    kept = {name: task.values[name] for name in ("model", "size", "seconds")}
    return await accept(request, box, key, sent | kept, task.id)


async def accept(request: Request, box: Sandbox, key: str, body: dict[str, Any] | None, remixed: str) -> Response:
    """Refuse, or bill and answer, as the tags of the prompt say."""
    sent = body or {}
    prompt = sent["prompt"] if isinstance(sent.get("prompt"), str) else ""
    tags = tags_for(prompt, key)
    note = received(request, DIALECT, key, sent.get("model", "sora-2"), prompt, tags)
    refusal = key_problem(key)
    if not refusal and (name := wire.refusal(box.store, tags, note)):
        refusal = refused(name, request)
    if not refusal and body is None:
        refusal = error(400, "We could not parse the body of your request.")
    refusal = refusal or problem(sent)
    if refusal:
        box.store.record(note, str(refusal.status_code))
        return refusal
    task = new_task(box, note, sent, tags, remixed)
    box.store.bill(note, task, wire.status_of(tags))
    if "twice" in tags:
        box.store.bill(note, new_task(box, note, sent, tags, remixed), "none")
    tasks.start(box, task)
    return await wire.deliver(tags, video(box, task))


# --- one video -----------------------------------------------------------------------------------------------------------
def clock(task: Task, share: float) -> int:
    """Unix time of a point in the job's life; in milliseconds where the ending says so."""
    moment = task.at + task.seconds * share
    return int(moment * 1000) if "ms" in task.tags else int(moment)


def video(box: Sandbox, task: Task) -> dict[str, Any]:
    """The Video object, with the oddities its tags ask for. It never has an address."""
    state, done = tasks.state(box, task), tasks.share(task)
    body: dict[str, Any] = {
        "id": f"drifted_{task.id}" if "id-drift" in task.tags and done >= 0.15 else task.id,
        "object": "video",
        "model": task.values["model"],
        "status": state if state != "running" else word(task, done),
        "progress": tasks.progress(task) or (0 if done < 0.15 else 99 if state == "running" and done >= 1 else int(100 * done)),
        "created_at": clock(task, 0),
        "completed_at": clock(task, 1) if state == "completed" else None,
        "expires_at": clock(task, 1) + int(number(task.tags, "ttl", 3600)) if state == "completed" else None,
        "seconds": task.values["seconds"],
        "size": task.values["size"],
        "prompt": task.values["prompt"],
        "remixed_from_video_id": task.values["remixed"] or None,
        "error": None,
    }  # fmt: skip
    body |= {name: task.values[name] for name in ("metadata", "user") if task.values[name] is not None}
    if state == "failed":
        code = "moderation_blocked" if "moderated-late" in task.tags else "video_generation_failed"
        body["error"] = {"code": code, "message": tasks.failure(task)}
    return body


def word(task: Task, done: float) -> str:
    if done < 0.15:
        return "queued"
    return "pondering" if "unknown-status" in task.tags else "in_progress"


def key_refused(request: Request) -> Response | None:
    key = bearer(request)
    return key_problem(key) or (bad_key() if "401" in tags_for("", key) else None)


async def retrieve(request: Request) -> Response:
    """GET /v1/videos/{id}"""
    if bad := key_refused(request):
        return bad
    box, task = sandbox_of(request), own_task(request, DIALECT, request.path_params["id"])
    if task is None:
        return no_video(request.path_params["id"])
    box.polls[task.id] += 1
    return disturbed(box, task, bad_key(), no_video(task.id), limited(1)) or JSONResponse(
        bends.status(video(box, task), task.tags)
    )


async def content(request: Request) -> Response:
    """GET /v1/videos/{id}/content: the bytes, with the key."""
    if bad := key_refused(request):
        return bad
    box, task = sandbox_of(request), own_task(request, DIALECT, request.path_params["id"])
    if task is None:
        return no_video(request.path_params["id"])
    if (variant := request.query_params.get("variant", "video")) != "video":
        return invalid(f"Variant '{variant}' is not available in the sandbox.", "variant")
    if tasks.state(box, task) != "completed":
        return error(404, "Video is not ready yet, use GET /v1/videos/{video_id} to check status.", code="not_found")
    if "expired-url" in task.tags and (
        task.tags["expired-url"] == "always" or box.store.count(f"expired-url:{task.uid}") == 1
    ):
        return error(404, "The content of this video has expired.", code="expired")
    return files.content(box, request, task)


async def delete(request: Request) -> Response:
    """DELETE /v1/videos/{id}: completed and failed ones only."""
    if bad := key_refused(request):
        return bad
    box, task = sandbox_of(request), own_task(request, DIALECT, request.path_params["id"])
    if task is None:
        return no_video(request.path_params["id"])
    if tasks.state(box, task) == "running":
        return error(400, "Only completed or failed videos can be deleted.")
    task.values["deleted"] = True
    box.store.update(task)
    return JSONResponse({"id": task.id, "object": "video.deleted", "deleted": True})


# --- the list --------------------------------------------------------------------------------------------------------------
async def listing(request: Request) -> Response:
    """GET /v1/videos?limit=&after=&order=: what this key made, the newest first."""
    if bad := key_refused(request):
        return bad
    query, tags = request.query_params, tags_for("", bearer(request))
    if "list-404" in tags:
        return invalid_url(request)
    if "list-500" in tags or ("list-gap" in tags and query.get("after")):
        return refused("500" if "list-500" in tags else "502", request)
    limit, order = query.get("limit", "20"), query.get("order", "desc")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MOST_LISTED):
        return invalid(f"Invalid 'limit': expected an integer from 1 to {MOST_LISTED}.", "limit")
    if order not in ("asc", "desc"):
        return invalid("Invalid 'order': expected 'asc' or 'desc'.", "order")
    box = sandbox_of(request)
    found = ids(box, fingerprint(bearer(request)), newest_first=order == "desc")
    if after := query.get("after"):
        if after not in found:
            return no_video(after)
        found = found[found.index(after) + 1 :]
    page = [task for each in found[: int(limit)] if (task := box.store.task(each))]
    data = [video(box, task) for task in page]
    first, last = (page[0].id, page[-1].id) if page else (None, None)
    more = len(found) > int(limit)
    return JSONResponse({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": more})


def ids(box: Sandbox, key: str, newest_first: bool) -> list[str]:
    sql = (
        "SELECT id FROM task WHERE dialect = ? AND json_extract(values_, '$.key') = ?"
        " AND json_extract(values_, '$.deleted') IS NULL ORDER BY at, rowid"
    )
    found = [row["id"] for row in box.store.rows(sql, (DIALECT, key))]
    return found[::-1] if newest_first else found


async def unknown(request: Request) -> Response:
    """Any other path or method."""
    return invalid_url(request)


ROUTES = [
    Route("/v1/videos", create, methods=["POST"]),
    Route("/v1/videos", listing, methods=["GET"]),
    Route("/v1/videos/{id}", retrieve, methods=["GET"]),
    Route("/v1/videos/{id}", delete, methods=["DELETE"]),
    Route("/v1/videos/{id}/content", content, methods=["GET"]),
    Route("/v1/videos/{id}/remix", remix, methods=["POST"]),
    Route("/files/{uid}.mp4", files.serve, methods=["GET"]),
    Route("/{path:path}", unknown, methods=METHODS),
]
