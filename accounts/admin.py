"""People and teams in the admin, which only superusers can open."""

import allauth.account.admin  # noqa: F401  (registers EmailAddress, so that it can be taken out below)
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from . import invitations
from .models import Invitation, Membership, Team, User
from .teams import equip

# The studio knows teams and roles, and one address a person: a second kind of either would only mislead.
admin.site.unregister([Group, EmailAddress])


class PersonAdded(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class PersonChanged(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user", "team")
    readonly_fields = ("created_at",)


@admin.register(User)
class PersonAdmin(UserAdmin):
    form = PersonChanged
    add_form = PersonAdded
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "teams")
    search_fields = ("email", "name")
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("email", "name", "password", "theme")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            EmailAddress.objects.filter(user=obj).delete()  # allauth would go on letting the old address in


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    list_display = ("name", "people", "created_at")
    search_fields = ("name",)
    readonly_fields = ("created_at",)
    inlines = (MembershipInline,)

    @admin.display(description="People")
    def people(self, team: Team) -> str:
        return ", ".join(str(member) for member in team.members.all()) or "nobody yet"

    def save_model(self, request: HttpRequest, obj: Team, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            equip(obj)  # a team made here works like one made by create_team; its people come with the inline


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    list_display = ("user", "team", "role", "created_at")
    list_filter = ("role", "team")
    search_fields = ("user__email", "user__name", "team__name")
    autocomplete_fields = ("user", "team")
    readonly_fields = ("created_at",)
    list_select_related = ("user", "team")


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    """Made on the team's page, where the link is shown once. Here they can be looked at and withdrawn."""

    list_display = (
        "team",
        "role",
        "email",
        "created_by",
        "created_at",
        "expires_at",
        "used_by",
        "used_at",
        "revoked_at",
    )
    list_filter = ("team", "role")
    list_select_related = ("team", "created_by", "used_by")
    exclude = ("token_hash",)
    actions = ("withdraw",)

    @admin.action(description="Withdraw: the links open nothing any more", permissions=["view"])
    def withdraw(self, request: HttpRequest, found: QuerySet[Invitation]) -> None:
        done = sum(invitations.revoke(invitation) for invitation in found)
        self.message_user(request, f"{done} withdrawn. What was used or withdrawn before stays as it was.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False
