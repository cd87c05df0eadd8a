"""Bad behaviour on the wire, the same for every dialect: answers that are late, broken, endless or missing."""

import asyncio
import gzip
import io
import json
import time
from collections.abc import AsyncIterator
from email.utils import formatdate
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from . import bends
from .endings import number
from .store import Received, Store

BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>"
    "\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
PAGE = "<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"
REFUSALS = (
    "error-200",
    "no-channel",
    "429-empty",
    "401",
    "402",
    "404",
    "400",
    "moderated",
    "429-always",
    "500",
    "502",
    "redirect",
)
BOMB_BYTES = 100 * 1000 * 1000
SILENT = ("hang", "lose-answer")


async def gone(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Hang(Response):
    """Never answers; ends when the client leaves. A server that stops closes the connection, still without a word."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await gone(receive)
        except asyncio.CancelledError:
            await drop(scope, receive)


class Drop(Response):
    """Closes the connection without a byte of answer. Raises ConnectionResetError where there is no connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await drop(scope, receive)


async def drop(scope: Scope, receive: Receive) -> None:
    """Send what is buffered, then close. The sandbox's own server hands its connection over in the scope."""
    opened = scope.get("extensions", {}).get("sandbox.transport")
    if opened is None:
        raise ConnectionResetError(
            "The sandbox closes this connection on purpose; run it with sandbox.server to see it."
        )
    opened["connection"].close()
    await gone(receive)


def bad_gateway() -> Response:
    return HTMLResponse(BAD_GATEWAY, 502)


@cache
def bomb() -> bytes:
    """About 100 kB of gzip that unpack to a JSON object of 100 MB."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0) as out:
        out.write(b'{"id":"')
        block = b"A" * 1_000_000
        for _ in range(BOMB_BYTES // len(block)):
            out.write(block)
        out.write(b'"}')
    return packed.getvalue()


async def byte_by_byte(body: bytes, pause: float) -> AsyncIterator[bytes]:
    for i in range(len(body)):
        yield body[i : i + 1]
        await asyncio.sleep(pause)


def other(name: str) -> Response:
    """Refusals that look the same in every dialect."""
    if name == "error-200":
        words = {"message": "The request was refused.", "type": "invalid_request_error", "code": "invalid_request"}
        return JSONResponse({"error": words})
    if name == "429-date":
        return JSONResponse(
            {"message": "Too many requests."}, 429, {"Retry-After": formatdate(time.time() + 2, usegmt=True)}
        )
    return bad_gateway()


def refusal(store: Store, tags: dict[str, str], request: Received) -> str | None:
    """The name of the refusal this request gets, None when it is let through. Counted ones are remembered on disk."""
    for name in REFUSALS:
        if name in tags:
            return name
    who = f"{request.key_fingerprint}:{request.prompt_sha256}"
    for name in ("429", "429-date"):
        if name in tags and store.count(f"{name}:{who}") <= number(tags, name, 2):
            return name
    return "503" if "503" in tags and store.count(f"503:{who}") <= 1 else None


def same_address(request: Request) -> Response:
    """A redirect without end."""
    return RedirectResponse(request.url.path, 307)


def status_of(tags: dict[str, str]) -> str:
    """The HTTP status of the answer to a billed request, for the record: "none" when there is no answer."""
    return "none" if any(name in tags for name in SILENT) else "502" if "502-billed" in tags else "200"


async def deliver(tags: dict[str, str], body: dict[str, Any], id_key: str = "id") -> Response:
    """The answer to an accepted, billed request, bent as its tags say. `body` is the honest answer."""
    if "hang" in tags:
        return Hang()
    if "slow" in tags:
        await asyncio.sleep(number(tags, "slow", 8))
    if "lose-answer" in tags:
        return Drop()
    if "502-billed" in tags:
        return bad_gateway()
    if "garbage" in tags:
        return HTMLResponse(PAGE)
    if "bomb" in tags:
        packed = await asyncio.to_thread(bomb)
        return Response(packed, media_type="application/json", headers={"Content-Encoding": "gzip"})
    body = bends.accepted(body, tags, id_key)
    content = b"" if "empty" in tags else json.dumps(body, ensure_ascii=False).encode()
    if "drip" in tags:
        length = {"Content-Length": str(len(content))}
        stream = byte_by_byte(content, number(tags, "drip", 1))
        return StreamingResponse(stream, media_type="application/json", headers=length)
    return Response(content, media_type="application/json")
