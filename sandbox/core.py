"""The parts every dialect works with, in one object: `request.app.state.sandbox`."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from starlette.requests import Request

from .clips import Clips
from .store import Store

DATABASE = "sandbox.sqlite3"


@dataclass
class Sandbox:
    """`seconds`: how long a job takes without a tag; `base_url`: for result URLs, the request's own when None."""

    store: Store
    clips: Clips
    seconds: float
    base_url: str | None = None
    background: set[asyncio.Task[None]] = field(default_factory=set)
    preparing: set[str] = field(default_factory=set)  # ids of the tasks whose clips are being made
    polls: Counter[str] = field(default_factory=Counter)  # queries by task id since the start, for benchmarks

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; the set keeps the task from being collected."""
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    def origin(self, request: Request) -> str:
        """Scheme, host and port that result URLs begin with."""
        return (self.base_url or str(request.base_url)).rstrip("/")

    def close(self) -> None:
        self.clips.renderer.close()


def open_sandbox(data_dir: Path, seconds: float, base_url: str | None) -> Sandbox:
    """The sandbox kept in `data_dir`, made when it is not there."""
    return Sandbox(Store(data_dir / DATABASE), Clips(data_dir), seconds, base_url)


def sandbox_of(request: Request) -> Sandbox:
    return cast(Sandbox, request.app.state.sandbox)
