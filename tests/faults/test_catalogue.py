"""The list of faults is whole, names tests that exist, and is what the page says."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.faults import kills, page
from tests.faults.catalogue import FAULTS, Fault

ROOT = Path(__file__).resolve().parents[2]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_there_are_seventy_two_numbered_in_order() -> None:
    assert [fault.number for fault in FAULTS] == list(range(1, 73))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.number}")
def test_every_fault_has_tests_that_exist_or_a_reason(fault: Fault) -> None:
    assert fault.proofs or len(fault.note) > 40
    assert fault.title
    assert fault.expected
    for proof in fault.proofs:
        if proof not in ("kills", "soak", "soak: p95"):
            path, _, name = proof.partition("::")
            assert name.partition("[")[0] in names_in(path), proof


@pytest.mark.parametrize(
    ("nodes", "result"),
    [
        ({"a.py::test_x[1]": "passed", "a.py::test_x[2]": "passed"}, page.PASSED),
        ({"a.py::test_x[1]": "passed", "a.py::test_x[2]": "failed"}, page.FAILED),
        ({"a.py::test_x[1]": "passed", "a.py::test_x[2]": "skipped"}, page.PASSED),
        ({"a.py::test_x[1]": "skipped"}, page.NOT_RUN),
        ({"a.py::test_xyz": "passed"}, page.NOT_RUN),
        ({}, page.NOT_RUN),
    ],
)
def test_a_proof_counts_as_passed_only_when_it_ran_and_nothing_of_it_failed(nodes: dict[str, str], result: str) -> None:
    assert page.of_proof("a.py::test_x", nodes) == result


@pytest.mark.parametrize(
    ("found", "result"),
    [
        ({"a": page.PASSED, "b": page.PASSED}, page.PASSED),
        ({"a": page.PASSED, "b": page.FAILED}, page.FAILED),
        ({"a": page.PASSED}, page.NOT_RUN),
        ({"a": page.FAILED}, page.FAILED),
    ],
)
def test_a_fault_counts_as_passed_only_when_all_its_proofs_did(found: dict[str, str], result: str) -> None:
    assert page.result_of(Fault(1, "t", "e", ("a", "b")), found) == result


# --- docs/faults.md ---------------------------------------------------------------------------------------------------
def test_the_page_names_every_fault_with_what_is_expected_of_it() -> None:
    text = page.RECORD.with_suffix(".md").read_text()
    for fault in FAULTS:
        assert f"\n| {fault.number} | {fault.title} | {fault.expected} | " in text


def test_the_page_says_what_was_found_and_nothing_else() -> None:
    written = page.RECORD.with_suffix(".md").read_text()
    assert written == page.compose(page.read(page.RECORD)), 'Write it again: make faults T="--only page"'


def test_no_fault_broke_a_promise_and_none_was_left_out_without_a_reason() -> None:
    """A part that is still to be run, such as the soak, is said to be so on the page. How quick pages were on the machine
    of the last soak stands there too, passed or failed, and is no matter of this suite."""
    found = page.proofs(page.read(page.RECORD)) | {"soak: p95": page.NOT_RUN}
    results = {fault.number: page.result_of(fault, found) for fault in FAULTS}
    assert [number for number, result in results.items() if result == page.FAILED] == []
    parts = {part for part in ("kills", "soak", "soak: p95") if found.get(part) != page.PASSED}
    left_out = {
        fault.number for fault in FAULTS if results[fault.number] == page.NOT_RUN and not parts & set(fault.proofs)
    }
    assert left_out == {fault.number for fault in FAULTS if not fault.proofs}, 'Run them: make faults T="--only faults"'


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_the_kill_loops_were_long_enough(kind: str) -> None:
    found = [one for title, one in page.read(page.RECORD)["loops"].items() if title.endswith(kind)]
    assert len(found) == len(kills.LINES) + len(kills.SYSTEM_CALLS)
    assert sum(one["killed"] for one in found) >= 400
    assert sum(one["double"] + one["lost"] + len(one["wrong"]) for one in found) == 0


@pytest.mark.parametrize(
    ("load", "p95", "result"),
    [(2.5, 300, page.PASSED), (2.5, 700, page.FAILED), (15, 700, page.NOT_RUN), (15, 300, page.PASSED)],
)
def test_a_busy_machine_says_nothing_about_the_time_of_pages(load: float, p95: int, result: str) -> None:
    soaked = dict.fromkeys(("5xx", "unhandled errors", "database is locked"), 0) | {
        "p95 ms": p95, "load average": load, "processors": 2, "untrue": [], "jobs": 100, "jobs asked for": 100,
    }  # fmt: skip
    found = page.proofs({"soak": soaked})
    assert (found["soak"], found["soak: p95"]) == (page.PASSED, result)


def test_a_part_that_broke_a_promise_is_said_on_the_page() -> None:
    loop = dict.fromkeys(kills.COLUMNS, 0) | {"loop": "every line", "killed": 5, "wrong": {"{}": ["paid 2 times"]}}
    record = {"loops": {"every line": loop | {"at": "today", "version": "abc", "minutes": 1, "system": "x"}}}
    assert any("broke a promise" in words for words in page.broken(record))
    assert "| 10 | SIGKILL at every line, SQLite and PostgreSQL |" in page.compose(record)
    assert page.proofs(record)["kills"] == page.FAILED
    one = Fault(10, "t", "e", ("kills",))
    assert page.result_of(one, page.proofs(record)) == page.FAILED
