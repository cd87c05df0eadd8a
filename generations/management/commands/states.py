"""manage.py states: docs/states.md, from generations/states.py."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand

from generations.states import EDGES, TERMINAL, Charged, Reason, State

HEADER = """# States of a shot

Written by `manage.py states > docs/states.md` from `generations/states.py`. `generations.lifecycle` is the only writer of a
state, and moves a row along these edges only.

"""


class Command(BaseCommand):
    help = "Prints the states of a shot and the edges between them as Markdown."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(HEADER + diagram() + "\n" + tables(), ending="")


def diagram() -> str:
    order = {"": -1} | {state: index for index, state in enumerate(State.values)}
    lines = ["```mermaid", "stateDiagram-v2"]
    for start, end in sorted(EDGES, key=lambda edge: (order[edge[0]], order[edge[1]])):
        lines.append(f"    {start or '[*]'} --> {end}")
    lines += [f"    {state} --> [*]" for state in TERMINAL]
    return "\n".join([*lines, "```", ""])


def tables() -> str:
    states = [(state.value, state.label, ", ".join(_after(state)) or "nothing: final") for state in State]
    return "\n".join(
        [
            table("State", "On the page", "Next", rows=states),
            "A failed shot has one of these reasons:\n",
            table("Reason", "On the page", rows=[(reason.value, reason.label) for reason in Reason]),
            "And every shot says whether it cost anything:\n",
            table("`data-charged`", "On the page", rows=[(charged.value, charged.label) for charged in Charged]),
        ]
    )


def _after(state: State) -> list[str]:
    return [f"`{end}`" for end in State.values if (state.value, end) in EDGES]


def table(*heads: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    lines += [" | ".join((f"`{first}`", *rest)) for first, *rest in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"
