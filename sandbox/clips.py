"""The clips on disk: made once, in a process of their own, shared by equal jobs; the oldest are deleted."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .jobs import ClipJob

PROJECT = Path(__file__).resolve().parent.parent
CLIP_BYTES, IMAGE_BYTES = 2 * 1024**3, 256 * 1024**2
LINGER = 5.0  # seconds that the render process waits for another job: its start takes longer than a small clip


def trim(folder: Path, limit: int, keep: Path) -> None:
    """Delete the oldest files of `folder` until at most `limit` bytes are left; never `keep`."""
    found = [(path.stat(), path) for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    total = sum(stat.st_size for stat, _ in found)
    for stat, path in sorted(found, key=lambda item: item[0].st_mtime):
        if total <= limit:
            return
        if path != keep:
            path.unlink(missing_ok=True)
            total -= stat.st_size


class Renderer:
    """One render process, started for the first waiting job and ended soon after the last, so that idling costs nothing."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1, "render")
        self.lock = threading.Lock()
        self.process: subprocess.Popen[str] | None = None
        self.waiting = 0
        self.rested = 0.0  # time.monotonic() when nothing was left to do
        self.closed = False

    def order(self, line: str) -> dict[str, Any]:
        """Blocking; called in the pool's one thread. When the process is killed the job is neither made nor failed."""
        with self.lock:
            if self.closed:
                return {"error": None, "made": False}
            if self.process is None or self.process.poll() is not None:
                command = [sys.executable, "-m", "sandbox.render"]
                pipe = subprocess.PIPE
                self.process = subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, text=True)
            process = self.process
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        self.rest()
        return json.loads(answer) if answer else {"error": None, "made": False}

    def rest(self) -> None:
        """One job less; when none is left the process has a while to live."""
        with self.lock:
            self.waiting -= 1
            if self.waiting:
                return
            if self.closed:
                return self.end()
            self.rested = time.monotonic()
        timer = threading.Timer(LINGER, self.end_if_idle)
        timer.daemon = True
        timer.start()

    def end_if_idle(self) -> None:
        with self.lock:
            if not self.waiting and time.monotonic() - self.rested >= LINGER:
                self.end()

    def end(self) -> None:
        if self.process:
            for stream in (self.process.stdin, self.process.stdout):
                assert stream
                try:
                    stream.close()
                except OSError:  # the process died with a job still in the pipe
                    continue
            self.process.wait()
            self.process = None

    async def render(self, line: str) -> dict[str, Any]:
        with self.lock:
            self.waiting += 1
        return await asyncio.get_running_loop().run_in_executor(self.pool, self.order, line)

    def close(self) -> None:
        """Kill what runs; called when the server stops."""
        with self.lock:
            self.closed = True
            if self.process:
                self.process.kill()
                if not self.waiting:
                    self.end()
        self.pool.shutdown(wait=False, cancel_futures=True)


class Clips:
    """The cache. `data` is the sandbox's folder."""

    def __init__(self, data: Path) -> None:
        self.folder, self.images = data / "clips", data / "images"
        for folder in (self.folder, self.images):
            folder.mkdir(parents=True, exist_ok=True)
        self.renderer = Renderer()
        self.running: dict[str, asyncio.Task[str | None]] = {}

    def path(self, key: str) -> Path:
        return self.folder / f"{key}.mp4"

    def image(self, name: str) -> Path:
        return self.images / name

    def keep_image(self, name: str, content: bytes) -> None:
        """Store a reference image under its hash."""
        draft = self.images / f".{name}.{os.getpid()}"
        draft.write_bytes(content)
        os.replace(draft, self.image(name))
        trim(self.images, IMAGE_BYTES, self.image(name))

    async def make(self, job: ClipJob) -> str | None:
        """Wait for the clip of `job`. Returns the sentence that says why it cannot be made, or None.

        None does not promise the file: a server that stops leaves the job to be asked for again after its next start.
        """
        if self.path(job.key).exists():
            return None
        if job.key not in self.running:
            task = self.running[job.key] = asyncio.create_task(self._render(job))
            task.add_done_callback(lambda _: self.running.pop(job.key, None))
        return await asyncio.shield(self.running[job.key])

    async def _render(self, job: ClipJob) -> str | None:
        out = self.path(job.key)
        answer = await self.renderer.render(job.line(str(out), [str(self.image(name)) for name in job.images]))
        if out.exists():
            trim(self.folder, CLIP_BYTES, out)
        return str(answer["error"]) if answer["error"] else None
