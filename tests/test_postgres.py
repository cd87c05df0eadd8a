"""The engine's promises hold on PostgreSQL too: the same tests, run against a database of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


# Every answer of every provider ends in the same rows as Apertis' do, so on this database those are for make faults.
DIALECTS = "tests/lifecycle/test_providers.py"


@pytest.mark.postgres
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "what",
    [
        ("tests/lifecycle", f"--ignore={DIALECTS}"),
        ("tests/breaker",),
        pytest.param((DIALECTS,), marks=pytest.mark.long),
    ],
    ids=lambda what: what[0],
)
def test_the_promises_hold_on_postgresql(what: tuple[str, ...], postgres_url: str, tmp_path: Path) -> None:
    env = {**os.environ, "DATABASE_URL": postgres_url, "STUDIO_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *what],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
