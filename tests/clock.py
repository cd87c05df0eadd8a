"""A clock for one module: the real `time` is everybody's, other threads of this process sleep by it too."""

import os
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def own_time(monkeypatch: pytest.MonkeyPatch, module: ModuleType, **instead: Any) -> None:
    """Let `module` see these functions where it asks its `time` for them, and nobody else."""
    monkeypatch.setattr(module, "time", SimpleNamespace(**{**vars(time), **instead}))


class Clocks:
    """The two clocks of a machine: they stand until the test moves them, on by themselves or one by a jump."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
        self.wall, self.steady = time.time(), float(round(time.monotonic()))
        for module in modules:
            own_time(
                monkeypatch, module, time=lambda: self.wall, monotonic=lambda: self.steady, sleep=self.pass_by
            )  # fmt: skip

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def jump(self, seconds: float) -> None:
        """As at the end of a sleep of the machine, or when the time is set."""
        self.wall += seconds

    def touch(self, path: Path) -> None:
        path.touch()
        os.utime(path, (self.wall, self.wall))
