"""A PostgreSQL cluster and a Redis server of our own, to be stopped, paused and filled; and a disk of two megabytes."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.stack import free_ports, until


def programs() -> Path | None:
    """The folder with initdb and pg_ctl."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")) or [
        Path(path) for path in [shutil.which("pg_ctl")] if path
    ]
    return found[-1].parent if found else None


class Postgres:
    """`url` is for DATABASE_URL. Root may not run a server, so for root it runs as the user postgres."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder / "cluster", free_ports(1)[0]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.as_user = (
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        )
        bin_folder = programs()
        assert bin_folder
        self.bin = bin_folder
        if self.as_user:
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-D", str(self.folder), "-U", "postgres", "-A", "trust", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self.as_user, str(self.bin / program), *arguments], cwd="/", check=False, timeout=90,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self._run(
            "pg_ctl", "-D", str(self.folder), "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-m", mode, "stop")

    def restart(self, mode: str) -> None:
        self.stop(mode)
        self.start()

    def processes(self) -> list[int]:
        main = int((self.folder / "postmaster.pid").read_text().split()[0])
        children = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _parent(path) == main]
        return [main, *children]

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        stopped = self.processes()
        try:
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def _parent(path: Path) -> int:
    try:
        return int((path / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="tungsten-pg-"))  # pytest's own folders are closed to the user postgres
    server = Postgres(folder)
    server.start()
    try:
        yield server
    finally:
        with contextlib.suppress(AssertionError):
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


class Redis:
    def __init__(self, *options: str) -> None:
        self.port, self.options = free_ports(1)[0], options
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", tempfile.gettempdir(), *self.options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(self._answers, 20, "redis")

    def _answers(self) -> bool:
        import redis

        with contextlib.suppress(redis.RedisError):
            return bool(redis.Redis.from_url(self.url, socket_timeout=1).ping())
        return False

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def redis_server(*options: str) -> Iterator[Redis]:
    server = Redis(*options)
    server.start()
    try:
        yield server
    finally:
        if server.process:
            server.signal(signal.SIGCONT)
        server.stop()


# --- disks ------------------------------------------------------------------------------------------------------------
class Disk:
    """A file system of its own at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, leave: int = 0) -> None:
        """Until not one more page fits, then `leave` bytes less."""
        with open(self.path / "filler", "ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * 4096):
                pass
        if leave:
            os.truncate(self.path / "filler", max(0, (self.path / "filler").stat().st_size - leave))

    def free(self) -> None:
        (self.path / "filler").unlink(missing_ok=True)

    def read_only(self, value: bool) -> None:
        option = "remount,ro" if value else "remount,rw"
        subprocess.run(["mount", "-o", option, str(self.path)], check=True, capture_output=True)


@contextlib.contextmanager
def disk(path: Path, size: str = "2m") -> Iterator[Disk]:
    """A small tmpfs. Needs root; raises PermissionError."""
    path.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(path)], check=False, capture_output=True
    )
    if done.returncode != 0:
        raise PermissionError("a file system of its own can be mounted by root only")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)
