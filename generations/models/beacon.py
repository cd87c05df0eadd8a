"""Leases and heartbeats of the processes: one row a name."""

from django.db import models
from django.utils import timezone


class Beacon(models.Model):
    name = models.CharField(max_length=40, primary_key=True)
    owner = models.CharField(max_length=120, blank=True)
    until = models.DateTimeField(null=True)
    touched_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name
