"""Claim: the whole idle studio (supervisor, web, cluster, sandbox) is small and quiet.

Beside it: one bare Python process that has imported Django, on the same machine.
"""

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from . import common

WATCH = 20.0  # seconds


def bare_django() -> float:
    code = (
        "import django, sys; from django.conf import settings; settings.configure(); django.setup();"
        "print('up'); sys.stdout.flush(); sys.stdin.read()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout
    assert child.stdin
    child.stdout.readline()
    size = common.pss_megabytes([child.pid])
    child.stdin.close()
    child.wait()
    return size


def as_installed(env: dict[str, str], data: Path) -> dict[str, str]:
    """What `make run` installs has no rich and no pygments. Where they are, as among the development packages, httpx loads
    them for a command line of its own: 3 MB in each process that no user has.
    """
    hidden = data / "not-installed"
    hidden.mkdir()
    for name in ("pygments", "rich"):
        (hidden / f"{name}.py").write_text('raise ImportError("not part of requirements.lock")\n')
    return {**env, "PYTHONPATH": str(hidden)}


def main() -> None:
    env, data = common.studio_env()
    env = as_installed(env, data)
    began = time.monotonic()
    with common.process(sys.executable, "manage.py", "run", env=env, log=data / "bench.log"):
        first_page = _wait(f"http://127.0.0.1:{env['STUDIO_PORT']}/healthz", began)
        _wait(f"http://127.0.0.1:{env['STUDIO_PORT']}/healthz/worker", began)
        time.sleep(15)  # what is done once after a start is not idling
        pids = common.members(f"STUDIO_DATA={data}")
        before, moment = common.cpu_seconds(pids), time.monotonic()
        time.sleep(WATCH)
        share = (common.cpu_seconds(pids) - before) / (time.monotonic() - moment) * 100
        size, count = common.pss_megabytes(pids), len(pids)
    began = time.monotonic()
    with common.process(sys.executable, "manage.py", "run", env=env, log=data / "bench.log"):
        warm = _wait(f"http://127.0.0.1:{env['STUDIO_PORT']}/healthz", began)
        stop = time.monotonic()
    stop = time.monotonic() - stop
    peer = bare_django()
    common.keep("idle", {"pss_mb": size, "processes": count, "cpu_percent": share, "first_start_s": first_page,
                         "warm_start_s": warm, "stop_s": stop, "bare_django_mb": peer})  # fmt: skip
    common.table("The whole studio, idle", [
        ("memory (PSS)", f"{size:.0f} MB in {count} processes", f"{peer:.0f} MB one bare Django", "≤ 200 MB"),
        ("processor", f"{share:.1f} % of a core", "", "≤ 2 %"),
        ("start on an empty folder", f"{first_page:.1f} s", "", ""),
        ("warm start to first page", f"{warm:.1f} s", "", "≤ 3 s"),
        ("stop", f"{stop:.1f} s", "", "≤ 2 s"),
    ])  # fmt: skip


def _wait(url: str, began: float) -> float:
    while time.monotonic() - began < 60:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return time.monotonic() - began
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{url} did not answer: {Path('bench.log')}")


if __name__ == "__main__":
    main()
