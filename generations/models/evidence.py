"""What was found out about an unknown outcome, so that a person can judge it."""

from django.db import models
from django.utils import timezone

from .generation import Generation


class Evidence(models.Model):
    """One look into the provider's list: `words` for people, `detail` for whoever wants to check them.

    `detail` is {"from", "to" (ISO times of the window that was compared), "listed", "pages", "complete", "adopted",
    "extra", "possible" (ids at the provider), "error"}.
    """

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="evidence")
    at = models.DateTimeField(default=timezone.now)
    words = models.TextField()
    detail = models.JSONField(default=dict)
    has_extra = models.BooleanField(default=False)  # found by this instead of by looking into JSON

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "evidence"

    def __str__(self) -> str:
        return self.words
