"""A clock for one module: the real `time` is everybody's, other threads of this process sleep by it too."""

import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def own_time(monkeypatch: pytest.MonkeyPatch, module: ModuleType, **instead: Any) -> None:
    """Let `module` see these functions where it asks its `time` for them, and nobody else."""
    monkeypatch.setattr(module, "time", SimpleNamespace(**{**vars(time), **instead}))
