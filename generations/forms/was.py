"""What a form held in the shot that it was filled from, so that a change can be seen beside its control."""

import json
from dataclasses import dataclass
from typing import Any

from ..specs import Choice, Media, Param

LONGEST = 40  # characters of a text that was


@dataclass(frozen=True)
class Was:
    """`raw` is compared with what the control holds now (static/composer.js does the same), `words` are shown."""

    raw: str
    words: str


def was(param: Param, value: Any) -> Was:
    if isinstance(param, Media):
        count = len(value or ())
        return Was(raw(param, value), "empty" if not count else "1 other image" if count == 1 else f"{count} images")
    if param.kind == "flag":
        return Was(raw(param, value), "on" if value else "off")
    text = raw(param, value)
    if isinstance(param, Choice) and text in param.choices:
        label = dict(zip(param.choices, param.labels, strict=True))[text] if param.labels else f"{text} {param.unit}"
        return Was(text, label.strip())
    if not text:
        return Was("", "Auto" if param.kind in ("choice", "integer", "number") else "empty")
    short = " ".join(text.split())
    short = short if len(short) <= LONGEST else f"{short[:LONGEST].rstrip()}…"
    return Was(text, f"{short} {getattr(param, 'unit', '')}".strip() if param.kind == "integer" else short)


def raw(param: Param, value: Any) -> str:
    if isinstance(param, Media):
        return " ".join(str(item.get("upload") or item.get("url")) for item in value or ())
    if isinstance(value, dict):
        return json.dumps(value, indent=2, ensure_ascii=False)
    return "on" if value is True else "" if value in (None, False) else str(value)
