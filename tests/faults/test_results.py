"""What may be wrong with a finished file (faults 55 to 63): only a whole, playable video is ever called done."""

import hashlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from generations import lifecycle
from generations.lifecycle import archiving
from generations.models import Generation
from generations.providers import outbound
from tests import host as hosts
from tests.faults.wire import Scripted
from tests.media.clips import make_clip

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4").read_bytes()


def whole(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> hosts.Behaviour:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return hosts.answer("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)


def one_after_the_other(*behaviours: hosts.Behaviour) -> hosts.Behaviour:
    """The last one stays."""
    left = list(behaviours)
    return lambda connection: (left.pop(0) if len(left) > 1 else left[0])(connection)


def is_the_video(row: Generation, body: bytes) -> bool:
    return row.assets.get(kind="video").sha256 == hashlib.sha256(body).hexdigest()


# --- 55 to 58, 61: bytes that are not what they should be -------------------------------------------------------------
def test_a_file_that_breaks_off_is_finished_and_whole(
    start: Start, drive: Start, scripted: Scripted, video: bytes
) -> None:
    scripted.file = one_after_the_other(whole(video[:3000], length=len(video)), whole(video))
    row = drive(start())
    assert row.state == "done"
    assert is_the_video(row, video)


@pytest.mark.parametrize("extra", [b"\0", b"<script>"])
def test_a_file_with_more_than_the_video_is_not_taken_and_the_good_one_is(
    extra: bytes, start: Start, drive: Start, scripted: Scripted, video: bytes
) -> None:
    scripted.file = one_after_the_other(whole(video + extra), whole(video))
    row = drive(start())
    assert row.state == "done"
    assert is_the_video(row, video)


def test_a_cut_file_is_kept_for_a_person_and_served_to_nobody(
    start: Start, drive: Start, scripted: Scripted, video: bytes, settings: Any, client_for: Callable[..., Client]
) -> None:
    scripted.file = whole(video[: len(video) * 6 // 10])
    row = drive(start())
    assert (row.state, row.reason, row.charged) == ("failed", "result_invalid", "yes")
    folder = Path(settings.MEDIA, str(row.team_id), str(row.pk))
    assert [path.name for path in folder.iterdir()] == ["video.rejected"]
    assert client_for(row.created_by).get(f"/media/{row.pk}/video.mp4").status_code == 404
    assert len(scripted.asked("/results/")) == archiving.HOPELESS


NO_VIDEO = {
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "JSON": b'{"error": "expired"}',
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "a playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "noise": bytes(range(255, -1, -1)) * 40,
    "nothing": b"",
}


@pytest.mark.parametrize("kind", NO_VIDEO)
def test_what_is_no_video_is_never_served(
    kind: str, start: Start, drive: Start, scripted: Scripted, client_for: Callable[..., Client]
) -> None:
    scripted.file = whole(NO_VIDEO[kind], "Content-Type: video/mp4")
    row = drive(start())
    assert (row.state, row.reason, row.charged) == ("failed", "result_invalid", "yes")
    assert not row.assets.exists()
    assert client_for(row.created_by).get(f"/media/{row.pk}/video.mp4").status_code == 404


@pytest.mark.parametrize("claimed", ["text/html", "image/svg+xml", "application/octet-stream"])
def test_a_good_video_keeps_no_type_but_ours(
    claimed: str, start: Start, drive: Start, scripted: Scripted, video: bytes
) -> None:
    scripted.file = whole(video, f"Content-Type: {claimed}")
    row = drive(start())
    assert row.state == "done"
    assert row.assets.get(kind="video").content_type == "video/mp4"


# --- 59: without end --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("declared", [True, False])
def test_an_endless_file_is_cut_at_the_cap(
    declared: bool, start: Start, drive: Start, scripted: Scripted, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "LARGEST", 2_000_000)
    scripted.file = whole(b"x", length=10**12) if declared else hosts.endless
    row = drive(start())
    assert (row.state, row.charged) == ("failed", "yes")
    assert "2 GB" in row.message
    assert sum(path.stat().st_size for path in Path(settings.MEDIA).rglob("*") if path.is_file()) <= 2_600_000


# --- 60: gone ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone"])
def test_a_file_that_is_gone_is_looked_for_under_a_fresh_address(
    status: str, start: Start, drive: Start, scripted: Scripted, video: bytes
) -> None:
    def by_address(connection: socket.socket) -> None:
        fresh = b"fresh" in scripted.host.requests[-1].split(b"\r\n")[0]
        (whole(video) if fresh else whole(b"", status=status))(connection)

    scripted.file = by_address
    row = drive(start(), "succeeded")
    scripted.query = scripted.says("completed", video_url=scripted.file_url + "?fresh")
    row = drive(row)
    assert row.state == "done"
    assert is_the_video(row, video)


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone"])
def test_a_file_that_is_gone_for_good_was_charged_and_says_so(
    status: str, start: Start, drive: Start, scripted: Scripted
) -> None:
    scripted.file = whole(b"", status=status)
    row = drive(start())
    assert (row.state, row.reason, row.charged) == ("failed", "result_expired", "yes")
    assert status[:3] in row.message


# --- 62: somewhere else -----------------------------------------------------------------------------------------------
def test_a_redirect_into_our_own_network_reaches_nobody(start: Start, drive: Start, scripted: Scripted) -> None:
    reached: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as sentinel:
        port = sentinel.getsockname()[1]
        threading.Thread(target=lambda: reached.append(sentinel.accept()), daemon=True).start()
        assert not outbound.is_trusted("127.0.0.1", port)
        scripted.file = whole(b"", f"Location: http://127.0.0.1:{port}/", status="302 Found")
        row = drive(start())
    assert (row.state, row.charged) == ("failed", "yes")
    assert reached == []


def test_the_key_goes_with_the_request_for_a_file_to_its_own_origin_only(
    start: Start, drive: Start, scripted: Scripted, video: bytes
) -> None:
    """Another port is another origin, and so is the place that a redirect leads to."""
    with hosts.running_host() as store:
        store.behaviour = whole(video)
        scripted.file = whole(b"", f"Location: {store.url}/a.mp4", status="302 Found")
        assert drive(start()).state == "done"
        scripted.query = scripted.says("completed", id="t-2", video_url=f"{store.url}/b.mp4")
        scripted.create = hosts.json_answer('{"id": "t-2"}')
        assert drive(start()).state == "done"
    at_home, elsewhere = scripted.asked("/results/"), store.requests
    assert len(at_home) == 1
    assert len(elsewhere) == 2
    assert all(b"authorization: bearer" in request.lower() for request in at_home)
    assert not any(b"authorization" in request.lower() for request in elsewhere)


# --- 63: slowly -------------------------------------------------------------------------------------------------------
def test_a_slow_file_is_cut_off_and_goes_on_where_it_stopped(
    start: Start, drive: Start, scripted: Scripted, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time for one download is shortened; the wire is really slow."""
    limit = outbound.deadline
    monkeypatch.setattr(outbound, "deadline", lambda seconds, **more: limit(min(seconds, 0.3), **more))
    share = len(video) // 12  # more tries than are counted

    def slow(connection: socket.socket) -> None:
        request = scripted.host.requests[-1].lower()
        start = int(request.split(b"range: bytes=")[1].split(b"-")[0]) if b"range: bytes=" in request else 0
        part = video[start:]
        head = f'HTTP/1.1 {206 if start else 200} X\r\nETag: "e"\r\nContent-Length: {len(part)}\r\n'
        head += f"Content-Range: bytes {start}-{len(video) - 1}/{len(video)}\r\n" if start else ""
        connection.sendall(head.encode() + b"\r\n" + part[:share])
        if len(part) > share:
            connection.recv(1)  # nothing more, until the client gives up

    scripted.file = slow
    row = drive(start())
    assert row.state == "done"
    assert is_the_video(row, video)
    assert sum(b"range: bytes=" in request.lower() for request in scripted.asked("/results/")) >= archiving.HOPELESS


def test_a_render_is_fetched_again_by_a_click_and_costs_nothing(
    start: Start, drive: Start, scripted: Scripted, video: bytes
) -> None:
    scripted.file = whole(b"", status="500 X")
    row = drive(start(), "succeeded")
    lifecycle.archive(row.pk)
    scripted.file = whole(video)
    lifecycle.check_again(row)
    lifecycle.archive(row.pk)
    row.refresh_from_db()
    assert row.state == "done"
    assert len(scripted.asked("POST")) == 1
