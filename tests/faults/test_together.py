"""A loop that dies while several requests share a commit: each job keeps the promises for itself."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults import kills
from tests.faults.together import JOBS

pytestmark = pytest.mark.processes

# where the loop is killed → how many of the jobs may end as unknown: those whose request was out just then
PLACES: dict[str, int] = {
    "lifecycle.moves:move:3": 0,  # inside the commit of the intents
    "lifecycle.epoch:note": 0,  # the intents are committed, nothing has left
    "lifecycle.submission:_into_escrow:3": JOBS,
    "lifecycle.submission:settle": JOBS,  # the first answers are there, others are still out
    "lifecycle.outcomes:_accept:3": JOBS,  # inside the commit of the answers
    "lifecycle.submission:put_away": JOBS,
    "lifecycle.submission:put_away:5": 0,  # all are settled
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, sandbox: Any) -> dict[str, dict[str, Any]]:
    env = {**os.environ, "STUDIO_DATA": str(tmp_path_factory.mktemp("together")), "STUDIO_SANDBOX": "on",
           "STUDIO_SANDBOX_PORT": sandbox.url.rsplit(":", 1)[1], "DATABASE_URL": "", "STUDIO_POLL_MIN": "0.3"}  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "tests.faults.together", *PLACES], cwd=kills.ROOT, env=env,
                          capture_output=True, text=True, timeout=240, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return {line["place"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", PLACES)
def test_a_loop_killed_between_several_jobs_pays_each_once_and_loses_none(
    place: str, found: dict[str, Any], sandbox: Any
) -> None:
    result = found[place]
    assert result["killed"], "the place was never reached, so nothing was tested"
    assert result["recovery"] == 0
    bills, unknown = kills.bills_of(sandbox), 0
    assert len(result["jobs"]) == JOBS
    for token, job in result["jobs"].items():
        assert bills[token] <= 1, f"{token} was paid {bills[token]} times"
        if job["state"] == "unknown":
            unknown += 1
        else:
            assert (job["state"], job["whole"], bills[token]) == ("done", True, 1), token
    assert unknown <= PLACES[place], result


def test_the_places_are_in_the_code() -> None:
    for place in PLACES:
        module, name = place.split(":")[:2]
        path = Path(kills.ROOT, "generations", *module.split(".")).with_suffix(".py")
        assert f"def {name}(" in path.read_text(), place
