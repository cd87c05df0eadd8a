"""Shots that a team keeps together under a name."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Team

from .generation import Generation


class Collection(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="collections")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="collections")
    created_at = models.DateTimeField(default=timezone.now)
    name = models.CharField(max_length=80)
    shots = models.ManyToManyField(Generation, related_name="collections")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_collection_of_a_name")]

    def __str__(self) -> str:
        return self.name
