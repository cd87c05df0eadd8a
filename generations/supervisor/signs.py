"""Signs of life: told by change, and counted by the time in which we ran ourselves.

The clock on the wall is not asked. It jumps when a laptop wakes up, when a paused machine goes on and when it is set, and then
every file would look old at once, while what it stands for is as well as before.
"""

import time
from pathlib import Path

PAID = "paid-*"  # files of the queue, touched every 2 s while a paid request is out whose answer cannot be had again
FRESH = 15.0  # seconds; one that was not touched for longer was left behind by a process that died
LONGEST = 5.0  # seconds that the time between two looks counts at most: in a longer one we slept, as everybody did


class Silence:
    """How many seconds nothing was heard. `look` has to be called every few seconds, `end` when something was heard."""

    def __init__(self) -> None:
        self.end()

    def end(self) -> None:
        self.seconds, self.looked = 0.0, time.monotonic()

    def look(self) -> float:
        moment = time.monotonic()
        self.seconds += min(moment - self.looked, LONGEST)
        self.looked = moment
        return self.seconds


class Paid:
    """Whether a paid request is out whose answer cannot be had again. A sign that is seen for the first time counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signs: dict[Path, float] = {}  # when each was touched
        self.silence = Silence()

    def is_out(self) -> bool:
        signs = {sign: touched(sign) for sign in self.folder.glob(PAID)}
        if signs.items() - self.signs.items():  # one is new, or was touched
            self.silence.end()
        self.signs = signs
        return bool(signs) and self.silence.look() < FRESH


def touched(path: Path) -> float:
    """When, by the clock on the wall, so only good for telling a change; 0 when there is no such file."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
