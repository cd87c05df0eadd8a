"""docs/faults.md, written from docs/faults.json: what the parts of `make faults` found, whenever each was run.

The record: {"faults": {"results": {proof: result}, …}, "loops": {title: summary, …}, "soak": {…}}. Each part carries
`at`, the day, and `version`, the commit that was tested.
"""

import json
from pathlib import Path
from typing import Any

from tests.faults import kills, soak
from tests.faults.catalogue import FAULTS, GROUPS, Fault

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "docs" / "faults.json"
Record = dict[str, Any]
PASSED, FAILED, NOT_RUN = "passed", "**failed**", "not run"


def read(path: Path) -> Record:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def keep(path: Path, record: Record) -> None:
    """The record and, beside it, the page."""
    path.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    path.with_suffix(".md").write_text(
        compose(read(path))
    )  # as it was written: the order of its keys is that of the page


# --- results ----------------------------------------------------------------------------------------------------------
def of_proof(proof: str, nodes: dict[str, str]) -> str:
    """The result of one test, or that of every set of its parameters, from `nodes`: node id → passed, failed, skipped."""
    found = {result for name, result in nodes.items() if name == proof or name.startswith(f"{proof}[")} - {"skipped"}
    return FAILED if "failed" in found else PASSED if found else NOT_RUN


def proofs(record: Record) -> dict[str, str]:
    """The result of every proof, those of the loops and of the soak included."""
    found = dict(record.get("faults", {}).get("results", {}))
    if loops := list(record.get("loops", {}).values()):
        found["kills"] = FAILED if kills.holds(loops) else PASSED
    if soaked := record.get("soak"):
        found["soak"] = FAILED if soak.lost(soaked) else PASSED
        found["soak: p95"] = {True: PASSED, False: FAILED, None: NOT_RUN}[soak.quick(soaked)]
    return found


def result_of(fault: Fault, found: dict[str, str]) -> str:
    """Passed only when every proof ran and none failed."""
    results = {found.get(proof, NOT_RUN) for proof in fault.proofs}
    return FAILED if FAILED in results else PASSED if results == {PASSED} else NOT_RUN


def broken(record: Record) -> list[str]:
    """The promises that were not kept."""
    found = proofs(record)
    words = kills.holds(list(record.get("loops", {}).values()))
    words += soak.broken(record["soak"]) if record.get("soak") else []
    loops = list(record.get("loops", {}).values())
    words += [] if kills.share(loops)[1] else [kills.share(loops)[0]]
    return words + [f"fault {one.number}: {one.title}" for one in FAULTS if result_of(one, found) == FAILED]


# --- the page ---------------------------------------------------------------------------------------------------------
def compose(record: Record) -> str:
    found = proofs(record)
    results = [result_of(fault, found) for fault in FAULTS]
    head = [
        "# Faults",
        "",
        "Written by `make faults` from `docs/faults.json`; do not edit. Every fault has a test, or the reason why it cannot"
        " be made here. Source: reliability notes, section 3.",
        "",
        f"**{results.count(PASSED)} passed, {results.count(FAILED)} failed, {results.count(NOT_RUN)} not run."
        f"** {_when(record.get('faults'))}",
    ]
    return "\n".join([*head, *_rows(found), "", *_loops(record), "", *_soak(record), ""])


def _when(part: Record | None) -> str:
    """When the fault tests ran; some may have been run again later, on a newer version."""
    if not part:
        return "Not run."
    first, *again = part["runs"]
    words = f"Run on {first['at']} in {first['minutes']} minutes, {first['system']}, version `{first['version']}`."
    for run in again:
        numbers = ", ".join(map(str, run["faults"]))
        words += f" Again on {run['at']}, version `{run['version']}`: {numbers}."
    return words


def _rows(found: dict[str, str]) -> list[str]:
    lines = []
    for fault in FAULTS:
        if fault.number in GROUPS:
            lines += [
                "",
                f"## {GROUPS[fault.number]}",
                "",
                "| # | fault | expected | result | proof |",
                "|--:|---|---|---|---|",
            ]
        proof = "<br>".join(_short(fault.proofs))
        note = " ".join(filter(None, [proof, f"*{fault.note}*" if fault.note else ""]))
        lines.append(f"| {fault.number} | {fault.title} | {fault.expected} | {result_of(fault, found)} | {note} |")
    return lines


def _short(proofs: tuple[str, ...]) -> list[str]:
    """One line a test, its parameters joined."""
    tests: dict[str, list[str]] = {}
    for proof in proofs:
        name, _, parameter = proof.partition("[")
        tests.setdefault(name, []).extend([parameter.rstrip("]")] if parameter else [])
    words = {"kills": "the kill loops below", "soak": "the soak below", "soak: p95": "its p95"}
    return [words.get(name) or f"`{name.removeprefix('tests/')}`" + (f" ({', '.join(found)})" if found else "")
            for name, found in tests.items()]  # fmt: skip


def _loops(record: Record) -> list[str]:
    words = (
        "A job is killed with SIGKILL at one line, or at one system call, of its whole life; another process recovers it. Then"
        " the provider's own ledger and the studio's are asked: at most one bill, no render lost, and the books of the team add"
        f" up as the dead left them, after the recovery ({drive_price()} is reserved or spent, never both) and after a person has"
        " released what stayed unknown. *killed*: the point was reached (the number of lines and calls varies"
        " a little with timing), at so many different *places* of the code or calls. *double*: billed more than once."
        " *lost*: billed, and neither done nor unknown."
    )
    found = [record["loops"][title] for title in sorted(record.get("loops", {}))]
    if not found:
        return ["## The kill loops", "", "Not run."]
    runs = sorted({f"{one['at']}, version `{one['version']}`" for one in found})
    told = f"**{kills.share(found)[0]}** Run on {'; '.join(runs)}."
    return ["## The kill loops", "", words, "", kills.table(found), "", told]


def drive_price() -> str:
    from tests.faults.drive import PRICE

    return f"${PRICE}"


def _soak(record: Record) -> list[str]:
    words = (
        f"{soak.WRITERS} people press Generate, {soak.READERS} look at pages, {soak.WAITING:,} more shots wait behind a"
        f" resting key, and every {soak.EVERY:.0f} s something breaks. The time for the paid request is shortened to 20 s, so"
        " that doubts end within the run. Answers are not counted while the web itself is killed."
    )
    found = record.get("soak")
    table = ["", words, "", soak.table(found)] if found else ["", "Not run."]
    if found and soak.quick(found) is None:
        table += [
            "",
            "The machine was busy with other work, so the time that pages took says nothing about the studio.",
        ]
    return ["## The soak", *table]
