"""python -m generations.supervisor: what `manage.py run` becomes after its preparation. Not meant to be typed."""

import argparse
import os
import sys
from pathlib import Path

from .child import Child, say
from .loop import Supervisor

WEB_GRACE, SANDBOX_GRACE = 4.0, 2.0
MARGIN = 2.0  # times the queue's own patience with itself


def main() -> None:
    options = arguments().parse_args()
    os.set_inheritable(options.lock_fd, False)  # held by this process alone
    link = os.environ.pop("STUDIO_SETUP_LINK", "")
    address = os.environ.pop("STUDIO_ADDRESS", f"http://{options.host}:{options.port}")
    # One heap a process: threads that wait for the network or the interpreter need none of their own (-1.2 MB in all).
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")
    web, queue, sandbox = children(options)
    pulse = options.data / "run" / "pulse"
    pulse.unlink(missing_ok=True)
    supervisor = Supervisor(
        [[web, queue], [sandbox] if options.sandbox else []],
        queue=queue,
        pulse=pulse,
        stale_after=options.stale_after * MARGIN + options.grace,
        paid_patience=options.paid_deadline + options.grace,
        web=("127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host, options.port),  # noqa: S104
        announce=lambda: announce(address, link),
    )
    sys.exit(supervisor.run())


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="generations.supervisor")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sandbox-port", type=int, required=True)
    parser.add_argument("--sandbox", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--lock-fd", type=int, required=True)
    parser.add_argument("--grace", type=float, required=True)
    parser.add_argument("--canary-every", type=float, required=True)
    parser.add_argument("--stale-after", type=float, required=True)
    parser.add_argument("--paid-deadline", type=float, required=True)
    return parser


def children(options: argparse.Namespace) -> tuple[Child, Child, Child]:
    tether = [sys.executable, "-m", "generations.supervisor.tether"]
    web = [
        *tether, str(WEB_GRACE), "uvicorn", "studio.asgi:application",
        "--host", options.host, "--port", str(options.port), "--loop", "uvloop", "--http", "httptools", "--ws", "none",
        "--lifespan", "off", "--timeout-graceful-shutdown", "2", "--no-access-log", "--no-server-header",
        "--log-level", "warning",
    ]  # fmt: skip
    queue = [
        sys.executable, "manage.py", "qcluster", "--supervised", str(options.grace),
        "--canary-every", str(options.canary_every), "--stale-after", str(options.stale_after),
    ]  # fmt: skip
    sandbox = [
        *tether, str(SANDBOX_GRACE), "sandbox", "--host", "127.0.0.1", "--port", str(options.sandbox_port),
        "--data", str(options.data / "sandbox"),
    ]  # fmt: skip
    return Child("web", web, WEB_GRACE), Child("queue", queue, options.grace), Child("sandbox", sandbox, SANDBOX_GRACE)


def announce(address: str, link: str) -> None:
    say("run", f"Tungsten is ready: {address}")
    if link:
        say("run", f"First start. Set up the studio with this link; it works once: {link}")
    say("run", "Press Ctrl-C to stop.")


if __name__ == "__main__":
    main()
