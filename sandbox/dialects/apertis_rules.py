"""What the Apertis Video API accepts and how it says no. Sources: Apertis Video API, "Create Video", "Image Reference
Limits by Model", "Supported Models"; Apertis error codes for the bodies; the relay documentation of the same gateway family
for what the document leaves open: images for Veo 3.1, and none for the text models."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import images, wire

DIALECT = "apertis"
PROMPT_LIMIT = 8000
SIZES = {"16:9": (1280, 720), "9:16": (720, 1280)}
PARAMETERS = ("model", "prompt", "enhance_prompt", "enable_upsample", "aspect_ratio", "images")
SORA_PARAMETERS = (
    "model", "prompt", "images", "orientation", "size", "duration", "watermark", "private", "character_url",
    "character_timestamps",
)  # fmt: skip
SORA_SIZES = {
    ("small", "landscape"): (1280, 720), ("small", "portrait"): (720, 1280),
    ("large", "landscape"): (1920, 1080), ("large", "portrait"): (1080, 1920),
}  # fmt: skip


@dataclass(frozen=True)
class Model:
    """What one model accepts. Source: "Supported Models" and "Image Reference Limits by Model"."""

    least_images: int = 0
    most_images: int = 0
    aspect_ratio: bool = False
    sound: bool = False
    durations: tuple[int, ...] = ()  # seconds; Sora only


MODELS = {
    "veo2": Model(),
    "veo2-fast": Model(),
    "veo2-pro": Model(),
    "veo2-fast-frames": Model(1, 2),
    "veo2-fast-components": Model(1, 3),
    "veo3": Model(0, 0, True, True),
    "veo3-fast": Model(0, 0, True, True),
    "veo3-pro": Model(0, 0, True, True),
    "veo3-pro-frames": Model(1, 1, True, True),
    "veo3.1": Model(0, 2, True, True),
    "veo3.1-fast": Model(0, 2, True, True),
    "sora-2": Model(0, 10, sound=True, durations=(10,)),
    "sora-2-pro": Model(0, 10, sound=True, durations=(10, 15, 25)),
}


def error(status: int, kind: str, code: str, message: str, param: str | None = None, **headers: str) -> Response:
    """The error body of the API: message, type, code, and param where one parameter is to blame."""
    body = {"message": message, "type": kind, "code": code} | ({"param": param} if param else {})
    return JSONResponse({"error": body}, status, {name.replace("_", "-"): value for name, value in headers.items()})


def invalid(message: str, param: str, code: str = "invalid_parameter") -> Response:
    return error(400, "invalid_request_error", code, message, param)


def bad_key() -> Response:
    return error(401, "authentication_error", "invalid_api_key", "Invalid API key provided.")


def invalid_url(request: Request) -> Response:
    """The catch-all of this gateway family, also its answer where video is switched off."""
    path = request.url.path.removeprefix(f"/{DIALECT}")
    body = {
        "message": f"Invalid URL ({request.method} {path})",
        "type": "invalid_request_error",
        "param": "",
        "code": "",
    }
    return JSONResponse({"error": body}, 404)


def limited(seconds: int) -> Response:
    message = "Rate limit exceeded. Please wait before making more requests."
    limits = {
        "X-RateLimit-Limit": "3000",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(time.time()) + seconds),
    }
    return error(429, "rate_limit_error", "rate_limit_exceeded", message, Retry_After=str(seconds), **limits)


def refused(name: str, request: Request) -> Response:
    """The answer for each refusal of the endings table."""
    match name:
        case "401":
            return bad_key()
        case "402":
            return error(
                402, "billing_error", "insufficient_balance", "Insufficient balance. Please top up your account."
            )
        case "404":
            return invalid_url(request)
        case "400":
            return error(
                400, "invalid_request_error", "invalid_request", "The request was rejected by the upstream model."
            )
        case "moderated":
            message = "Your prompt was rejected because it violates our content policy."
            return error(400, "content_policy_error", "content_policy_violation", message)
        case "429" | "429-always":
            return limited(2)
        case "500":
            return error(500, "server_error", "internal_error", "An internal error occurred. Please try again later.")
        case "503":
            message = "The service is temporarily unavailable."
            return error(503, "server_error", "service_unavailable", message, Retry_After="2")
        case "redirect":
            return wire.same_address(request)
    return wire.other(name)


def key_problem(key: str) -> Response | None:
    """None when the key has the right form."""
    if not key:
        return error(
            401, "authentication_error", "missing_api_key", "No API key provided. Use 'Authorization: Bearer sk-…'."
        )
    return None if key.startswith("sk-") and len(key) > 3 else bad_key()


def image_problem(model: str, urls: Any) -> Response | None:
    """The images rule: how many, and each an http(s) URL or a good data URL."""
    rule = MODELS[model]
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        return invalid("'images' must be an array of URLs.", "images")
    if len(urls) > rule.most_images:
        return invalid(f"Model '{model}' accepts at most {rule.most_images} images, got {len(urls)}.", "images")
    if len(urls) < rule.least_images:
        return invalid(f"Model '{model}' requires at least {rule.least_images} image.", "images", "missing_parameter")
    for url in urls:
        try:
            if url.startswith("data:"):
                images.decode(url)
            elif urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
                return invalid("Each image must be an http(s) URL or a data URL.", "images")
        except ValueError as bad:  # BadImage, or an address that cannot be parsed
            return invalid(str(bad), "images", "invalid_image")
    return None


def text_problem(body: dict[str, Any], models: Collection[str] = MODELS) -> Response | None:
    """`model` and `prompt`: present, text, known, not too long."""
    for name in ("model", "prompt"):
        if body.get(name) in (None, ""):
            return invalid(f"Missing required parameter: '{name}'.", name, "missing_parameter")
        if not isinstance(body[name], str):
            return invalid(f"'{name}' must be a string.", name)
    if body["model"] not in models:
        message = f"The model '{body['model']}' does not exist or you do not have access to it."
        return error(404, "invalid_request_error", "model_not_found", message, "model")
    if any("\ud800" <= letter <= "\udfff" for letter in body["prompt"]):
        return invalid("'prompt' must be valid Unicode.", "prompt")
    if not body["prompt"].strip():
        return invalid("'prompt' must not be empty.", "prompt")
    if len(body["prompt"]) > PROMPT_LIMIT:
        return invalid(f"'prompt' must be at most {PROMPT_LIMIT} characters.", "prompt")
    return None


def span_problem(value: Any) -> Response | None:
    """`{start},{end}` in seconds: 1 to 3 seconds of a video. Source: "Create Character"."""
    name = "character_timestamps"
    try:
        start, end = (float(part) for part in value.split(","))
    except (AttributeError, ValueError):
        return invalid(f"'{name}' must look like 'start,end'.", name)
    return None if 0 <= start < end and 1 <= end - start <= 3 else invalid(f"'{name}' must span 1 to 3 seconds.", name)


def address_problem(name: str, value: Any) -> Response | None:
    try:
        good = urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).hostname)
    except (AttributeError, TypeError, ValueError):
        good = False
    return None if good else invalid(f"'{name}' must be an http(s) URL.", name)


def character_problem(body: dict[str, Any], sources: tuple[str, ...] = ("character_url",)) -> Response | None:
    """The character parameters: a source, and which part of it."""
    if body.get("character_url") is not None and (bad := address_problem("character_url", body["character_url"])):
        return bad
    if body.get("character_timestamps") is None:
        return None
    if not any(body.get(name) for name in sources):
        return invalid(f"'character_timestamps' needs {' or '.join(sources)}.", "character_timestamps")
    return span_problem(body["character_timestamps"])


def choice_problem(name: str, value: Any, choices: Any) -> Response | None:
    good = value is None or (value in list(choices) and not isinstance(value, bool))
    return None if good else invalid(f"'{name}' must be one of: {', '.join(map(str, choices))}.", name)


def flag_problem(name: str, value: Any) -> Response | None:
    return None if isinstance(value, bool | None) else invalid(f"'{name}' must be a boolean.", name)


def veo_problem(body: dict[str, Any]) -> Response | None:
    for name in ("enhance_prompt", "enable_upsample"):
        if bad := flag_problem(name, body.get(name)):
            return bad
    if body.get("aspect_ratio") is not None and not MODELS[body["model"]].aspect_ratio:
        return invalid("'aspect_ratio' is only supported by veo3 models.", "aspect_ratio")
    return choice_problem("aspect_ratio", body.get("aspect_ratio"), SIZES)


def sora_problem(body: dict[str, Any]) -> Response | None:
    if "images" not in body:
        return invalid("Missing required parameter: 'images'.", "images", "missing_parameter")
    choices = {
        "orientation": ("portrait", "landscape"),
        "size": ("small", "large"),
        "duration": MODELS[body["model"]].durations,
    }
    found = (
        *(choice_problem(name, body.get(name), values) for name, values in choices.items()),
        *(flag_problem(name, body.get(name)) for name in ("watermark", "private")),
        character_problem(body),
    )
    return next((bad for bad in found if bad), None)


def problem(body: dict[str, Any]) -> Response | None:
    """Everything the document says about the request; None when it is good."""
    if bad := text_problem(body):
        return bad
    sora = bool(MODELS[body["model"]].durations)
    for name in body:
        if name not in (SORA_PARAMETERS if sora else PARAMETERS):
            return invalid(f"Unknown parameter for this model: '{name}'.", name)
    if bad := sora_problem(body) if sora else veo_problem(body):
        return bad
    return image_problem(body["model"], body.get("images") or [])
