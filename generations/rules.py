"""Rules between the parameters of a model, as plain data: the form, the sandbox and the documentation share them. No Django."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .specs import ModelSpec


@dataclass(frozen=True)
class Requires:
    """`name` is only allowed together with `other`, or with `instead` where there are two ways."""

    name: str
    other: str
    instead: str = ""


@dataclass(frozen=True)
class Excludes:
    """`name` and `other` cannot both be set."""

    name: str
    other: str


@dataclass(frozen=True)
class OnlyWhen:
    """`name` is only allowed while `other` has one of `values`; with `of`, only these values of `name` are bound to it."""

    name: str
    other: str
    values: tuple[Any, ...]
    of: tuple[Any, ...] = ()


@dataclass(frozen=True)
class NeededWhen:
    """`name` must be given while `other` has one of `values`; without values, while `other` is empty."""

    name: str
    other: str
    values: tuple[Any, ...] = ()


Rule = Requires | Excludes | OnlyWhen | NeededWhen


def is_set(value: Any) -> bool:
    """Whether a value counts as given: an empty text, an empty list, None and an unticked flag do not."""
    return value not in (None, "", [], (), {}, False)


def broken_rules(spec: ModelSpec, values: dict[str, Any]) -> list[tuple[str, str]]:
    """(parameter, sentence) for each rule that `values` break. The form, the sandbox and the documentation share it."""
    found: list[tuple[str, str]] = []
    for rule in spec.rules:
        given, other = is_set(values.get(rule.name)), is_set(values.get(rule.other))
        match rule:
            case Requires():
                broken = given and not other and not is_set(values.get(rule.instead))
            case Excludes():
                broken = given and other
            case OnlyWhen():
                bound = given and (not rule.of or values[rule.name] in rule.of)
                broken = bound and values.get(rule.other) not in rule.values
            case NeededWhen():
                broken = not given and (values.get(rule.other) in rule.values if rule.values else not other)
        if broken:
            found.append((rule.name, explain(spec, rule)))
    return found


def explain(spec: ModelSpec, rule: Rule) -> str:
    """The rule as a sentence with the labels that people see."""
    name, other = (_label(spec, part) for part in (rule.name, rule.other))
    match rule:
        case Requires():
            return f"{name} needs {other}{f' or {_label(spec, rule.instead)}' if rule.instead else ''}."
        case Excludes():
            return f"{spec.name} takes {name} or {other}, not both."
        case OnlyWhen():
            which = f"{name} {_words(rule.of)}" if rule.of else name
            return f"{which} works only when {other} is {_words(rule.values)}."
        case NeededWhen(values=()):
            return f"{spec.name} needs {name} or {other}."
        case NeededWhen():
            return f"{name} is needed when {other} is {_words(rule.values)}."


def sentences(spec: ModelSpec, name: str) -> list[str]:
    """What to say about a parameter before the mistake. "Needed when" and "only when" of the same are one sentence."""
    rules = [rule for rule in spec.rules if rule.name == name]
    needed = {(rule.other, rule.values) for rule in rules if isinstance(rule, NeededWhen)}
    twins = needed & {(rule.other, rule.values) for rule in rules if isinstance(rule, OnlyWhen) and not rule.of}
    found = []
    for rule in rules:
        if not isinstance(rule, NeededWhen | OnlyWhen) or (rule.other, rule.values) not in twins:
            found.append(explain(spec, rule))
        elif isinstance(rule, NeededWhen):
            found.append(explain(spec, rule).rstrip(".") + ", and only then.")
    return found


def _words(values: tuple[Any, ...]) -> str:
    return " or ".join({True: "on", False: "off"}.get(value, str(value)) for value in values)


def _label(spec: ModelSpec, name: str) -> str:
    param = spec.param(name)
    return param.label if param else name
