"""Two people who follow the setup link at the same moment cannot both win, on either database."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("STUDIO_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432")


def race(environment: dict[str, str]) -> dict:
    base = {"DJANGO_SETTINGS_MODULE": "studio.settings"} | dict(os.environ)
    base.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.accounts.race"],
        cwd=ROOT,
        env=base | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def postgres() -> Iterator[str]:
    """The address of an empty PostgreSQL database, dropped afterwards."""
    try:
        server = psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        if "postgres" in os.environ.get("STUDIO_REQUIRE", ""):
            raise
        pytest.skip(f"no PostgreSQL server: {error}")
    name = f"tungsten_race_{uuid.uuid4().hex[:12]}"
    with server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield f"{SERVER}/{name}"
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def assert_one_winner(found: dict, engine: str) -> None:
    assert found == {
        "engine": engine,
        "outcomes": ["closed"] * 5 + ["won"],
        "rows": {"User": 1, "Team": 1, "Membership": 1, "FirstRun": 1},
    }


def test_one_winner_on_sqlite(tmp_path):
    assert_one_winner(race({"STUDIO_DATA": str(tmp_path)}), "sqlite")


@pytest.mark.postgres
def test_one_winner_on_postgresql(tmp_path, postgres):
    assert_one_winner(race({"STUDIO_DATA": str(tmp_path), "DATABASE_URL": postgres}), "postgresql")
