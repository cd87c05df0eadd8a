"""A whole studio seen from outside: a signed-in person who presses Generate, and what became of every press."""

import contextlib
import secrets
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

from tests.stack import RunningStudio, until
from tests.test_many import signed_in, token_in

ENDS = ("done", "failed", "cancelled", "unknown")
TAKEN = (302, 303)  # where a press leads when it was taken


@dataclass(frozen=True)
class Row:
    pk: int
    token: str
    prompt: str
    state: str
    charged: str
    message: str


class Person:
    """Signed in with a browser's means; every press has a form token of its own, which ends its prompt too."""

    def __init__(self, studio: RunningStudio, email: str = "faults@example.org") -> None:
        self.studio = studio
        self.client = signed_in(studio, email)
        self.csrf = token_in(self.client.get("/").text)

    def press(self, prompt: str = "A boat", token: str = "", timeout: float = 60) -> tuple[str, int]:
        """Generate, once. Gives (form token, HTTP status); status 0 when no answer came."""
        token = token or f"faults-{secrets.token_hex(10)}"
        form = {"csrfmiddlewaretoken": self.csrf, "model": "apertis-veo3-fast", "form_token": token, "takes": "1",
                "whole": "1", "prompt": f"{prompt} [[clip=small]] {token}", "aspect_ratio": "16:9"}  # fmt: skip
        try:
            with httpx.Client(base_url=self.studio.url, cookies=self.client.cookies, timeout=timeout) as one:
                return token, one.post("/shots/", data=form).status_code
        except httpx.TransportError:
            return token, 0

    def get(self, path: str, timeout: float = 60) -> int:
        """The status of a page; 0 when no answer came."""
        try:
            with httpx.Client(base_url=self.studio.url, cookies=self.client.cookies, timeout=timeout) as one:
                return one.get(path).status_code
        except httpx.TransportError:
            return 0

    def press_until_taken(self, prompt: str = "A boat", seconds: float = 60) -> str:
        """As a person does who sees an error: the same form again."""
        token = self.press(prompt)[0]
        until(
            lambda: self.press(prompt, token)[1] in TAKEN, seconds, lambda: f"the press to be taken\n{self.studio.log}"
        )
        return token


def query(studio: RunningStudio, sql: str) -> list[tuple[Any, ...]]:
    if url := studio.env["DATABASE_URL"]:
        import psycopg

        with psycopg.connect(url, connect_timeout=5) as server:
            return server.execute(sql).fetchall()  # type: ignore[arg-type]
    with contextlib.closing(
        sqlite3.connect(f"file:{studio.data}/studio.sqlite3?mode=ro", uri=True, timeout=20)
    ) as file:
        return file.execute(sql).fetchall()


def rows(studio: RunningStudio) -> list[Row]:
    """Every job that a Person pressed for."""
    columns = "id, form_token, prompt, state, charged, message"
    sql = f"SELECT {columns} FROM generations_generation WHERE form_token LIKE 'faults-%' ORDER BY id"
    return [Row(*found) for found in query(studio, sql)]


def row(studio: RunningStudio, token: str) -> Row:
    return next(found for found in rows(studio) if found.token == token)


def ended(studio: RunningStudio, token: str, seconds: float = 60) -> Row:
    """The job when it does not move any more."""
    until(
        lambda: row(studio, token).state in ENDS,
        seconds,
        lambda: f"the end of {row(studio, token)}\n{studio.log[-4000:]}",
    )
    return row(studio, token)


def all_ended(studio: RunningStudio, seconds: float) -> list[Row]:
    until(lambda: all(found.state in ENDS for found in rows(studio)), seconds,
          lambda: f"the end of {[found for found in rows(studio) if found.state not in ENDS]}\n{studio.log[-4000:]}")  # fmt: skip
    return rows(studio)


def untruths(studio: RunningStudio) -> list[str]:
    """Jobs whose end does not agree with what the provider billed."""
    bills = Counter(entry["prompt"].split()[-1] for entry in studio.sandbox.ledger())
    found = []
    for one in rows(studio):
        paid = bills[one.token]
        if paid > 1:
            found.append(f"paid {paid} times: {one}")
        elif one.state == "done" and paid != 1:
            found.append(f"done and never billed: {one}")
        elif paid and one.charged == "no":
            found.append(f"billed, and said to be free: {one}")
        elif one.state in ("submitted", "running", "succeeded", "archiving"):
            found.append(f"still on its way: {one}")
    return found
