"""Files over HTTP with ranges, as plain ASGI.

Browsers seek in a video only when the server answers ranges, and under ASGI Django's own file response reads the whole
file into memory. Here each connection holds one piece of 256 kB: the next is read when the last was taken.
Source: RFC 9110 sections 13.1 (conditions), 14 (ranges); RFC 6266 and RFC 8187 (file names).
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

CHUNK = 256 * 1024
# 19 digits hold every file size; more would only make int() work
ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.IGNORECASE)
ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


async def send_file(
    scope: Scope,
    receive: Receive,
    send: Send,
    path: Path,
    *,
    content_type: str,
    filename: str | None = None,
    download: bool = False,
    etag: str,
    cache_control: str = "private, max-age=86400",
) -> None:
    """Answer GET or HEAD with a file: 200, 206, 304 or 416; 405 for other methods.

    `etag` is a strong tag, with or without its quotes. Whether this visitor may have the file is the caller's decision.
    Raises FileNotFoundError before anything was sent, so that the caller can answer 404; ConnectionError when the
    file became shorter while it was sent, so that the server cuts the connection instead of ending it neatly.
    """
    if scope["method"] not in ("GET", "HEAD"):
        await _answer(send, 405, [(b"allow", b"GET, HEAD"), (b"content-length", b"0")])
        return
    descriptor, size = await asyncio.to_thread(_open, path)
    try:
        tag = etag if etag.startswith('"') else f'"{etag}"'
        request = _headers(scope)
        base = _base_headers(tag, cache_control)
        if _matches(request.get("if-none-match"), tag):
            await _answer(send, 304, base)
            return
        part = _wanted(scope["method"], request, tag, size)
        if part is not None and not part:
            await _answer(send, 416, [*base, _header("content-range", f"bytes */{size}"), (b"content-length", b"0")])
            return
        base += [
            _header("content-type", content_type),
            _header("content-length", str(size if part is None else len(part))),
            *content_disposition(filename, download=download),
        ]
        if part is not None:
            base.append(_header("content-range", f"bytes {part.start}-{part.stop - 1}/{size}"))
        await send({"type": "http.response.start", "status": 200 if part is None else 206, "headers": base})
        body = range(0) if scope["method"] == "HEAD" else part or range(size)
        await _stream(receive, send, descriptor, body)
    finally:
        # A cancelled read may still run in its thread; its bytes go nowhere.
        os.close(descriptor)


def parse_range(value: str | None, size: int) -> range | None:
    """The offsets that a Range header asks for; None for the whole file; an empty range when none of them exists.

    None also for what a server must or may ignore: other units, malformed or reversed numbers, several ranges (an
    answer in several parts is something no player reads).
    """
    match = ONE_RANGE.fullmatch(value) if value else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size) if size else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def content_disposition(filename: str | None, *, download: bool) -> Headers:
    """The header for a name shown when saving, with an ASCII form for old clients; nothing when inline without name."""
    kind = "attachment" if download else "inline"
    if not filename:
        return [_header("content-disposition", kind)] if download else []
    clean = "".join("_" if char in '/\\"' else char for char in filename if char.isprintable()).strip(". ") or "file"
    plain = clean.encode("ascii", "replace").decode().replace("?", "_").replace("%", "_")
    value = f'{kind}; filename="{plain}"'
    if plain != clean:
        value += f"; filename*=UTF-8''{quote(clean.encode('utf-8', 'replace'), safe='')}"
    return [_header("content-disposition", value)]


def _open(path: Path) -> tuple[int, int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        os.close(descriptor)
        raise FileNotFoundError(f"{path} is not a regular file")
    return descriptor, state.st_size


def _headers(scope: Scope) -> dict[str, str]:
    """Request headers by lower-case name; repeated ones joined as RFC 9110 section 5.3 says."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _wanted(method: str, request: dict[str, str], tag: str, size: int) -> range | None:
    """Ranges exist for GET only, and only while If-Range still names this file (a date cannot, none is sent)."""
    if method != "GET" or request.get("if-range", tag) != tag:
        return None
    return parse_range(request.get("range"), size)


def _matches(if_none_match: str | None, tag: str) -> bool:
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in ENTITY_TAG.findall(if_none_match)


def _base_headers(tag: str, cache_control: str) -> Headers:
    return [
        (b"accept-ranges", b"bytes"),
        _header("etag", tag),
        _header("cache-control", cache_control),
        (b"x-content-type-options", b"nosniff"),
        # Opened by itself, a file can run nothing and load nothing.
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]


def _header(name: str, value: str) -> tuple[bytes, bytes]:
    if "\r" in value or "\n" in value:
        raise ValueError(f"The {name} header would contain a line break.")
    return name.encode(), value.encode("latin-1")


async def _answer(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _stream(receive: Receive, send: Send, descriptor: int, body: range) -> None:
    """Send the bytes at these offsets, until the client goes away."""
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        for offset in range(body.start, body.stop, CHUNK):
            wanted = min(CHUNK, body.stop - offset)
            piece = await asyncio.to_thread(os.pread, descriptor, wanted, offset)
            if gone.done():
                return
            if len(piece) < wanted:
                raise ConnectionError("The file became shorter while it was sent. The answer was cut off.")
            more = offset + wanted < body.stop
            if not await _taken(send, {"type": "http.response.body", "body": piece, "more_body": more}):
                return
        if not body:
            await _taken(send, {"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _taken(send: Send, message: Message) -> bool:
    """Whether the server took the message: some raise OSError once the client has gone, others are silent."""
    try:
        await send(message)
    except OSError:
        return False
    return True


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
