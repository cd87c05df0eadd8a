"""What AIID's models have in common."""

from __future__ import annotations

from typing import Any

from ...specs import Carriage, Choice, Flag, Integer, Json, Lifecycle, Media, ModelSpec, Output, Param, Picture, Text

JSON, MULTIPART = "aiid.videos", "aiid.videos.multipart"
PIXELS = "pixels"  # in `wire`: what the chosen values come to, such as 1280x720
GATEWAY = "source code of New API"
UNVERIFIED = Lifecycle(
    "unverified", "2026-11", "Whether AIID still serves it has not been tried. The sandbox imitates it."
)

PROMPT = Text(name="prompt", label="Prompt", required=True, lines=5)
EXTRA = Json(
    name="metadata", label="More fields", group="more",
    help="Passed on to the model's vendor as it is, beside the settings above.",
)  # fmt: skip
SEED = Integer(
    name="seed", label="Seed", minimum=0, maximum=2**31 - 1, group="more", help="The same seed makes a similar video.",
    source="the vendor's documentation",
)  # fmt: skip
ANY = Picture()
WATERMARK = Flag(name="watermark", label="Watermark", group="more", source="the vendor's documentation")


def length(seconds: tuple[int, ...], default: int, name: str = "duration", **more: Any) -> Choice:
    return Choice(name=name, label="Length", choices=tuple(map(str, seconds)), default=str(default), unit="s", **more)


def ratios(*choices: str, default: str | None = "16:9", **more: Any) -> Choice:
    return Choice(name="aspect_ratio", label="Aspect ratio", choices=choices, default=default, **more)


def resolutions(*choices: str, default: str, **more: Any) -> Choice:
    return Choice(name="resolution", label="Resolution", choices=choices, default=default, **more)


def frames(*roles: str, least: int = 0, by: tuple[Carriage, ...] = ("data", "url"), picture: Picture = ANY,
           **more: Any) -> Media:  # fmt: skip
    label = "First frame" if len(roles) == 1 else "Frames"
    return Media(name="images", label=label, roles=roles, minimum=least, by=by, picture=picture, **more)


def references(most: int, least: int = 0, name: str = "references", by: tuple[Carriage, ...] = ("data", "url"),
               picture: Picture = ANY, **more: Any) -> Media:  # fmt: skip
    roles = tuple(f"Reference {i} of {most}" for i in range(1, most + 1)) if most > 1 else ("Reference",)
    return Media(name=name, label="References", roles=roles, minimum=least, by=by, picture=picture, **more)


def model(name: str, title: str, summary: str, *params: Param, output: Output, **more: Any) -> ModelSpec:
    """A model of AIID; `params` stand between the prompt and the fields for everything else."""
    given: dict[str, Any] = {"protocol": JSON, "lifecycle": UNVERIFIED} | more
    return ModelSpec(
        slug=f"aiid-{name}", name=title, provider="aiid", remote_name=name, summary=summary, output=output,
        params=(given.pop("prompt", PROMPT), *params, EXTRA),
        **given,
    )  # fmt: skip


def turned(size: tuple[int, int]) -> tuple[int, int]:
    return size[1], size[0]
