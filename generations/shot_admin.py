"""Shots, files, links and prompts in the admin. Rows that `lifecycle` writes can be read, not edited."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from . import sharing
from .models import Asset, Attempt, Event, Generation, Ledger, Prompt, Share, Upload


class ReadOnly:
    """Looking is possible, everything else is not."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LedgerInline(ReadOnly, admin.TabularInline):
    model = Ledger
    fields = ("at", "confirmation", "kind", "amount", "note")


class AttemptInline(ReadOnly, admin.TabularInline):
    model = Attempt
    fields = ("n", "state", "started_at", "answered_at", "http_status", "provider_task_id", "answer")


class EventInline(ReadOnly, admin.TabularInline):
    model = Event
    fields = ("at", "actor", "from_state", "to_state", "why")


class AssetInline(ReadOnly, admin.TabularInline):
    model = Asset
    fields = ("kind", "path", "content_type", "bytes", "width", "height", "duration_ms", "sha256")


@admin.register(Generation)
class GenerationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("id", "shown_title", "team", "model", "state", "charged", "created_at")
    list_filter = ("state", "charged", "reason", "team")
    list_select_related = ("team",)
    search_fields = ("=id", "=provider_task_id", "prompt")
    date_hierarchy = "created_at"
    exclude = ("result_url", "lease_token")  # an address that works is as good as a key
    inlines = (AttemptInline, LedgerInline, EventInline, AssetInline)


@admin.register(Attempt)
class AttemptAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("generation", "n", "state", "http_status", "provider_task_id", "started_at")
    list_filter = ("state",)
    search_fields = ("=generation__id", "=provider_task_id")


@admin.register(Event)
class EventAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("at", "generation", "from_state", "to_state", "actor", "why")
    list_filter = ("to_state",)
    search_fields = ("=generation__id", "why")


@admin.register(Asset)
class AssetAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("generation", "kind", "path", "bytes", "width", "height")
    list_filter = ("kind",)
    search_fields = ("=generation__id", "=sha256")


@admin.register(Upload)
class UploadAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("name", "team", "content_type", "bytes", "created_by", "created_at")
    list_filter = ("team",)
    search_fields = ("name", "=sha256")


@admin.register(Share)
class ShareAdmin(ReadOnly, admin.ModelAdmin):
    """Links to shots: looked at and withdrawn. Their addresses are the team's business."""

    list_display = (
        "generation",
        "created_by",
        "created_at",
        "expires_at",
        "show_prompt",
        "allow_download",
        "revoked_at",
    )
    list_filter = ("generation__team",)
    list_select_related = ("generation", "created_by")
    exclude = ("token", "token_hash")
    actions = ("withdraw",)

    @admin.action(description="Withdraw: the links show nothing any more", permissions=["view"])
    def withdraw(self, request: HttpRequest, found: QuerySet[Share]) -> None:
        for link in found:
            sharing.revoke(link)


@admin.register(Prompt)
class PromptAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("name", "team", "created_by", "created_at")
    list_filter = ("team",)
    search_fields = ("name", "text")
