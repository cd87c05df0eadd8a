"""The connection test: free, told in words, and honest about what it did not prove."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Team
from generations import keys, lifecycle
from generations.models import ProviderKey
from generations.providers import PROVIDERS, outbound

Make = Callable[..., ProviderKey]
pytestmark = pytest.mark.django_db


@pytest.fixture
def make(team: Team, sandbox: Any, settings: Any) -> Iterator[Make]:
    """`make("aiid")` is a key for the sandbox; another secret or address if asked."""
    settings.SANDBOX_URL = sandbox.url
    outbound.trust({*settings.TRUSTED_HOSTS, sandbox.host})
    yield lambda slug, secret=keys.DEMO_SECRET, base_url="": keys.add_key(
        team=team, provider=slug, secret=secret, base_url=base_url or f"{sandbox.url}/{slug}", label=slug
    )
    outbound.trust(settings.TRUSTED_HOSTS)


@pytest.mark.parametrize("slug", PROVIDERS)
def test_a_good_key_is_said_to_be_taken_and_nothing_is_made(slug: str, make: Make, sandbox: Any) -> None:
    before = (sandbox.requests()["count"], len(sandbox.ledger()))
    proof = lifecycle.prove(make(slug))
    assert proof.works
    assert f"answers as {PROVIDERS[slug].name} does, and takes the key" in str(proof)
    assert "nothing is charged" in str(proof)
    assert (sandbox.requests()["count"], len(sandbox.ledger())) == before


@pytest.mark.parametrize("slug", PROVIDERS)
def test_a_refused_key_fails_the_test_with_the_hosts_words(slug: str, make: Make) -> None:
    proof = lifecycle.prove(make(slug, secret="sk-sandbox-401"))
    assert not proof.works
    assert "refuses the key" in str(proof)
    assert "sk-sandbox-401" not in str(proof)


def test_a_host_that_takes_any_key_proves_nothing_about_this_one(make: Make) -> None:
    """The sandbox takes every key of the right form."""
    assert "answers a made-up key just the same" in str(lifecycle.prove(make("aiid")))


def test_a_host_that_refuses_a_made_up_key_proves_this_one(make: Make, monkeypatch: Any) -> None:
    import sandbox.dialects.aiid as dialect

    asked = dialect.key_problem
    monkeypatch.setattr(
        dialect, "key_problem", lambda key: None if key == keys.DEMO_SECRET else asked("") if key else asked(key)
    )
    assert "refuses a made-up key, so this one is good" in str(lifecycle.prove(make("aiid")))


def test_a_host_that_is_something_else_fails_the_test(make: Make, sandbox: Any) -> None:
    for base_url in (f"{sandbox.url}/_sandbox", f"http://{sandbox.host.split(':')[0]}:9"):
        proof = lifecycle.prove(make("aiid", base_url=base_url))
        assert not proof.works
        assert "did not answer as AIID does" in str(proof)


def test_the_command_tells_and_its_exit_code_too(make: Make, team: Team, capsys: Any) -> None:
    make("aiid")
    call_command("test_key", "--team", team.name)
    assert capsys.readouterr().out.startswith("works  aiid …")
    make("minimax", secret="sk-sandbox-401")
    with pytest.raises(CommandError) as raised:
        call_command("test_key", "--team", team.name, "--provider", "minimax")
    assert raised.value.returncode == 1
    assert "FAILS" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no such key"):
        call_command("test_key", "--team", team.name, "--provider", "apertis")


def test_the_administration_tells_it_too(make: Make, user: Any, client_for: Callable[..., Client]) -> None:
    user.is_superuser = user.is_staff = True
    user.save()
    key, boss = make("aiid"), client_for(user)
    data = {"action": "test", "_selected_action": [key.pk]}
    page = boss.post(reverse("admin:generations_providerkey_changelist"), data, follow=True).content.decode()
    assert "takes the key" in page
    assert "nothing is charged" in page
