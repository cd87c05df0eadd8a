"""How a file comes in: its worker shows a sign of life, and a host that only drips is given up."""

import time

from django.conf import settings

from ..models import Generation
from ..providers import http
from . import leases
from .moves import LostRow

SLOWEST = 10_000  # bytes a second, over a minute


class Pace:
    """Renews the lease while a file comes in, and gives up on a host that only drips."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.renewed = self.looked = time.monotonic()
        self.size = 0

    def renew(self) -> None:
        """Five times in the life of a lease. Raises LostRow when somebody else has the row."""
        if time.monotonic() - self.renewed > settings.LEASE / 5:
            self.renewed = time.monotonic()
            if not leases.renew(self.generation):
                raise LostRow(f"shot {self.generation.pk} was taken over while it was fetched")

    def keep(self, size: int) -> None:
        """Raises LostRow as `renew`, DownloadFailed below 10 KB a second over a minute."""
        self.renew()
        moment = time.monotonic()
        if moment - self.looked > 60:
            if size - self.size < SLOWEST * (moment - self.looked):
                raise http.DownloadFailed("The file's host sends less than 10 KB a second.")
            self.looked, self.size = moment, size
