"""What the latest calls with a key say about its provider: may more be sent, may more be asked, and from when on."""

from django.db import models

from .keys import ProviderKey


class Breaker(models.Model):
    """One row a key and side. `lifecycle.breaker` is the only writer, by compare-and-set on `version`.

    `window` is [[ten-second slot since 1970, calls, failures], …] of the last minute, `unknown_times` are seconds since
    1970. `pause_seconds` above 0 while closed: on trial, so the next failure opens it again for twice as long.
    """

    SUBMIT, READ = "submit", "read"
    CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
    SIDES = [(SUBMIT, "sending"), (READ, "asking")]
    STATES = [(CLOSED, "closed"), (OPEN, "open"), (HALF_OPEN, "being tested")]

    key = models.ForeignKey(ProviderKey, on_delete=models.CASCADE, related_name="breakers")
    side = models.CharField(max_length=6, choices=SIDES)
    state = models.CharField(max_length=9, choices=STATES, default=CLOSED)
    failures = models.PositiveIntegerField(default=0)  # in a row
    window = models.JSONField(default=list)
    unknown_times = models.JSONField(default=list)
    reason = models.TextField(blank=True)  # why it opened, a sentence
    opened_at = models.DateTimeField(null=True)
    next_probe_at = models.DateTimeField(null=True)  # while being tested: when the tester counts as dead
    pause_seconds = models.PositiveIntegerField(default=0)
    held_until = models.DateTimeField(null=True)  # the provider asked us to wait
    held_words = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "side"], name="one_breaker_a_side")]

    def __str__(self) -> str:
        return f"{self.get_side_display()}: {self.get_state_display()}"
