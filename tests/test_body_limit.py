"""A body that no form of ours needs is refused in words before it fills the disk."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from studio import asgi

from .asgi import Answer, _note, ask, scope_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_gigabyte_is_refused_by_its_announcement() -> None:
    answer = ask("/shots/", method="POST", content_length=str(2**30))
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert "Nothing was kept" in answer.body.decode()


def stream(path: str, chunks: int) -> tuple[Answer, int]:
    """Post so many megabytes without announcing them. The answer, and how many were taken from us."""
    answer, left = Answer(), chunks

    async def receive() -> dict[str, Any]:
        nonlocal left
        if not left:
            await asyncio.Event().wait()  # as a server does until the visitor goes
        left -= 1
        return {"type": "http.request", "body": b"x" * 2**20, "more_body": left > 0}

    async def send(message: Any) -> None:
        _note(answer, message)

    asyncio.run(asgi.application(scope_of(path, method="POST", transfer_encoding="chunked"), receive, send))
    return answer, chunks - left


LIMIT = asgi.LARGEST_BODY // 2**20


def test_a_body_without_an_announcement_is_refused_in_words_and_read_to_its_end() -> None:
    answer, taken = stream("/shots/", LIMIT + 20)
    assert answer.status == 413
    assert f"more than any form of the studio takes ({LIMIT} MB)" in answer.body.decode()
    assert taken == LIMIT + 20, "a connection closed over unread bytes loses the answer"


def test_a_body_without_an_announcement_that_fits_reaches_its_page() -> None:
    assert stream("/shots/", 3)[0].status == 403, "no session, so no CSRF token"


def test_whoever_never_stops_sending_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "LONGEST_LINGER", 0.2)
    assert _ends(lambda: asyncio.sleep(0, {"type": "http.request", "body": b"x", "more_body": True}))


def test_whoever_falls_silent_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "LINGER", 0.2)
    assert _ends(lambda: asyncio.sleep(60, {}))


def _ends(receive: Callable[[], Any]) -> bool:
    answer = Answer()

    async def send(message: Any) -> None:
        _note(answer, message)

    async def go() -> None:
        await asyncio.wait_for(asgi._too_large(receive, send), 20)

    asyncio.run(go())
    return answer.status == 413
