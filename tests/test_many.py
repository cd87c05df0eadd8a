"""Fifty jobs at once through the whole studio: web, cluster, sandbox, archive."""

import hashlib
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from generations.media import verify
from tests.stack import RunningStudio, until

JOBS = 50


def signed_in(studio: RunningStudio, email: str) -> httpx.Client:
    password = "a long enough pass phrase"
    made = studio.manage("create_owner", "--email", email, "--team", f"Team of {email}", stdin=f"{password}\n")
    assert made.returncode == 0, made.stderr
    client = httpx.Client(base_url=studio.url, follow_redirects=True, timeout=60)
    page = client.get("/accounts/login/").text
    answer = client.post(
        "/accounts/login/", data={"csrfmiddlewaretoken": token_in(page), "login": email, "password": password}
    )
    assert answer.url.path == "/", answer.text[:500]
    return client


def token_in(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found
    return found[1]


def rows(studio: RunningStudio, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{studio.data}/studio.sqlite3?mode=ro", uri=True) as database:
        return database.execute(sql).fetchall()


@pytest.mark.processes
def test_fifty_jobs_at_once_end_done_stored_and_playable(running_studio: RunningStudio, tmp_path: Path) -> None:
    client = signed_in(running_studio, "fifty@example.org")
    csrf = token_in(client.get("/").text)

    def submit(index: int) -> int:
        form = {"csrfmiddlewaretoken": csrf, "model": "apertis-veo3-fast", "form_token": f"fifty-{index:026d}",
                "takes": "1", "whole": "1", "prompt": f"Job number {index} of fifty [[clip=small]]",
                "aspect_ratio": "16:9"}  # fmt: skip
        with httpx.Client(base_url=running_studio.url, cookies=client.cookies, timeout=60) as one:
            return one.post("/shots/", data=form).status_code

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(submit, range(JOBS))) == {303}

    mine = "FROM generations_generation WHERE form_token LIKE 'fifty-%'"
    open_states = f"SELECT count(*) {mine} AND state NOT IN ('done', 'failed', 'cancelled', 'unknown')"
    until(lambda: rows(running_studio, open_states) == [(0,)], 120, "fifty jobs to end")
    assert rows(running_studio, f"SELECT state, charged, count(*) {mine} GROUP BY 1, 2") == [("done", "yes", JOBS)]
    assert len(running_studio.sandbox.ledger(contains="of fifty")) == JOBS

    videos = rows(
        running_studio,
        f"SELECT generation_id, sha256 FROM generations_asset WHERE kind = 'video' AND generation_id IN (SELECT id {mine})",
    )
    assert len(videos) == JOBS
    for number, digest in videos:
        body = client.get(f"/media/{number}/video.mp4").content
        assert hashlib.sha256(body).hexdigest() == digest
    sample = tmp_path / "last.mp4"
    sample.write_bytes(body)
    assert verify(sample).browser_playable


@pytest.mark.processes
def test_the_main_job_runs_from_a_shell(running_studio: RunningStudio) -> None:
    import json

    running_studio.manage(
        "create_owner", "--email", "shell@example.org", "--team", "Shell", stdin="a long enough pass phrase\n"
    )
    done = running_studio.manage("generate", "A lamp in the window [[clip=small]]", "--model", "apertis-veo3", "--team", "Shell",
                                 "--wait", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    [shot] = found
    assert shot["state"] == "done"
    assert len(running_studio.sandbox.ledger(contains="A lamp in the window")) == 1


@pytest.mark.processes
@pytest.mark.parametrize(("tag", "code"), [("[[moderated]]", 3), ("[[lose-answer]]", 4)])
def test_the_shell_tells_the_end_by_its_exit_code(tag: str, code: int, running_studio: RunningStudio) -> None:
    done = running_studio.manage("generate", f"A door {tag}", "--model", "apertis-veo3", "--team", "Shell", "--wait")
    assert done.returncode == code, done.stderr
    refused = running_studio.manage("generate", "", "--model", "apertis-veo3", "--team", "Shell")
    assert refused.returncode == 2
