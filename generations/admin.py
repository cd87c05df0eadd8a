"""Keys in the admin, which only superusers can open; shot_admin, money_admin and host_admin register the rest."""

from typing import Any

import django_q.admin  # noqa: F401  (registers its models, so that they can be taken out below)
from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success

from . import host_admin, keys, lifecycle, money_admin, shot_admin, tasks  # noqa: F401  (they register their models)
from .lifecycle import breaker
from .models import ProviderKey
from .registry import PROVIDERS

# The task queue only carries hints; its tables would invite people to look for shots there.
admin.site.unregister([Failure, OrmQ, Schedule, Success])


def _provider_choices() -> list[tuple[str, str]]:
    return [(slug, provider.name) for slug, provider in PROVIDERS.items()]


class KeyAdded(forms.ModelForm):
    """The secret goes in here and is shown nowhere again."""

    provider = forms.ChoiceField(choices=_provider_choices)
    base_url = forms.CharField(
        required=False, label="Base URL", help_text="Empty for the provider's own. Other hosts may speak its protocol."
    )
    secret = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Stored encrypted and never shown again.",
    )

    class Meta:
        model = ProviderKey
        fields = ("team", "provider", "base_url", "label", "secret")

    def clean(self) -> dict[str, Any]:
        """Stores the key: checking and storing are one step, and the page around it is one transaction."""
        found = super().clean() or self.cleaned_data
        if self.errors:
            return found
        try:
            self.instance = keys.add_key(**{name: found[name] for name in self.Meta.fields})
        except keys.UnusableKey as error:
            raise forms.ValidationError(str(error)) from None
        return found | {"base_url": self.instance.base_url, "secret": self.instance.secret}


class KeyChanged(forms.ModelForm):
    """Without a number the limit stays as it was, without a new secret the old one."""

    new_secret = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}), required=False,
        help_text="Another secret for the same account. A free question tests it, then what waits goes on.",
    )  # fmt: skip
    max_concurrent = forms.IntegerField(label="At a time", min_value=1, max_value=1000, required=False)

    def clean_max_concurrent(self) -> int:
        return self.cleaned_data["max_concurrent"] or self.instance.max_concurrent

    def clean_new_secret(self) -> str:
        try:
            return keys.checked_secret(self.cleaned_data["new_secret"]) if self.cleaned_data["new_secret"] else ""
        except keys.UnusableKey as error:
            raise forms.ValidationError(str(error)) from None


@admin.register(ProviderKey)
class ProviderKeyAdmin(admin.ModelAdmin):
    list_display = ("name", "team", "provider", "ending", "state", "calls", "base_url", "is_sandbox", "last_used_at")
    list_filter = ("state", "provider", "is_sandbox", "team")
    list_select_related = ("team",)
    actions = ("test", "pause", "resume", "close_breaker")
    changed = ("label", "state", "max_concurrent", "max_per_minute")
    shown = (
        "team",
        "provider",
        "base_url",
        "ending",
        "is_sandbox",
        "calls",
        "paused_reason",
        "paused_at",
        "created_at",
        "last_used_at",
    )

    @admin.display(description="Key")
    def name(self, key: ProviderKey) -> str:
        return key.label or PROVIDERS[key.provider].name if key.provider in PROVIDERS else key.provider

    @admin.display(description="Ends in")
    def ending(self, key: ProviderKey) -> str:
        return f"…{key.last4}"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            return KeyAdded
        return super().get_form(
            request, obj, change, **kwargs | {"form": KeyChanged, "fields": (*self.changed, "new_secret")}
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return KeyAdded.Meta.fields if obj is None else (*self.changed, "new_secret", *self.shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.shown

    def save_model(self, request: HttpRequest, obj: ProviderKey, form: Any, change: bool) -> None:
        """A new key is stored already. A changed one goes through the verbs, so that waiting shots follow it."""
        if not change:
            return
        values = {name: getattr(obj, name) for name in self.changed}
        switched_on = "state" in form.changed_data and obj.state == ProviderKey.ACTIVE
        if switched_on:  # by the verb, which takes the waiting shots along; it starts from a key that rests
            values["state"] = ProviderKey.PAUSED
        ProviderKey.objects.filter(pk=obj.pk).update(**values)
        if switched_on:
            keys.resume(obj)
            tasks.kick()
        if form.cleaned_data["new_secret"]:
            lifecycle.replace_secret(obj, form.cleaned_data["new_secret"])
            tasks.kick()

    @admin.display(description="Calls")
    def calls(self, key: ProviderKey) -> str:
        """What the breakers say; empty words would look like "never tried"."""
        closed = [(row, breaker.verdict(row, timezone.now())) for row in key.breakers.all()]
        words = [
            f"{row.get_side_display()}: {found.reason} {found.when}" for row, found in closed
            if isinstance(found, breaker.Closed)
        ]  # fmt: skip
        return " ".join(words).strip() or "allowed"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderKey]:
        return super().get_queryset(request).prefetch_related("breakers")

    @admin.action(description="Test the connection: free of charge")
    def test(self, request: HttpRequest, found: QuerySet[ProviderKey]) -> None:
        for key in found:
            proof = lifecycle.prove(key)
            self.message_user(request, f"{key}: {proof}", messages.SUCCESS if proof.works else messages.ERROR)

    @admin.action(description="Close the breaker now: send and ask again at once")
    def close_breaker(self, request: HttpRequest, found: QuerySet[ProviderKey]) -> None:
        for key in found:
            breaker.close(key.pk)
        tasks.kick()

    @admin.action(description="Pause: shots wait, nothing is sent")
    def pause(self, request: HttpRequest, found: QuerySet[ProviderKey]) -> None:
        for key in found.exclude(state=ProviderKey.DISABLED):
            keys.pause(key, f"Paused by {request.user}.")

    @admin.action(description="Resume: the key works again")
    def resume(self, request: HttpRequest, found: QuerySet[ProviderKey]) -> None:
        for key in found:
            keys.resume(key)
        tasks.kick()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Shots point to the key that paid for them. A key that is no longer wanted is disabled."""
        return False
