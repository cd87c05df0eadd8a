"""Values that survive a change of the model: what the new one takes is kept, what it cannot take is said once."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Team, User

from ..registry import SPECS
from ..specs import Media, ModelSpec, OnlyWhen, Param, Text, explain, is_set
from .fields import field_for
from .media import MediaParam, Slot, SlotsInput
from .parameters import TAKES

BEFORE = "before-"  # in front of the names of hidden inputs
OFF = "off"
LONGEST = 12  # slots; no model has more


@dataclass
class Carried:
    """`kept` fits the new model and is the `initial` of its form, `notes` are sentences.

    `aside` are values of parameters that the new model does not have; `before` values of those that it has and that cannot
    take them. Both wait for a way back, under names that do not meet the form's own.
    """

    kept: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    aside: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def aside_inputs(self) -> list[tuple[str, str]]:
        """Hidden inputs (name, value) that bring the values along until a model takes them again; a switch that is off too,
        because some are on by default."""
        values = self.aside | {f"{BEFORE}{name}": value for name, value in self.before.items()}
        return as_inputs({name: OFF if value is False else value for name, value in values.items()})


def as_inputs(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Values by our names as (name, value) of inputs that `posted` reads again."""
    inputs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, list):
            for i, item in enumerate(value):
                kind = "upload" if "upload" in item else "url"
                inputs.append((f"{name}-{i}-{kind}", str(item[kind])))
        elif isinstance(value, dict):
            inputs.append((name, json.dumps(value)))
        elif value not in (None, "") and value is not False:
            inputs.append((name, "on" if value is True else str(value)))
    return inputs


def carry_over(spec: ModelSpec, values: dict[str, Any], old: ModelSpec | None = None) -> Carried:
    """Fit `values` (raw, by parameter name; media as in Generation.params) to `spec`. `old` is where they come from."""
    carried = Carried()
    for name, value in values.items():
        param = TAKES if name == "takes" else spec.param(name)
        source = old.param(name) if old else None
        if param is None or (source and source.kind != param.kind):
            (carried.aside if param is None else carried.before)[name] = value
            if source and is_set(value) and value != getattr(source, "default", None):
                what = "takes no images" if isinstance(source, Media) else f"has no {source.label.lower()}"
                carried.notes.append(f"{spec.name} {what}.")
        elif isinstance(param, Media):
            _carry_media(spec, param, value or [], carried)
        else:
            _carry_value(spec, param, value, carried)
    _follow_images(spec, carried)
    return carried


def _follow_images(spec: ModelSpec, carried: Carried) -> None:
    """Images that work only in one mode bring their mode along; what that mode does not take is put aside."""
    bound = [rule for rule in spec.rules if isinstance(rule, OnlyWhen) and not rule.of]
    for rule in sorted(bound, key=lambda rule: not isinstance(spec.param(rule.name), Media)):
        other = spec.param(rule.other)
        now = carried.kept.get(rule.other) or getattr(other, "default", None)
        if other is None or not is_set(carried.kept.get(rule.name)) or now in rule.values:
            continue
        if isinstance(spec.param(rule.name), Media):
            carried.before[rule.other] = carried.kept.get(rule.other, "")
            carried.kept[rule.other] = rule.values[0]
            carried.notes.append(f"{other.label} is {rule.values[0]} now, for the images.")
        else:
            carried.before[rule.name] = carried.kept.pop(rule.name)
            carried.notes.append(explain(spec, rule))


def _carry_media(spec: ModelSpec, param: Media, value: list[dict[str, Any]], carried: Carried) -> None:
    carried.kept[param.name] = value[: param.maximum]
    left = len(value) - param.maximum
    if left > 0:
        carried.before[param.name] = value
        were = "image was" if left == 1 else "images were"
        carried.notes.append(f"{spec.name} takes up to {param.maximum} here; {left} {were} left out.")


def _carry_value(spec: ModelSpec, param: Param, value: Any, carried: Carried) -> None:
    """Text is kept even when it is too long: the field says so, and nothing that was typed is lost."""
    if isinstance(param, Text):
        carried.kept[param.name] = value
        return
    try:
        field_for(param, spec.name).clean(value)
        carried.kept[param.name] = value
    except ValidationError:
        default = getattr(param, "default", None)
        now = f"It is {default} now." if default is not None else "It is empty now."
        carried.before[param.name] = value
        carried.notes.append(f"{spec.name} has no {param.label.lower()} {value}. {now}")


def posted(data: Any, files: Any, *, team: Team, user: User) -> tuple[dict[str, Any], ModelSpec | None, list[Slot]]:
    """What a composer holds, unchecked: values, the model they were for, and slots whose image was refused.

    New files are stored, so that they come along. Values of other models that wait in hidden inputs are found as well.
    `undo` brings back what a switch has replaced, `fix` is "name=value" of a button that changes one value, `clear`,
    `move` and `crop` are slots.
    """
    old = SPECS.get(data.get("model", ""))
    known: dict[str, Param] = {param.name: param for spec in SPECS.values() for param in spec} | {"takes": TAKES}
    known |= {param.name: param for param in old or ()}
    values: dict[str, Any] = {}
    refused: list[Slot] = []
    for name, param in known.items():
        if isinstance(param, Media):
            slots = _slots(param, data, files, team, user)
            values[name] = _moved(param, slots, data.get("move", ""))
            cut = data.get("crop", "").partition("=")[0]
            refused += [slot for slot in slots if slot.error and (not slot.is_full or slot.name == cut)]
        elif param.kind == "flag" and old and old.param(name):
            values[name] = name in data
        elif name in data:
            values[name] = _value(param, data[name])
    if "undo" in data:
        values |= _before(known, data)
    name, _, value = data.get("fix", "").partition("=")
    if name in known:
        values[name] = [] if isinstance(known[name], Media) else value == "on" if known[name].kind == "flag" else value
    return values, old, refused


def _before(known: dict[str, Param], data: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, param in known.items():
        if isinstance(param, Media):
            raw = SlotsInput(LONGEST).value_from_datadict(data, {}, BEFORE + name)
            if items := [item for item in map(_item, raw) if item]:
                found[name] = items
        elif BEFORE + name in data:
            found[name] = _value(param, data[BEFORE + name])
    return found


def _value(param: Param, raw: str) -> str | bool:
    """What a hidden input brings back."""
    return raw != OFF if param.kind == "flag" else raw


def _item(given: dict[str, Any]) -> dict[str, Any]:
    """An image as hidden inputs bring it back; what is no number names no upload."""
    number, url = given["upload"] or "", given["url"]
    is_number = number.isascii() and number.isdecimal() and len(number) < 19
    return ({"upload": int(number)} if is_number else {}) | ({"url": url} if url else {})


def _moved(param: Media, slots: list[Slot], move: str) -> list[dict[str, Any]]:
    """The images in their slots; "images-1<" changes the second one with its left neighbour, ">" with its right."""
    names = [slot.name for slot in slots]
    values: list[dict[str, Any] | None] = [slot.value if slot.is_full else None for slot in slots]
    if move[:-1] in names:
        here = names.index(move[:-1])
        there = here + (1 if move.endswith(">") else -1)
        if 0 <= there < len(slots):
            values[here], values[there] = values[there], values[here]
    return [value | {"role": role} for value, role in zip(values, param.roles, strict=True) if value]


def _slots(param: Media, data: Any, files: Any, team: Team, user: User) -> list[Slot]:
    spec = next(spec for spec in SPECS.values() if param in spec.params)
    raw = SlotsInput(param.maximum).value_from_datadict(data, files, param.name)
    cleared = data.get("clear", "")
    for i, given in enumerate(raw):
        if cleared == f"{param.name}-{i}":
            given.update(file=None, upload=None, url=None)
    field = MediaParam(param, spec=spec, team=team, user=user, key=None)
    field.read(raw)
    field.crop(data.get("crop", ""))
    return field.slots
