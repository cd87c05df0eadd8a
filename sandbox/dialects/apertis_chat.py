"""Apertis' Sora over POST /v1/chat/completions, as a stream of events. Source: Apertis Video API, Sora-2 Chat Completions API.

The job is one of the create/query kind: GET /v1/video/query knows it too.
"""

import asyncio
import json
import secrets
import string
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .. import files, tasks, wire
from ..core import Sandbox, sandbox_of
from ..endings import number, tags_for
from ..store import Received, Task
from .apertis_rules import DIALECT, PROMPT_LIMIT, error, invalid, key_problem, refused
from .common import TooLarge, bearer, json_object, received

MODELS = ("sora-2", "sora-2-pro")
SIZE, SECONDS, FPS = (1280, 720), 10.0, 30
PARAMETERS = ("model", "messages", "stream")
STEPS = (0, 25, 50, 75)  # percent that the stream tells
SMALL = ("hang", "lose-answer", "502-billed", "garbage", "empty", "bomb")
DONE = "data: [DONE]\n\n"
BLOCKED = {
    "message": "The generated video was blocked.",
    "type": "invalid_request_error",
    "param": None,
    "code": "sentinel_block",
}


def prompt_of(body: dict[str, Any]) -> str:
    """The text of the last message of a person; "" when there is none."""
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user" and isinstance(message.get("content"), str):
            return str(message["content"])
    return ""


def problem(body: dict[str, Any]) -> Response | None:
    """What the document says about the request; None when it is good."""
    for name in ("model", "messages"):
        if body.get(name) in (None, "", []):
            return invalid(f"Missing required parameter: '{name}'.", name, "missing_parameter")
    if body["model"] not in list(MODELS):
        message = f"The model '{body['model']}' does not exist or you do not have access to it."
        return error(404, "invalid_request_error", "model_not_found", message, "model")
    for name in body:
        if name not in PARAMETERS:
            return invalid(f"Unknown parameter for this model: '{name}'.", name)
    if not isinstance(body.get("stream", False), bool):
        return invalid("'stream' must be a boolean.", "stream")
    prompt = prompt_of(body)
    if not prompt.strip() or any("\ud800" <= letter <= "\udfff" for letter in prompt):
        return invalid("'messages' must hold a text of a user.", "messages")
    return invalid("The prompt is too long.", "messages") if len(prompt) > PROMPT_LIMIT else None


def new_task(box: Sandbox, note: Received, tags: dict[str, str]) -> Task:
    tail = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
    job = tasks.clip_job(box, note.model, note.prompt, note.prompt_sha256, SIZE, SECONDS, True)
    values = {"job": asdict(replace(job, fps=FPS)), "images": [], "enhanced": "", "upsample": False}
    return Task(f"sora-2:{int(time.time())}-{tail}", DIALECT, tasks.seconds_for(box, tags), tags, values)


async def create(request: Request) -> Response:
    """POST /v1/chat/completions"""
    box, key = sandbox_of(request), bearer(request)
    try:
        body = await json_object(request)
    except TooLarge:
        return error(413, "invalid_request_error", "invalid_request", "The request body is larger than 96 MB.")
    sent = body or {}
    prompt = prompt_of(sent)
    tags = tags_for(prompt, key)
    note = received(request, DIALECT, key, sent.get("model"), prompt, tags)
    refusal = key_problem(key)
    if not refusal and (name := wire.refusal(box.store, tags, note)):
        refusal = refused(name, request)
    if not refusal and body is None:
        refusal = error(400, "invalid_request_error", "invalid_request", "The request body is not a JSON object.")
    refusal = refusal or problem(sent)
    if not refusal and "stream-refused" in tags:
        refusal = StreamingResponse(only(frame({"error": BLOCKED}) + DONE), media_type="text/event-stream")
    if refusal:
        box.store.record(note, str(refusal.status_code))
        return refusal
    task = new_task(box, note, tags)
    box.store.bill(note, task, wire.status_of(tags))
    tasks.start(box, task)
    if any(name in tags for name in SMALL):
        return await wire.deliver(tags, {})
    if not sent.get("stream"):
        text = "\n".join([text async for text in story(box, request, task)])
        return JSONResponse(
            {"object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": text}}]}
        )
    return Events(box, request, task)


async def only(text: str) -> AsyncIterator[str]:
    yield text


def frame(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


def delta(text: str) -> str:
    return frame({"choices": [{"delta": {"content": text}}]})


async def story(box: Sandbox, request: Request, task: Task) -> AsyncIterator[str]:
    """The texts of the stream, each when its time has come."""
    if "no-id" not in task.tags:
        yield f"task_id: {task.id}"
    for step in STEPS:
        while tasks.share(task) * 100 < step:
            await asyncio.sleep(0.01)
        yield f"progress: {step}%"
    while tasks.state(box, task) == "running":
        await asyncio.sleep(0.02)
        task = box.store.task(task.id) or task
    if not {"no-address", "no-id"} & set(task.tags) and not tasks.failure(task):
        yield f"video_url: {files.url_for(box, request, task, expired='expired-url' in task.tags)}"


class Events(StreamingResponse):
    """The stream, with the oddities that the task's tags ask for."""

    def __init__(self, box: Sandbox, request: Request, task: Task) -> None:
        self.box, self.request, self.task = box, request, task
        super().__init__(self.sent(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})

    async def events(self) -> AsyncIterator[str]:
        tags = self.task.tags
        if "slow" in tags:
            await asyncio.sleep(number(tags, "slow", 8))
        async for text in story(self.box, self.request, self.task):
            if "comments" in tags:
                yield ": keep-alive\r\n\r\n" + delta(text).replace("\n\n", "\r\n\r\n") + "event: ping\r\n\r\n"
            elif "split" in tags:
                for letter in text + "\n":
                    yield delta(letter)
            else:
                yield delta(text)
            if "cut" in tags and text.startswith("progress"):
                return
            if "stream-error" in tags and text.startswith("task_id"):
                yield frame({"error": BLOCKED})
                break
        if text := tasks.failure(self.task):
            yield frame({"error": {"message": text, "type": "server_error", "code": "internal_error"}})
        yield DONE

    async def sent(self) -> AsyncIterator[str]:
        async for event in self.events():
            if "split" in self.task.tags:
                for start in range(0, len(event), 7):
                    yield event[start : start + 7]
                    await asyncio.sleep(0)
            elif "drip" in self.task.tags:
                for letter in event:
                    yield letter
                    await asyncio.sleep(number(self.task.tags, "drip", 1))
            else:
                yield event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "cut" not in self.task.tags:
            return await super().__call__(scope, receive, send)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for piece in self.body_iterator:
            await send({"type": "http.response.body", "body": str(piece).encode(), "more_body": True})
        await wire.drop(scope, receive)


ROUTES = [Route("/v1/chat/completions", create, methods=["POST"])]
