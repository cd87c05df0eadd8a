"""One Django field for each kind of parameter. A field knows its Param and the template that draws it."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from ..specs import Choice, Flag, Integer, Json, Number, Param, Text
from .addresses import UnusableAddress, checked
from .conflicts import Conflict
from .was import Was

STUDIO_LIMIT = 8000  # characters of free text, when the provider states no limit
MOST_SEGMENTS = 5  # more choices than this, or longer ones, become a list
LONGEST_SEGMENT = 12
MOST_LETTERS = 22  # of all segments together: two fields stand side by side
RATIO = frozenset("0123456789:")


class ParamField(forms.Field):
    """What every field here has: `param`, the `template` that draws it, and whether it takes the whole width."""

    template = "generations/_field_text.html"
    wide = True
    rules: list[str]  # sentences about other parameters, shown before the mistake
    blocked: list[Conflict]  # what is wrong with the values that the form holds now
    was: Was | None = None  # in the shot that the form was filled from
    is_changed = False  # since then
    off: Conflict | None = None  # why this control cannot be used now
    partly: list[Conflict]  # why some of its choices cannot
    decides = False  # whether images belong to one of its values: then it stands before them

    def __init__(self, param: Param, **options: Any) -> None:
        self.param = param
        self.rules, self.blocked, self.partly = [], [], []
        super().__init__(required=param.required, label=param.label, help_text=param.help, **options)
        self.error_messages["required"] = f"{param.label} is missing. Fill it in."

    def run_validators(self, value: Any) -> None:
        """The first broken limit only: our sentences name all limits at once."""
        try:
            super().run_validators(value)
        except ValidationError as error:
            raise error.error_list[0] from None

    @property
    def default(self) -> Any:
        return getattr(self.param, "default", None)

    @property
    def limits(self) -> str:
        """What fits, said before the mistake."""
        return ""


class TextParam(ParamField, forms.CharField):
    """Text, without blanks at its ends. None when it is empty and may be."""

    param: Text

    def __init__(self, param: Text, model_name: str) -> None:
        self.limit = param.max_length or STUDIO_LIMIT
        self.who = model_name if param.max_length else "This studio"
        super().__init__(param)
        # No maxlength attribute: a browser cuts what is pasted silently, a message leaves it there to be shortened.
        self.widget = forms.Textarea() if param.lines > 1 else forms.TextInput()

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n").replace("\r", "\n")

    def validate(self, value: str) -> None:
        super().validate(value)
        if not _is_text(value):
            raise ValidationError(f"{self.param.label} has bytes in it that are not text. Remove them.")
        if len(value) > self.limit:
            raise ValidationError(
                f"{self.param.label} has {len(value):,} characters. {self.who} takes at most {self.limit:,}: shorten it."
            )
        if self.param.shape == "url":
            self._check_addresses(value.split())
        elif value and self.param.shape == "span" and (wrong := span_problem(value)):
            raise ValidationError(f"{self.param.label}: {wrong}")

    def _check_addresses(self, found: list[str]) -> None:
        most = self.param.lines
        if len(found) > most:
            raise ValidationError(f"{self.param.label} takes at most {most}, one a line; {len(found)} are here.")
        for address in found:
            _check_address(address)

    def clean(self, value: Any) -> str | None:
        return super().clean(value) or None

    @property
    def lines(self) -> int:
        return self.param.lines


class ChoiceParam(ParamField, forms.ChoiceField):
    """One of the spec's choices. Nothing chosen means the default, or None: then the provider decides."""

    param: Choice

    def __init__(self, param: Choice) -> None:
        shown = param.labels or tuple(f"{value} {param.unit}".strip() for value in param.choices)
        self.pairs = list(zip(param.choices, shown, strict=True))
        self.pairs += [(value, f"{value} {param.unit}".strip() + " (may be refused)") for value in param.wider]
        if param.default is None and not param.required:
            self.pairs.insert(0, ("", "Auto"))
        super().__init__(param, choices=self.pairs)
        names = (
            ", ".join(param.choices[:-1]) + f" or {param.choices[-1]}" if len(param.choices) > 1 else param.choices[0]
        )
        self.error_messages["invalid_choice"] = f"{param.label} cannot be “%(value)s”. Choose {names}."

    @property
    def template(self) -> str:  # type: ignore[override]
        labels = [label for _, label in self.pairs]
        short = all(len(label) <= LONGEST_SEGMENT for label in labels)
        short = short and (self.is_ratio or sum(map(len, labels)) <= MOST_LETTERS)
        return f"generations/_field_{'choice' if short and len(self.pairs) <= MOST_SEGMENTS else 'select'}.html"

    @property
    def options(self) -> list[dict[str, str]]:
        """Value, label and, for an aspect ratio, the class of its pictogram: `pict--169` draws 16:9."""
        values = (*self.param.choices, *self.param.wider)
        ratio = bool(values) and all(set(value) <= RATIO and ":" in value for value in values)
        return [
            {"value": value, "label": label, "pict": f"pict--{value.replace(':', '')}" if ratio and value else ""}
            for value, label in self.pairs
        ]

    @property
    def off_values(self) -> list[str]:
        return [value for conflict in self.partly for value in conflict.of]

    @property
    def is_ratio(self) -> bool:
        return any(option["pict"] for option in self.options)

    @property
    def wide(self) -> bool:  # type: ignore[override]
        return self.is_ratio or self.decides

    def clean(self, value: Any) -> str | None:
        if value in self.empty_values and self.param.default is not None:
            return self.param.default
        return super().clean(value) or None


class IntegerParam(ParamField, forms.IntegerField):
    param: Integer
    template = "generations/_field_integer.html"
    wide = False

    def __init__(self, param: Integer) -> None:
        super().__init__(param, min_value=param.minimum, max_value=param.maximum)
        self.error_messages["invalid"] = f"{param.label} must be a whole number{self._range(' from {} to {}')}."
        outside = f"{param.label} is outside its limits. Use a whole number{self._range(' from {} to {}')}."
        self.error_messages |= {"min_value": outside, "max_value": outside}

    def _range(self, words: str) -> str:
        low, high = self.param.minimum, self.param.maximum
        if low is None and high is None:
            return ""
        if high is None:
            return f" of {low:,} or more"
        return f" of {high:,} or less" if low is None else words.format(f"{low:,}", f"{high:,}")

    @property
    def limits(self) -> str:
        unit = f" {self.param.unit}" if self.param.unit else ""
        return (self._range("{} – {}").removeprefix(" of ") + unit).strip()


class NumberParam(ParamField, forms.FloatField):
    param: Number
    template = "generations/_field_number.html"
    wide = False

    def __init__(self, param: Number) -> None:
        super().__init__(param, min_value=param.minimum, max_value=param.maximum, step_size=param.step)
        outside = (
            f"{param.label} must be a number from {param.minimum:g} to {param.maximum:g} in steps of {param.step:g}."
        )
        self.error_messages |= dict.fromkeys(("invalid", "min_value", "max_value", "step_size"), outside)


class FlagParam(ParamField, forms.BooleanField):
    param: Flag
    template = "generations/_field_flag.html"
    wide = False


class JsonParam(ParamField, forms.CharField):
    """A JSON object that any database can keep. None when the field is empty."""

    param: Json
    template = "generations/_field_json.html"

    def __init__(self, param: Json) -> None:
        super().__init__(param, widget=forms.Textarea())

    def clean(self, value: Any) -> dict[str, Any] | None:
        if isinstance(value, dict):
            value = json.dumps(value)
        text = super().clean(value)
        if not text:
            return None
        if len(text) > STUDIO_LIMIT:
            raise ValidationError(
                f"{self.param.label} has {len(text):,} characters. At most {STUDIO_LIMIT:,} fit here."
            )
        try:
            found = json.loads(text, parse_constant=_not_json)
            plain = json.dumps(found, ensure_ascii=False)
        except (ValueError, RecursionError):
            found, plain = None, ""
        if not isinstance(found, dict) or not _is_text(plain) or "\\u0000" in plain:
            raise ValidationError(f'{self.param.label} must be a JSON object, such as {{"seed": 7}}.')
        return found

    def prepare_value(self, value: Any) -> Any:
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) else value


def field_for(param: Param, model_name: str) -> ParamField:
    """The field of every kind but media, which needs to know whose images it may take."""
    match param:
        case Text():
            return TextParam(param, model_name)
        case Choice():
            return ChoiceParam(param)
        case Integer():
            return IntegerParam(param)
        case Number():
            return NumberParam(param)
        case Flag():
            return FlagParam(param)
        case Json():
            return JsonParam(param)
    raise TypeError(f"There is no form field for {type(param).__name__}.")


def _check_address(value: str) -> None:
    try:
        checked(value)
    except UnusableAddress as error:
        raise ValidationError(str(error).removesuffix(" Upload the image.")) from None


def span_problem(value: str) -> str:
    """What is wrong with "start,end" in seconds: a character is made from 1 to 3 of them. Empty when it is good."""
    try:
        start, end = (float(part) for part in value.split(","))
    except ValueError:
        return "write from and to in seconds with a comma, such as 1,3."
    if not (0 <= start < end < 1e6 and 1 <= end - start <= 3):  # also false for what is no number
        return "take 1 to 3 seconds, and the start before the end, such as 1,3."
    return ""


def _is_text(value: str) -> bool:
    """False for halves of surrogate pairs: a command line and JSON can carry them, a database and HTTP cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_json(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
