"""The paid POST whose answer takes minutes and may have hundreds of megabytes: it goes into a file as it comes.

Source: reliability notes, 2.4 and 2.6.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx

from . import outbound
from .base import OutcomeUnknown, Request, Response
from .http import ClientFactory, _headers, _TooBig, _why, built, in_words, whole


class _NoPlace(Exception):
    pass


def _stream_client() -> httpx.Client:
    return outbound.client(timeout=httpx.Timeout(None, connect=5, write=30), watched=True)  # the deadline ends it


def paid_stream(
    request: Request,
    *,
    seconds: float,
    cap: int,
    end: bytes,
    into: Callable[[bytes], None],
    before_wire: Callable[[], None],
    make_client: ClientFactory = _stream_client,
) -> Response | str:
    """Send one paid request whose answer takes minutes; the body of a good answer (2xx) goes `into` a file, piece by piece.

    Returns the answer, with an empty body when it was good; or, when it did not come to its end (nothing, or a part of it,
    went `into`), a few words that say why. At most `cap` bytes; it is whole when the bytes `end` have come, or the connection
    ended. Raises NotSent when the request provably never left.
    """
    with make_client() as client, outbound.deadline(seconds, before_first_byte=before_wire):
        ready = built(client, request)
        try:
            with in_words():
                answer = client.send(ready, stream=True)
                if not 200 <= answer.status_code < 300:
                    return whole(answer)
                _pour(answer, into, cap, end)
                return Response(answer.status_code, _headers(answer), b"")
        except OutcomeUnknown as error:
            cause = error.__cause__
            return str(cause) if isinstance(cause, _TooBig) else f"the connection was lost: {_why(cause or error)}"
        except _NoPlace as error:
            return f"the disk did not take it: {error}"


def _pour(answer: httpx.Response, into: Callable[[bytes], None], cap: int, end: bytes) -> None:
    size, tail = 0, b""
    try:
        for chunk in answer.iter_raw():
            size += len(chunk)
            if size > cap:
                raise _TooBig(f"it had more than {cap // 2**20} MB")
            into(chunk)
            tail = (tail + chunk)[-len(chunk) - len(end) :] if end else b""
            if end and end in tail:
                return  # some hosts never close the connection
    except OSError as error:  # the network's own errors come as httpx's
        raise _NoPlace(error.strerror or type(error).__name__) from error
    finally:
        answer.close()
