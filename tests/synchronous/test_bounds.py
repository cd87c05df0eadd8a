"""Large, endless and slow answers, and disks that cannot take them: memory, bytes and time have limits."""

import base64
import contextlib
import errno
import json
import os
import random
import shutil
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live

from generations import lifecycle
from generations.lifecycle import escrow as escrows
from generations.models import Generation, ProviderKey
from generations.providers.a4f import A4F_VIDEO
from tests.host import Host, running_host

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BEGIN, END = b'{"created":1,"data":[{"b64_json":"', b'","url":null}]}'
NOISE = base64.b64encode(random.Random(4).randbytes(3 * 2**18))  # 1 MB of text


@pytest.fixture
def host(a4f: ProviderKey) -> Iterator[Host]:
    """The key points at a provider whose answers the test writes."""
    with running_host() as found:
        a4f.base_url = found.url
        a4f.save()
        yield found


def sends(pieces: list[bytes], *, length: bool = True, then: Callable[[socket.socket], None] | None = None) -> Any:
    def behaviour(connection: socket.socket) -> None:
        said = b"Content-Length: %d\r\n" % sum(map(len, pieces)) if length else b""
        connection.sendall(HEAD + said + b"Connection: close\r\n\r\n")
        for piece in pieces:
            connection.sendall(piece)
        if then:
            then(connection)

    return behaviour


def refreshed(row: Generation) -> Generation:
    row.refresh_from_db()
    return row


def in_escrow() -> list[str]:
    return sorted(path.suffix for path in Path(live.ESCROW).iterdir())


def test_sixty_megabytes_are_received_and_unpacked_in_pieces(start: Start, host: Host) -> None:
    host.behaviour = sends([BEGIN, *[NOISE] * 60, END])
    row = start()
    tracemalloc.start()
    lifecycle.submit(row.pk)
    assert refreshed(row).state == "succeeded"
    lifecycle.archive(row.pk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (refreshed(row).state, row.reason) == ("failed", "result_invalid"), "noise is no video"
    kept = Path(live.MEDIA, str(row.team_id), str(row.pk), "video.rejected")
    assert kept.stat().st_size == 60 * 3 * 2**18
    assert peak < 24 * 2**20
    assert in_escrow() == []


def test_more_than_the_cap_is_cut_off(start: Start, host: Host, monkeypatch: Any) -> None:
    monkeypatch.setattr(A4F_VIDEO, "stream_cap", 3 * 2**20)

    def endless(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(NOISE)

    host.behaviour = sends([BEGIN], length=False, then=endless)
    row = start()
    lifecycle.submit(row.pk)
    assert (refreshed(row).state, row.charged) == ("unknown", "unknown")
    assert "it had more than 3 MB" in row.message
    assert in_escrow() == []


@pytest.mark.parametrize("begun", [False, True], ids=["before the answer", "within it"])
def test_the_deadline_is_kept_by_our_own_clock(begun: bool, start: Start, host: Host, settings: Any) -> None:
    settings.SYNC_DEADLINE = 1.0

    def drip(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"A" if begun else b"")
                time.sleep(0.05)

    host.behaviour = sends([BEGIN], length=False, then=drip) if begun else drip
    row, before = start(), time.monotonic()
    lifecycle.submit(row.pk)
    assert time.monotonic() - before < 4
    assert refreshed(row).state == "unknown"
    assert len(host.requests) == 1


def test_a_whole_answer_on_a_connection_that_breaks_is_not_lost(start: Start, host: Host) -> None:
    def reset(connection: socket.socket) -> None:
        time.sleep(0.2)  # so that the bytes are read before the reset throws them away
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    host.behaviour = sends([BEGIN, NOISE, END], length=False, then=reset)
    row = start()
    lifecycle.submit(row.pk)
    assert refreshed(row).state == "succeeded"
    assert in_escrow() == [".body"]


def test_a_full_disk_sends_nothing_and_says_so(start: Start, host: Host, monkeypatch: Any) -> None:
    free = shutil.disk_usage("/")._replace(free=2 * A4F_VIDEO.stream_cap - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: free)
    row = start()
    lifecycle.submit(row.pk)
    assert (refreshed(row).state, row.charged) == ("queued", "no")
    assert "nothing was sent" in row.message
    assert host.requests == []
    assert in_escrow() == []


def test_the_room_for_the_answer_is_taken_before_the_request_leaves(start: Start, host: Host) -> None:
    seen: list[int] = []

    def look(connection: socket.socket) -> None:
        [body] = Path(live.ESCROW).glob("*.body")
        seen.append(body.stat().st_blocks * 512)

    host.behaviour = look
    lifecycle.submit(start().pk)
    assert seen == [pytest.approx(escrows.BODY_ROOM, abs=2**16)]


def test_a_disk_that_fills_up_meanwhile_is_a_doubt_in_words(start: Start, host: Host, monkeypatch: Any) -> None:
    host.behaviour = sends([BEGIN, *[NOISE] * 3, END])

    @contextlib.contextmanager
    def full(self: Any) -> Iterator[Callable[[bytes], None]]:
        def take(piece: bytes) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        yield take

    monkeypatch.setattr(escrows.Escrow, "receiving", full)
    row = start()
    lifecycle.submit(row.pk)
    assert (refreshed(row).state, row.charged) == ("unknown", "unknown")
    assert "the disk did not take it: No space left on device" in row.message


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), RuntimeError("odd")], ids=["disk", "code"])
def test_trouble_after_the_last_byte_loses_nothing_that_is_there(
    error: Exception, start: Start, host: Host, monkeypatch: Any
) -> None:
    host.behaviour = sends([BEGIN, NOISE, END])
    receiving = escrows.Escrow.receiving

    @contextlib.contextmanager
    def failing(self: Any) -> Iterator[Callable[[bytes], None]]:
        with receiving(self) as take:
            yield take
        raise error

    monkeypatch.setattr(escrows.Escrow, "receiving", failing)
    row = start()
    lifecycle.submit(row.pk)
    assert refreshed(row).state == "succeeded"


def test_an_answer_that_is_whole_without_saying_so_is_found_when_its_writer_is_long_gone(
    start: Start, drive: Start, sandbox: Any, monkeypatch: Any
) -> None:
    """A worker on another machine that was given up, and died between the last byte and the mark."""
    row = drive(start(), "succeeded")
    attempt = row.attempts.get()
    escrow = escrows.Escrow(attempt.escrow)
    escrow.path.write_bytes(b"1" + b" " * 100)
    Generation.objects.filter(pk=row.pk).update(state="unknown", unknown_phase="submit", charged="unknown")
    type(attempt).objects.filter(pk=attempt.pk).update(state="unknown")
    lifecycle.sweep()
    assert refreshed(row).state == "unknown", "it may still be written"
    os.utime(escrow.path, (0, 0))
    lifecycle.sweep()
    assert refreshed(row).state == "succeeded"
    assert drive(row).state == "done"
    lifecycle.sweep()
    assert in_escrow() == []


def test_a_disk_without_room_for_the_video_keeps_the_answer_until_there_is(
    start: Start, drive: Start, monkeypatch: Any
) -> None:
    row = drive(start(), "succeeded")
    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(place)._replace(free=10))
    lifecycle.archive(row.pk)
    assert refreshed(row).state == "succeeded"
    assert "not enough room" in row.message
    lifecycle.sweep()
    assert ".body" in in_escrow()
    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert drive(row).state == "done"
    assert in_escrow() == []


def test_an_answer_that_vanished_from_the_disk_is_waited_for_and_then_said_to_be_gone(
    start: Start, drive: Start
) -> None:
    from django.utils import timezone

    from generations.lifecycle import archiving

    row = drive(start(), "succeeded")
    for path in Path(live.ESCROW).iterdir():
        path.unlink()
    lifecycle.archive(row.pk)
    assert refreshed(row).state == "succeeded"
    assert "escrow folder" in row.message
    Generation.objects.filter(pk=row.pk).update(failing_for=archiving.PATIENCE, due_at=timezone.now())
    lifecycle.archive(row.pk)
    assert (refreshed(row).state, row.reason, row.charged) == ("failed", "result_expired", "yes")


def test_what_belongs_to_nobody_is_cleared_after_an_hour(a4f: ProviderKey) -> None:
    young, old, alone = (escrows.Escrow.allocate(2**20) for _ in range(3))
    alone.path.unlink()
    for path in (old.path, old.body, alone.body):
        os.utime(path, (0, 0))
    lifecycle.sweep()
    assert young.body.exists()
    assert not old.body.exists()
    assert not alone.body.exists()


def test_the_beginning_of_an_answer_is_kept_as_evidence_without_the_video(start: Start, host: Host) -> None:
    host.behaviour = sends([json.dumps({"note": "sk-nothing", "data": []}).encode()])
    row = start()
    lifecycle.submit(row.pk)
    assert row.attempts.get().answer.startswith('{"note"')
