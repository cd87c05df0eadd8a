"""Fixtures of the fault tests: jobs step by step, a provider that says exactly what it is told, a wire that fails."""

from collections.abc import Callable, Iterator

import pytest

from generations.models import Generation, ProviderKey
from tests import host as hosts
from tests.faults.wire import Proxy, Scripted
from tests.lifecycle.conftest import drive, start
from tests.stack import Sandbox

Start = Callable[..., Generation]
__all__ = ["drive", "start"]


@pytest.fixture
def scripted(key: ProviderKey) -> Iterator[Scripted]:
    """The team's key points at a provider whose answers the test writes."""
    with hosts.running_host() as host:
        key.base_url = f"{host.url}/apertis"
        key.save()
        yield Scripted(host)


@pytest.fixture
def proxy(key: ProviderKey, sandbox: Sandbox) -> Iterator[Proxy]:
    """The team's key points at the sandbox through a wire that can fail."""
    with Proxy(sandbox.host) as found:
        key.base_url = f"{found.url}/apertis"
        key.save()
        yield found


@pytest.fixture
def healed(key: ProviderKey, sandbox: Sandbox) -> Callable[[], None]:
    """`healed()`: the key points at the working sandbox again."""

    def heal() -> None:
        key.base_url = f"{sandbox.url}/apertis"
        key.save()

    return heal
