"""A worker that dies anywhere: at most one billed request, and no render that was paid for is lost (faults 1 to 9)."""

import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults import kills

pytestmark = pytest.mark.processes
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="No strace was found. Debian: apt install strace")

# fault number and name → where the worker is killed, and how the job may end
NAMED: dict[str, tuple[str, set[str]]] = {
    "1 before the intent is committed": ("lifecycle.leases:claim_all", {"done"}),
    "1 inside the intent's transaction": ("lifecycle.moves:move", {"done"}),
    "2 after the intent, before anything else": ("lifecycle.submission:_send", {"done"}),
    "2 connecting": ("providers.outbound:checked_addresses", {"done"}),
    "3 writing the request": ("httpcore._backends.sync:write", {"unknown"}),
    "4 sent, no answer yet": ("httpcore._backends.sync:read", {"unknown"}),
    "5 answered, before escrow": ("lifecycle.submission:_into_escrow", {"unknown"}),
    "6 in escrow, before the commit": ("lifecycle.submission:settle_answer", {"done"}),
    "6 inside the commit": ("lifecycle.outcomes:_accept", {"done"}),
    "7 committed, escrow not yet removed": ("lifecycle.escrow:remove", {"done"}),
    "8 polled, before the commit": ("lifecycle.polling:record", {"done"}),
    "9 before the download": ("lifecycle.archiving:_fetch", {"done"}),
    "9 inside the download": ("lifecycle.archiving:_check_room", {"done"}),
    "9 before the file is synced": ("posix:fsync:5", {"done"}),
    "9 before verification": ("media.verify:verify", {"done"}),
    "9 before the rename": ("posix:replace", {"done"}),
    "9 before the folder is synced": ("lifecycle.escrow:sync_folder:2", {"done"}),
    "9 before the last commit": ("lifecycle.archiving:_done", {"done"}),
}
LINES = 30


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, sandbox: Any) -> Iterator[list[kills.Lane]]:
    with kills.lanes(kills.LANES, tmp_path_factory.mktemp("lanes"), sandbox) as found:
        yield found


@pytest.fixture(scope="module")
def named(opened: list[kills.Lane]) -> dict[str, dict[str, Any]]:
    found = kills.run_all([{"kind": "call", "spec": where} for where, _ in NAMED.values()], opened)
    return dict(zip(NAMED, found, strict=True))


@pytest.mark.parametrize("fault", NAMED)
def test_a_worker_killed_at_this_step_pays_once_and_loses_nothing(fault: str, named: Any, sandbox: Any) -> None:
    result = named[fault]
    assert result["killed"], "the step was never reached, so nothing was tested"
    assert result["state"] in NAMED[fault][1], result
    check(result, kills.bills_of(sandbox))


def test_a_worker_killed_at_any_line_pays_once_and_loses_nothing(opened: list[kills.Lane], sandbox: Any) -> None:
    points = kills.line_points(opened[0], LINES)
    assert len(points) >= LINES
    results = kills.run_all(points, opened)
    assert sum(result["killed"] for result in results) >= LINES * 0.8  # their number varies a little with timing
    bills = kills.bills_of(sandbox)
    for result in results:
        check(result, bills)
    doubtful = {result["note"].split(":")[0].rpartition(".")[2] for result in results if result["state"] == "unknown"}
    assert doubtful <= {"http", "outbound", "base", "escrow", "submission"}, (
        "doubt is only while the request is on the wire"
    )


@pytest.mark.long
def test_a_loop_killed_at_any_line_pays_once_and_loses_nothing(opened: list[kills.Lane], sandbox: Any) -> None:
    results = kills.run_all(kills.line_points(opened[0], 12, engine=True), opened)
    bills = kills.bills_of(sandbox)
    assert sum(result["killed"] for result in results) >= 6
    for result in results:
        check(result, bills)


@pytest.mark.long
@needs_strace
def test_a_worker_killed_at_any_system_call_pays_once_and_loses_nothing(opened: list[kills.Lane], sandbox: Any) -> None:
    points = kills.syscall_points(opened[0], 4)
    assert {point["name"] for point in points} == set(kills.SYSCALLS)
    results = kills.run_all(points, opened)
    assert sum(result["killed"] for result in results) >= len(points) * 0.8
    bills = kills.bills_of(sandbox)
    for result in results:
        check(result, bills)


def check(result: dict[str, Any], bills: Counter[str]) -> None:
    """The promises that hold after every crash."""
    assert kills.wrong_with(result, bills[result["token"]]) == [], result


@pytest.mark.parametrize(
    ("found", "bills", "words"),
    [
        ({"state": "done", "file_ok": True}, 2, "paid 2 times"),
        ({"state": "done", "file_ok": False}, 1, "the file is bad"),
        ({"state": "done", "file_ok": True}, 0, "billed 0 times"),
        ({"state": "failed", "charged": "no"}, 1, "ended failed"),
        ({"state": "unknown", "charged": "no"}, 1, "ended unknown"),
        ({"state": "done", "file_ok": True, "recovery": 1}, 1, "the recovery ended with 1"),
        ({"state": "done", "file_ok": True, "strange_edges": [["done", "queued"]]}, 1, "edges that do not exist"),
        ({"state": "done", "file_ok": True, "money": ["reserved is not the sum"]}, 1, "does not add up"),
    ],
)
def test_the_judge_sees_every_broken_promise(found: dict[str, Any], bills: int, words: str) -> None:
    good = {"recovery": 0, "strange_edges": [], "money": [], "charged": "unknown"}
    assert any(words in sentence for sentence in kills.wrong_with(good | found, bills))
