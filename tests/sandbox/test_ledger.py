import asyncio
import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from sandbox.app import create_app
from sandbox.core import DATABASE
from sandbox.server import running
from sandbox.store import Store

from .client import CREATE, Api


def billed_on_disk(data: Path) -> int:
    """What another process would find in the ledger."""
    with sqlite3.connect(f"file:{data / DATABASE}?mode=ro", uri=True) as other:
        return other.execute("SELECT count(*) FROM billed").fetchone()[0]


def test_the_ledger_entry_is_committed_before_the_first_byte_of_the_answer(tmp_path: Path):
    app, seen = create_app(tmp_path), []
    body = json.dumps({"model": "veo3", "prompt": "x [[fail]]"}).encode()
    scope = {
        "type": "http", "method": "POST", "path": CREATE, "raw_path": CREATE.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"authorization", b"Bearer sk-x"), (b"host", b"test")], "http_version": "1.1", "scheme": "http",
        "server": ("test", 80), "client": ("test", 1), "app": app,
    }  # fmt: skip

    async def receive() -> dict:
        assert billed_on_disk(tmp_path) == 0
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict) -> None:
        seen.append((message["type"], billed_on_disk(tmp_path)))

    asyncio.run(app(scope, receive, send))
    assert seen[0] == ("http.response.start", 1)


def test_every_commit_waits_for_the_disk(tmp_path: Path):
    store = Store(tmp_path / "s.sqlite3")
    assert store.rows("PRAGMA synchronous") == [{"synchronous": 2}]
    assert store.rows("PRAGMA journal_mode") == [{"journal_mode": "wal"}]


def test_an_entry_says_who_asked_for_what(api: Api):
    prompt = "entry lake " + "z" * 300 + " [[fail]]"
    headers = api.auth("sk-secret") | {"X-Correlation-Id": "corr-7"}
    task_id = api.http.post(CREATE, json={"model": "veo3", "prompt": prompt}, headers=headers).json()["id"]
    sha256 = hashlib.sha256(prompt.encode()).hexdigest()
    answer = api.http.get("/_sandbox/ledger", params={"prompt_sha256": sha256}).json()
    entry = answer["billed"][0]
    assert answer["count"] == 1
    assert entry | {"id": 0, "at": 0} == {
        "id": 0, "at": 0, "dialect": "apertis", "model": "veo3", "prompt_sha256": sha256, "prompt": prompt[:200],
        "key_fingerprint": hashlib.sha256(b"sk-secret").hexdigest()[:12], "ending": "fail", "task_id": task_id,
        "correlation": "corr-7",
    }  # fmt: skip
    assert "sk-secret" not in json.dumps(answer)


def test_refused_requests_are_counted_but_not_billed(api: Api):
    prompt = "counted lake [[429=2]] [[fail]]"
    for _ in range(3):
        api.post(prompt)
    found = api.http.get("/_sandbox/requests").json()["by_prompt"][hashlib.sha256(prompt.encode()).hexdigest()]
    assert found == {"count": 3, "statuses": {"429": 2, "200": 1}}
    assert len(api.billed("counted lake")) == 1


def test_the_newest_entry_comes_last(api: Api):
    ids = [api.create(f"order lake {i} [[fail]]") for i in range(3)]
    assert [entry["task_id"] for entry in api.billed("order lake")] == ids


def test_reset_forgets_everything(tmp_path: Path):
    with running(tmp_path) as base:
        api = Api(base)
        task_id = api.create("[[429=0]] [[fail]]")
        assert api.http.post("/_sandbox/reset").json() == {"status": "ok"}
        assert api.http.get("/_sandbox/ledger").json() == {"billed": [], "count": 0}
        assert api.http.get("/_sandbox/requests").json() == {"count": 0, "by_prompt": {}}
        assert api.query(task_id).status_code == 404


def test_a_request_that_cannot_be_written_is_not_half_written(tmp_path: Path):
    with running(tmp_path) as base:
        api = Api(base)
        with sqlite3.connect(tmp_path / DATABASE) as other:
            other.execute("CREATE TRIGGER no BEFORE INSERT ON task BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
        assert api.post("x [[fail]]").status_code == 500
        assert Api(base).http.get("/_sandbox/requests").json()["count"] == 0
        assert billed_on_disk(tmp_path) == 0


@pytest.mark.parametrize("path", ["/_sandbox/healthz", "/_sandbox/endings", "/_sandbox/ledger", "/_sandbox/requests"])
def test_the_testers_pages_need_no_key(api: Api, path: str):
    assert api.http.get(path).status_code == 200
