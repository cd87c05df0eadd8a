"""What an operator says about a model without a release: whether it is offered, what it is called, how it stands."""

from dataclasses import replace

from django.core.cache import cache
from django.db import models

from ..specs import ModelSpec

REMEMBERED = 10  # seconds that another name may take to reach every page


class ListingQuerySet(models.QuerySet["Listing"]):
    def by_slug(self) -> "dict[str, Listing]":
        return {row.slug: row for row in self}

    def names(self) -> dict[str, str]:
        """Names by slug, as they are shown beside every shot; remembered for a moment."""
        found = cache.get("model-names")
        if found is None:
            found = dict(self.exclude(name="").values_list("slug", "name"))
            cache.set("model-names", found, REMEMBERED)
        return found

    def switched_off(self) -> set[str]:
        return set(self.filter(enabled=False).values_list("slug", flat=True))

    def is_off(self, spec: ModelSpec) -> bool:
        return self.filter(slug=spec.of or spec.slug, enabled=False).exists()


class Listing(models.Model):
    """Rows exist only for models that differ from the catalogue. History keeps showing a model that is switched off."""

    STATUSES = [(status, status) for status in ("active", "legacy", "retired", "unverified")]

    slug = models.CharField("model", max_length=80, unique=True)
    enabled = models.BooleanField("offered", default=True, help_text="Off: nobody can make new shots with it.")
    name = models.CharField(max_length=60, blank=True, help_text="Empty for the catalogue's own.")
    status = models.CharField(max_length=12, blank=True, choices=STATUSES, help_text="Empty for the catalogue's own.")
    since = models.DateField(null=True, blank=True, help_text="Since when the status holds.")
    note = models.CharField(
        max_length=400, blank=True, help_text="Said beside the model. Empty for the catalogue's own."
    )
    substitute = models.CharField(max_length=80, blank=True, help_text="Another model's slug, for one that has ended.")

    objects = ListingQuerySet.as_manager()

    class Meta:
        verbose_name = "model"

    def __str__(self) -> str:
        return self.name or self.slug

    def applied(self, spec: ModelSpec) -> ModelSpec:
        """The spec as the pages show it. Its slug, and all that is sent, stay."""
        life = replace(
            spec.lifecycle, status=self.status or spec.lifecycle.status, note=self.note or spec.lifecycle.note,
            since=self.since.isoformat() if self.since else spec.lifecycle.since,
            substitute=self.substitute or spec.lifecycle.substitute,
        )  # fmt: skip
        return replace(spec, name=self.name or spec.name, lifecycle=life)
