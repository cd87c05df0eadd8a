"""Provider keys. The secret goes in and never comes out again except to the provider's own origin."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from accounts.models import Team

from .fields import SecretField


class ProviderKeyQuerySet(models.QuerySet["ProviderKey"]):
    def for_provider(self, team: Team, provider: str) -> "ProviderKey | None":
        """The key that a new shot of this team uses: a real one before the sandbox's, a working one before a resting one."""
        return self._usable(team).filter(provider=provider).first()

    def by_provider(self, team: Team) -> "dict[str, ProviderKey]":
        """The same for every provider at once."""
        found: dict[str, ProviderKey] = {}
        for key in self._usable(team):
            found.setdefault(key.provider, key)
        return found

    def _usable(self, team: Team) -> "models.QuerySet[ProviderKey]":
        usable = self.filter(team=team).exclude(state=ProviderKey.DISABLED)
        return usable.order_by("is_sandbox", "state", "-created_at")


class ProviderKey(models.Model):
    ACTIVE, PAUSED, DISABLED = "active", "paused", "zz-disabled"
    STATES = [(ACTIVE, "Active"), (PAUSED, "Paused"), (DISABLED, "Disabled")]

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="provider_keys")
    provider = models.CharField(max_length=32)
    label = models.CharField(max_length=80, blank=True)
    base_url = models.URLField(max_length=300)
    secret = SecretField()
    last4 = models.CharField(max_length=4)
    is_sandbox = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=STATES, default=ACTIVE)
    paused_reason = models.TextField(blank=True)
    paused_at = models.DateTimeField(null=True)
    max_concurrent = models.PositiveSmallIntegerField(
        "at a time",
        default=20,
        validators=[MinValueValidator(1)],
        help_text="Shots that may be at the provider at once.",
    )
    max_per_minute = models.PositiveSmallIntegerField(
        "a minute", null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="Paid requests in any 60 seconds; empty for no limit.",
    )  # fmt: skip
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    objects = ProviderKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "provider key"

    def __str__(self) -> str:
        return f"{self.label or self.provider} …{self.last4}"

    def __repr__(self) -> str:
        return f"<ProviderKey {self.pk} {self.provider} …{self.last4}>"
