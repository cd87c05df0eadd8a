"""Jobs for the studio that is measured: pressed for by a person, small enough to leave the processor alone."""

import contextlib
import secrets
import sqlite3
from collections.abc import Callable
from typing import Any

from tests.stack import until

from .stand import Stand

MODEL = "apertis-veo3-fast"
SMALL = "[[clip=small]]"
ENDS = ("done", "failed", "unknown", "cancelled")


def press(stand: Stand, tab: Any, prompt: str = "A boat leaves the harbour", **values: str) -> str:
    """Generate, as the form of the composer posts it, without touching the tab's page. Gives the form token."""
    token = f"ui-{secrets.token_hex(10)}"
    csrf = next(cookie["value"] for cookie in tab.context.cookies() if cookie["name"].endswith("csrf"))
    form = {"model": MODEL, "form_token": token, "takes": "1", "whole": "1", "prompt": f"{prompt} {SMALL}",
            "aspect_ratio": "16:9", **values}  # fmt: skip
    headers = {"X-CSRFToken": csrf, "Referer": stand.studio.url}
    answer = tab.context.request.post(f"{stand.studio.url}/shots/", form=form, headers=headers, max_redirects=0)
    assert answer.status == 303, answer.text()[:500]
    return token


def ask(stand: Stand, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(f"file:{stand.studio.data}/studio.sqlite3?mode=ro", uri=True)) as base:
        return base.execute(sql, values).fetchall()


def shot_of(stand: Stand, token: str) -> tuple[int, str]:
    """(id, state) of the job of a press."""
    found = ask(stand, "SELECT id, state FROM generations_generation WHERE form_token = ?", token)
    return found[0]


def ended(stand: Stand, token: str, seconds: float = 90) -> tuple[int, str]:
    """(id, state) of the job of a press, once it is over."""
    pk, _ = shot_of(stand, token)
    return pk, over(stand, pk, seconds)


def over(stand: Stand, pk: int, seconds: float = 90) -> str:
    """The state in which a job ends."""
    state: Callable[[], str] = lambda: ask(stand, "SELECT state FROM generations_generation WHERE id = ?", pk)[0][0]  # noqa: E731
    until(lambda: state() in ENDS, seconds, lambda: f"the end of {pk}, which is {state()}")
    return state()
