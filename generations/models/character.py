"""A person or thing that a provider knows by name, made from a video. Prompts say "@username"."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Team

from .asset import Upload
from .generation import Generation
from .keys import ProviderKey

FIRST_TIME = {
    "Nothing was sent.": "Not sent again yet.",
    "Nothing was charged.": "This request was not charged.",
}  # what is said of an order, and what is true of it when an earlier request for it has left


class Character(models.Model):
    """A row is one order and, when it is ready, the character. `lifecycle.casting` is the only writer of `state`."""

    WAITING, MAKING, READY, FAILED, UNKNOWN = "waiting", "making", "ready", "failed", "unknown"
    STATES = [
        (WAITING, "Waiting"),
        (MAKING, "Being made"),
        (READY, "Ready"),
        (FAILED, "Failed"),
        (UNKNOWN, "Outcome unknown"),
    ]

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="characters")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="characters")
    created_at = models.DateTimeField(default=timezone.now)
    provider_key = models.ForeignKey(ProviderKey, on_delete=models.PROTECT, related_name="characters")
    form_token = models.CharField(max_length=64)

    # made from: a video on the web, or a finished shot
    source_url = models.CharField(max_length=2048, blank=True)
    source = models.ForeignKey(Generation, null=True, on_delete=models.SET_NULL, related_name="characters")
    source_task_id = models.CharField(max_length=512, blank=True)
    span = models.CharField(max_length=40, blank=True)  # "start,end" in seconds

    state = models.CharField(max_length=8, choices=STATES, default=WAITING)
    message = models.TextField(blank=True)
    escrow = models.CharField(max_length=64, blank=True)  # the file that gets the answer to the newest request
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)
    is_repeated = models.BooleanField(default=False)  # a person had it sent again; the request before may be billed
    sent_at = models.DateTimeField(null=True)  # when the newest request was to leave; the limits of the key count it

    # what the provider says
    remote_id = models.CharField(max_length=200, blank=True)
    username = models.CharField(max_length=100, blank=True)
    permalink = models.CharField(max_length=4096, blank=True)
    picture_url = models.CharField(max_length=4096, blank=True)
    picture = models.ForeignKey(Upload, null=True, on_delete=models.SET_NULL, related_name="+")
    picture_tries = models.PositiveSmallIntegerField(default=0)

    MOST_PICTURE_TRIES = 5

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "form_token"], name="one_character_per_confirmation")]
        indexes = [models.Index(fields=["state", "due_at"], name="characters_due")]

    def __str__(self) -> str:
        return f"@{self.username}" if self.username else f"character {self.pk}"

    def truly(self, message: str) -> str:
        """What is said of it; of an order that is made again never as if nothing had left before."""
        if not self.is_repeated:
            return message
        for words, others in FIRST_TIME.items():
            message = message.replace(words, others)
        return f"{message} The first request may still be billed."

    @property
    def words(self) -> str:
        """What there is to say of it; of an order whose key rests, why it does."""
        if self.state != self.WAITING or self.provider_key.state == ProviderKey.ACTIVE:
            return self.message
        why = self.provider_key.paused_reason or "Its key rests."
        return self.truly(f"{why} It goes on when an owner says that the key works again.")

    @property
    def is_short_of_picture(self) -> bool:
        """Its picture is still being fetched."""
        wanted = self.state == self.READY and bool(self.picture_url) and self.picture_id is None
        return wanted and self.picture_tries < self.MOST_PICTURE_TRIES
