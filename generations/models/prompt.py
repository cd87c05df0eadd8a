"""Prompts that a team keeps by name."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Team


class Prompt(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="prompts")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="prompts")
    created_at = models.DateTimeField(default=timezone.now)
    name = models.CharField(max_length=120)
    text = models.TextField()
    deleted_at = models.DateTimeField(null=True)  # gone from the list; Undo brings it back

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name"], condition=models.Q(deleted_at=None), name="one_prompt_of_a_name"
            )
        ]

    def __str__(self) -> str:
        return self.name
