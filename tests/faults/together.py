"""Several jobs in one round of the loop, and the loop is killed in the middle of it. Run as a program; see test_together.py.

Each argument is a place as `killers.kill_on_call` takes it. For each one, a process starts the jobs and runs the loop until
it is killed; the second recovers and goes on; a line of JSON says what became of every job.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path

from tests.faults import drive, killers

JOBS = 5


def begin(token: str) -> None:
    from accounts.models import Membership, Team, User
    from generations import keys, lifecycle
    from generations.models import ProviderKey
    from generations.providers import SPECS

    team = Team.objects.create(name=token)
    user = User.objects.create_user(f"{token}@example.org")
    Membership.objects.create(user=user, team=team)
    keys.add_demo_keys(team)
    spec = SPECS[drive.MODEL]
    key = ProviderKey.objects.for_provider(team, spec.provider)
    for number in range(JOBS):
        lifecycle.start(team=team, user=user, key=key, spec=spec, prompt=f"{drive.PROMPT} {token}-{number}",
                        params=drive.VALUES, token=f"{token}-{number}")  # fmt: skip


def run_loop(token: str) -> None:
    from generations import engine
    from generations.models import Generation
    from tests.workers import on_the_spot

    engine.LINGER = 0.2
    left = Generation.objects.filter(team__name=token).exclude(state__in=("done", "failed", "unknown"))
    for _ in range(5):
        engine.Engine(hint=on_the_spot).run(20)
        if not left.exists():
            return


def killed_at(place: str, token: str) -> bool:
    def life() -> None:
        begin(token)
        killers.kill_on_call(place)()
        threading.setprofile(sys.getprofile())  # the requests leave in threads
        run_loop(token)

    return drive.ended(drive.fork(life)) == -signal.SIGKILL


def report(token: str) -> dict[str, dict[str, object]]:
    from generations.media import sha256_of
    from generations.models import Generation

    rows = Generation.objects.filter(team__name=token).prefetch_related("assets", "attempts")
    return {
        row.prompt.split()[-1]: {
            "state": row.state,
            "whole": (video := row.asset("video")) is not None and sha256_of(video.file) == video.sha256,
            "attempts": row.attempts.count(),
        }
        for row in rows
    }


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from generations import engine, lifecycle, media  # noqa: F401

    drive.ended(drive.fork(lambda: call_command("migrate", verbosity=0)))
    out = Path(settings.DATA, "report.json")
    for index, place in enumerate(sys.argv[1:]):
        token = f"together-{os.getpid()}-{index}"
        killed = killed_at(place, token)

        def recover(token: str = token) -> None:
            lifecycle.sweep()
            run_loop(token)
            out.write_text(json.dumps(report(token)))

        again = drive.ended(drive.fork(recover))
        print(
            json.dumps({"place": place, "killed": killed, "recovery": again, "jobs": json.loads(out.read_text())}),
            flush=True,
        )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    main()
