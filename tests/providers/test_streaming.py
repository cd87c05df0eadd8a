"""The paid POST that is answered for minutes: once, to a file, within limits, and every way to break off has its words."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from generations.providers import outbound, streaming
from generations.providers.base import NotSent, Request, Response
from tests.host import Host, answer, endless, json_answer, reset, running_host, silence

GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.fixture
def host() -> Iterator[Host]:
    with running_host() as found:
        yield found


class Sent:
    """One paid request with everything that it did: `came`, and how often the wire was marked."""

    def __init__(self, url: str, *, seconds: float = 3, cap: int = 2**20, end: bytes = b"") -> None:
        self.came, self.marked = b"", 0
        request = Request("POST", f"{url}/v1/video/generations", {"Authorization": "Bearer sk-1"}, b"{}")
        self.answer = streaming.paid_stream(
            request, seconds=seconds, cap=cap, end=end, into=self._take, before_wire=self._mark
        )

    def _take(self, piece: bytes) -> None:
        self.came += piece

    def _mark(self) -> None:
        assert not self.came
        self.marked += 1


def test_one_request_and_its_body_goes_where_it_is_told(host: Host) -> None:
    host.behaviour = json_answer("[1]")
    sent = Sent(host.url)
    assert isinstance(sent.answer, Response)
    assert (sent.answer.status, sent.answer.body, sent.came) == (200, b"", b"[1]")
    assert (len(host.requests), sent.marked) == (1, 1)
    assert b"accept-encoding: identity" in host.requests[0].lower()


@pytest.mark.parametrize("status", ["307 Moved", "400 Bad Request", "500 Oops"])
def test_whatever_is_no_good_answer_comes_back_whole_and_goes_nowhere(status: str, host: Host) -> None:
    host.behaviour = json_answer('{"error":"x"}', status, "Location: http://169.254.169.254/\r\n")
    sent = Sent(host.url)
    assert isinstance(sent.answer, Response)
    assert (sent.answer.body, sent.came, len(host.requests)) == (b'{"error":"x"}', b"", 1)


BREAKS: dict[str, tuple[Any, str]] = {
    "no answer": (silence, "the connection was lost"),
    "reset": (reset, "the connection was lost"),
    "no HTTP": (answer(b"\0\1\2\r\n\r\n"), "the connection was lost"),
    "a head of 300 KB": (answer(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n"), "the connection was lost"),
    "cut": (answer(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nabc"), "the connection was lost"),
    "endless": (endless, "it had more than 1 MB"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_off_says_why_and_is_sent_once(name: str, host: Host) -> None:
    host.behaviour, words = BREAKS[name]
    sent = Sent(host.url, seconds=1.5)
    assert isinstance(sent.answer, str)
    assert sent.answer.startswith(words)
    assert (len(host.requests), sent.marked) == (1, 1)
    assert len(sent.came) <= 2**20


def test_nothing_listening_means_not_sent(host: Host) -> None:
    host.listener.shutdown(socket.SHUT_RDWR)
    host.listener.close()
    with pytest.raises(NotSent) as raised:
        Sent(host.url)
    assert raised.value.unreachable


def test_a_disk_that_refuses_a_piece_is_no_trouble_of_the_network(host: Host) -> None:
    host.behaviour = json_answer("[1]")

    def full(piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    request = Request("POST", f"{host.url}/x", {}, b"{}")
    found = streaming.paid_stream(request, seconds=3, cap=99, end=b"", into=full, before_wire=lambda: None)
    assert found == "the disk did not take it: No space left on device"


@pytest.mark.parametrize("pieces", [[b"data: x\n\ndata: [DONE]\n\n"], [b"data: x\n\nda", b"ta: [DO", b"NE]\n\n"]])
def test_the_announced_end_is_the_end_although_the_host_keeps_the_line(pieces: list[bytes], host: Host) -> None:
    def behaviour(connection: socket.socket) -> None:
        connection.sendall(GOOD)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.05)
        connection.recv(1)

    host.behaviour = behaviour
    before = time.monotonic()
    sent = Sent(host.url, seconds=20, end=b"data: [DONE]")
    assert isinstance(sent.answer, Response)
    assert b"".join(pieces).startswith(sent.came.rstrip())
    assert b"[DONE]" in sent.came
    assert time.monotonic() - before < 10


@pytest.mark.parametrize("watched", [True, False])
def test_a_peer_that_is_gone_is_noticed_while_nothing_is_said(watched: bool, host: Host) -> None:
    host.behaviour = json_answer("{}")
    with outbound.client(timeout=httpx.Timeout(3), watched=watched) as client, client.stream("GET", host.url) as found:
        peer = found.extensions["network_stream"].get_extra_info("socket")
        assert bool(peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) is watched
        if watched and hasattr(socket, "TCP_KEEPIDLE"):
            assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
