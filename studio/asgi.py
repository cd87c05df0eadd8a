"""Django, and in front of it two plain ASGI routes: live events and media.

Both answer for minutes. Django would hold a thread and a database connection for each of them; here they cost neither.
Whoever may not have what they ask for is passed on to Django, which says so like for every other page.
"""

import asyncio
import contextlib
import io
import os
import re
import time
import warnings
from importlib import import_module
from typing import Any, cast
from urllib.parse import parse_qs, quote

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")

from django.core.asgi import get_asgi_application

django: Any = get_asgi_application()  # before the imports below: they need the applications to be loaded

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user  # noqa: E402
from django.core.exceptions import SuspiciousOperation  # noqa: E402
from django.core.handlers.asgi import ASGIRequest  # noqa: E402
from django.db import connections  # noqa: E402

from accounts.middleware import TeamMiddleware  # noqa: E402
from accounts.requests import StudioRequest  # noqa: E402
from generations import memory  # noqa: E402
from generations.uploads import MOST_FILES  # noqa: E402
from generations.views import media, sharing  # noqa: E402

from . import live  # noqa: E402
from .ranges import Receive, Scope, Send, content_disposition, send_file  # noqa: E402

# whitenoise hands files over in pieces and Django collects them in a thread; its warning is nothing that a reader can act on
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

memory.keep_what_is_loaded()
LARGEST_BODY = MOST_FILES * settings.MAX_IMAGE_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE  # bytes
TOO_LARGE = (
    f"This is more than any form of the studio takes ({LARGEST_BODY // 2**20} MB). Nothing was kept, and nothing was sent or"
    " charged. Choose fewer or smaller images.\n"
)
LINGER, LONGEST_LINGER = 5.0, 30.0  # seconds that the rest of a refused body may pause, and take in all
MEDIA = re.compile(r"/media/([0-9]{1,18})/([a-z0-9.-]{1,40})")
SHARED = re.compile(r"/s/([A-Za-z0-9_-]{43})/([a-z0-9.-]{1,40})")  # a file behind a link; its page is Django's


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close"})
    elif scope["path"] == "/events/":
        await _events(scope, receive, send)
    elif match := MEDIA.fullmatch(scope["path"]):
        await _media(scope, receive, send, await asyncio.to_thread(_found, scope, int(match[1]), match[2]))
    elif match := SHARED.fullmatch(scope["path"]):
        await _media(scope, receive, _unlisted(send), await asyncio.to_thread(_shared, scope, match[1], match[2]))
    elif _declared(scope) > LARGEST_BODY:
        await _too_large(receive, send)
    else:
        limited = _Limited(receive)
        await django(scope, limited, send)
        if limited.is_over:  # for Django the visitor has gone, so it has said nothing
            await _too_large(receive, send)


def _declared(scope: Scope) -> int:
    size = dict(scope["headers"]).get(b"content-length", b"0")
    return int(size) if size.isdigit() else 0


class _Limited:
    """Django spools a whole body to the disk before any upload handler sees it: here it ends at the largest form."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.seen = 0

    @property
    def is_over(self) -> bool:
        return self.seen > LARGEST_BODY

    async def __call__(self) -> dict[str, Any]:
        message = await self.receive()
        self.seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.is_over else message


async def _too_large(receive: Receive, send: Send) -> None:
    """413 in words. The rest is read and thrown away: a connection that is closed over unread bytes loses the answer."""
    body = TOO_LARGE.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    end = time.monotonic() + LONGEST_LINGER
    with contextlib.suppress(TimeoutError):
        while (await asyncio.wait_for(receive(), LINGER)).get("more_body") and time.monotonic() < end:
            pass
    await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            live.close_on_signals()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _events(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] != "GET":
        await _refuse(send, 405, [(b"allow", b"GET")])
        return
    asked = await asyncio.to_thread(_watcher, scope)
    if asked is None:
        await _refuse(send, 401)
        return
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await live.stream(asked, receive, send, still_in=lambda: _still_in(scope, asked))


async def _media(scope: Scope, receive: Receive, send: Send, found: media.Found | None) -> None:
    if found is None or not found.path.is_file():
        await django(scope, receive, send)
    elif settings.MEDIA_DELIVERY == "x-accel":
        await _hand_over(send, found)
    else:
        try:
            await send_file(
                scope, receive, send, found.path, content_type=found.content_type, filename=found.filename,
                download=found.download, etag=found.etag, cache_control=found.cache,
            )  # fmt: skip
        except FileNotFoundError:  # removed since we looked
            await django(scope, receive, send)


def _unlisted(send: Send) -> Send:
    """Files behind a link are not for search engines, and their address is told to nobody."""

    async def quietly(message: Any) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message["headers"]}
            headers = [header for header in sharing.UNLISTED if header[0] not in names]
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return quietly


async def _hand_over(send: Send, found: media.Found) -> None:
    """The web server in front sends the file, ranges included."""
    headers = [
        (b"x-accel-redirect", quote(media.PROTECTED + found.relative).encode()),
        (b"content-type", found.content_type.encode()),
        (b"cache-control", found.cache.encode()),
        (b"x-content-type-options", b"nosniff"),
        *content_disposition(found.filename, download=found.download),
    ]
    await _refuse(send, 200, headers)


async def _refuse(send: Send, status: int, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    """An answer without a body."""
    await send({"type": "http.response.start", "status": status, "headers": headers or []})
    await send({"type": "http.response.body", "body": b""})


# --- in a thread: these ask the database -------------------------------------------------------------------------------
def _visitor(scope: Scope) -> StudioRequest | None:
    """The request with its user and team, as Django's middleware would make it; None for an unknown host."""
    request = ASGIRequest(scope, io.BytesIO())
    try:
        request.get_host()
    except SuspiciousOperation:
        return None
    sessions = import_module(settings.SESSION_ENGINE)
    request.session = sessions.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    request.user = get_user(request)
    TeamMiddleware(lambda seen: seen)(request)
    return cast(StudioRequest, request)


def _watcher(scope: Scope) -> live.Watcher | None:
    try:
        request = _visitor(scope)
        if request is None or not request.user.is_authenticated or not request.team:
            return None
        asked = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        shot = asked.get("shot", [""])[0]
        return live.Watcher(
            audience=live.Audience(request.team.pk, request.user.pk if "mine" in asked else None),
            shot=int(shot) if shot.isdecimal() and len(shot) < 19 else None,  # more digits no database takes
            column="bare" not in asked,
        )
    finally:
        connections.close_all()


def _still_in(scope: Scope, asked: live.Watcher) -> bool:
    """Signed out, switched off, or removed from the team: then the stream ends."""
    found = _watcher(scope)
    return found is not None and found.audience == asked.audience


def _found(scope: Scope, pk: int, name: str) -> media.Found | None:
    try:
        request = _visitor(scope)
        if request is None:
            return None
        return media.find(request.user, pk, name, download=b"download" in scope["query_string"])
    finally:
        connections.close_all()


def _shared(scope: Scope, token: str, name: str) -> media.Found | None:
    try:
        ASGIRequest(scope, io.BytesIO()).get_host()
        return sharing.find_file(token, name, download=b"download" in scope["query_string"])
    except SuspiciousOperation:
        return None
    finally:
        connections.close_all()
