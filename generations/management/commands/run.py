"""manage.py run: the whole studio under one Ctrl-C. Checks and prepares here, then becomes generations.supervisor."""

import os
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from generations import keys
from generations.supervisor import preflight, prepare
from generations.supervisor.preflight import CannotStart


class Command(BaseCommand):
    help = "Starts web, queue and sandbox, restarts what ends, and stops everything with Ctrl-C."
    requires_system_checks = ()  # `make check` runs them; here they would cost a second of every start

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--grace", type=float, default=30, help="seconds that running work gets when stopping")
        parser.add_argument("--canary-every", type=float, default=10, help="seconds between two tests of the queue")
        parser.add_argument("--stale-after", type=float, default=45, help="seconds without life before a restart")

    def handle(self, *args: Any, **options: Any) -> None:
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        try:
            lock = self._check(options["grace"])
            signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # nobody listens between here and the supervisor
            self._prepare()
        except CannotStart as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            sys.exit(130)
        self._become_supervisor(lock, options)

    def _check(self, grace: float) -> int:
        preflight.check_folder(settings.DATA)
        lock = preflight.lock(settings.RUN)
        if preflight.leftovers(settings.RUN):
            self.stdout.write("An earlier run was killed; waiting for what it left behind to finish.")
            preflight.clear_leftovers(settings.RUN, grace)
        preflight.check_port(settings.HOST, settings.PORT, "STUDIO_PORT")
        if settings.SANDBOX:
            preflight.check_port("127.0.0.1", settings.SANDBOX_PORT, "STUDIO_SANDBOX_PORT")
        os.environ[preflight.TOKEN] = preflight.note(settings.RUN)
        return lock

    def _prepare(self) -> None:
        if prepare.migrate():
            self.stdout.write("The database is ready.")
        if prepare.collect_static():
            self.stdout.write("The static files are ready.")
        self.sandbox = prepare.wants_sandbox()
        if self.sandbox:
            keys.complete_demo_keys()  # this version may know more providers than the teams
        os.environ |= {
            "STUDIO_DATA": str(settings.DATA),  # the children run in the project's folder
            "STUDIO_ADDRESS": prepare.address(),
            "STUDIO_SETUP_LINK": prepare.setup_link(),
            "PYTHONUNBUFFERED": "1",
        }
        if not self.sandbox:
            os.environ["STUDIO_SANDBOX"] = "off"
        connections.close_all()

    def _become_supervisor(self, lock: int, options: dict[str, Any]) -> None:
        """Replace this process: the supervisor needs no Django, and stays at a tenth of the memory."""
        os.chdir(settings.BASE_DIR)
        self.stdout.flush()  # exec forgets what was not written
        os.execv(  # noqa: S606
            sys.executable,
            [
                sys.executable, "-m", "generations.supervisor",
                "--data", str(settings.DATA), "--host", settings.HOST, "--port", str(settings.PORT),
                "--sandbox-port", str(settings.SANDBOX_PORT), "--sandbox" if self.sandbox else "--no-sandbox",
                "--lock-fd", str(lock), "--grace", str(options["grace"]),
                "--canary-every", str(options["canary_every"]), "--stale-after", str(options["stale_after"]),
                "--paid-deadline", str(settings.SYNC_DEADLINE),
            ],
        )  # fmt: skip
