"""manage.py qcluster: the queue alone, for a machine or a container of its own. Replaces django-q2's command."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from generations import cluster

NICE = 5  # pictures and films are drawn here: on a small machine the pages come first


class Command(BaseCommand):
    help = "Runs the queue: submits, polls and saves. Ctrl-C finishes what is on its way, then stops."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--supervised",
            type=float,
            metavar="GRACE",
            help="stop within GRACE seconds when standard input ends, because the supervisor died",
        )
        parser.add_argument("--canary-every", type=float, default=10, help="seconds between two tests of the queue")
        parser.add_argument("--stale-after", type=float, default=45, help="seconds without life until it ends itself")

    def handle(self, *args: Any, **options: Any) -> None:
        if hasattr(os, "nice"):
            os.nice(NICE)
        stopped = cluster.run(
            grace=options["supervised"], every=options["canary_every"], stale_after=options["stale_after"]
        )
        sys.exit(0 if stopped else 1)
