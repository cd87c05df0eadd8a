"""The sandbox as a process of its own: what survives it, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from .client import CREATE, Api

pytestmark = pytest.mark.processes
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(data: Path) -> Iterator[tuple[subprocess.Popen[bytes], Api]]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--data", str(data), "--seconds", "0.2"]
    child = subprocess.Popen(command, cwd=ROOT)
    try:
        api = Api(f"http://127.0.0.1:{port}")
        wait_until(lambda: healthy(api))
        yield child, api
    finally:
        child.kill()
        child.wait()


def healthy(api: Api) -> bool:
    try:
        return api.http.get("/_sandbox/healthz").status_code == 200
    except httpx.ConnectError:
        return False


def wait_until(true, deadline: float = 20) -> None:
    end = time.monotonic() + deadline
    while not true():
        assert time.monotonic() < end, "the awaited state never came"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            found.append(int(entry.parent.name))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_ledger_and_tasks_survive_a_kill(tmp_path: Path):
    with process(tmp_path) as (child, api):
        task_id = api.create("kept lake [[clip=small]]")
        with pytest.raises(httpx.ReadTimeout):
            api.post("kept hanging lake [[hang]]", timeout=0.5)
        url = api.final(task_id)["video_url"]
        other = api.create("kept later [[clip=small]]", model="veo2")
        child.kill()
        child.wait()
    with process(tmp_path) as (_, api):
        assert len(api.billed("kept")) == 3
        assert api.final(task_id)["status"] == "completed"
        assert api.final(other)["status"] == "completed"
        assert api.http.get(httpx.URL(url).raw_path.decode()).content[4:8] == b"ftyp"


def test_it_stops_on_request_although_somebody_hangs(tmp_path: Path):
    body = b'{"model":"veo3","prompt":"hold [[hang]]"}'
    head = f"POST {CREATE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-x\r\nContent-Length: {len(body)}\r\n\r\n"
    with process(tmp_path) as (child, api), closing(connection(api)) as hanging:
        hanging.sendall(head.encode() + body)
        wait_until(lambda: len(api.billed("hold")) == 1)
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) in (0, -signal.SIGTERM)
        assert hanging.recv(100) == b""


def connection(api: Api) -> socket.socket:
    return socket.create_connection(("127.0.0.1", api.http.base_url.port or 0))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see the processes")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_render_process_is_left_behind(tmp_path: Path, how: signal.Signals):
    with process(tmp_path) as (child, api):
        for i in range(3):
            api.create(f"a big clip {i}")
        wait_until(lambda: children(child.pid))
        renderers = children(child.pid)
        os.kill(child.pid, how)
        child.wait(10)
        wait_until(lambda: not any(alive(pid) for pid in renderers))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see the processes")
def test_the_render_process_ends_when_there_is_nothing_to_make(tmp_path: Path):
    with process(tmp_path) as (child, api):
        api.made("")
        wait_until(lambda: not children(child.pid))
