"""What the sandbox remembers, in one SQLite file: the ledger of billed requests, the tasks, the counters.

Every commit is on the disk before the caller goes on (`synchronous=FULL`): a request that was billed is in the ledger
even when the process is killed before it answers.
"""

import json
import secrets
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS secret (value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS request (n INTEGER PRIMARY KEY, at REAL, dialect TEXT, prompt_sha256 TEXT,
  key_fingerprint TEXT, status TEXT, ending TEXT);
CREATE INDEX IF NOT EXISTS request_prompt ON request (prompt_sha256);
CREATE TABLE IF NOT EXISTS billed (id INTEGER PRIMARY KEY, at REAL, dialect TEXT, model TEXT, prompt_sha256 TEXT,
  prompt TEXT, key_fingerprint TEXT, ending TEXT, task_id TEXT, correlation TEXT);
CREATE INDEX IF NOT EXISTS billed_prompt ON billed (prompt_sha256);
CREATE TABLE IF NOT EXISTS task (id TEXT PRIMARY KEY, at REAL, dialect TEXT, seconds REAL, tags TEXT, values_ TEXT,
  error TEXT, uid TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
"""
TABLES = ("request", "billed", "task", "counter")


@dataclass
class Task:
    """One accepted job. `values` is the dialect's own note (model, clip job, …); `uid` names its file in URLs."""

    id: str
    dialect: str
    seconds: float
    tags: dict[str, str]
    values: dict[str, Any]
    error: str = ""
    at: float = field(default_factory=time.time)
    uid: str = field(default_factory=lambda: secrets.token_hex(10))


@dataclass(frozen=True)
class Received:
    """A create request as far as it is understood; the same for every dialect."""

    dialect: str
    prompt: str
    prompt_sha256: str
    key_fingerprint: str
    ending: str
    model: str = ""
    correlation: str = ""


class Store:
    """One connection, used from the event loop alone. Calls take about a millisecond."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;" + SCHEMA)
        self.db.execute("INSERT INTO secret SELECT ? WHERE NOT EXISTS (SELECT 1 FROM secret)", (secrets.token_hex(32),))
        self.secret = bytes.fromhex(self.rows("SELECT value FROM secret")[0]["value"])

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        return [dict(row) for row in self.db.execute(sql, values)]

    def record(self, request: Received, status: str) -> None:
        """Count a create request that was refused. `status` is the HTTP status, or "none" when nothing is answered."""
        sql = "INSERT INTO request (at, dialect, prompt_sha256, key_fingerprint, status, ending) VALUES (?,?,?,?,?,?)"
        place = (request.dialect, request.prompt_sha256, request.key_fingerprint, status, request.ending)
        self.db.execute(sql, (time.time(), *place))

    def bill(self, request: Received, task: Task, status: str) -> None:
        """Request, ledger entry and task in one commit, on the disk when this returns."""
        entry = (
            task.at,
            request.dialect,
            request.model,
            request.prompt_sha256,
            request.prompt[:200],
            request.key_fingerprint,
        )
        row = (task.id, task.at, task.dialect, task.seconds, json.dumps(task.tags), json.dumps(task.values), task.uid)
        self.db.execute("BEGIN IMMEDIATE")
        try:
            self.record(request, status)
            sql = (
                "INSERT INTO billed (at, dialect, model, prompt_sha256, prompt, key_fingerprint, ending, task_id,"
                " correlation) VALUES (?,?,?,?,?,?,?,?,?)"
            )
            self.db.execute(sql, (*entry, request.ending, task.id, request.correlation))
            sql = "INSERT INTO task (id, at, dialect, seconds, tags, values_, uid) VALUES (?,?,?,?,?,?,?)"
            self.db.execute(sql, row)
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def task(self, key: str, column: str = "id") -> Task | None:
        """By its `id`, or by its `uid`."""
        found = self.rows(f"SELECT * FROM task WHERE {'uid' if column == 'uid' else 'id'} = ?", (key,))  # noqa: S608
        if not found:
            return None
        row = found[0]
        tags, values = json.loads(row["tags"]), json.loads(row["values_"])
        return Task(row["id"], row["dialect"], row["seconds"], tags, values, row["error"] or "", row["at"], row["uid"])

    def update(self, task: Task) -> None:
        """Keep what became known later: the clip, or why there is none."""
        self.db.execute(
            "UPDATE task SET error = ?, values_ = ? WHERE id = ?", (task.error, json.dumps(task.values), task.id)
        )

    def count(self, name: str) -> int:
        """Add one to a named counter and return it: 1 the first time."""
        sql = "INSERT INTO counter VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET n = n + 1 RETURNING n"
        return int(self.db.execute(sql, (name,)).fetchone()[0])

    def reset(self) -> None:
        """Forget everything but the secret."""
        for table in TABLES:
            self.db.execute(f"DELETE FROM {table}")  # noqa: S608
