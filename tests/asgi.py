"""Speaks ASGI to the studio like a server does: whole answers, and streams that go on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.test import Client

from accounts.models import User
from studio.asgi import application


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def cookie_of(user: User | None) -> str:
    if user is None:
        return ""
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def scope_of(path: str, cookie: str = "", method: str = "GET", **headers: str) -> dict[str, Any]:
    path, _, query = path.partition("?")
    sent = {"host": "127.0.0.1", "cookie": cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
        "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 8000),
    }  # fmt: skip


def ask(path: str, user: User | None = None, method: str = "GET", **headers: str) -> Answer:
    """One request, its whole answer."""
    scope, answer = scope_of(path, cookie_of(user), method, **headers), Answer()

    async def send(message: Any) -> None:
        _note(answer, message)

    async def go() -> None:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        await application(scope, incoming.get, send)

    asyncio.run(go())
    return answer


def _note(answer: Answer, message: Any) -> None:
    if message["type"] == "http.response.start":
        answer.status = message["status"]
        answer.headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
    else:
        answer.body += message.get("body", b"")


class Stream:
    """An open /events/ connection: `async with Stream(cookie) as stream: text = await stream.next()`."""

    def __init__(
        self, cookie: str, query: str = "", gate: Callable[[], Awaitable[Any]] | None = None, **headers: str
    ) -> None:
        self.scope = scope_of("/events/" + query, cookie, **headers)
        self.answer, self.gate = Answer(), gate
        self.parts: asyncio.Queue[str | None] = asyncio.Queue()
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> "Stream":
        self.task = asyncio.create_task(application(self.scope, self.incoming.get, self._send))
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.incoming.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(self.task, 10)

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            _note(self.answer, message)
            return
        if self.gate:
            await self.gate()
        if text := message["body"].decode():
            self.parts.put_nowait(text)
        if not message.get("more_body"):
            self.parts.put_nowait(None)

    async def next(self) -> str | None:
        """The next message; None when the server has ended the stream."""
        return await asyncio.wait_for(self.parts.get(), 20)

    async def until(self, words: str) -> str:
        """The first message that contains `words`."""
        while (text := await self.next()) is not None:
            if words in text:
                return text
        raise AssertionError(f"the stream ended without {words!r}")
