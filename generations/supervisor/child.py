"""One process of the studio: started in a group of its own, asked to stop exactly once, killed as a group."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import IO

LONG_ENOUGH = 60.0  # a process that ran this long did not fail at its start
LONGEST_WAIT = 30.0
_output = threading.Lock()


def say(name: str, line: str) -> None:
    """One whole line on standard output. Never fails: a closed terminal must not stop the studio."""
    try:
        with _output:
            sys.stdout.write(f"{name:8s}| {line.rstrip()}\n")
            sys.stdout.flush()
    except (OSError, ValueError):
        pass


class Child:
    """`grace`: seconds between the one SIGTERM and the kill of the group."""

    def __init__(self, name: str, argv: list[str], grace: float) -> None:
        self.name = name
        self.argv = argv
        self.grace = grace
        self.process: subprocess.Popen[str] | None = None
        self.started = 0.0  # time.monotonic()
        self.asked = 0.0  # time.monotonic() of the SIGTERM
        self.excused = 0.0  # time.monotonic() until which it had a reason to go on
        self.restart_at = 0.0
        self.failures = 0

    def start(self) -> None:
        # setsid: Ctrl-C in the terminal reaches the supervisor alone, which passes it on once and in order. Two signals
        # within a millisecond deadlocked the stock queue 21 times in 40.
        self.process = subprocess.Popen(
            self.argv, start_new_session=True, text=True, errors="replace",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.started = time.monotonic()
        assert self.process.stdout
        threading.Thread(target=self._pump, args=(self.process.stdout,), daemon=True).start()

    def _pump(self, output: IO[str]) -> None:
        for line in output:
            say(self.name, line)

    def has_ended(self) -> bool:
        """Whether the leader of the group is gone. It is not yet reaped, so that its number cannot mean another group."""
        if self.process is None:
            return True
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, options) is not None

    def ask_to_stop(self) -> None:
        if self.process is not None and not self.has_ended():
            os.kill(self.process.pid, signal.SIGTERM)
        self.asked = time.monotonic()

    def is_late(self) -> bool:
        return time.monotonic() - max(self.asked, self.excused) > self.grace

    def clear(self) -> int:
        """Kill what is left of the group and forget it. Returns how its leader ended: a code, or minus the signal."""
        if self.process is None:
            return 0
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS forbids it for a group of zombies
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        assert self.process.stdin
        self.process.stdin.close()
        self.process = None
        return code

    def revive(self) -> None:
        """Start again what ended by itself: at once after a long life, else after 0.5, 1, 2 … 30 seconds."""
        if self.process is not None and self.has_ended():
            lived = time.monotonic() - self.started
            self.failures = 0 if lived > LONG_ENOUGH else self.failures + 1
            wait = 0.0 if self.failures == 0 else min(LONGEST_WAIT, 0.25 * 2**self.failures)
            self.restart_at = time.monotonic() + wait
            say("run", f"{self.name} {_ending(self.clear())} after {lived:.0f} s. It is started again in {wait:.1f} s.")
        if self.process is None and time.monotonic() >= self.restart_at:
            self.start()


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
