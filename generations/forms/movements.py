"""Camera movements that a prompt names in square brackets: [Truck left, Pan right].

Source: the page "Generate videos" (fifteen movements, combined by a comma); MiniMax's own documentation (at most three at once).
"""

import difflib
import re

from ..specs import ModelSpec

MOST = 3
BRACKET = re.compile(r"(?<!\[)\[([^\[\]]*)\](?!\])")


def problem(spec: ModelSpec, prompt: str) -> str:
    """Why the prompt would be refused, "" when it would not."""
    for names in _brackets(spec, prompt):
        if len(names) > MOST and all(_known(spec, name) for name in names):
            return (
                f"[{', '.join(names)}] has {len(names)} camera movements. {spec.name} takes at most {MOST} at once: "
                "use a second bracket for what comes after."
            )
    return ""


def warnings(spec: ModelSpec, prompt: str) -> list[str]:
    """What in brackets is no movement: the model reads it as ordinary text, which may well be meant."""
    found = []
    for names in _brackets(spec, prompt):
        for name in names:
            if not _known(spec, name):
                near = difflib.get_close_matches(name.lower(), [each.lower() for each in spec.movements], 1, 0.6)
                guess = next((each for each in spec.movements if near and each.lower() == near[0]), "")
                found.append(
                    f"[{name}] is no camera movement of {spec.name}." + (f" Did you mean [{guess}]?" if guess else "")
                )
    return found


def _brackets(spec: ModelSpec, prompt: str) -> list[list[str]]:
    if not spec.movements:
        return []
    return [[" ".join(name.split()) for name in inside.split(",")] for inside in BRACKET.findall(prompt)]


def _known(spec: ModelSpec, name: str) -> bool:
    return name.lower() in {each.lower() for each in spec.movements}
