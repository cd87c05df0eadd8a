"""What the rules of a model mean for the values that a form holds now: which controls are off, what blocks, and the one
press that resolves it. The words are those of rules.py; nothing here decides whether a form is valid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..specs import Choice, Excludes, Flag, Media, ModelSpec, NeededWhen, OnlyWhen, Requires, explain, is_set


@dataclass(frozen=True)
class Fix:
    """A press of `label` sets `name` to `value`; an empty value takes out what is there."""

    label: str
    name: str
    value: str = ""


@dataclass(frozen=True)
class Conflict:
    """About the parameter `name`. When it does not block, its control (or with `of` only these choices) is off."""

    name: str
    sentence: str
    blocks: bool
    fixes: tuple[Fix, ...] = ()
    of: tuple[Any, ...] = ()


def conflicts(spec: ModelSpec, values: Mapping[str, Any]) -> list[Conflict]:
    """`values` by our names, unchecked; a parameter that is left alone has its default."""
    now = {param.name: values.get(param.name) or getattr(param, "default", None) for param in spec}
    found: list[Conflict] = []
    for rule in spec.rules:
        match rule:
            case Excludes():
                found += _excludes(spec, rule, now)
            case OnlyWhen():
                found += _only_when(spec, rule, now)
            case Requires():
                missing = not is_set(now[rule.other]) and not is_set(now.get(rule.instead))
                if is_set(now[rule.name]) and missing:
                    found.append(Conflict(rule.name, explain(spec, rule), True, (_without(spec, rule.name),)))
            case NeededWhen():
                asked = now[rule.other] in rule.values if rule.values else not is_set(now[rule.other])
                if asked and not is_set(now[rule.name]):
                    found.append(Conflict(rule.name, explain(spec, rule), True))
    return found


def _excludes(spec: ModelSpec, rule: Excludes, now: Mapping[str, Any]) -> list[Conflict]:
    one, other = is_set(now[rule.name]), is_set(now[rule.other])
    words = explain(spec, rule)
    if one and other:
        return [Conflict(rule.name, words, True, (_without(spec, rule.name), _without(spec, rule.other)))]
    if other:
        return [Conflict(rule.name, words, False, (_without(spec, rule.other),))]
    return [Conflict(rule.other, words, False, (_without(spec, rule.name),))] if one else []


def _only_when(spec: ModelSpec, rule: OnlyWhen, now: Mapping[str, Any]) -> list[Conflict]:
    if now[rule.other] in rule.values:
        return []
    given = is_set(now[rule.name]) and (not rule.of or now[rule.name] in rule.of)
    way = Fix(
        f"Set {_label(spec, rule.other)} to {_shown(spec, rule.other, rule.values[0])}",
        rule.other,
        _raw(rule.values[0]),
    )
    fixes = (way, _without(spec, rule.name)) if given else (way,)
    return [Conflict(rule.name, explain(spec, rule), given, fixes, rule.of)]


def missing(spec: ModelSpec, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(parameter, sentence) for what has to be given and is not. Not the prompt: everybody sees that its field is empty."""
    found = []
    for param in spec:
        value, least = values.get(param.name), getattr(param, "minimum", 0) if isinstance(param, Media) else 0
        if isinstance(param, Media) and least > len(value or ()):
            found.append(
                (param.name, f"{spec.name} needs at least {least} image{'s' if least > 1 else ''}: {param.label}.")
            )
        elif param.required and param.name != "prompt" and not is_set(value or getattr(param, "default", None)):
            found.append((param.name, f"{param.label} is missing."))
    return found


def _without(spec: ModelSpec, name: str) -> Fix:
    param = spec.param(name)
    verb = "Turn off" if isinstance(param, Flag) else "Remove" if isinstance(param, Media) else "Clear"
    return Fix(f"{verb} {_label(spec, name)}", name)


def _label(spec: ModelSpec, name: str) -> str:
    param = spec.param(name)
    return param.label.lower() if param else name


def _shown(spec: ModelSpec, name: str, value: Any) -> str:
    param = spec.param(name)
    if isinstance(param, Choice) and param.labels:
        return param.labels[param.choices.index(value)]
    return "on" if value is True else f"{value} {getattr(param, 'unit', '')}".strip()


def _raw(value: Any) -> str:
    return "on" if value is True else "" if value is False else str(value)
