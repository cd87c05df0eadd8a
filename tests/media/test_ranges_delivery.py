from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from studio.ranges import CHUNK

from .asgi import ETAG, Answer, app_for, ask, collect, http_scope, never, open_descriptors, talk


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_a_missing_file_is_reported_before_anything_was_sent(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    before = open_descriptors()
    sent: list[Any] = []

    async def go() -> None:
        await app_for(path)(http_scope(), never, collect(sent))

    with pytest.raises(FileNotFoundError):
        asyncio.run(go())
    assert sent == []
    assert open_descriptors() == before


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.mp4"
    path.write_bytes(os.urandom(CHUNK * 4 + 17))
    return path


def test_a_large_file_goes_out_in_pieces(large: Path) -> None:
    answer = asyncio.run(talk(large))
    assert answer.body == large.read_bytes()
    assert [len(piece) for piece in answer.pieces] == [CHUNK] * 4 + [17]
    assert answer.finished
    assert [message.get("more_body") for message in answer.messages[1:]] == [True] * 4 + [False]


def test_two_range_headers_count_as_several_ranges(file: Path) -> None:
    headers = [(b"range", b"bytes=0-1"), (b"Range", b"bytes=4-5")]
    assert asyncio.run(talk(file, headers=headers)).status == 200


def test_the_descriptor_is_closed_after_every_kind_of_answer(file: Path) -> None:
    before = open_descriptors()
    for headers in ({}, {"range": "bytes=0-4"}, {"range": "bytes=9999-"}, {"if-none-match": ETAG}):
        ask(file, headers=headers)
        ask(file, "HEAD", headers)
    assert open_descriptors() == before


def test_reading_stops_when_the_client_goes_away(large: Path) -> None:
    before = open_descriptors()
    sent: list[Any] = []

    async def go() -> None:
        gone = asyncio.Event()
        requests = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Any:
            for message in requests:
                return message
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if len(sent) == 2:
                gone.set()

        await app_for(large)(http_scope(), receive, send)
        assert len(asyncio.all_tasks()) == 1, "nobody is left waiting"

    asyncio.run(go())
    assert len(Answer(sent).pieces) <= 2
    assert not Answer(sent).finished
    assert open_descriptors() == before


def test_a_server_that_raises_for_a_gone_client_is_understood(large: Path) -> None:
    before = open_descriptors()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 3:
            raise OSError("client disconnected")

    asyncio.run(app_for(large)(http_scope(), never, send))  # type: ignore[arg-type]
    assert len(sent) == 3
    assert open_descriptors() == before


def test_a_cancelled_answer_closes_its_descriptor(large: Path) -> None:
    before = open_descriptors()

    async def go() -> None:
        stuck = asyncio.Event()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                stuck.set()
                await never()

        task = asyncio.ensure_future(app_for(large)(http_scope(), never, send))
        await stuck.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert open_descriptors() == before


def test_a_file_that_shrinks_cuts_the_connection(tmp_path: Path) -> None:
    path = tmp_path / "shrinking.mp4"
    path.write_bytes(bytes(CHUNK * 3))
    before = open_descriptors()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        os.truncate(path, CHUNK + 10)

    with pytest.raises(ConnectionError, match="shorter"):
        asyncio.run(app_for(path)(http_scope(), never, send))  # type: ignore[arg-type]
    assert not Answer(sent).finished
    assert open_descriptors() == before


def test_a_replaced_file_is_sent_as_it_was(large: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    old = large.read_bytes()
    path.write_bytes(old)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 2:
            (tmp_path / "new").write_bytes(b"new")
            os.replace(tmp_path / "new", path)

    asyncio.run(app_for(path)(http_scope(), never, send))  # type: ignore[arg-type]
    assert Answer(sent).body == old
