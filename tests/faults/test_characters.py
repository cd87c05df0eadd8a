"""A worker that dies anywhere while it orders a character: one request at most, and no character that was paid for is lost."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults import casting, kills

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, sandbox: Any) -> Iterator[list[kills.Lane]]:
    with kills.lanes(kills.LANES, tmp_path_factory.mktemp("lanes"), sandbox) as found:
        yield found


@pytest.mark.parametrize("lines", [24, pytest.param(None, marks=pytest.mark.long)], ids=["24", "all"])
def test_a_worker_killed_at_any_line_orders_a_character_once(
    lines: int | None, opened: list[kills.Lane], sandbox: Any
) -> None:
    points = kills.line_points(opened[0], lines, character=True)
    results = kills.run_all(points, opened)
    assert sum(result["killed"] for result in results) >= len(points) * 0.8
    prompts = [entry["prompt"] for entry in sandbox.ledger()]
    for result in results:
        bills = prompts.count(casting.address(result["token"]))
        assert kills.wrong_with(result, bills) == [], result
    ends = {result["state"] for result in results}
    assert "done" in ends
    assert lines or "unknown" in ends, "some have to fall while the request is out"
