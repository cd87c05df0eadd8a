"""The order for a character: from the address of a video, or from a finished shot, and which seconds of it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from .addresses import UnusableAddress, checked
from .fields import span_problem
from .parameters import OUTDATED, TOKEN, new_token


class CastForm(forms.Form):
    """With `from_shot` no address is asked for. `token` makes a press unique, as on the composer."""

    url = forms.CharField(label="Address of a video", max_length=2048, required=False)
    span = forms.CharField(label="Seconds of it", max_length=40, required=False, initial="0,3")

    def __init__(self, data: Any = None, *, from_shot: bool = False) -> None:
        super().__init__(data)
        self.from_shot = from_shot
        self.token = (data or {}).get("form_token", "") if self.is_bound else new_token()

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"] or "").strip()
        if self.from_shot:
            return ""
        if not url:
            raise ValidationError("Give the address of a video, or start from the page of a finished shot.")
        try:
            return checked(url)
        except UnusableAddress as error:
            raise ValidationError(str(error).removesuffix(" Upload the image.")) from None

    def clean_span(self) -> str:
        span = str(self.cleaned_data["span"] or "").replace(" ", "")
        if span and (wrong := span_problem(span)):
            raise ValidationError(f"Seconds of it: {wrong}")
        return span

    def clean(self) -> dict[str, Any]:
        if not TOKEN.fullmatch(self.token):
            self.token = new_token()
            raise ValidationError(OUTDATED)
        return super().clean() or self.cleaned_data
