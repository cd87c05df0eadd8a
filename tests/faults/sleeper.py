"""A worker that falls asleep in the middle of its paid request, and one whose clock is wrong. Run as a program.

Prints the token of the job, its state while the first worker was away, and its state at the end.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.faults import drive


def state_of(token: str) -> str:
    from django.db import connection

    from generations.models import Generation

    try:
        return str(Generation.objects.get(form_token=token).state)
    finally:
        connection.close()


def wait_for(token: str, *states: str, seconds: float = 30) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := state_of(token)) in states:
            return found
        time.sleep(0.05)
    raise SystemExit(f"{token} is still {state_of(token)} and not {states}")


def submitting(token: str, slept: str) -> int:
    """A worker in a fork. It stops itself before the first byte, or goes on until its answer is out."""

    def life() -> None:
        from generations import lifecycle
        from generations.lifecycle.escrow import Escrow
        from generations.models import Generation

        if slept == "before the wire":
            mark = Escrow.mark_wire

            def asleep(escrow: Escrow) -> None:
                os.kill(os.getpid(), signal.SIGSTOP)
                mark(escrow)

            Escrow.mark_wire = asleep  # type: ignore[method-assign]
        lifecycle.submit(Generation.objects.get(form_token=token).pk)

    return drive.fork(life)


def on_the_wire() -> bool:
    from django.conf import settings

    return any(path.read_bytes()[:1] == b"1" for path in Path(settings.ESCROW).glob("*.answer"))


def sleep_past_the_lease(slept: str) -> None:
    token = f"sleeper-{os.getpid()}"
    drive.ended(drive.fork(lambda: drive.begin(token, f"{drive.PROMPT} [[slow=1]]")))
    worker = submitting(token, slept)
    if slept == "before the wire":
        os.waitpid(worker, os.WUNTRACED)
    else:
        while not on_the_wire():
            time.sleep(0.01)
        os.kill(worker, signal.SIGSTOP)
    time.sleep(2.2)  # the lease is two seconds long
    drive.ended(drive.fork(sweep))
    meanwhile = state_of(token)
    os.kill(worker, signal.SIGCONT)
    drive.ended(worker)
    drive.ended(drive.fork(lambda: drive.work(token)))
    print(token, meanwhile, state_of(token))


def sweep() -> None:
    from generations import lifecycle

    lifecycle.sweep()


def work_beside_a_wrong_clock(offset: str) -> None:
    """The second worker recovers what it takes for abandoned, with its own idea of the time."""
    token = f"clock-{os.getpid()}"
    drive.ended(drive.fork(lambda: drive.begin(token, f"{drive.PROMPT} [[slow=7]]")))
    worker = submitting(token, "")
    while not on_the_wire():
        time.sleep(0.01)
    code = "import django; django.setup(); from generations import lifecycle; lifecycle.sweep()"
    argv = ["faketime", "-f", offset, sys.executable, "-c", code]
    subprocess.run(argv, check=True, env={**os.environ, "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    meanwhile = state_of(token)
    drive.ended(worker)
    drive.ended(drive.fork(lambda: drive.work(token)))
    print(token, meanwhile, state_of(token))


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    if sys.argv[1] != "wrong clock":  # such a lease is refused at a start; here it has to end under a living worker
        settings.LEASE, settings.SUBMIT_DEADLINE = 2, 30

    from generations import engine, lifecycle, media  # noqa: F401

    drive.ended(drive.fork(lambda: call_command("migrate", verbosity=0)))
    if sys.argv[1] == "wrong clock":
        work_beside_a_wrong_clock(os.environ["STUDIO_CLOCK"])
    else:
        sleep_past_the_lease(sys.argv[1])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    main()
