"""The form of one model: every field from the spec, plus the number of takes and the token that makes a press unique."""

import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.functional import cached_property

from accounts.models import Team, User

from ..models import Generation, Listing, ProviderKey
from ..registry import PROVIDERS, is_offered
from ..specs import Choice, Media, ModelSpec, NeededWhen, OnlyWhen, broken_rules, is_set, sentences
from . import movements
from .conflicts import Conflict, conflicts, missing
from .fields import ChoiceParam, FlagParam, ParamField, field_for
from .media import MediaParam
from .was import raw, was

TAKES = Choice(name="takes", label="Takes", choices=("1", "2", "4"), default="1")
RESERVED = frozenset(
    {"model", "takes", "form_token", "parent", "page_team", "clear", "crop", "csrfmiddlewaretoken"}
)  # no Param may be called so
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
OUTDATED = "This page was out of date. Nothing was sent and nothing is charged: press Generate again."


def new_token() -> str:
    """A confirmation's name, 192 bit: whoever presses twice sends it twice, and gets one job."""
    return secrets.token_urlsafe(24)


def no_key(spec: ModelSpec, team: Team, user: User) -> str:
    """Why a model cannot be used without a key, and who can change it."""
    provider = PROVIDERS[spec.provider].name
    if user.is_superuser:
        return f"There is no key for {provider} yet. Add one in the administration."
    return f"There is no key for {provider} yet. Ask the owner of {team} to add one."


class ParameterForm(forms.Form):
    """`initial` and the cleaned values have the shape of `Generation.params`, plus `prompt` and `takes`.

    `key` is what the shot would be sent with; without one the form is shown but never valid.
    """

    fields: dict[str, ParamField]  # type: ignore[assignment]  # nothing else is ever put into it

    def __init__(
        self,
        spec: ModelSpec,
        data: Any = None,
        files: Any = None,
        *,
        team: Team,
        user: User,
        key: ProviderKey | None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        self.spec, self.team, self.user, self.key = spec, team, user, key
        self.source: Generation | None = None
        self.conflicts: list[Conflict] = []
        self.missing: list[tuple[str, str]] = []
        super().__init__(data, files, initial=initial, auto_id="f-%s")
        for param in spec:
            if isinstance(param, Media):
                self.fields[param.name] = MediaParam(param, spec=spec, team=team, user=user, key=key)
            else:
                self.fields[param.name] = field_for(param, spec.name)
        self.fields["prompt"].widget.attrs["id"] = "prompt"
        self.fields["takes"] = field_for(TAKES, spec.name)
        for name, field in self.fields.items():
            self.initial.setdefault(name, field.default)
            field.rules = sentences(spec, name)
            field.decides = any(rule.other == name and isinstance(spec.param(rule.name), Media)
                                for rule in spec.rules if isinstance(rule, OnlyWhen | NeededWhen))  # fmt: skip
            if isinstance(field, MediaParam):
                field.fill(self.initial[name] or [])
        self.token = (data or {}).get("form_token", "") if self.is_bound else new_token()
        if not self.is_bound:
            self.mark(self.initial)

    # --- checking ------------------------------------------------------------------------------------------------------
    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        self.mark({name: found.get(name, self.data.get(name)) for name in self.fields})
        if not TOKEN.fullmatch(self.token):
            self.renew_token()
            raise ValidationError(OUTDATED)
        if self.key is None:
            raise ValidationError(no_key(self.spec, self.team, self.user))
        if self.is_off:
            raise ValidationError(f"{self.spec.name} is switched off in this studio. Choose another model.")
        for name, sentence in broken_rules(self.spec, found):
            self.add_error(name, sentence)
        if sentence := movements.problem(self.spec, found.get("prompt") or ""):
            self.add_error("prompt", sentence)
        return found

    @cached_property
    def is_off(self) -> bool:
        return not is_offered(self.spec) or Listing.objects.is_off(self.spec)

    def mark(self, values: Mapping[str, Any]) -> None:
        """Tell each field what the rules mean for these values: what is off, what blocks."""
        for media in self.fields.values():
            if isinstance(media, MediaParam):
                media.judge(values)
        self.conflicts = conflicts(self.spec, values)
        self.missing = missing(self.spec, values)
        for conflict in self.conflicts:
            field = self.fields[conflict.name]
            field.rules = [sentence for sentence in field.rules if sentence != conflict.sentence]
            if conflict.blocks:
                field.blocked.append(conflict)
            elif conflict.of:
                field.partly.append(conflict)
            elif not is_set(values.get(conflict.name)):
                field.off, field.rules = conflict, []

    def remember(self, shot: Generation | None) -> None:
        """The shot that the form was filled from: every field knows what it held there."""
        self.source = shot
        for param in self.spec:
            before = {**shot.params, "prompt": shot.prompt} if shot else {}
            if param.name not in before:
                continue
            field = self.fields[param.name]
            field.was = was(param, before[param.name])
            now = (
                [slot.value for slot in field.slots if slot.is_full]
                if isinstance(field, MediaParam)
                else self[param.name].value()
            )
            field.is_changed = raw(param, now) != field.was.raw

    def say_cut(self, sentence: str) -> None:
        """An image was too large and what followed it is missing: said once, at the first place for images without one."""
        media = [name for name, field in self.fields.items() if isinstance(field, MediaParam)]
        place = next((name for name in media if name in self.errors), media[0] if media else None)
        for name in media:
            self.errors.pop(name, None)
        self.add_error(place, sentence)

    def renew_token(self) -> None:
        """The next press is a confirmation of its own."""
        self.token = new_token()

    def cleaned_params(self) -> dict[str, Any]:
        """Every value but the prompt, by our names. None where nothing was chosen and the provider decides."""
        return {param.name: self.cleaned_data[param.name] for param in self.spec if param.name != "prompt"}

    @property
    def takes(self) -> int:
        return int(self.cleaned_data["takes"])

    # --- drawing -------------------------------------------------------------------------------------------------------
    @property
    def prompt_field(self) -> BoundField:
        return self["prompt"]

    @property
    def prompt_warnings(self) -> list[str]:
        """What may be a mistake in the prompt and is sent all the same."""
        return movements.warnings(self.spec, str(self["prompt"].value() or ""))

    @property
    def ruled_fields(self) -> list[BoundField]:
        """Those that look different when another value changes."""
        names = {name for rule in self.spec.rules for name in (rule.name, rule.other)}
        media = ((name, field) for name, field in self.fields.items() if isinstance(field, MediaParam))
        names |= {
            name for name, field in media if any(slot.upload for slot in field.slots)
        }  # its shape fits, or no longer
        return [self[param.name] for param in self.spec if param.name in names]

    @property
    def wide_fields(self) -> list[BoundField]:
        return [field for field in self._of_group("main") if self.fields[field.name].wide]

    @property
    def paired_fields(self) -> list[BoundField]:
        return [field for field in self._of_group("main") if not self.fields[field.name].wide]

    @property
    def more_fields(self) -> list[BoundField]:
        return [self[param.name] for param in self.spec if param.group == "more"]

    @property
    def more_summary(self) -> str:
        labels = [str(field.label) for field in self.more_fields]
        rest = f" and {len(labels) - 3} more" if len(labels) > 4 else ""
        return ", ".join(labels[: 3 if rest else 4]) + rest

    @property
    def more_open(self) -> bool:
        """Whether the fold must be open: something in it is wrong, or is not as it comes."""
        return any(field.errors or _is_changed(field) for field in self.more_fields)

    @property
    def error_list(self) -> list[tuple[str, str]]:
        """(id of the control, sentence) for the summary; the id is empty for what concerns the whole form."""
        order = ["__all__", "prompt", *self.fields]
        names = sorted(self.errors, key=order.index)
        return [(self._anchor(name, str(words)), str(words)) for name in names for words in self.errors[name]]

    @property
    def fixed(self) -> str:
        """What this model does not let anybody choose: shown as text, not as a control with one option."""
        output = self.spec.output
        names = {param.name for param in self.spec}
        length = "" if names & {"duration", "seconds"} else output.length
        length = "as long as the shot" if self.spec.needs_source else length
        sound = "" if names & {"audio", "sound", output.sound_by} else "with sound" if output.sound else "silent"
        return ", ".join(part for part in (length, sound) if part)

    def _of_group(self, group: str) -> Iterator[BoundField]:
        """What decides about images, images, aspect ratio, the others as the spec has them, takes, switches."""
        names = [param.name for param in self.spec if param.group == group and param.name != "prompt"]
        yield from (self[name] for name in sorted([*names, "takes"], key=lambda name: _rank(self.fields[name])))

    def _anchor(self, name: str, words: str) -> str:
        if name not in self.fields:
            return "why-not" if self.key is None and words == no_key(self.spec, self.team, self.user) else ""
        return "prompt" if name == "prompt" else f"f-{name}"


def _rank(field: ParamField) -> int:
    if isinstance(field, MediaParam):
        return 0
    if isinstance(field, ChoiceParam):
        if field.decides:
            return -1
        return 1 if field.is_ratio else 3 if field.param is TAKES else 2
    return 4 if isinstance(field, FlagParam) else 2


def _is_changed(field: BoundField) -> bool:
    kind = field.field
    if isinstance(kind, MediaParam):
        return any(slot.is_full for slot in kind.slots)
    value, default = field.value(), getattr(kind, "default", None)
    return value not in (None, "", default, str(default))
