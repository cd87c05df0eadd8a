"""An owner without a browser."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Membership, Team, User
from tests.accounts.conftest import PASSWORD

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db


def create(monkeypatch, *arguments: str, variable: str = "", typed: str = "") -> str:
    monkeypatch.setenv("STUDIO_OWNER_PASSWORD", variable)
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    said = io.StringIO()
    call_command("create_owner", *arguments, stdout=said)
    return said.getvalue()


@pytest.mark.parametrize("way", [{"variable": PASSWORD}, {"typed": PASSWORD + "\n"}, {"typed": PASSWORD + "\r\n"}])
def test_an_owner_can_sign_in_and_owns_the_named_team(monkeypatch, client, way):
    said = create(monkeypatch, "--email", "Ines@Example.com", "--team", "Harbour", **way)
    assert "ines@example.com owns the new team Harbour" in said
    assert Membership.objects.get().role == Membership.OWNER
    assert User.objects.get().is_superuser
    answer = client.post("/accounts/login/", {"login": "ines@example.com", "password": PASSWORD})
    assert answer["Location"] == "/"


def test_the_name_of_a_team_that_is_there_leads_into_it(monkeypatch):
    create(monkeypatch, "--email", "ines@example.com", "--team", "Harbour", variable=PASSWORD)
    said = create(monkeypatch, "--email", "sofia@example.com", "--team", " Harbour ", variable=PASSWORD)
    assert "sofia@example.com is an owner of the team Harbour, which was there already" in said
    team = Team.objects.get()
    assert {(of.user.email, of.role) for of in team.memberships.all()} == {
        ("ines@example.com", "owner"),
        ("sofia@example.com", "owner"),
    }


def test_a_name_that_two_teams_have_is_refused(monkeypatch):
    for _ in range(2):
        Team.objects.create(name="Harbour")
    with pytest.raises(CommandError, match=r"Several teams are called Harbour\. Nobody was added\.") as refused:
        create(monkeypatch, "--email", "ines@example.com", "--team", "Harbour", variable=PASSWORD)
    assert refused.value.returncode == 2
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [
        ("teo@example.com", PASSWORD, "has an account already"),
        ("TEO@example.com", PASSWORD, "has an account already"),
        ("nowhere", PASSWORD, "valid email address"),
        ("new@example.com", "short", "at least 12 characters"),
        ("new@example.com", "", "at least 12 characters"),
    ],
)
def test_a_refusal_is_a_sentence_and_exit_code_2_and_adds_nobody(monkeypatch, teo, email, password, sentence):
    with pytest.raises(CommandError, match=sentence) as refused:
        create(monkeypatch, "--email", email, typed=password + "\n")
    assert refused.value.returncode == 2
    assert "Nobody was added" in str(refused.value)
    assert User.objects.count() == Team.objects.count() == 1


@pytest.mark.parametrize("names", [{"--team": " "}, {"--team": "x" * 121}, {"--name": "x" * 121}])
def test_a_name_that_no_page_would_take_is_refused(monkeypatch, names):
    arguments = [part for pair in names.items() for part in pair]
    with pytest.raises(CommandError, match=r"was refused: .* Nobody was added\.") as refused:
        create(monkeypatch, "--email", "ines@example.com", *arguments, variable=PASSWORD)
    assert refused.value.returncode == 2
    assert not User.objects.exists()
    assert not Team.objects.exists()


def test_the_shell_sees_the_exit_code_and_no_traceback(tmp_path):
    environment = os.environ | {
        "STUDIO_DATA": str(tmp_path),
        "DATABASE_URL": "",
        "STUDIO_OWNER_PASSWORD": PASSWORD,
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "studio.settings"),
    }
    command = [sys.executable, "manage.py", "create_owner", "--email", "not-an-address"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Nobody was added" in done.stderr
