"""manage.py sandbox: the pretend providers alone. Costs nothing; needs no database."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Runs the sandbox server that imitates the providers. Nothing it does is charged."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT)
        parser.add_argument("--seconds", type=float, help="how long a job takes")

    def handle(self, *args: Any, **options: Any) -> None:
        command = ["--host", "127.0.0.1", "--port", str(options["port"]), "--data", str(settings.DATA / "sandbox")]
        if options["seconds"] is not None:
            command += ["--seconds", str(options["seconds"])]
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, [sys.executable, "-m", "sandbox", *command])  # noqa: S606
