"""`make faults`: every fault test, the kill loops, the soak; then docs/faults.md with what was found.

Each part is kept in docs/faults.json as soon as it is over, so a run may be cut off and go on later (`--missing`), or be made
in parts (`--only kills`). `--minutes 1 --at-most 20` is a smoke test, which is kept elsewhere. Exits with 1 when a promise
was broken.
"""

import argparse
import datetime as dt
import platform
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.faults import kills, page, soak
from tests.faults.catalogue import FAULTS, Fault

PARTS = ("faults", "kills", "syscalls", "soak")


def tests_of(faults: list[Fault]) -> list[str]:
    """The node ids to run, without parameters; those inside PostgreSQL's own run come with their wrapper."""
    return sorted({proof.partition("[")[0] for fault in faults for proof in fault.proofs if "::" in proof})


def run_tests(chosen: list[str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        patience = ["--timeout=1500", "-o", "faulthandler_timeout=1800"]  # a soak is longer than any hang of make test
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--long", *patience]
        subprocess.run([*command, f"--junitxml={report}", *chosen], cwd=page.ROOT, check=False)
        return read_report(report)


def read_report(report: Path) -> dict[str, str]:
    """Node id → passed, failed, skipped."""
    found: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        kinds = {child.tag for child in case}
        result = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        found[name] = "failed" if found.get(name) == "failed" else result  # a failed teardown is a case of its own
    return found


def version() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=page.ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "?"


class Run:
    """The parts that were asked for; the record is written after each."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.path: Path = options.record
        self.record = page.read(self.path)
        self.version = version()

    def stamp(self, began: float) -> dict[str, str | float]:
        system = f"Python {platform.python_version()}, {platform.system()}"
        minutes = round((time.monotonic() - began) / 60, 1)
        return {
            "at": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
            "version": self.version,
            "system": system,
            "minutes": minutes,
        }

    def faults(self) -> None:
        """Only some of them: their results take the places of the older ones."""
        before = self.record.get("faults", {})
        if before and self.options.missing:
            return
        chosen = [one for one in FAULTS if not self.options.faults or one.number in self.options.faults]
        began = time.monotonic()
        nodes = run_tests(tests_of(chosen))
        results = before.get("results", {}) if self.options.faults else {}
        results |= {proof: page.of_proof(proof, nodes) for one in chosen for proof in one.proofs if "::" in proof}
        run = self.stamp(began) | {"faults": self.options.faults or "all"}
        self.keep(
            "faults", {"results": results, "runs": [*(before.get("runs", []) if self.options.faults else []), run]}
        )

    def kills(self) -> None:
        self.loops(kills.LINES)

    def syscalls(self) -> None:
        self.loops(kills.SYSTEM_CALLS)

    def loops(self, names: tuple[str, ...]) -> None:
        kept = self.record.setdefault("loops", {})
        for kind in self.options.databases.split(","):
            titles = [kills.title(name, kind) for name in names]
            left = [
                name for name, title in zip(names, titles, strict=True) if not (self.options.missing and title in kept)
            ]
            began = time.monotonic()
            for found in kills.loops(kind, left, self.options.at_most):
                kept[found["loop"]] = found | self.stamp(began)
                self.keep("loops", kept)
                began = time.monotonic()

    def soak(self) -> None:
        if not (self.options.missing and self.record.get("soak")):
            began = time.monotonic()
            self.keep("soak", self.stamp(began) | soak.soak(self.options.minutes))

    def keep(self, part: str, found: dict[str, object]) -> None:
        self.record[part] = found
        page.keep(self.path, self.record)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument(
        "--only", default=",".join(PARTS), help="parts: faults, kills, syscalls, soak; page: none of them"
    )
    parser.add_argument(
        "--faults", type=lambda text: [int(part) for part in text.split(",")], help="numbers, e.g. 12,30"
    )
    parser.add_argument("--missing", action="store_true", help="leave out what the record already holds")
    parser.add_argument("--minutes", type=float, default=soak.FULL, help="of the soak")
    parser.add_argument("--at-most", type=int, help="kill points of each loop; all without it")
    parser.add_argument("--databases", default="SQLite,PostgreSQL", help="of the kill loops")
    parser.add_argument("--record", type=Path, help="what was found, as JSON; the page is written beside it")
    found = parser.parse_args()
    short = found.at_most is not None or found.minutes != soak.FULL
    found.record = found.record or (Path(tempfile.gettempdir(), "tungsten-faults.json") if short else page.RECORD)
    return found


def main() -> None:
    asked = options()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # in the background a shell lets it be ignored, by studios too
    run = Run(asked)
    for part in asked.only.split(","):
        {"faults": run.faults, "kills": run.kills, "syscalls": run.syscalls, "soak": run.soak, "page": lambda: None}[
            part
        ]()
    page.keep(asked.record, run.record)
    print(f"{asked.record.with_suffix('.md')} is written.")
    if words := page.broken(run.record):
        sys.exit("Broken promises:\n" + "\n".join(words))


if __name__ == "__main__":
    main()
