"""Whole studios as processes of their own, and the sandbox's own account of what it was asked."""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
http = httpx.Client(trust_env=False, verify=False, timeout=5)  # one for all: making one costs 20 ms of the processor
READY = 60.0  # seconds that a loaded machine may take for a first start


@dataclass(frozen=True)
class Sandbox:
    """`url` is the address without a path; `host` is its `host:port`."""

    url: str

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def ledger(self, contains: str = "") -> list[dict[str, Any]]:
        """Every billed request whose prompt contains the text, the oldest first."""
        return list(http.get(f"{self.url}/_sandbox/ledger", params={"contains": contains}).json()["billed"])

    def requests(self) -> dict[str, Any]:
        """Every create request, refused ones too: {"count", "by_prompt": {sha256: {"count", "statuses"}}}."""
        return dict(http.get(f"{self.url}/_sandbox/requests").json())

    def polls(self) -> dict[str, int]:
        """How often each task was asked about."""
        return dict(http.get(f"{self.url}/_sandbox/polls").json())

    def reset(self) -> None:
        http.post(f"{self.url}/_sandbox/reset").raise_for_status()


def until(found: Callable[[], Any], seconds: float, what: str | Callable[[], str]) -> Any:
    """The first true value of `found()`; fails with `what` when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} s in vain: {what() if callable(what) else what}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on. All are held until the last is found, so that none is given twice."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in listeners]


def processes_with(marker: str) -> list[int]:
    """Every process whose environment contains `marker`, whatever group or parent it has. Linux only."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and marker.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid() and not _is_zombie(pid)]


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@dataclass
class RunningStudio:
    """`url`, `sandbox` (with its own url) and `data` of a studio that runs as `process`; `env` is its environment."""

    url: str
    sandbox: Sandbox
    data: Path
    env: dict[str, str]
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def sandbox_url(self) -> str:
        return self.sandbox.url

    @property
    def log(self) -> str:
        return "".join(self.lines)

    @property
    def setup_link(self) -> str:
        """The printed one-time link; "" when an account exists."""
        found = re.search(r"http://\S+/setup/\S+", self.log)
        return found[0] if found else ""

    def processes(self) -> list[int]:
        """Everything that was started from here and still runs, whatever group or parent it has."""
        return processes_with(f"STUDIO_TEST_RUN={self.env['STUDIO_TEST_RUN']}")

    def manage(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one management command against this studio."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, input=stdin, capture_output=True, text=True, timeout=120, check=False
        )

    def answers(self, path: str) -> bool:
        try:
            return http.get(self.url + path).status_code == 200
        except httpx.TransportError:
            return False

    def wait_until_ready(self) -> None:
        for path in ("/healthz", "/healthz/worker"):
            until(partial(self.answers, path), READY, lambda: f"{path} of the studio\n{self.log}")  # noqa: B023

    def stop(self, seconds: float = 60) -> None:
        """SIGTERM, as an operator would; then nothing of it may be left."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(seconds) == 0, self.log
        assert self.processes() == [], f"processes were left\n{self.log}"


PREPARE = (
    "import django as d; d.setup(); from generations.supervisor import prepare as p; p.migrate(); p.collect_static()"
)


def prepare(data: Path) -> None:
    """What a first start makes of an empty folder, but for its keys: made once for the whole suite, and copied."""
    made = Path(os.environ["STUDIO_TEST_PREPARED"])
    with open(made / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "static.stamp").exists():  # written last
            env = {**os.environ, "STUDIO_DATA": str(made), "DATABASE_URL": ""}
            subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=env, check=True)
    for name in ("studio.sqlite3", "static.stamp"):
        shutil.copy2(made / name, data / name)
    shutil.copytree(made / "static", data / "static")


def start_stack(data: Path, *options: str, cold: bool = False, **environment: str) -> RunningStudio:
    """`manage.py run` with `options` over the data folder, on free ports unless `environment` names them. An empty folder
    is prepared first, unless the start is to be a `cold` one.
    """
    if not cold and not any(data.iterdir()):
        prepare(data)
    port, sandbox_port = free_ports(2)
    ours = {"STUDIO_DATA": str(data), "STUDIO_PORT": str(port), "STUDIO_SANDBOX_PORT": str(sandbox_port),
            "STUDIO_SANDBOX_SECONDS": "1", "STUDIO_POLL_MIN": "0.6", "STUDIO_TEST_RUN": secrets.token_hex(8),
            "DATABASE_URL": "", **environment}  # fmt: skip
    env = {**os.environ, **ours}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run", *options],
        cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    sandbox = Sandbox(f"http://127.0.0.1:{env['STUDIO_SANDBOX_PORT']}")
    studio = RunningStudio(f"http://127.0.0.1:{env['STUDIO_PORT']}", sandbox, data, env, process)
    threading.Thread(target=lambda: studio.lines.extend(process.stdout or ()), daemon=True).start()
    return studio


@contextlib.contextmanager
def running_stack(data: Path, *options: str, cold: bool = False, **environment: str) -> Iterator[RunningStudio]:
    """As start_stack; whatever the test did, every process is gone afterwards."""
    studio = start_stack(data, *options, cold=cold, **environment)
    try:
        yield studio
    finally:
        for pid in studio.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        studio.process.wait(10)
