"""Files: what was made (Asset) and what was given in (Upload). Paths are relative to settings.MEDIA and settings.UPLOADS."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Team

from .. import store
from .generation import Generation


class Asset(models.Model):
    VIDEO, POSTER, POSTER_SMALL, PREVIEW, STRIP = "video", "poster", "poster-small", "preview", "strip"
    KINDS = [
        (VIDEO, "Video"),
        (POSTER, "Poster"),
        (POSTER_SMALL, "Small poster"),
        (PREVIEW, "Preview"),
        (STRIP, "Strip"),
    ]

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="assets")
    kind = models.CharField(max_length=12, choices=KINDS)
    path = models.CharField(max_length=200)
    content_type = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    duration_ms = models.PositiveIntegerField(default=0)
    fps = models.FloatField(default=0)
    has_audio = models.BooleanField(default=False)
    codec = models.CharField(max_length=20, blank=True)
    mean_colour = models.CharField(max_length=7, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["generation", "kind"], name="one_file_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.kind} of shot {self.generation_id}"

    @property
    def file(self) -> Path:
        return Path(settings.MEDIA) / self.path

    @property
    def is_kept(self) -> bool:
        """Whether it is where it should be. A bucket is believed: asking it for each card would take seconds."""
        return store.is_remote() or self.file.is_file()

    @property
    def place(self) -> str:
        """Where a person finds it: a path on this machine, or an address in the bucket."""
        return (
            f"s3://{settings.S3_BUCKET}/{self.path}"
            if store.is_remote() and not self.file.is_file()
            else str(self.file)
        )

    @property
    def seconds(self) -> float:
        return self.duration_ms / 1000


class Upload(models.Model):
    """A reference image, checked and re-encoded."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="uploads")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="uploads")
    path = models.CharField(max_length=200)
    name = models.CharField(max_length=200)  # as the person called it; shown, never used as a path
    content_type = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    frame_of = models.ForeignKey("Generation", null=True, on_delete=models.SET_NULL, related_name="frames")

    def __str__(self) -> str:
        return self.name

    @property
    def file(self) -> Path:
        return Path(settings.UPLOADS) / self.path
