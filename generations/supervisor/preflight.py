"""What can be wrong before anything is started, each as one sentence. No Django."""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import time
from pathlib import Path

TOKEN = "STUDIO_RUN_TOKEN"  # noqa: S105  (the name of a variable; its value marks the processes of one run)


class CannotStart(Exception):
    """The message is one sentence for the person at the terminal: what is wrong and what to do."""


def check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"The data folder {folder} cannot be written ({error.strerror}). Nothing was started."
            " Change its owner, or choose another: STUDIO_DATA=/path make run"
        ) from None


def lock(run: Path) -> int:
    """Hold the data folder for this process and what it becomes by exec. Raises CannotStart when it is taken.

    Returns the open descriptor; the folder is free again when the last process that has it ends.
    """
    run.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise CannotStart(
            f"A studio already runs on the data folder {run.parent} (process {_noted(run).get('pid', '?')})."
            " Nothing was started. Use that one, or choose another folder: STUDIO_DATA=/path make run"
        ) from None
    os.set_inheritable(descriptor, True)
    return descriptor


def check_port(host: str, port: int, variable: str) -> None:
    try:
        if not 0 < port < 65536:  # getaddrinfo would take it and use another
            raise OSError("ports go from 1 to 65535")
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CannotStart(
            f"Port {port} on {host} cannot be used ({why}). Nothing was started."
            f" Stop the program that has it, or choose another port: {variable}={_free_port()} make run"
        ) from None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


# --- what an earlier run left behind -----------------------------------------------------------------------------------------
def note(run: Path) -> str:
    """Write down who we are. Returns the token that every process of this run carries in its environment."""
    token = secrets.token_hex(16)
    path = run / "supervisor.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"pid": os.getpid(), "token": token}))
    return token


def _noted(run: Path) -> dict[str, str]:
    try:
        return dict(json.loads((run / "supervisor.json").read_text()))
    except (OSError, ValueError):
        return {}


def leftovers(run: Path) -> list[int]:
    """Processes of the run that was noted last. Proven by the token in their environment: a number alone is reused."""
    token = _noted(run).get("token")
    marker = f"{TOKEN}={token}".encode()
    return [pid for pid in _all_processes() if marker in _environment(pid)] if token else []


def clear_leftovers(run: Path, seconds: float) -> int:
    """Wait for the rest of a run that was killed (its processes are stopping by themselves), then kill it.

    Returns how many there were. Waiting first, because a request that costs money may still be on its way.
    """
    found = leftovers(run)
    end = time.monotonic() + seconds
    while leftovers(run) and time.monotonic() < end:
        time.sleep(0.1)
    for pid in leftovers(run):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _all_processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    except OSError:
        return []  # no /proc on this system: the tether alone has to do


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
