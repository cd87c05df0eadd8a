"""What `manage.py run` does before it starts anything: database, static files, setup link, sandbox or not."""

from pathlib import Path
from typing import Any

import pytest

from accounts.models import Team
from generations import keys
from generations.management.commands import run
from generations.models import ProviderKey
from generations.providers import PROVIDERS
from generations.supervisor import prepare


def test_static_files_are_collected_once_and_again_when_one_changes(settings: Any, tmp_path: Path) -> None:
    settings.STATICFILES_DIRS = [tmp_path / "source"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    source = tmp_path / "source" / "a.css"
    settings.BASE_DIR = tmp_path
    maker = tmp_path / "studio" / "assets.py"
    for file in (source, maker):
        file.parent.mkdir()
        file.write_text("a {}")
    assert prepare.collect_static()
    assert not prepare.collect_static()
    source.write_text("a { color: red }")
    assert prepare.collect_static()
    [served] = settings.STATIC_ROOT.glob("a.*.css")
    assert "color:red" in served.read_text()
    maker.write_text("a version that makes them smaller")
    assert prepare.collect_static()


@pytest.mark.parametrize(
    ("variable", "real_key", "wanted"),
    [("", False, True), ("", True, False), ("on", True, True)],
)
def test_the_sandbox_runs_until_a_real_key_exists_unless_it_is_asked_for(
    key: ProviderKey, monkeypatch: pytest.MonkeyPatch, variable: str, real_key: bool, wanted: bool
) -> None:
    monkeypatch.setenv("STUDIO_SANDBOX", variable)
    ProviderKey.objects.update(is_sandbox=not real_key)
    assert prepare.wants_sandbox() is wanted


def test_a_team_that_is_older_than_a_provider_gets_its_demo_key_once(team: Team, settings: Any) -> None:
    settings.SANDBOX = True
    keys.add_demo_keys(team)
    older = ProviderKey.objects.filter(provider__in=("minimax", "a4f"))
    assert older.delete()[0] == 2
    ProviderKey.objects.filter(provider="aiid").update(state=ProviderKey.DISABLED)
    kept = set(ProviderKey.objects.values_list("pk", flat=True))
    assert keys.complete_demo_keys() == 2
    assert set(ProviderKey.objects.exclude(pk__in=kept).values_list("provider", "is_sandbox")) == {
        ("minimax", True), ("a4f", True),
    }  # fmt: skip
    assert keys.complete_demo_keys() == 0, "a second start makes nothing"
    assert {key.provider for key in ProviderKey.objects.all()} == set(PROVIDERS), "and what was disabled stays so"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("sandbox", "made"), [("on", 1), ("off", 0)])
def test_a_start_completes_the_demo_keys_where_the_sandbox_runs(
    team: Team, settings: Any, monkeypatch: pytest.MonkeyPatch, sandbox: str, made: int
) -> None:
    settings.DEBUG = True  # no static files are collected
    keys.add_demo_keys(team)
    ProviderKey.objects.filter(provider="aiid").delete()
    settings.SANDBOX = sandbox == "on"
    for name in ("STUDIO_DATA", "STUDIO_ADDRESS", "STUDIO_SETUP_LINK", "PYTHONUNBUFFERED"):
        monkeypatch.setenv(name, "")  # what the start sets is forgotten afterwards
    monkeypatch.setenv("STUDIO_SANDBOX", sandbox)
    run.Command()._prepare()
    assert ProviderKey.objects.filter(provider="aiid").count() == made


@pytest.mark.parametrize("real", [True, False])
def test_a_team_without_the_sandbox_gets_no_demo_keys(team: Team, settings: Any, real: bool) -> None:
    settings.SANDBOX = True
    if real:
        keys.add_key(team=team, provider="apertis", secret="sk-real-12345678", base_url="https://api.example.org")
    assert keys.complete_demo_keys() == 0
    settings.SANDBOX = False
    keys.add_demo_keys(team)
    assert keys.complete_demo_keys() == 0


def test_switched_off_the_sandbox_stays_off(settings: Any) -> None:
    settings.SANDBOX = False
    assert prepare.wants_sandbox() is False


@pytest.mark.django_db
def test_an_up_to_date_database_is_left_alone() -> None:
    assert prepare.migrate() is False


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("host", "public", "address"),
    [("0.0.0.0", "", "http://127.0.0.1:8000"), ("::1", "", "http://[::1]:8000"), ("10.0.0.5", "", "http://10.0.0.5:8000"),
     ("127.0.0.1", "https://studio.example.org", "https://studio.example.org")],
)  # fmt: skip
def test_the_setup_link_is_one_that_can_be_opened(settings: Any, host: str, public: str, address: str) -> None:
    settings.HOST, settings.PORT, settings.PUBLIC_URL = host, 8000, public
    assert prepare.setup_link().startswith(f"{address}/setup/")
