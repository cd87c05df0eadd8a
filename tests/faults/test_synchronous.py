"""A worker that dies under a request that takes minutes: at most one is billed, and what reached the disk is not lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import kills
from tests.faults.test_kills import check, needs_strace

pytestmark = pytest.mark.processes
A4F, CHAT = "a4f-kling-v2.1", "apertis-sora-2-chat"
LINES = 30

# where the worker is killed → how the job may end: with A4F, and with the chat stream, which can be asked afterwards
NAMED: dict[str, tuple[str, set[str], set[str]]] = {
    "before the intent is committed": ("lifecycle.leases:claim", {"done"}, {"done"}),
    "making room for the answer": ("lifecycle.escrow:_make_room", {"done"}, {"done"}),
    "connecting": ("providers.outbound:checked_addresses", {"done"}, {"done"}),
    "writing the request": ("httpcore._backends.sync:write", {"unknown"}, {"unknown"}),
    "waiting for the answer": ("httpcore._backends.sync:read", {"unknown"}, {"unknown"}),
    "the first piece is here": ("lifecycle.escrow:take", {"unknown"}, {"unknown"}),
    "some of it is here": ("lifecycle.escrow:take:2", {"unknown", "done"}, {"done"}),
    "all of it is on the disk, nothing says so": ("lifecycle.escrow:write_answer", {"done"}, {"done"}),
    "it is marked as whole, before the commit": ("lifecycle.submission:settle_answer", {"done"}, {"done"}),
    "inside the commit": ("lifecycle.outcomes:_follow", {"done"}, {"done"}),
    "committed, escrow not yet removed": ("lifecycle.escrow:remove", {"done"}, {"done"}),
    "before it is saved": ("lifecycle.archiving:_receive", {"done"}, {"done"}),
    "before verification": ("media.verify:verify", {"done"}, {"done"}),
    "before the rename": ("posix:replace", {"done"}, {"done"}),
    "before the last commit": ("lifecycle.archiving:_done", {"done"}, {"done"}),
    "done, the answer not yet thrown away": ("lifecycle.synchronous:forget", {"done"}, {"done"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, sandbox: Any) -> Iterator[list[kills.Lane]]:
    with kills.lanes(kills.LANES, tmp_path_factory.mktemp("lanes"), sandbox) as found:
        yield found


@pytest.fixture(scope="module", params=[A4F, CHAT])
def named(request: pytest.FixtureRequest, opened: list[kills.Lane]) -> dict[str, dict[str, Any]]:
    points = [{"kind": "call", "spec": where, "model": request.param} for where, *_ in NAMED.values()]
    for lane in opened:
        lane.run({"kind": "none", "model": request.param})  # the clip is made once, so that no point waits for it
    return dict(zip(NAMED, kills.run_all(points, opened), strict=True)) | {"model": request.param}


@pytest.mark.parametrize("step", NAMED)
def test_a_worker_killed_at_this_step_pays_once_and_loses_nothing(step: str, named: Any, sandbox: Any) -> None:
    result = named[step]
    assert result["killed"], "the step was never reached, so nothing was tested"
    _, a4f, chat = NAMED[step]
    assert result["state"] in (a4f if named["model"] == A4F else chat), result
    assert result["left"] == [], "64 MB a piece"
    check(result, kills.bills_of(sandbox))


@pytest.mark.parametrize("model", [A4F, pytest.param(CHAT, marks=pytest.mark.long)])
def test_a_worker_killed_at_any_line_pays_once_and_loses_nothing(
    model: str, opened: list[kills.Lane], sandbox: Any
) -> None:
    points = kills.line_points(opened[0], LINES, model=model)
    assert len(points) >= LINES
    results = kills.run_all(points, opened)
    assert sum(result["killed"] for result in results) >= LINES * 0.8  # their number varies a little with timing
    bills = kills.bills_of(sandbox)
    for result in results:
        check(result, bills)
        assert result["left"] == [], result


@pytest.mark.postgres
@pytest.mark.parametrize("model", [A4F, pytest.param(CHAT, marks=pytest.mark.long)])
def test_the_same_holds_on_postgresql(model: str, tmp_path: Path, sandbox: Any) -> None:
    with (
        kills.databases("PostgreSQL", kills.LANES) as places,
        kills.lanes(kills.LANES, tmp_path, sandbox, places) as lanes,
    ):
        results = kills.run_all(kills.line_points(lanes[0], 12, model=model), lanes)
    bills = kills.bills_of(sandbox)
    assert sum(result["killed"] for result in results) >= 9
    for result in results:
        check(result, bills)
        assert result["left"] == [], result


@pytest.mark.long
@needs_strace
@pytest.mark.parametrize("model", [A4F, CHAT])
def test_a_worker_killed_at_any_system_call_pays_once_and_loses_nothing(
    model: str, opened: list[kills.Lane], sandbox: Any
) -> None:
    points = kills.syscall_points(opened[0], 4, model=model)
    results = kills.run_all(points, opened)
    assert sum(result["killed"] for result in results) >= len(points) * 0.8
    bills = kills.bills_of(sandbox)
    for result in results:
        check(result, bills)
        assert result["left"] == [], result
