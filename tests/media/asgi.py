"""Talking to the ranges application, through httpx and message by message."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from studio.ranges import send_file

CONTENT = bytes(range(256)) * 4 + b"end"
ETAG = '"abc123"'


def app_for(path: Path, **options: Any) -> Callable[..., Awaitable[None]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send_file(scope, receive, send, path, **{"content_type": "video/mp4", "etag": ETAG, **options})

    return app


def ask(path: Path, method: str = "GET", headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app=app_for(path, **options))
        async with httpx.AsyncClient(transport=transport, base_url="http://studio") as client:
            return await client.request(method, "/", headers=headers)

    return asyncio.run(go())


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Answer:
    def __init__(self, messages: list[Any]) -> None:
        self.messages = messages
        self.status = messages[0]["status"]
        self.pieces = [message["body"] for message in messages[1:]]
        self.body = b"".join(self.pieces)
        self.finished = not messages[-1].get("more_body", False)


def http_scope(method: str = "GET", headers: list[tuple[bytes, bytes]] | None = None) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": "/", "headers": headers or []}


async def never() -> Any:
    await asyncio.Event().wait()


def collect(sent: list[Any]) -> Callable[[Any], Awaitable[None]]:
    async def send(message: Any) -> None:
        sent.append(message)

    return send


async def talk(path: Path, *, headers: list[tuple[bytes, bytes]] | None = None) -> Answer:
    sent: list[Any] = []
    await app_for(path)(http_scope(headers=headers), never, collect(sent))
    await asyncio.sleep(0)  # one turn of the loop, for cancelled tasks to end
    assert asyncio.all_tasks() == {asyncio.current_task()}, "nobody is left waiting"
    return Answer(sent)
