import contextlib
import json
import secrets
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.models import Team, User
from generations import keys, lifecycle
from generations.models import Generation, ProviderKey
from generations.providers import SPECS
from tests.host import Host, json_answer, read_request, running_host
from tests.lifecycle.conftest import VALUES, drive, start

__all__ = ["drive", "start"]


class Provider:
    """A provider that answers by method: `post` and `get` are behaviours of tests.host. Every request is counted."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.get = json_answer(json.dumps({"error": {"message": "Task not found"}}), "404 Not Found")
        self.accepts()
        host._one = self._one  # type: ignore[method-assign]

    def _one(self, connection: Any) -> None:
        with connection, contextlib.suppress(OSError):
            request = read_request(connection)
            self.host.requests.append(request)
            (self.post if request.startswith(b"POST") else self.get)(connection)

    def accepts(self) -> None:
        def fresh(connection: Any) -> None:
            json_answer(json.dumps({"id": f"task-{secrets.token_hex(6)}", "status": "pending"}))(connection)

        self.post = fresh

    def fails(self, status: str = "500 Internal Server Error", headers: str = "", *, get: bool = False) -> None:
        self.post = json_answer('{"error": {"message": "out of order"}}', status, headers)
        if get:
            self.get = self.post

    def talks_nonsense(self) -> None:
        self.post = self.get = json_answer("<html>")

    def goes_away(self) -> None:
        """Connections are refused from now on; closing alone would leave the one that `accept` already waits for."""
        self.host.listener.shutdown(socket.SHUT_RDWR)
        self.host.listener.close()

    @property
    def posts(self) -> int:
        return sum(request.startswith(b"POST") for request in self.host.requests)

    @property
    def gets(self) -> int:
        return sum(request.startswith(b"GET") for request in self.host.requests)


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    settings.SUBMIT_DEADLINE = 5
    with running_host() as host:
        yield Provider(host)


@pytest.fixture
def far_key(team: Team, provider: Provider) -> ProviderKey:
    """A key for `provider`, like one for a real host."""
    return keys.add_key(team=team, provider="apertis", secret="sk-far-away-1234", base_url=provider.host.url)


@pytest.fixture
def queue(team: Team, user: User, far_key: ProviderKey) -> Callable[..., list[Generation]]:
    """`queue(3)` are three waiting shots of the owner's at `provider`; `person` may be somebody else."""

    def make(count: int = 1, person: User | None = None) -> list[Generation]:
        return [
            lifecycle.start(
                team=team, user=person or user, key=far_key, spec=SPECS["apertis-veo3-fast"], prompt="A boat",
                params=VALUES, token=secrets.token_hex(8),
            )[0]
            for _ in range(count)
        ]  # fmt: skip

    return make
