"""Prices, budgets, the ledger, and what the operator says about each model, in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from .lifecycle import money
from .models import Budget, Ledger, Listing, ModelPrice
from .models.money import this_month
from .registry import MODELS, PROVIDERS, SPECS
from .shot_admin import ReadOnly
from .specs import ModelSpec


# --- money ---------------------------------------------------------------------------------------------------------------
def _model_choices() -> list[tuple[str, str]]:
    providers = [(slug, f"{provider.name}: all models") for slug, provider in PROVIDERS.items()]
    return [*providers, *((slug, _named(spec)) for slug, spec in SPECS.items())]


def _named(spec: ModelSpec) -> str:
    return f"{PROVIDERS[spec.provider].name}: {_called(spec)}"


def _called(spec: ModelSpec) -> str:
    return f"{spec.name}, {spec.label} only" if spec.of and not spec.needs_source else spec.name


class PriceForm(forms.ModelForm):
    slug = forms.ChoiceField(choices=_model_choices, label="Model")


@admin.register(ModelPrice)
class ModelPriceAdmin(admin.ModelAdmin):
    """A change concerns new shots only: the price of a confirmed one is frozen on it."""

    form = PriceForm
    list_display = ("slug", "kind", "amount", "team", "provider_key", "since")
    list_filter = ("kind", "team")
    list_select_related = ("team", "provider_key")
    search_fields = ("slug",)


class ListingForm(forms.ModelForm):
    slug = forms.ChoiceField(choices=lambda: [(slug, _named(spec)) for slug, spec in MODELS.items()], label="Model")
    substitute = forms.ChoiceField(
        choices=lambda: [("", "As in the catalogue"), *((slug, _named(spec)) for slug, spec in MODELS.items())],
        required=False,
    )


@admin.register(Listing)
class ListingAdmin(admin.ModelAdmin):
    """Only models that are to differ from the catalogue have a row. Prices are rows of their own."""

    form = ListingForm
    list_display = ("slug", "name", "enabled", "status", "since", "substitute")
    list_filter = ("enabled", "status")


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):
    """The limit is what people decide; the sums belong to the ledger and are never written from here."""

    list_display = ("team", "month", "limit", "reserved", "spent", "allow_unknown")
    list_filter = ("team",)
    list_select_related = ("team",)
    fields = ("team", "month", "limit", "allow_unknown", "reserved", "spent")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("month", "reserved", "spent") if obj is None else ("team", "month", "reserved", "spent")

    def save_model(self, request: HttpRequest, obj: Budget, form: Any, change: bool) -> None:
        row = money.set_limit(obj.team, obj.limit, allow_unknown=obj.allow_unknown)
        obj.pk, obj.month = row.pk, row.month

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Months that are over stay as they were."""
        return super().has_change_permission(request, obj) and (obj is None or obj.month == this_month())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Ledger)
class LedgerAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("at", "generation", "confirmation", "kind", "amount", "note")
    list_filter = ("kind", "budget")
    list_select_related = ("generation",)
    search_fields = ("=generation__id",)
