"""Where each vendor behind AIID reads what it makes: written down here once more, so that an adapter that puts a value in the
wrong place gets the wrong video. The limits themselves are those of the ModelSpec.

Source: New API, relay/channel/task/*/adaptor.go, and the requests of AIID's public clients.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from generations.specs import Choice, Flag, Integer, Media, ModelSpec, broken_rules

Body = dict[str, Any]
NUMBERS = ("duration", "wm_position")
ONLY_JSON = ("vidu", "hailuo", "doubao", "happyhorse")


@dataclass
class Read:
    """What a vendor understood: values by the names of the spec, images by parameter, and the video to change."""

    values: dict[str, Any]
    images: dict[str, list[Any]] = field(default_factory=dict)
    video: str = ""


class Wrong(ValueError):
    """The vendor does not take it; the message is its sentence."""


def at(body: Body, path: str) -> Any:
    found: Any = body
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def pixels(body: Body) -> tuple[int, int]:
    try:
        width, height = (int(side) for side in str(body.get("size")).split("x"))
    except ValueError:
        raise Wrong("size must look like 1280x720") from None
    return width, height


def picked(body: Body, **paths: str) -> dict[str, Any]:
    return {name: value for name, path in paths.items() if (value := at(body, path)) is not None}


def sora(body: Body) -> Read:
    if not isinstance(body.get("seconds", "4"), str):
        raise Wrong("json: cannot unmarshal number into Go struct field .seconds of type string")
    return Read(picked(body, seconds="seconds", size="size"), {"input_reference": several(body.get("input_reference"))})


def veo(body: Body) -> Read:
    """An image by address is ignored without a word."""
    width, height = pixels(body)
    longest = max(width, height)
    values = picked(body, duration="duration", generate_audio="metadata.generateAudio", seed="metadata.seed")
    values["resolution"] = "4k" if longest >= 3840 else "1080p" if longest >= 1920 else "720p"
    values["aspect_ratio"] = "16:9" if width > height else "9:16"
    found = [image for image in several(body.get("images")) if str(image).startswith("data:")]
    return Read(values, {"images": found, "references": found})


def kling(body: Body) -> Read:
    shape = {(1280, 720): "16:9", (1920, 1080): "16:9", (720, 1280): "9:16", (1080, 1920): "9:16"}.get(
        pixels(body), "1:1"
    )
    values = picked(body, duration="duration", mode="mode", cfg_scale="metadata.cfg_scale") | {"aspect_ratio": shape}
    values["sound"] = at(body, "metadata.sound") == "on"
    found = [image for image in (body.get("image"), at(body, "metadata.image_tail")) if image]
    if any(str(image).startswith("data:") for image in found):
        raise Wrong("Image must be a URL or plain base64 without a data: prefix")
    return Read(values, {"images": found})


def vidu(body: Body) -> Read:
    values = picked(body, duration="duration", resolution="size", aspect_ratio="metadata.aspect_ratio", seed="metadata.seed",
                    off_peak="metadata.off_peak", watermark="metadata.watermark")  # fmt: skip
    values["generate_audio"] = at(body, "metadata.audio") is not False
    return Read(values, {"images": several(body.get("images"))})


def hailuo(body: Body) -> Read:
    values = picked(body, duration="duration", resolution="size", prompt_optimizer="metadata.prompt_optimizer")
    frames = (at(body, "metadata.first_frame_image"), at(body, "metadata.last_frame_image"))
    return Read(values, {"images": [image for image in frames if image]})


def doubao(body: Body) -> Read:
    values = picked(body, duration="duration", resolution="metadata.resolution", aspect_ratio="metadata.ratio",
                    seed="metadata.seed", watermark="metadata.watermark", draft="metadata.draft",
                    service_tier="metadata.service_tier", camera_fixed="metadata.camera_fixed")  # fmt: skip
    values["generate_audio"] = at(body, "metadata.generate_audio") is not False
    content = several(at(body, "metadata.content"))
    if content and not any(item.get("text") == body["prompt"] for item in content):
        raise Wrong("the text content is missing")
    frames = [item["image_url"]["url"] for item in content if item.get("role") in ("first_frame", "last_frame")]
    subjects = [item["image_url"]["url"] for item in content if item.get("role") == "reference_image"]
    return Read(values, {"images": frames or several(body.get("images")), "references": subjects})


def happyhorse(body: Body) -> Read:
    values = picked(body, mode="mode", duration="duration", resolution="metadata.parameters.resolution",
                    aspect_ratio="metadata.parameters.ratio", seed="metadata.parameters.seed",
                    audio_setting="metadata.parameters.audio_setting")  # fmt: skip
    media = [item for item in several(at(body, "metadata.input.media")) if isinstance(item, dict)]
    video = next((str(item.get("url")) for item in media if item.get("type") == "video"), "")
    values |= {"video": video} if video else {}
    by_role = {name: [item.get("url") for item in media if item.get("type") == role]
               for name, role in (("images", "first_frame"), ("references", "reference_image"))}  # fmt: skip
    return Read(values, by_role, video)


def grok(body: Body) -> Read:
    values = picked(body, seconds="seconds", aspect_ratio="aspect_ratio", resolution="resolution", preset="preset")
    if not isinstance(body.get("seconds", ""), str):
        raise Wrong("json: cannot unmarshal number into Go struct field .seconds of type string")
    subjects = several(body.get("reference_images"))
    if "1.5" in body["model"]:
        if len(subjects) != 1:
            raise Wrong("images must contain exactly one image URL")
        return Read(values, {"images": subjects})
    return Read(values, {"images": several(body.get("image") or body.get("images")), "references": subjects})


def omni(body: Body) -> Read:
    values = picked(body, mode="mode", duration="duration", aspect_ratio="aspect_ratio", generate_audio="generate_audio",
                    video="video")  # fmt: skip
    values["resolution"] = "1080p" if min(pixels(body)) >= 1080 else "720p"
    return Read(values, {"references": several(body.get("image") or body.get("images"))}, str(body.get("video") or ""))


VENDORS: dict[str, Callable[[Body], Read]] = {
    "sora": sora, "veo": veo, "kling": kling, "vidu": vidu, "hailuo": hailuo, "doubao": doubao, "happyhorse": happyhorse,
    "grok": grok, "gemini": omni,
}  # fmt: skip


def read(spec: ModelSpec, body: Body) -> Read:
    """What the model's vendor understands of the request. Raises Wrong."""
    if body.get("duration") is not None and not isinstance(body["duration"], int):
        raise Wrong("json: cannot unmarshal string into Go struct field .duration of type int")
    found = next(make for start, make in VENDORS.items() if spec.remote_name.startswith(start))(body)
    for param in spec:
        value = found.values.get(param.name)
        if isinstance(param, Media):
            count = len(found.images.get(param.name, []))
            if not param.minimum <= count <= param.maximum:
                raise Wrong(f"{spec.remote_name} takes {param.minimum} to {param.maximum} images here, got {count}")
        elif isinstance(param, Choice) and value is not None and str(value) not in param.choices:
            raise Wrong(f"{param.name} must be one of {', '.join(param.choices)}")
        elif (
            isinstance(param, Integer)
            and value is not None
            and not (param.minimum or 0) <= value <= (param.maximum or 0)
        ):
            raise Wrong(f"{param.name} must be from {param.minimum} to {param.maximum}")
        elif param.required and param.name != "prompt" and not value:
            raise Wrong(f"{param.name} is required")
        elif isinstance(param, Flag) and not isinstance(value, bool | None):
            raise Wrong(f"{param.name} must be true or false")
    texts = {name: str(value) if name in NUMBERS else value for name, value in found.values.items()}
    if broken := broken_rules(
        spec, texts | {name: images for name, images in found.images.items() if spec.param(name)}
    ):
        raise Wrong(broken[0][1])
    found.values = texts
    return found
