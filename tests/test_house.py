"""The house rules that a machine can check: setting up, locks, documents that are written by the code, sizes of rooms."""

import ast
import os
import re
import shutil
import subprocess
import tomllib
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from .stack import ROOT

TOOLS = ("sh", "dirname", "mkdir", "cksum", "cat", "grep", "tail", "rm")
PACKAGES = ("accounts", "generations", "sandbox", "studio")
MODULES = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")) if "migrations" not in path.parts]
LOCKS = ("requirements.lock", "requirements-dev.lock")


# --- scripts/setup on machines that lack something --------------------------------------------------------------------
class Machine:
    """A copy of the project's setup, and a PATH with nothing on it but what `has` puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        (folder / "scripts").mkdir()
        for name in ("scripts/setup", *LOCKS):
            shutil.copy(ROOT / name, folder / name)
        for name in TOOLS:
            (self.bin / name).symlink_to(str(shutil.which(name)))

    def has(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def setup(self, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(self.bin), **environment}
        return subprocess.run([self.folder / "scripts/setup"], env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# A Python that is new enough and whose virtual environments are empty folders.
GOOD = (
    """case "$*" in *"-m venv"*) mkdir -p .venv/bin; cat "$0" > .venv/bin/python; chmod 755 .venv/bin/python;; esac"""
)


def test_without_any_python_setup_says_which_one_to_install(machine: Machine) -> None:
    done = machine.setup()
    assert done.returncode == 1
    assert done.stderr == (
        "Tungsten needs Python 3.11 or newer (found: none). Install one, for example: apt install python3.11\n"
    )


def test_an_old_python_is_named_with_its_version(machine: Machine) -> None:
    machine.has("python3", 'case "$2" in *platform*) echo 3.9.2;; *) exit 1;; esac')
    assert "needs Python 3.11 or newer (found: 3.9.2)" in machine.setup().stderr


def test_a_python_without_ensurepip_is_told_to_get_the_package(machine: Machine) -> None:
    machine.has("python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    done = machine.setup()
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_data_folder_that_cannot_be_written_stops_before_anything_is_installed(machine: Machine) -> None:
    (machine.folder / "file").touch()
    done = machine.setup(STUDIO_DATA=f"{machine.folder}/file/data")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert not (machine.folder / ".venv").exists()


def test_a_broken_download_says_why_and_is_tried_again_next_time(machine: Machine) -> None:
    machine.has("chmod", f'exec {shutil.which("chmod")} "$@"')
    machine.has("python3", GOOD)
    machine.has(
        "uv", f'case $1 in venv) exec {machine.bin}/python3 -m venv;; *) echo "error: no route to host"; exit 2;; esac'
    )
    for _ in range(2):
        done = machine.setup()
        assert done.returncode == 1
        assert "could not be installed: error: no route to host. Check the connection" in done.stderr


def test_once_installed_setup_starts_nothing_until_the_lock_changes(machine: Machine) -> None:
    calls = machine.folder / "calls"
    machine.has("chmod", f'exec {shutil.which("chmod")} "$@"')
    machine.has("python3", f'echo "$*" >> {calls}\n{GOOD}')
    assert machine.setup().returncode == 0
    calls.unlink()
    assert machine.setup().returncode == 0
    assert not calls.exists()
    with (machine.folder / "requirements.lock").open("a") as lock:
        lock.write("# newer\n")
    assert machine.setup().returncode == 0
    assert "--require-hashes" in calls.read_text()


# --- locks ------------------------------------------------------------------------------------------------------------
def pins(name: str) -> dict[str, set[str]]:
    """Every package of a lock with its pinned versions (several, when they differ by platform)."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(
        r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*])?==([^\s;\\]+)", (ROOT / name).read_text(), re.M
    ):
        found.setdefault(package, set()).add(version)
    return found


def test_the_tests_run_with_the_versions_that_people_run() -> None:
    running, testing = map(pins, LOCKS)
    assert running
    assert {name: testing.get(name) for name in running} == running


def test_the_bucket_adds_packages_and_changes_none() -> None:
    running, with_bucket = pins("requirements.lock"), pins("requirements-s3.lock")
    assert {name: with_bucket.get(name) for name in running} == running


@pytest.mark.parametrize("name", [*LOCKS, "requirements-s3.lock"])
def test_every_pin_has_a_hash_and_no_lock_names_a_server(name: str) -> None:
    text = (ROOT / name).read_text()
    for entry in re.split(r"\n(?=[a-z0-9])", text):
        if "==" in entry.splitlines()[0]:
            assert "--hash=sha256:" in entry, entry.splitlines()[0]
    assert "://" not in text


def test_everything_that_the_project_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, wanted in (
        ("requirements.lock", project["dependencies"]),
        ("requirements-dev.lock", project["optional-dependencies"]["dev"]),
        ("requirements-s3.lock", project["optional-dependencies"]["s3"]),
    ):
        asked = {re.split(r"[\[<>=~!;]", entry)[0].strip().lower().replace("_", "-") for entry in wanted}
        assert asked - set(pins(name)) == set()


# --- documents that the code writes -----------------------------------------------------------------------------------
def test_the_document_of_states_is_the_table_in_the_code() -> None:
    out = StringIO()
    call_command("states", stdout=out)
    assert (ROOT / "docs/states.md").read_text() == out.getvalue()


def test_every_variable_that_is_read_is_documented_and_no_other() -> None:
    read = r"""(?:env\.(?:text|flag|number|names)|environ\.get)\(\s*["']([A-Z][A-Z_]+)["']|environ\[["']([A-Z][A-Z_]+)["']]"""
    sources = "\n".join(path.read_text() for path in [*MODULES, ROOT / "tests/requirements.py"])
    helpers = re.findall(r"""\b(?:text|names)\(["']([A-Z][A-Z_]+)["']""", (ROOT / "studio/env.py").read_text())
    used = {name for pair in re.findall(read, sources) for name in pair if name} | set(helpers)
    internal = {
        "STUDIO_CLUSTER_PID",
        "STUDIO_SETUP_LINK",
        "STUDIO_ADDRESS",
        "STUDIO_RUN_TOKEN",
        "DJANGO_SETTINGS_MODULE",
    }
    documented = set(re.findall(r"^\| `([A-Z][A-Z_]+)`", (ROOT / "docs/configuration.md").read_text(), re.M))
    elsewhere = {"STUDIO_REQUIRE"}  # read through a helper of the tests
    assert used - internal - documented == set(), "read, but not in docs/configuration.md"
    assert documented - used - elsewhere == set(), "in docs/configuration.md, but read nowhere"


def test_every_decision_is_listed() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text()
    for path in (ROOT / "docs/decisions").glob("0*.md"):
        assert f"({path.name})" in index, path.name


# --- scripts and rooms ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("script", "shell"), [("scripts/setup", "sh"), ("scripts/check", "sh"), (".ci/run", "bash")])
def test_scripts_are_executable_and_parse(script: str, shell: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert subprocess.run([shell, "-n", ROOT / script], check=False).returncode == 0


@pytest.mark.parametrize("target", ["run", "test", "check", "format", "bench", "lock", "setup"])
def test_every_word_of_the_makefile_does_something(target: str) -> None:
    dry = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.strip()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_stay_small(path: Path) -> None:
    text = path.read_text()
    most = 250 if path.parent.name == "providers" else 300
    assert text.count("\n") <= most, f"a module has at most {most} lines here: does it still do one thing?"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= 50, f"{node.name} has more than 50 lines"
