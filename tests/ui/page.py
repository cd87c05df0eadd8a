"""docs/ui-goals.md, written from docs/ui-goals.json: what the parts of `make ui` measured, whenever each was run."""

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .goals import GOALS, Goal, Measure

Record = dict[str, Any]
MET, NOT_MET, PERSON, NOT_RUN = "met", "**not met**", "needs a person", "not measured"


def read(path: Path) -> Record:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def keep(path: Path, record: Record) -> None:
    """The record and, beside it, the page."""
    path.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    path.with_suffix(".md").write_text(compose(record))


def part(found: list[Measure], version: str, day: str) -> dict[str, Any]:
    return {"measures": [asdict(one) for one in found], "version": version, "at": day,
            "load": round(os.getloadavg()[0], 1), "cores": os.cpu_count(),
            "system": f"{platform.system()}, Python {platform.python_version()}"}  # fmt: skip


def measures(record: Record, goal: Goal) -> list[Measure]:
    found = [Measure(**one) for part in record.values() for one in part["measures"]]
    return [one for one in found if one.goal == goal.number]


def verdict(found: list[Measure], goal: Goal) -> str:
    if not found:
        return NOT_RUN
    if not all(one.met for one in found):
        return NOT_MET
    return PERSON if goal.person else MET


def missed(record: Record) -> list[int]:
    return [goal.number for goal in GOALS if verdict(measures(record, goal), goal) in (NOT_MET, NOT_RUN)]


def compose(record: Record) -> str:
    found = {goal: measures(record, goal) for goal in GOALS}
    verdicts = [verdict(of, goal) for goal, of in found.items()]
    counts = ", ".join(f"{verdicts.count(one)} {one.strip('*')}" for one in (MET, NOT_MET, PERSON, NOT_RUN))
    runs = sorted({f"{part['at']}, version `{part['version']}`" for part in record.values()})
    lines = [
        "# Goals of the interface",
        "",
        "Written by `make ui` from `docs/ui-goals.json`; do not edit. A whole studio with seeded shots (5,000 for goal 17),"
        " the system's Chromium. *Phone* is 390 × 844 with a quarter of the processor, 10 Mbit/s and 40 ms.",
        "",
        *_busy(record),
        f"**{counts}.** Measured on {'; '.join(runs) or 'no day yet'}.",
        "",
        "| # | goal | measured | limit | result |",
        "|--:|---|---|---|---|",
        *(line for goal, of in found.items() for line in _lines(goal, of)),
        "",
        "## How, and what was seen",
        "",
        *(_told(goal, of) for goal, of in found.items()),
        "",
    ]
    return "\n".join(lines)


def _busy(record: Record) -> list[str]:
    """Parts that were measured while the machine had other work: their times say little."""
    found = [f"{name} ({part['load']:g})" for name, part in record.items() if part.get("load", 0) > 1.5 * part["cores"]]
    cores = next((part["cores"] for part in record.values() if "cores" in part), 0)
    words = f"While these were measured, more than {1.5 * cores:g} processes wanted the {cores} processors, the studio's own"
    return [f"{words} included, so their times say little: {', '.join(sorted(found))}.", ""] if found else []


def _lines(goal: Goal, found: list[Measure]) -> list[str]:
    if not found:
        return [f"| {goal.number} | {goal.title} | – | – | {NOT_RUN} |"]
    values = "<br>".join(f"{one.what}: {_number(one.value, one.unit)}{'' if one.met else ' ✗'}" for one in found)
    limits = "<br>".join(_number(one.limit, one.unit) for one in found)
    return [f"| {goal.number} | {goal.title} | {values} | {limits} | {verdict(found, goal)} |"]


def _number(value: float, unit: str) -> str:
    return f"{value:g} {unit}".strip()


def _told(goal: Goal, found: list[Measure]) -> str:
    notes = [f"{one.what}: {one.note}" for one in found if one.note]
    words = " ".join(
        filter(None, [f"{goal.how[:1].upper()}{goal.how[1:]}.", goal.person and f"A person has to say: {goal.person}"])
    )
    return "\n".join([f"{goal.number}. {words}", *(f"   * {_plain(note)}" for note in notes)])


def _plain(note: str) -> str:
    return note.replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
