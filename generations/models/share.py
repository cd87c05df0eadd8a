"""Links that show one shot to people outside the team."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Team

from ..states import State
from .fields import SecretField
from .generation import Generation


class ShareQuerySet(models.QuerySet["Share"]):
    def of_team(self, team: Team) -> "ShareQuerySet":
        return self.filter(generation__team=team)

    def open(self) -> "ShareQuerySet":
        """Links that work now: the shot is finished and not in the bin, and who shared it is still in its team."""
        return self.filter(
            revoked_at=None, expires_at__gt=timezone.now(), generation__state=State.DONE, generation__deleted_at=None,
            created_by__is_active=True, generation__team__memberships__user=models.F("created_by"),
        )  # fmt: skip


class Share(models.Model):
    """`token_hash` finds it; the token itself is kept encrypted, so that the team can copy its link again."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="shares")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shares")
    created_at = models.DateTimeField(default=timezone.now)
    token_hash = models.CharField(max_length=64, unique=True)
    token = SecretField()
    confirmation = models.CharField(max_length=64, blank=True)  # hash of the form: a second press makes no second link
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    show_prompt = models.BooleanField(default=False)
    allow_download = models.BooleanField(default=False)

    objects = ShareQuerySet.as_manager()

    class Meta:
        verbose_name = "link to a shot"
        verbose_name_plural = "links to shots"
        constraints = [
            models.UniqueConstraint(
                fields=["generation", "confirmation"], condition=~models.Q(confirmation="") & models.Q(revoked_at=None),
                name="one_link_per_confirmation",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"link to {self.generation_id}"
