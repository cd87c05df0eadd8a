"""Result files behind signed URLs that expire, with Range, as an object store does. Source: RFC 9110, section 14."""

import asyncio
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from . import tasks
from .core import Sandbox, sandbox_of
from .endings import number
from .store import Task
from .wire import PAGE, drop

TTL, CHUNK = 3600, 256 * 1024
RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
PRIVATE = "http://169.254.169.254/latest/meta-data/"


def signature(secret: bytes, dialect: str, uid: str, expires: str) -> str:
    return hmac.new(secret, f"{dialect}/{uid}/{expires}".encode(), hashlib.sha256).hexdigest()[:40]


def url_for(box: Sandbox, request: Request, task: Task, expired: bool = False) -> str:
    """A signed URL for the task's file, good for an hour, or already past its time."""
    expires = str(int(time.time() + (-60 if expired else number(task.tags, "ttl", TTL))))
    sig = signature(box.store.secret, task.dialect, task.uid, expires)
    return f"{box.origin(request)}/{task.dialect}/files/{task.uid}.mp4?expires={expires}&sig={sig}"


def store_error(status: int, code: str, message: str) -> Response:
    """The XML of an object store."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(body, status, media_type="application/xml")


def no_such_key() -> Response:
    return store_error(404, "NoSuchKey", "The specified key does not exist.")


def span(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a Range header; None when it is to be ignored. Raises ValueError when it cannot be met."""
    found = RANGE.match(header.strip())
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    start, end = (int(first), int(last or size - 1)) if first else (max(0, size - int(last)), size - 1)
    if first and last and start > end:
        return None
    if start >= size:
        raise ValueError("range not satisfiable")
    return start, min(end, size - 1)


@dataclass(frozen=True)
class Manner:
    """How a file is served: honest by default, else as the tags of its task say."""

    media_type: str = "video/mp4"
    ranges: bool = True
    keep: float = 1.0  # the share of the file that exists as far as the client can tell
    stop: float = 1.0  # the share of the body after which the connection breaks
    rate: float = 0.0  # bytes a second, 0 = as fast as it goes


class FileAnswer(Response):
    """200, 206, 304 or 416 for one file, read in chunks: never the whole file in memory."""

    def __init__(self, path: Path, etag: str, manner: Manner) -> None:
        super().__init__()
        self.path, self.etag, self.manner = path, etag, manner

    def plan(self, request: Request, size: int, modified: str) -> tuple[int, int, int, dict[str, str]]:
        """Status, first byte, length and headers."""
        headers = {"etag": self.etag, "last-modified": modified, "content-type": self.manner.media_type}
        if request.headers.get("if-none-match") == self.etag:
            return 304, 0, 0, headers
        wanted = request.headers.get("range", "")
        if self.manner.ranges:
            headers["accept-ranges"] = "bytes"
        if not self.manner.ranges or request.headers.get("if-range", self.etag) not in (self.etag, modified):
            wanted = ""
        try:
            part = span(wanted, size)
        except ValueError:
            return 416, 0, 0, {**headers, "content-range": f"bytes */{size}", "content-length": "0"}
        start, end = part or (0, size - 1)
        if part:
            headers["content-range"] = f"bytes {start}-{end}/{size}"
        return (206 if part else 200), start, end - start + 1, {**headers, "content-length": str(end - start + 1)}

    async def chunks(self, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start`, at the manner's rate."""
        step = max(1, int(self.manner.rate / 4)) if self.manner.rate else CHUNK
        with self.path.open("rb") as file:
            while length > 0:
                part = await asyncio.to_thread(os.pread, file.fileno(), min(step, length), start)
                if not part:
                    return
                yield part
                start, length = start + len(part), length - len(part)
                if self.manner.rate:
                    await asyncio.sleep(0.25)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stat = self.path.stat()
        size = int(stat.st_size * self.manner.keep)
        status, start, length, headers = self.plan(Request(scope), size, formatdate(stat.st_mtime, usegmt=True))
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        if scope["method"] != "HEAD":
            async for part in self.chunks(start, int(length * self.manner.stop)):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            if self.manner.stop < 1:
                return await drop(scope, receive)
        await send({"type": "http.response.body", "body": b""})


def manner(box: Sandbox, task: Task, method: str) -> Manner:
    """The tags of a task as a way to serve its file."""
    tags = task.tags
    breaks = "truncated" in tags and method == "GET" and box.store.count(f"truncated:{task.uid}") == 1
    return Manner(
        media_type="text/plain" if "wrong-type" in tags else "video/mp4",
        ranges="no-range" not in tags,
        keep=0.6 if "truncated-silent" in tags else 1.0,
        stop=0.6 if breaks else 1.0,
        rate=number(tags, "slow-file", 20_000) if "slow-file" in tags else 0.0,
    )


def detour(box: Sandbox, request: Request, task: Task) -> Response | None:
    """What comes instead of the file, if anything does."""
    tags = task.tags
    if "redirect-private" in tags:
        return RedirectResponse(PRIVATE, 302)
    if "redirect-file" in tags and "hop" not in request.query_params:
        return RedirectResponse(f"{request.url.path}?{request.url.query}&hop=1", 302)
    if "html-video" in tags:
        return HTMLResponse(PAGE)
    late = "late-file" in tags and box.store.count(f"late-file:{task.uid}") <= 2
    if "gone-url" in tags or late or tasks.state(box, task) != "completed":
        return no_such_key()
    return None


async def serve(request: Request) -> Response:
    """GET and HEAD of /<dialect>/files/<name>.mp4?expires=…&sig=…"""
    box, uid = sandbox_of(request), request.path_params["uid"]
    dialect = request.url.path.split("/")[1]
    expires, sig = request.query_params.get("expires", ""), request.query_params.get("sig", "")
    if not hmac.compare_digest(sig.encode(), signature(box.store.secret, dialect, uid, expires).encode()):
        return store_error(403, "SignatureDoesNotMatch", "The request signature does not match.")
    if int(expires) < time.time():
        return store_error(403, "AccessDenied", "Request has expired")
    task = box.store.task(uid, "uid")
    if task is None:
        return no_such_key()
    return file_answer(box, request, task)


def file_answer(box: Sandbox, request: Request, task: Task) -> Response:
    """The file of a task whose request was found good, served as its tags say."""
    if instead := detour(box, request, task):
        return instead
    path = box.clips.path(task.values["clip"])
    etag = f'"{secrets.token_hex(8)}"' if "etag-change" in task.tags else f'"{task.values["clip"]}"'
    return FileAnswer(path, etag, manner(box, task, request.method))


def content(
    box: Sandbox, request: Request, task: Task, manner: str = "bytes", note: dict[str, Any] | None = None
) -> Response:
    """/content: the bytes, JSON that names the address (beside `note`), or a redirect to it; `[[content=…]]` decides."""
    match task.tags.get("content") or manner:
        case "json":
            return JSONResponse({**(note or {}), "video_url": url_for(box, request, task)})
        case "redirect":
            return RedirectResponse(url_for(box, request, task), 302)
    return file_answer(box, request, task)
