"""Ways to die: at a call, at a line, at a system call; and counters that say how many of them a job has."""

import atexit
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PARTS = ("generations.lifecycle", "generations.providers", "generations.references", "generations.keys")
ENGINE = ("generations.engine",)
SYSCALLS = ("sendto", "recvfrom", "fsync", "fdatasync", "pwrite64", "rename")
Killer = Callable[[], None]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_on_call(spec: str) -> Killer:
    """`module:function[:n]`: SIGKILL when the n-th call of that function begins. C functions count by their own module."""
    module, name, *rest = spec.split(":")
    left = int(rest[0]) if rest else 1

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal left
        if event == "call":
            hit = frame.f_code.co_name == name and frame.f_globals.get("__name__", "").endswith(module)
        elif event == "c_call":
            hit = arg.__name__ == name and str(getattr(arg, "__module__", "")) == module and _in(frame, PARTS)
        else:
            return
        if hit:
            left -= 1
            if left == 0:
                die()

    return lambda: sys.setprofile(profile)


def on_lines(parts: tuple[str, ...], step: Callable[[Any], None]) -> Killer:
    """`step(frame)` before every line of these modules that is executed, in whatever thread."""

    def trace(frame: Any, event: str, arg: Any) -> Any:
        if not _in(frame, parts):
            return None
        if event == "line":
            step(frame)
        return trace

    def install() -> None:
        threading.settrace(trace)
        sys.settrace(trace)

    return install


def kill_on_line(n: int, parts: tuple[str, ...], note: Path) -> Killer:
    """SIGKILL before the n-th line; `note` then says where that was."""
    left = n

    def step(frame: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            note.write_text(f"{frame.f_globals['__name__']}:{frame.f_lineno}")
            die()

    return on_lines(parts, step)


def count_lines(parts: tuple[str, ...], note: Path) -> Killer:
    """No kill: notes how many lines a whole job executes."""
    lines = 0

    def step(frame: Any) -> None:
        nonlocal lines
        lines += 1

    def install() -> None:
        atexit.register(lambda: note.write_text(str(lines)))
        on_lines(parts, step)()

    return install


def _in(frame: Any, parts: tuple[str, ...]) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith(parts)


@contextmanager
def traced(pid: int, options: list[str]) -> Iterator[None]:
    """strace on a living process; it is attached when the block begins, and has ended after it."""
    argv = ["strace", "-f", *options, "-p", str(pid)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as tracer:
        assert tracer.stderr
        first = tracer.stderr.readline()
        if "attached" not in first:
            raise RuntimeError(f"strace did not attach: {first}")
        yield
        tracer.stderr.read()


def strace_options(point: dict[str, Any], note: Path) -> list[str]:
    if point["kind"] == "count-syscalls":
        return ["-o", str(note), "-e", f"trace={','.join(SYSCALLS)}"]
    does = "signal=SIGKILL" if point["kind"] == "syscall" else f"error={point['error']}"
    inject = f"inject={point['name']}:{does}:when={point['n']}"
    return ["-o", "/dev/null", "-e", f"trace={point['name']}", "-e", inject]


def syscalls_in(note: Path) -> dict[str, int]:
    names = re.findall(r"^\d+\s+(\w+)\(", note.read_text(errors="replace"), re.MULTILINE)
    return {name: names.count(name) for name in SYSCALLS}
