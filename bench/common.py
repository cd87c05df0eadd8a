"""Starting the parts on free ports, reading their cost from /proc, and printing tables."""

import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def process(*argv: str, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own; stopped by one SIGTERM, and by SIGKILL after 40 s."""
    with open(log, "ab") as out:
        child = subprocess.Popen(
            argv, cwd=ROOT, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def members(env_mark: str) -> list[int]:
    """Every process with this entry in its environment."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and env_mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time so far, with that of children that ended."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            parts = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            total += sum(int(value) for value in parts[11:15])
    return total / TICKS


def pss_megabytes(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def median(values: list[float]) -> float:
    return statistics.median(values) if values else float("nan")


def table(title: str, rows: list[tuple[str, str, str, str]]) -> None:
    """Rows of (what, measured, beside it, goal)."""
    rows = [("", "measured", "beside it", "goal"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    print(f"\n{title}")
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    sys.stdout.flush()


def keep(name: str, figures: dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"claim": name, "at": time.strftime("%Y-%m-%dT%H:%M:%S"), **figures}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def studio_env(**extra: str) -> tuple[dict[str, str], Path]:
    """An environment with a data folder and ports of its own; Django is set up in this process with the same."""
    data = Path(tempfile.mkdtemp(prefix="tungsten-bench-"))
    env = {
        **os.environ, "STUDIO_DATA": str(data), "STUDIO_PORT": str(free_port()), "STUDIO_SANDBOX_PORT": str(free_port()),
        "DJANGO_SETTINGS_MODULE": "studio.settings", "DATABASE_URL": "", **extra,
    }  # fmt: skip
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):  # of this shell; who installs it compiles only once
        env.pop(name, None)
        os.environ.pop(name, None)
    os.environ.update(env)
    return env, data


def django_ready() -> Any:
    """Set Django up, migrate, and give (team, user, key)."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from accounts.models import Membership, Team, User
    from generations import keys
    from generations.models import ProviderKey

    team = Team.objects.create(name="Bench")
    user = User.objects.create_user("bench@example.org", name="Bench")
    Membership.objects.create(team=team, user=user, role="owner")
    keys.add_demo_keys(team)
    return team, user, ProviderKey.objects.for_provider(team, "apertis")
