"""Hosts of the OpenAI Videos API in the admin: address, key and models on one page."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.models import Team

from . import keys, registry
from .models import Generation, Host, HostModel, ProviderKey


class HostForm(forms.ModelForm):
    """A key may come along; it is stored like any other and shown nowhere again."""

    base_url = forms.CharField(
        label="Base URL", help_text="What stands before /v1/videos. Keys keep the address that they were added with."
    )
    team = forms.ModelChoiceField(
        Team.objects.order_by("name"), required=False, help_text="Whose shots the key pays for."
    )
    secret = forms.CharField(
        required=False, label="Key", widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Optional: a key can be added later, under Provider keys. Stored encrypted.",
    )  # fmt: skip

    class Meta:
        model = Host
        fields = ("name", "base_url", "correlation_field")

    def clean_base_url(self) -> str:
        try:
            return keys.checked_base_url(self.cleaned_data["base_url"])
        except keys.UnusableKey as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        secret, team = found.get("secret"), found.get("team")
        if bool(secret) != bool(team):
            self.add_error("team" if secret else "secret", "A key needs a team, and a team needs a key.")
        elif secret:
            try:
                keys.checked_secret(secret)
            except keys.UnusableKey as error:
                self.add_error("secret", str(error))
        return found


class HostModelInline(admin.StackedInline):
    model = HostModel
    extra = 1
    can_delete = False  # shots point to them: one that is no longer wanted is not offered


@admin.register(Host)
class HostAdmin(admin.ModelAdmin):
    form = HostForm
    list_display = ("name", "base_url", "model_names")
    inlines = (HostModelInline,)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A host that exists gets further keys where keys are kept."""
        return (*HostForm.Meta.fields, *(("team", "secret") if obj is None else ()))

    @admin.display(description="Models")
    def model_names(self, host: Host) -> str:
        return ", ".join(model.name for model in host.models.all())

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("models")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        registry.forget()
        host = form.instance
        if form.cleaned_data.get("secret"):
            keys.add_key(team=form.cleaned_data["team"], provider=host.provider, secret=form.cleaned_data["secret"],
                         base_url=host.base_url, label=host.name)  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not while a key or a shot names it."""
        if obj is None:
            return False
        used = Generation.objects.filter(model__startswith=f"{obj.provider}-").exists()
        return not used and not ProviderKey.objects.filter(provider=obj.provider).exists()

    def delete_model(self, request: HttpRequest, obj: Host) -> None:
        obj.delete()
        registry.forget()
