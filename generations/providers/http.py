"""The calls we make: the paid POST, the polite GET, the download. Time limits, byte caps, and what each failure means.

httpx is imported only here, in outbound.py and in streaming.py, so that its successor is a change of one line each.
Source: reliability notes, 2.4 (the table of classes), 2.7, 2.8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from . import outbound
from .base import NotSent, OutcomeUnknown, Request, Response, Unreachable
from .common import error_text, parse_json, video_address
from .failures import DownloadFailed as DownloadFailed
from .failures import PartRefused as PartRefused

ANSWER_CAP = 2**20  # bytes; a task answer is a few hundred
POST_TIMEOUT = httpx.Timeout(60, connect=5, write=30)
GET_TIMEOUT = httpx.Timeout(15, connect=5)
NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)

ClientFactory = Callable[[], AbstractContextManager[httpx.Client]]


def _paid_client() -> httpx.Client:
    return outbound.client(timeout=POST_TIMEOUT)


def paid_post(
    request: Request,
    *,
    seconds: float,
    before_wire: Callable[[], None],
    after_answer: Callable[[Response], None],
    make_client: ClientFactory = _paid_client,
) -> Response:
    """Send one paid request, once, on a connection of its own.

    `before_wire` runs when the connection stands, as the last thing before the first byte; `after_answer` as the
    first thing after the last. Raises NotSent when the request provably never left, OutcomeUnknown for every other doubt.
    """
    with make_client() as client, outbound.deadline(seconds, before_first_byte=before_wire):
        ready = built(client, request)
        with in_words():
            response = whole(client.send(ready, stream=True))
        after_answer(response)
        return response


def built(client: httpx.Client, request: Request) -> httpx.Request:
    headers = {**request.headers, "Accept-Encoding": "identity"}
    try:
        return client.build_request(request.method, request.url, headers=headers, content=request.body)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
        raise NotSent(f"The address of the provider cannot be used ({error}).") from error


@contextmanager
def in_words() -> Iterator[None]:
    """What a failed request means: it never left, or nobody knows."""
    try:
        yield
    except NEVER_SENT as error:
        words = f"The provider cannot be reached ({_why(error)}). Nothing was sent."
        raise NotSent(words, unreachable=True) from error
    except _TooBig as error:
        raise OutcomeUnknown("The provider's answer was too large to read, so the request may be accepted.") from error
    except httpx.HTTPError as error:
        raise OutcomeUnknown(
            f"The connection was lost before an answer came ({_why(error)}), so the request may be accepted."
        ) from error


def get(client: httpx.Client, request: Request, *, seconds: float = 20, cap: int = ANSWER_CAP) -> Response:
    """Ask politely and read at most `cap` bytes (1 MB). Raises Unreachable."""
    try:
        with outbound.deadline(seconds):
            built = client.build_request("GET", request.url, headers={**request.headers, "Accept-Encoding": "identity"})
            answer = client.send(built, stream=True)
            return Response(answer.status_code, _headers(answer), _read(answer, cap))
    except (httpx.HTTPError, httpx.InvalidURL, _TooBig) as error:
        raise Unreachable(f"The provider did not answer ({_why(error)}).") from error


def polling_client() -> httpx.Client:
    """At most 10 connections, kept alive: one for each provider key."""
    return outbound.client(keep_alive=10, timeout=GET_TIMEOUT)


# --- download ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Part:
    """A body on its way: `start` is where its first byte belongs, `total` the whole size when the server says it."""

    status: int
    start: int
    total: int | None
    etag: str
    content_type: str
    chunks: Iterator[bytes]


def _download_client() -> httpx.Client:
    return outbound.client(timeout=httpx.Timeout(30, connect=5))


@contextmanager
def download(
    url: str,
    *,
    have: int = 0,
    etag: str = "",
    seconds: float = 780,
    headers_for: Callable[[str], dict[str, str]] = lambda url: {},
    make_client: ClientFactory = _download_client,
) -> Iterator[Part]:
    """Fetch `url` from byte `have` on; at most 3 redirects (or JSON that names another address), each checked like the first.

    `headers_for(url)` gives the headers for one hop, so that a key is only ever sent to its own origin.
    A range that the server ignored or shifted comes back as start 0 with the whole body. Raises DownloadFailed.
    """
    with make_client() as client, outbound.deadline(seconds):
        try:
            answer, chunks = _follow(client, url, have, etag, headers_for)
            yield _part(answer, chunks, have)
            answer.close()
        except (httpx.HTTPError, httpx.InvalidURL, httpcore.ProtocolError) as error:
            refused = isinstance(error.__cause__, outbound.Refused)
            raise DownloadFailed(f"The file could not be fetched ({_why(error)}).", gone=refused) from error


def _follow(
    client: httpx.Client, url: str, have: int, etag: str, headers_for: Callable[[str], dict[str, str]]
) -> tuple[httpx.Response, Iterator[bytes]]:
    for _ in range(4):
        if urlsplit(url).scheme not in ("http", "https") or "@" in urlsplit(url).netloc:
            raise DownloadFailed("The provider gave an address that cannot be fetched.", gone=True)
        headers = {"Accept-Encoding": "identity", **headers_for(url)}
        if have and etag:
            headers |= {"Range": f"bytes={have}-", "If-Range": etag}
        answer = client.send(client.build_request("GET", url, headers=headers), stream=True)
        if answer.status_code in (301, 302, 303, 307, 308):
            answer.close()
            url = urljoin(url, answer.headers.get("location", ""))
            continue
        chunks = answer.iter_raw()  # as they come: gathered ones would be lost when the line breaks
        if answer.status_code != 200 or "json" not in answer.headers.get("content-type", "").lower():
            return answer, chunks
        first = next(chunks, b"")
        if not first.lstrip().startswith(b"{"):  # a file under a wrong name
            return answer, chain([first], chunks)
        url = _named_in(answer, chain([first], chunks), url)
    raise DownloadFailed("The address of the file redirects without end.", gone=True)


def _named_in(answer: httpx.Response, chunks: Iterator[bytes], url: str) -> str:
    """`/content` may answer with JSON that names the address, instead of the file (Apertis, Get Video Content)."""
    try:
        body = parse_json(Response(200, {}, _read(answer, ANSWER_CAP, chunks)))
    except _TooBig:
        body = None
    if found := video_address(body, url) if body else "":
        return found
    raise DownloadFailed(f"The file's host sent words instead of the file. {error_text(body)}".strip(), gone=True)


def _part(answer: httpx.Response, chunks: Iterator[bytes], have: int) -> Part:
    status = answer.status_code
    if status == 416 and have:
        return _nothing_left(answer, have)
    if status not in (200, 206):
        gone = status in (403, 404, 410)
        raise DownloadFailed(f"The file's host answered HTTP {status}.", gone=gone, status=status)
    start, total = 0, _int(answer.headers.get("content-length"))
    if status == 206:
        start, total = _content_range(answer.headers.get("content-range", ""))
        if start != have:
            raise PartRefused("The file's host sent another part than the one asked for.")
    return Part(status, start, total, answer.headers.get("etag", ""), answer.headers.get("content-type", ""), chunks)


def _nothing_left(answer: httpx.Response, have: int) -> Part:
    """416 for a range that starts at the end: everything is here already, if the size agrees."""
    total = _int(answer.headers.get("content-range", "").removeprefix("bytes */"))
    if total != have:
        raise PartRefused("The file's host no longer has the same file.", status=416)
    return Part(416, have, total, answer.headers.get("etag", ""), "", iter(()))


def _content_range(value: str) -> tuple[int, int | None]:
    try:
        span, size = value.removeprefix("bytes ").split("/")
        return int(span.split("-")[0]), None if size == "*" else int(size)
    except ValueError:
        raise PartRefused("The file's host sent a part without saying which.") from None


# --- small parts -----------------------------------------------------------------------------------------------------------
class _TooBig(Exception):
    pass


def whole(answer: httpx.Response) -> Response:
    return Response(answer.status_code, _headers(answer), _read(answer, ANSWER_CAP))


def _read(answer: httpx.Response, cap: int, chunks: Iterator[bytes] | None = None) -> bytes:
    """The raw body, never unpacked: a small gzip body can unfold to hundreds of megabytes."""
    try:
        body = bytearray()
        for chunk in answer.iter_raw() if chunks is None else chunks:
            body += chunk
            if len(body) > cap:
                raise _TooBig(f"more than {cap} bytes")
        return bytes(body)
    finally:
        answer.close()


def _headers(answer: httpx.Response) -> dict[str, str]:
    return dict(answer.headers.items())  # in small letters; in one step, because the paid answer is not on the disk yet


def _int(value: str | None) -> int | None:
    return int(value) if value and value.isdigit() else None


def _why(error: BaseException) -> str:
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)).rstrip(".") or type(error).__name__
