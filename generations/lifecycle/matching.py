"""Which entries of a provider's list are our lost requests. No database, no network: plain values in, plain values out.

An entry is adopted only when everything that the list shows agrees. Where the list is silent about something the entry is
merely possible: it is shown to people, and as long as there is one nobody is told that sending again is safe.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..providers.base import Listed

BEFORE = 60.0  # seconds by which the provider's time for a render may lie before our own for sending it
AFTER = 600.0  # and after: gateways hold requests in queues of their own
Fit = Literal["yes", "possible", "no"]


@dataclass(frozen=True)
class Sent:
    """One request whose answer was lost. `row` is the shot, `at` when it left (seconds since 1970)."""

    row: int
    at: float
    model: str
    prompt: str
    values: Mapping[str, str] = field(default_factory=dict)
    correlation: str = ""


@dataclass
class Found:
    """What the list says about one shot: the render that is followed from now on, others that it may also have caused."""

    adopt: Listed | None = None
    extra: list[Listed] = field(default_factory=list)
    possible: list[Listed] = field(default_factory=list)
    busy: bool = False  # an equal request is under way: nothing can be said yet


def fit(sent: Sent, entry: Listed, latest: float) -> Fit:
    """Whether an entry is what became of a request. `latest` is the time of the look: a later entry has a strange clock."""
    if entry.correlation and sent.correlation:
        return "no" if entry.correlation != sent.correlation else "yes" if entry.task_id else "possible"
    parts = (
        _time(sent, entry, latest),
        _prompt(sent.prompt, entry.prompt),
        _model(sent.model, entry.model),
        _values(sent.values, entry.values),
        "yes" if entry.task_id else "possible",
    )
    return "no" if "no" in parts else "possible" if "possible" in parts else "yes"


def _time(sent: Sent, entry: Listed, latest: float) -> Fit:
    if entry.created_at is None or entry.created_at > latest + BEFORE:
        return "possible"
    return "yes" if sent.at - BEFORE <= entry.created_at <= sent.at + AFTER else "no"


def _prompt(sent: str, listed: str) -> Fit:
    """A list may leave prompts out, or cut long ones."""
    ours, theirs = " ".join(sent.split()), " ".join(listed.split())
    if ours == theirs:
        return "yes"
    cut = theirs.rstrip("….")
    return "possible" if not cut or (len(cut) >= 40 and ours.startswith(cut)) else "no"


def _model(sent: str, listed: str) -> Fit:
    """ "sora-2" is also "sora-2-2025-10-06" and "openai/sora-2", but not "sora-2-pro"."""
    if not listed:
        return "possible"
    name = listed.rpartition("/")[2].lower()
    return "yes" if re.fullmatch(re.escape(sent.lower()) + r"(-\d[\d-]*)?", name) else "no"


def _values(sent: Mapping[str, str], listed: Mapping[str, str]) -> Fit:
    """Hosts round and rename settings, so another value makes it doubtful but does not rule it out."""
    return (
        "yes" if all(name not in listed or _same(value, listed[name]) for name, value in sent.items()) else "possible"
    )


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one.lower() == other.lower()


def assign(lost: Sequence[Sent], entries: Sequence[Listed], ours: Collection[str], latest: float) -> dict[int, Found]:
    """What the list (newest first) says about each shot that lost a request. `ours` are ids that belong to a shot already.

    Equal requests are interchangeable: the first that was sent gets the first that was made. What is left over of equal
    ones was made twice for one confirmation, and is an extra charge.
    """
    named = {entry.task_id or f"#{index}": entry for index, entry in enumerate(reversed(entries))}  # the oldest first
    free = sorted(
        (each for each in named.values() if each.task_id not in ours), key=lambda each: each.created_at or latest
    )
    found = {sent.row: Found() for sent in lost}
    for sent in sorted(lost, key=lambda sent: sent.at):
        match = next((entry for entry in free if fit(sent, entry, latest) == "yes"), None)
        if match is None:
            continue
        free.remove(match)
        if found[sent.row].adopt is None:
            found[sent.row].adopt = match
        else:
            found[sent.row].extra.append(match)  # it was sent twice, with a person's word, and both came through
    for entry in free:
        fits = [(sent.row, fit(sent, entry, latest)) for sent in lost]
        certain = next((row for row, how in fits if how == "yes"), None)
        if certain is not None:
            found[certain].extra.append(entry)
            continue
        for row in {row for row, how in fits if how == "possible" and found[row].adopt is None}:
            found[row].possible.append(entry)
    return found
