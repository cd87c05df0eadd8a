"""Ties a process to its supervisor: `python -m generations.supervisor.tether GRACE MODULE [arguments…]`.

The supervisor holds the other end of standard input. When it dies, however suddenly, the pipe ends; the process then
stops as if asked to, and after the grace its whole group is killed. A pipe and not PR_SET_PDEATHSIG, because that is
Linux only, and ends one process where a group has to go.
"""

import os
import runpy
import signal
import sys
import threading
import time


def hold(grace: float) -> None:
    """Start watching standard input. Returns at once. `grace`: seconds between the request to stop and the kill."""
    threading.Thread(target=_watch, args=(grace,), name="tether", daemon=True).start()


def _watch(grace: float) -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass  # a broken pipe says the same
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    end_group()


def leads_group() -> bool:
    return os.getpgrp() == os.getpid()


def end_group() -> None:
    """Kill this process and everything it started. Only this process when the group belongs to somebody else."""
    if leads_group():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> None:
    grace, module, *arguments = sys.argv[1:]
    hold(float(grace))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
