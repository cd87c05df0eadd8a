"""Hosts that speak the OpenAI Videos API and their models, as an operator describes them: no release is needed for one."""

import re
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from ..providers import openai_videos as protocol
from ..specs import PIXELS, Carriage, Choice, Lifecycle, Media, ModelSpec, Output, Param, Text, Way

DEADLINE = 2 * 3600  # seconds; self-hosted engines may be slow
NUMBERS = re.compile(r"[1-9]\d{0,2}")


def listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def check_seconds(text: str) -> None:
    if not all(NUMBERS.fullmatch(each) for each in listed(text)):
        raise ValidationError("Write whole seconds with commas between them, such as 4, 8, 12.")


def check_sizes(text: str) -> None:
    sides = [int(side) for each in listed(text) if PIXELS.fullmatch(each) for side in each.split("x")]
    if len(sides) != 2 * len(listed(text)) or not all(16 <= side <= 8192 for side in sides):
        raise ValidationError("Write sizes in pixels with commas between them, such as 1280x720, 720x1280.")


class Host(models.Model):
    """One server. Its key is a ProviderKey like any other, with `provider` as below."""

    NOWHERE, METADATA, USER = "", "metadata", "user"

    name = models.CharField(max_length=60, unique=True)
    base_url = models.URLField("base URL", max_length=300)
    correlation_field = models.CharField(
        "our name for a shot", max_length=8, blank=True, default=NOWHERE,
        choices=[(NOWHERE, "not sent"), (METADATA, "in metadata"), (USER, "in user")],
        help_text="A host that takes and lists one of them makes it certain which render belongs to a lost answer.",
    )  # fmt: skip

    def __str__(self) -> str:
        return self.name

    @property
    def provider(self) -> str:
        """The slug of this host in the registry; never changes."""
        return f"host-{self.pk}"


class HostModel(models.Model):
    """One model of a host, turned into a ModelSpec whenever it is looked up."""

    NONE, OPTIONAL, REQUIRED = "none", "optional", "required"
    JSON, JSON_URL, FORM, FORM_URL = "json", "json-url", "form", "form-url"
    CARRIAGE: dict[str, tuple[Carriage, ...]] = {  # how an image travels
        JSON: ("data", "url"), JSON_URL: ("url",), FORM: ("file",), FORM_URL: ("url",),
    }  # fmt: skip

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=60, help_text="As people shall see it.")
    remote_name = models.CharField(
        "name at the host", max_length=200, validators=[RegexValidator(r"^\S+$", "A name has no blanks in it.")]
    )
    seconds = models.CharField(
        max_length=200, blank=True, validators=[check_seconds],
        help_text="Lengths to choose from, the usual one first: 4, 8, 12. Empty: the host decides.",
    )  # fmt: skip
    sizes = models.CharField(
        max_length=300, blank=True, validators=[check_sizes],
        help_text="To choose from, the usual one first: 1280x720, 720x1280. Empty: the host decides.",
    )  # fmt: skip
    image = models.CharField("first frame", max_length=8, default=NONE,
                             choices=[(NONE, "takes none"), (OPTIONAL, "may be given"), (REQUIRED, "must be given")])  # fmt: skip
    sent_as = models.CharField(
        max_length=8, default=JSON,
        choices=[(JSON, "JSON, images inside"), (JSON_URL, "JSON, images by their address"),
                 (FORM, "a form, images as files"), (FORM_URL, "a form, images by their address")],
        help_text="By their address: the host fetches images from this studio, so it must be able to reach it.",
    )  # fmt: skip
    remixes = models.BooleanField(
        default=False, help_text="It has POST /v1/videos/{id}/remix: finished shots can be changed."
    )
    sound = models.BooleanField(default=False, help_text="Its videos have sound.")
    fps = models.PositiveSmallIntegerField("frames a second", default=24,
                                           validators=[MinValueValidator(1), MaxValueValidator(240)])  # fmt: skip
    offered = models.BooleanField(default=True, help_text="Without it the model stays readable in the history.")

    class Meta:
        ordering = ("pk",)
        verbose_name = "model"
        constraints = [models.UniqueConstraint(fields=["host", "remote_name"], name="one_model_of_a_name")]

    def __str__(self) -> str:
        return self.name

    def specs(self, provider: str) -> tuple[ModelSpec, ...]:
        """The model, and its remix: shots that were made with it stay readable when the host no longer remixes."""
        base = self.spec(provider)
        full = base if base.others else replace(base, others=(self._remix(base),))
        return (base, *full.ways()[1:])

    def spec(self, provider: str) -> ModelSpec:
        seconds, sizes = listed(self.seconds), listed(self.sizes)
        pixels = [(int(size.split("x")[0]), int(size.split("x")[1])) for size in sizes]
        base = ModelSpec(
            slug=f"{provider}-{self.pk}", name=self.name, provider=provider, remote_name=self.remote_name,
            protocol=protocol.MULTIPART if self.sent_as in (self.FORM, self.FORM_URL) else protocol.JSON,
            params=tuple(self._params(seconds, sizes)), summary="Added by your operator", deadline=DEADLINE,
            output=Output(tuple(zip(sizes, pixels, strict=True)) or (("", (1280, 720)),), float(seconds[0]) if seconds else 0,
                          self.fps, self.sound, ("size",), unfixed="as long as the host decides"),
            lifecycle=Lifecycle("active") if self.offered else Lifecycle("retired", "", "Your operator no longer offers it."),
        )  # fmt: skip
        return replace(base, others=(self._remix(base),)) if self.remixes else base

    def _remix(self, base: ModelSpec) -> Way:
        longest = max((float(each) for each in listed(self.seconds)), default=0)
        return protocol.remix_of(base.slug, self.name, base.output, longest)

    def _params(self, seconds: tuple[str, ...], sizes: tuple[str, ...]) -> list[Param]:
        found: list[Param] = [Text(name="prompt", label="Prompt", required=True, lines=5)]
        if self.image != self.NONE:
            least = 1 if self.image == self.REQUIRED else 0
            found.append(Media(name="input_reference", label="First frame", roles=("First frame",), minimum=least,
                               by=self.CARRIAGE[self.sent_as]))  # fmt: skip
        if sizes:
            found.append(Choice(name="size", label="Size", choices=sizes, default=sizes[0]))
        if seconds:
            found.append(Choice(name="seconds", label="Length", choices=seconds, default=seconds[0], unit="s"))
        return found
