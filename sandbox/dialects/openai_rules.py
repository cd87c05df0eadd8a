"""What the Videos API of OpenAI accepts and how it refuses. Source: OpenAI API reference, Videos, and its error guide.

Beside the documented fields this dialect takes `metadata` and `user`, and gives them back, as the hosts do that still
speak this protocol; every other unknown field is refused, as OpenAI refused it.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import images, wire

DIALECT = "openai"
PROMPT_LIMIT = 32_000
SECONDS = ("4", "8", "12")
STANDARD = ("720x1280", "1280x720")
MODELS = {"sora-2": STANDARD, "sora-2-pro": (*STANDARD, "1024x1792", "1792x1024")}
PARAMETERS = ("model", "prompt", "seconds", "size", "input_reference", "metadata", "user")
INVALID = "invalid_request_error"


def error(
    status: int, message: str, kind: str = INVALID, code: str | None = None, param: str | None = None, **headers: str
) -> Response:
    """The error body of the API: message, type, param, code; the last two may be null."""
    body = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": body}, status, {name.replace("_", "-"): value for name, value in headers.items()})


def invalid(message: str, param: str, code: str = "invalid_value") -> Response:
    return error(400, message, code=code, param=param)


def bad_key() -> Response:
    return error(401, "Incorrect API key provided.", code="invalid_api_key")


def invalid_url(request: Request) -> Response:
    path = request.url.path.removeprefix(f"/{DIALECT}")
    return error(404, f"Invalid URL ({request.method} {path})")


def limited(seconds: int) -> Response:
    message = "Rate limit reached for requests."
    return error(429, message, "requests", "rate_limit_exceeded", Retry_After=str(seconds))


def no_video(video_id: str) -> Response:
    return error(404, f"Video with id '{video_id}' not found.", code="not_found", param="video_id")


def refused(name: str, request: Request) -> Response:
    """The answer for each refusal of the endings table."""
    match name:
        case "401":
            return bad_key()
        case "402":  # OpenAI has no 402: an empty account is a 429 of another code
            message = "You exceeded your current quota, please check your plan and billing details."
            return error(429, message, "insufficient_quota", "insufficient_quota")
        case "404":
            return invalid_url(request)
        case "400":
            return error(400, "The request was rejected by the model.")
        case "moderated":
            message = "Your request was blocked by our moderation system."
            return error(400, message, "video_generation_user_error", "moderation_blocked")
        case "429" | "429-always":
            return limited(2)
        case "500":
            return error(500, "The server had an error while processing your request.", "server_error")
        case "503":
            message = "That model is currently overloaded with other requests."
            return error(503, message, "service_unavailable_error", Retry_After="2")
        case "redirect":
            return wire.same_address(request)
    return wire.other(name)


def key_problem(key: str) -> Response | None:
    """None when the key has the right form."""
    if not key:
        return error(401, "You didn't provide an API key. Use 'Authorization: Bearer YOUR_KEY'.")
    return None if key.startswith("sk-") and len(key) > 3 else bad_key()


def text_problem(body: dict[str, Any]) -> Response | None:
    """`prompt`: present, text, not too long."""
    prompt = body.get("prompt")
    if prompt is None:
        return invalid("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
    if not isinstance(prompt, str):
        return invalid("Invalid type for 'prompt': expected a string.", "prompt", "invalid_type")
    if any("\ud800" <= letter <= "\udfff" for letter in prompt):
        return invalid("'prompt' must be valid Unicode.", "prompt")
    if not prompt.strip():
        message = "Invalid 'prompt': string too short. Expected a string with minimum length 1."
        return invalid(message, "prompt", "string_below_min_length")
    if len(prompt) > PROMPT_LIMIT:
        message = f"Invalid 'prompt': string too long. Expected a string with maximum length {PROMPT_LIMIT}."
        return invalid(message, "prompt", "string_above_max_length")
    return None


def choice_problem(name: str, value: Any, choices: tuple[str, ...]) -> Response | None:
    expected = ", ".join(f"'{choice}'" for choice in choices)
    if not isinstance(value, str):
        return invalid(f"Invalid type for '{name}': expected one of {expected}.", name, "invalid_type")
    if value not in choices:
        return invalid(f"Invalid value: '{value}'. Supported values are: {expected}.", name)
    return None


@dataclass(frozen=True)
class Attached:
    """An image that came as a file with the form."""

    content: bytes


def image_problem(found: Any) -> Response | None:
    """The image: a file of the form, or {"image_url": address or data URL}."""
    name = "input_reference"
    if isinstance(found, Attached):
        good = images.is_image(found.content)
        return None if good else invalid(f"'{name}' must be a PNG, JPEG or WebP image.", name, "invalid_image")
    if not isinstance(found, dict) or not isinstance(found.get("image_url"), str):
        return invalid(
            f"Invalid type for '{name}': expected a file or an object with 'image_url'.", name, "invalid_type"
        )
    url = found["image_url"]
    try:
        if url.startswith("data:"):
            images.decode(url)
        elif urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            return invalid("'image_url' must be an http(s) URL or a data URL.", name)
    except ValueError as bad:  # BadImage, or an address that cannot be parsed
        return invalid(str(bad), name, "invalid_image")
    return None


def metadata_of(value: Any) -> dict[str, str] | None:
    """An object of texts, or the text of one (forms have no objects); None when it is neither."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
    good = isinstance(found, dict) and all(isinstance(each, str) for each in found.values())
    return found if good else None


def problem(body: dict[str, Any]) -> Response | None:
    """Everything the reference says about the request; None when it is good."""
    for name in body:
        if name not in PARAMETERS:
            return invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    if bad := text_problem(body):
        return bad
    if bad := choice_problem("model", body.get("model", "sora-2"), tuple(MODELS)):
        return bad
    for name, choices in (("seconds", SECONDS), ("size", MODELS[body.get("model", "sora-2")])):
        if name in body and (bad := choice_problem(name, body[name], choices)):
            return bad
    if "metadata" in body and metadata_of(body["metadata"]) is None:
        return invalid("Invalid type for 'metadata': expected an object of strings.", "metadata", "invalid_type")
    if "user" in body and not isinstance(body["user"], str):
        return invalid("Invalid type for 'user': expected a string.", "user", "invalid_type")
    return image_problem(body["input_reference"]) if "input_reference" in body else None
