"""A4F: POST /v1/video/generations, which answers with the video itself when it is ready. Source: A4F API reference, Video
Generation."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .. import files, tasks, wire
from ..core import Sandbox, sandbox_of
from ..endings import number, tags_for
from ..store import Received, Task
from .a4f_rules import (
    DIALECT,
    MODELS,
    bad_key,
    error,
    failure,
    invalid,
    key_problem,
    problem,
    refused,
    size,
)
from .common import TooLarge, bearer, json_object, received

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
STEP = 192 * 1024  # bytes of video at a time; three become four letters
SMALL = ("hang", "lose-answer", "502-billed", "garbage", "empty", "bomb")  # answers without a video
WEB_PAGE = wire.PAGE.encode() * 100


def new_task(box: Sandbox, note: Received, body: dict[str, Any], tags: dict[str, str]) -> Task:
    wanted = size(body["quality"], body.get("ratio", "9:16"))
    sound = MODELS[body["model"]].sound
    job = tasks.clip_job(box, body["model"], body["prompt"], note.prompt_sha256, wanted, float(body["duration"]), sound)
    values = {"job": asdict(replace(job, fps=24)), "images": []}
    return Task(f"a4f-{secrets.token_hex(12)}", DIALECT, tasks.seconds_for(box, tags), tags, values)


async def create(request: Request) -> Response:
    """POST /v1/video/generations: billed when it is accepted, answered when it is rendered."""
    box, key = sandbox_of(request), bearer(request)
    try:
        body = await json_object(request)
    except TooLarge:
        return error(413, "invalid_request_error", "The request body is larger than 96 MB.")
    sent = body or {}
    prompt = sent["prompt"] if isinstance(sent.get("prompt"), str) else ""
    tags = tags_for(prompt, key)
    note = received(request, DIALECT, key, sent.get("model"), prompt, tags)
    refusal = key_problem(key)
    if not refusal and (name := wire.refusal(box.store, tags, note)):
        refusal = refused(name, request)
    if not refusal and body is None:
        refusal = invalid("The request body must be a JSON object", "body")
    refusal = refusal or problem(sent)
    if refusal:
        box.store.record(note, str(refusal.status_code))
        return refusal
    task = new_task(box, note, sent, tags)
    box.store.bill(note, task, "500" if "fail" in tags else wire.status_of(tags))
    tasks.start(box, task)
    return await answer(box, request, task)


async def answer(box: Sandbox, request: Request, task: Task) -> Response:
    tags = task.tags
    if any(name in tags for name in SMALL):
        return await wire.deliver(tags, {})
    if "slow" in tags:
        await asyncio.sleep(number(tags, "slow", 8))
    while tasks.state(box, task) == "running":
        await asyncio.sleep(0.02)
        task = box.store.task(task.id) or task
    if text := tasks.failure(task):
        return JSONResponse(failure(text), 500)
    if "stream-error" in tags:
        return JSONResponse(failure(tasks.FAILED_TEXT))
    if "no-id" in tags:
        return JSONResponse(body_around(task, None))
    if "hosted" in tags:
        return JSONResponse(body_around(task, None, files.url_for(box, request, task)))
    path = None if "html-video" in tags else box.clips.path(task.values["clip"])
    return Video(path, task)


def body_around(task: Task, video: str | None, url: str | None = None) -> dict[str, Any]:
    entry = {"b64_json": video, "url": url, "revised_prompt": None}
    return {"created": int(task.at + task.seconds), "data": [entry]}


class Video(StreamingResponse):
    """The whole answer, encoded piece by piece, with the damage that the task's tags ask for. Without a path: a web page."""

    def __init__(self, path: Path | None, task: Task) -> None:
        self.path, self.tags = path, task.tags
        self.size = path.stat().st_size if path else len(WEB_PAGE)
        self.size = int(self.size * 0.6) if "truncated-silent" in self.tags else self.size
        head, _, tail = json.dumps(body_around(task, "*")).partition("*")
        self.head, self.tail = head.encode(), tail.encode()
        self.length = len(head) + (self.size + 2) // 3 * 4 + len(tail)
        super().__init__(self.whole(), media_type="application/json", headers={"Content-Length": str(self.length)})

    async def whole(self) -> AsyncIterator[bytes]:
        sent, end = 0, self.length * 0.6 if "cut" in self.tags else self.length
        async for piece in self.pieces():
            yield piece[: max(0, int(end - sent))]
            sent += len(piece)
            if sent >= end:
                return

    async def pieces(self) -> AsyncIterator[bytes]:
        rate = number(self.tags, "slow-file", 20_000) if "slow-file" in self.tags else 1 / number(self.tags, "drip", 1) if (
            "drip" in self.tags) else 0.0  # fmt: skip
        step = max(3, int(rate / 4) // 3 * 3) if rate else STEP
        yield self.head
        for start in range(0, self.size, step):
            part = await asyncio.to_thread(self.read, start, min(step, self.size - start))
            text = base64.b64encode(part)
            if "corrupt" in self.tags and start <= self.size // 2 < start + step:
                text = b"*" + text[1:]
            yield text
            if rate:
                await asyncio.sleep(len(text) / rate)
        yield self.tail

    def read(self, start: int, length: int) -> bytes:
        if self.path is None:
            return WEB_PAGE[start : start + length]
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "cut" not in self.tags:
            return await super().__call__(scope, receive, send)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for piece in self.body_iterator:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await wire.drop(scope, receive)


async def usage(request: Request) -> Response:
    """GET /v1/usage: the plan and its limits; free of charge."""
    key = bearer(request)
    if bad := key_problem(key) or (bad_key() if "401" in tags_for("", key) else None):
        return bad
    return JSONResponse({"plan": "pro", "rpm": 20, "rpd": 500, "time": int(time.time())})


async def unknown(request: Request) -> Response:
    return refused("404", request)


ROUTES = [
    Route("/v1/video/generations", create, methods=["POST"]),
    Route("/v1/usage", usage, methods=["GET"]),
    Route("/files/{uid}.mp4", files.serve, methods=["GET"]),
    Route("/{path:path}", unknown, methods=METHODS),
]
