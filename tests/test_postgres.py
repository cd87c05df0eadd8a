"""The engine's promises hold on PostgreSQL too: the same tests, run against a database of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


# What a provider can answer, and the words for it, hang on no database: on this one they are for make faults.
WORDS = (
    "tests/lifecycle/test_providers.py",
    "tests/lifecycle/test_endings.py",
    "tests/lifecycle/test_aiid.py",
    "tests/breaker/test_words.py",
)


@pytest.mark.postgres
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "what",
    [
        ("tests/lifecycle", "tests/breaker", *(f"--ignore={path}" for path in WORDS)),
        pytest.param(WORDS, marks=pytest.mark.long),
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
