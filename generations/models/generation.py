"""One shot, each try to pay for it, and everything that happened to it."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Team, User

from ..registry import PROVIDERS, SPECS, STREAMED
from ..specs import ModelSpec
from ..states import ACTIVE, IN_FLIGHT, TERMINAL, Charged, Reason, State
from .fields import MoneyField, SecretField
from .keys import ProviderKey
from .listing import Listing


class GenerationQuerySet(models.QuerySet["Generation"]):
    def visible_to(self, user: User) -> "GenerationQuerySet":
        return self.filter(team__memberships__user=user)

    def of_team(self, team: Team) -> "GenerationQuerySet":
        return self.filter(team=team)

    def kept(self) -> "GenerationQuerySet":
        return self.filter(deleted_at=None)

    def binned(self) -> "GenerationQuerySet":
        return self.exclude(deleted_at=None)

    def active(self) -> "GenerationQuerySet":
        return self.filter(state__in=ACTIVE)

    def drawing(self) -> "GenerationQuerySet":
        """Whose pictures are still to be made. Said as the index says it: SQLite takes it only for the same words."""
        return self.filter(~models.Q(pictures_due_at=None))

    def with_assets(self) -> "GenerationQuerySet":
        return self.select_related("created_by").prefetch_related("assets")

    def with_doubts(self) -> "GenerationQuerySet":
        """`doubted_at`: when the outcome became unknown; None for shots that never were."""
        doubts = Event.objects.filter(generation=models.OuterRef("pk"), to_state=State.UNKNOWN)
        newest = doubts.exclude(from_state=State.UNKNOWN).order_by("-id").values("at")[:1]
        return self.annotate(doubted_at=models.Subquery(newest))


class Reuse(models.TextChoices):
    """How a shot came from another one."""

    REMIX = "remix", "Remix of"  # the provider remade the finished video
    TAKE = "take", "New take of"  # the composer was filled from it; a render of its own
    FRAME = "frame", "Goes on from"  # it starts with a frame of it


class Generation(models.Model):
    """A row is one job and the queue entry for it. `lifecycle` is the only writer of `state`."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="generations")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="generations")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    # what was asked for: a person's confirmation is (form_token, take); the same token with other values is refused
    form_token = models.CharField(max_length=64)
    take = models.PositiveSmallIntegerField(default=1)
    takes = models.PositiveSmallIntegerField(default=1)
    params_hash = models.CharField(max_length=64)
    model = models.CharField(max_length=80)  # the slug of the ModelSpec
    prompt = models.TextField()
    params = models.JSONField(default=dict)  # our names, complete; media as [{"role", "upload" | "url"}]
    provider_key = models.ForeignKey(ProviderKey, on_delete=models.PROTECT, related_name="generations")
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="children")
    reuse = models.CharField(max_length=8, choices=Reuse.choices, blank=True)  # what was taken from the parent

    # what one request may cost, frozen when it was confirmed: later changes of a price do not touch it
    price_kind = models.CharField(max_length=12, default="unknown")
    price_amount = MoneyField(null=True)  # USD; None: not known, which is not 0
    price_words = models.CharField(max_length=120, blank=True)

    # where it is
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    message = models.TextField(blank=True)  # why it waits, or the provider's own words; scrubbed
    charged = models.CharField(max_length=8, choices=Charged.choices, default=Charged.NO)
    unknown_phase = models.CharField(max_length=8, blank=True)  # "submit" or "remote"
    cancel_requested_at = models.DateTimeField(null=True)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(default=timezone.now)
    hint_at = models.DateTimeField(default=timezone.now)  # no second hint for the same work before this
    hurried_at = models.DateTimeField(null=True)  # its person moved it before their other waiting shots
    submit_tries = models.PositiveIntegerField(default=0)
    first_try_at = models.DateTimeField(null=True)
    repeats = models.BooleanField(default=False)  # its next request repeats one that the provider did not take
    poll_errors = models.PositiveIntegerField(default=0)
    first_missing_at = models.DateTimeField(null=True)
    reconcile_tries = models.PositiveSmallIntegerField(default=0)  # looks into the provider's list for a lost request
    safe_to_resend = models.BooleanField(default=False)  # a whole list, late enough, does not contain the lost request
    archive_tries = models.PositiveIntegerField(default=0)
    url_tries = models.PositiveIntegerField(default=0)
    failing_for = models.PositiveIntegerField(default=0)  # seconds of tries in a row that did not get the file

    # what the provider says
    provider_task_id = models.CharField(max_length=512, null=True)
    remote_status = models.CharField(max_length=80, blank=True)
    progress = models.PositiveSmallIntegerField(null=True)
    rewritten_prompt = models.TextField(blank=True)
    submitted_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    rendered_at = models.DateTimeField(null=True)
    result_url = SecretField(blank=True, default="")
    result_expires_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    pictures_due_at = models.DateTimeField(null=True)  # poster, preview and strip are still to be made
    picture_tries = models.PositiveSmallIntegerField(default=0)

    # what people do with it
    title = models.CharField(max_length=200, blank=True)
    favourite = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)  # taken out of the queue column; the shot stays

    objects = GenerationQuerySet.as_manager()

    class Meta:
        verbose_name = "shot"
        constraints = [
            models.UniqueConstraint(fields=["team", "form_token", "take"], name="one_job_per_confirmation"),
            models.UniqueConstraint(fields=["provider_key", "provider_task_id"], name="one_row_per_provider_task"),
        ]
        indexes = [
            models.Index(fields=["team", "-created_at", "-id"], name="gallery_newest"),
            models.Index(fields=["state", "due_at"], name="queue_due"),
            models.Index(fields=["updated_at"], name="live_changes"),
            models.Index(fields=["pictures_due_at"], condition=~models.Q(pictures_due_at=None), name="pictures_due"),
            models.Index(fields=["team"], condition=models.Q(state="unknown"), name="unknown_of_team"),
            models.Index(
                fields=["team", "-finished_at", "-id"],
                condition=models.Q(dismissed_at=None, finished_at__isnull=False),
                name="ended_last_of_team",
            ),
        ]

    def __str__(self) -> str:
        return self.shown_title

    @property
    def spec(self) -> ModelSpec | None:
        """None when a release no longer knows the model; the row stays readable."""
        return SPECS.get(self.model)

    @property
    def model_name(self) -> str:
        """As the operator calls it, else as the catalogue does."""
        return Listing.objects.names().get(self.model) or (self.spec.name if self.spec else self.model)

    @property
    def provider_name(self) -> str:
        provider = PROVIDERS.get(self.spec.provider) if self.spec else None
        return provider.name if provider else ""

    @property
    def correlation(self) -> str:
        """Our name for the job at hosts that take one; the same for every try, because it is the same confirmation."""
        return f"{self.form_token}-{self.take}"

    @property
    def shown_title(self) -> str:
        words = " ".join(self.prompt.split())
        return self.title or (words if len(words) <= 80 else words[:79].rsplit(" ", 1)[0] + "…")

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def is_in_flight(self) -> bool:
        return self.state in IN_FLIGHT

    @property
    def is_streaming(self) -> bool:
        """On the wire for minutes: the answer to the request is the result."""
        return self.state == State.SUBMITTING and self.model in STREAMED

    @property
    def shown_state(self) -> str:
        return State.RUNNING.label if self.is_streaming else State(self.state).label

    @property
    def is_final(self) -> bool:
        return self.state in TERMINAL

    @property
    def render_seconds(self) -> int | None:
        if not (self.submitted_at and self.rendered_at):
            return None
        return round((self.rendered_at - self.submitted_at).total_seconds())

    def asset(self, kind: str) -> Any:
        """The file of one kind, from the prefetched list; None when it does not exist (yet)."""
        return next((asset for asset in self.assets.all() if asset.kind == kind), None)


class Attempt(models.Model):
    """One try to submit. The row is committed before the request leaves; `escrow` names the file that gets the answer."""

    INTENT, NOT_SENT, REJECTED, ACCEPTED, UNKNOWN = "intent", "not_sent", "rejected", "accepted", "unknown"
    STATES = [(name, name.replace("_", " ")) for name in (INTENT, NOT_SENT, REJECTED, ACCEPTED, UNKNOWN)]

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="attempts")
    n = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=STATES, default=INTENT)
    escrow = models.CharField(max_length=64, unique=True)
    request_hash = models.CharField(max_length=64, blank=True)
    repeats = models.BooleanField(default=False)
    started_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    provider_task_id = models.CharField(max_length=512, blank=True)
    answer = models.TextField(blank=True)  # the first part of what came back, scrubbed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["generation", "n"], name="attempts_are_numbered")]
        indexes = [models.Index(fields=["started_at"], name="attempts_lately")]

    def __str__(self) -> str:
        return f"try {self.n}: {self.get_state_display()}"


class Event(models.Model):
    """Append-only: who moved what from where to where, when and why."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    why = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.from_state or '·'} → {self.to_state}"


def age(moment: dt.datetime | None) -> float | None:
    """Seconds since `moment`."""
    return (timezone.now() - moment).total_seconds() if moment else None
