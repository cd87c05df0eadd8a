"""What a shot costs before it is made: the kinds of price that a model can have, and the sum for one press. No Django here.

A price that nobody has published is `Unknown` and stays without an amount: it is never shown or counted as 0.
Source: reliability notes, section "Double click and budget".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .specs import ModelSpec

NOT_PUBLISHED = "Price not published"
SANDBOX = "Sandbox: nothing is charged"
LENGTHS = ("duration", "seconds")  # parameters that say how long the video is
EXACT = Decimal("0.000001")


@dataclass(frozen=True)
class Flat:
    """USD for one take."""

    amount: Decimal
    kind = "flat"


@dataclass(frozen=True)
class PerSecond:
    """USD for each second of video."""

    amount: Decimal
    kind = "per_second"


@dataclass(frozen=True)
class PerToken:
    """USD for a million tokens. `most` is what one take can use at most; without it no sum can be said beforehand."""

    amount: Decimal
    most: int | None = None
    kind = "per_token"


@dataclass(frozen=True)
class Unknown:
    kind = "unknown"


Price = Flat | PerSecond | PerToken | Unknown


@dataclass(frozen=True)
class Quote:
    """The most that one press can cost. `each` is for one take, in USD; None when it is not known.

    `words` say how `each` came about.
    """

    each: Decimal | None
    takes: int
    words: str
    kind: str = Unknown.kind

    @property
    def amount(self) -> Decimal | None:
        return None if self.each is None else self.each * self.takes

    @property
    def headline(self) -> str:
        """The big words beside the button."""
        return self.words if not self.amount else dollars(self.amount)

    @property
    def sum(self) -> str:
        """How the amount came about: "4 × $0.40". Empty when there is nothing to add."""
        return "" if not self.each else f"{self.takes} × {dollars(self.each)}" if self.takes > 1 else self.words


def estimate(price: Price, spec: ModelSpec, values: Mapping[str, Any], takes: int) -> Quote:
    """What `takes` takes of `spec` with these values (by our names, checked or not) cost at most."""
    match price:
        case Flat(amount):
            return Quote(_exact(amount), takes, f"{dollars(amount)} a take", price.kind)
        case PerSecond(amount) if not length(spec, values):
            return Quote(None, takes, f"{dollars(amount)} a second, {spec.output.unfixed}", price.kind)
        case PerSecond(amount):
            seconds = length(spec, values)
            return Quote(_exact(amount * seconds), takes, f"{seconds:f} s at {dollars(amount)} a second", price.kind)
        case PerToken(amount, int(most)):
            words = f"at most {most:,} tokens at {dollars(amount)} a million"
            return Quote(_exact(amount * most / 1_000_000), takes, words, price.kind)
        case PerToken(amount):
            words = f"{dollars(amount)} a million tokens; how many it takes is known afterwards"
            return Quote(None, takes, words, price.kind)
        case _:
            return Quote(None, takes, NOT_PUBLISHED)


def free(takes: int) -> Quote:
    """The sandbox's price: known, and nothing."""
    return Quote(Decimal(0), takes, SANDBOX, Flat.kind)


def length(spec: ModelSpec, values: Mapping[str, Any]) -> Decimal:
    """Seconds of video that were asked for, else what the model always makes. Nonsense counts as not asked."""
    asked = next((values[name] for name in LENGTHS if spec.param(name) and values.get(name)), None)
    text = str(asked).strip() if asked is not None else ""
    if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 9:
        return Decimal(text)
    return Decimal(str(spec.output.seconds)).normalize()


def dollars(amount: Decimal) -> str:
    """$0.40, $1,200.00; more places only where they say something: $0.0125."""
    text = f"{abs(amount):,.6f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{'-' if amount < 0 else ''}${whole}.{fraction.ljust(2, '0')}"


def _exact(amount: Decimal) -> Decimal:
    """To a millionth of a dollar, up: the sum is a ceiling."""
    return amount.quantize(EXACT, ROUND_UP)
