"""Bodies that are too large, too many, too slow or never end (fault 72): bounded in memory and on disk, and no error page."""

import contextlib
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests import pictures
from tests.faults import studios
from tests.stack import RunningStudio, until
from tests.test_supervisor import leader

pytestmark = [pytest.mark.processes, pytest.mark.long]


@pytest.fixture(scope="module")
def person(running_studio: RunningStudio) -> studios.Person:
    return studios.Person(running_studio, "abuse@example.org")


def peak(studio: RunningStudio) -> int:
    """The most memory that the web has held, in bytes."""
    status = Path(f"/proc/{leader(studio, 'web')}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def on_disk(studio: RunningStudio) -> int:
    folders = [studio.data / "incoming", studio.data / "uploads"]
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def headers(person: studios.Person, length: int | None) -> dict[str, str]:
    found = {"Content-Type": "multipart/form-data; boundary=b", "X-CSRFToken": person.csrf,
             "Cookie": "; ".join(f"{name}={value}" for name, value in person.client.cookies.items())}  # fmt: skip
    return found | ({"Content-Length": str(length)} if length is not None else {"Transfer-Encoding": "chunked"})


HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n'


def send(studio: RunningStudio, person: studios.Person, length: int | None, megabytes: int, pause: float = 0) -> int:
    """A body of so many megabytes, as raw as can be. The status of the answer; 0 when the connection was just closed."""
    parts = urlsplit(studio.url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30) as wire:
        lines = [f"{name}: {value}" for name, value in headers(person, length).items()]
        wire.sendall("\r\n".join(["POST /uploads/ HTTP/1.1", f"Host: {parts.netloc}", *lines, "", ""]).encode())
        piece = HEAD + bytes(1_000_000 - len(HEAD))
        try:
            for _ in range(megabytes):
                wire.sendall(piece if length is not None else f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                piece = bytes(1_000_000)
                time.sleep(pause)  # a slow sender is the fault itself
            if megabytes == 0:
                time.sleep(pause)
        except OSError:
            pass
        with contextlib.suppress(OSError):
            answer = wire.recv(200).decode(errors="replace")
            return int(answer.split()[1]) if answer.startswith("HTTP/") else 0
        return 0


@pytest.mark.parametrize(
    ("length", "megabytes", "statuses"),
    [(1_000_000_000, 300, {413}), (None, 300, {413}), (10**15, 1, {0, 400, 413}), (50_000_000, 50, {0, 400, 413, 422})],
    ids=["1 GB declared", "without end and undeclared", "an absurd length", "50 MB"],
)  # fmt: skip
def test_a_large_body_is_refused_and_costs_little(
    length: int | None, megabytes: int, statuses: set[int], running_studio: RunningStudio, person: studios.Person
) -> None:
    before = on_disk(running_studio)
    assert send(running_studio, person, length, megabytes) in statuses
    assert peak(running_studio) < 512 * 2**20
    until(lambda: on_disk(running_studio) <= before + 10_000_000, 30, "the disk as it was before")
    assert person.get("/") == 200


def test_an_abort_half_way_leaves_nothing(running_studio: RunningStudio, person: studios.Person) -> None:
    before = on_disk(running_studio)
    parts = urlsplit(running_studio.url)
    for _ in range(5):
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30) as wire:
            lines = [f"{name}: {value}" for name, value in headers(person, 19_000_000).items()]
            wire.sendall("\r\n".join(["POST /uploads/ HTTP/1.1", f"Host: {parts.netloc}", *lines, "", ""]).encode())
            wire.sendall(HEAD + bytes(9_000_000))
    until(lambda: on_disk(running_studio) <= before, 30, "the disk as it was before")
    assert person.get("/") == 200


def test_a_slow_sender_holds_up_nobody(running_studio: RunningStudio, person: studios.Person) -> None:
    import threading

    slow = [threading.Thread(target=send, args=(running_studio, person, 19_000_000, 0, 5)) for _ in range(20)]
    for thread in slow:
        thread.start()
    assert {person.get(path, timeout=10) for path in ("/", "/queue/", "/gallery/", "/healthz")} == {200}
    for thread in slow:
        thread.join()


def test_a_thousand_files_in_one_form_are_refused_or_ignored(
    running_studio: RunningStudio, person: studios.Person
) -> None:
    picture = pictures.png()
    files: list[Any] = [("file", (f"{number}.png", picture, "image/png")) for number in range(1000)]
    with httpx.Client(base_url=running_studio.url, cookies=person.client.cookies, timeout=60) as one:
        answer = one.post("/uploads/", data={"csrfmiddlewaretoken": person.csrf}, files=files)
    assert answer.status_code in (200, 400, 413, 422)
    assert studios.query(running_studio, "SELECT count(*) FROM generations_upload")[0][0] <= 1
    assert peak(running_studio) < 512 * 2**20
