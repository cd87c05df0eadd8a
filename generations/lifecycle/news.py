"""What the loop has heard of each provider and its breaker has not been told yet: trouble at once, good news once a second.

Telling costs a read and a write; nearly all answers are good, and a second later is early enough for those.
"""

import time

from django.db import transaction

from ..providers.base import Failed, Finished, Running
from .polling import Answer, heard

PAUSE = 1.0  # seconds
GOOD = (Running, Finished, Failed)  # the provider works, whatever became of the shot

Answers = dict[int, list[Answer]]  # by key, in their order


class News:
    def __init__(self) -> None:
        self.kept: Answers = {}
        self.told = time.monotonic()

    def tell(self, fresh: Answers, *, now: bool = False) -> None:
        """Pass on what cannot wait, keep the rest. Within the transaction that records the answers, or alone."""
        known = {key: [*self.kept.get(key, []), *fresh.get(key, [])] for key in {*self.kept, *fresh}}
        due = now or time.monotonic() - self.told > PAUSE
        urgent = [key for key in sorted(known) if due or not all(isinstance(answer, GOOD) for answer in known[key])]
        for key in urgent:
            heard(key, known[key])
        rest = {key: answers for key, answers in known.items() if key not in urgent}
        transaction.on_commit(lambda: self._keep(rest, due))

    def _keep(self, rest: Answers, due: bool) -> None:
        self.kept = rest
        if due:
            self.told = time.monotonic()
