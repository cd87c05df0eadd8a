from collections.abc import Iterator

import pytest

from sandbox.server import running

from .client import Api


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One sandbox for the whole run; a job takes 0.2 s unless its prompt says otherwise."""
    with running(tmp_path_factory.mktemp("sandbox"), seconds=0.2) as base:
        yield Api(base)
