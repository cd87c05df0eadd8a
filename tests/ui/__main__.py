"""`make ui`: a seeded studio, the twenty goals of the interface, and docs/ui-goals.md with what was measured.

Each part is kept in docs/ui-goals.json as soon as it is over: `make ui T="--only sizes,axe"` measures some again. Exits with
1 when a goal is not met.
"""

import argparse
import datetime as dt
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.stack import ROOT

from . import hands, loading, moving, page, places, rules, stand
from .goals import Measure

PARTS = {
    "sizes": loading.sizes, "paints": loading.paints, "shift": moving.shift, "interactions": moving.interactions,
    "commit": moving.commit, "submit": moving.submit, "preview": moving.preview, "axe": rules.axe, "focus": rules.focus,
    "policy": rules.policy, "clicks": hands.clicks, "keyboard": hands.keyboard, "retry": hands.retry,
    "large": places.large, "bare": places.bare, "hidden": places.hidden, "zoom": rules.zoom,
}  # fmt: skip
RECORD = ROOT / "docs" / "ui-goals.json"


def version() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "?"


def run(asked: argparse.Namespace) -> dict[str, object]:
    """Measure the parts that were asked for; the record is written after each."""
    record = page.read(asked.record)
    with (
        tempfile.TemporaryDirectory(prefix="tungsten-ui-") as folder,
        stand.standing(Path(folder), asked.shots, asked.clips) as studio,
    ):
        studio.seconds_hidden = asked.hidden
        for name in asked.only:
            began = time.monotonic()
            try:
                found = PARTS[name](studio)
            except Exception:  # a part that breaks is a result, and no reason to lose the others
                traceback.print_exc()
                found = []
            record[name] = page.part(found, version(), dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"))
            page.keep(asked.record, record)
            told(name, found, time.monotonic() - began)
    return record


def told(name: str, found: list[Measure], seconds: float) -> None:
    print(f"{name} ({seconds:.0f} s)" + ("" if found else ": broke off"))
    for one in found:
        print(f"  {'met    ' if one.met else 'NOT MET'} {one.goal:2} {one.what}: {one.value:g} {one.unit} "
              f"(limit {one.limit:g}) {one.note[:300]}")  # fmt: skip
    sys.stdout.flush()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make ui", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts: {', '.join(PARTS)}; page: none of them")
    parser.add_argument("--shots", type=int, default=5000, help="in the studio that is measured")
    parser.add_argument("--clips", type=int, default=10, help="distinct ones of its films")
    parser.add_argument("--hidden", type=float, default=600, help="seconds that the tab of goal 19 is hidden")
    parser.add_argument("--record", type=Path, default=RECORD, help="what was found, as JSON; the page is beside it")
    found = parser.parse_args()
    found.only = [name for name in found.only.split(",") if name and name != "page"]
    return found


def main() -> None:
    asked = options()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    record = run(asked) if asked.only else page.read(asked.record)
    page.keep(asked.record, record)
    print(f"{asked.record.with_suffix('.md')} is written.")
    if missed := page.missed(record):
        sys.exit(f"Not met: {', '.join(map(str, missed))}")


if __name__ == "__main__":
    main()
