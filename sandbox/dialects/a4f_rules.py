"""What A4F's video endpoint accepts and how it says no. Source: A4F API reference, Video Generation: Request Parameters,
Available Models & Capabilities, Common Errors; its page on errors for the shape of the body."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import wire

DIALECT = "a4f"
PROMPT_LIMIT = 8000
RATIOS = ("1:1", "16:9", "9:16", "3:4", "4:3")
QUALITIES = {"480p": 480, "720p": 720, "1080p": 1080}
DURATIONS = range(1, 9)
PARAMETERS = ("model", "prompt", "quality", "duration", "ratio")
INVALID = "invalid_request_error"


@dataclass(frozen=True)
class Model:
    """Source: the table of models and capabilities. Sound is what the models' owners say."""

    seconds: int
    qualities: tuple[str, ...]
    sound: bool = False


BOTH = ("720p", "1080p")
MODELS = {
    "provider-2/seedance-lite": Model(5, ("1080p",)),
    "provider-2/kling-v2.1": Model(5, BOTH),
    "provider-2/sora-2": Model(4, BOTH, True),
    "provider-2/veo-fast": Model(8, BOTH, True),
    "provider-2/seedance-pro": Model(5, ("1080p",)),
    "provider-2/sora-2-pro": Model(5, BOTH, True),
    "provider-2/veo": Model(8, BOTH, True),
}


def size(quality: str, ratio: str) -> tuple[int, int]:
    """Pixels: the quality is the shorter side."""
    wide, high = (int(part) for part in ratio.split(":"))
    side = QUALITIES[quality]
    return (side, side * high // wide) if wide <= high else (side * wide // high, side)


def error_body(code: str, message: str, kind: str = INVALID, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "code": code} | ({"param": param} if param else {})}


def error(
    status: int, code: str, message: str, kind: str = INVALID, param: str | None = None, **headers: str
) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(error_body(code, message, kind, param), status, named)


def invalid(message: str, param: str) -> Response:
    return error(400, INVALID, message, param=param)


def bad_key() -> Response:
    return error(401, "invalid_api_key", "Invalid API key")


def failure(text: str) -> dict[str, Any]:
    return error_body("provider_error", text, "server_error")


def refused(name: str, request: Request) -> Response:
    """The answer for each refusal of the endings table; what this API does not have comes as the nearest that it has."""
    match name:
        case "401":
            return bad_key()
        case "402":
            return error(
                403, "permission_denied_error", "Model requires the Pro or Ultra plan", "permission_denied_error"
            )
        case "404":
            path = request.url.path.removeprefix(f"/{DIALECT}")
            return error(404, "not_found", f"Invalid URL ({request.method} {path})")
        case "400":
            return error(400, INVALID, "The request was rejected.")
        case "moderated":
            return error(
                400, "content_policy_violation", "Your prompt was rejected because it violates our content policy."
            )
        case "429" | "429-always":
            return error(
                429, "rate_limit_exceeded", "Rate limit exceeded (RPM/RPD)", "rate_limit_error", Retry_After="2"
            )
        case "500":
            return error(500, "internal_error", "An internal error occurred.", "server_error")
        case "503":
            return error(503, "service_unavailable", "The service is overloaded.", "server_error", Retry_After="2")
        case "redirect":
            return wire.same_address(request)
    return wire.other(name)


def key_problem(key: str) -> Response | None:
    """Keys look like ddc-…; the sandbox's own begin with sk-."""
    return None if key.startswith(("ddc-", "sk-")) and len(key) > 4 else bad_key()


def problem(body: dict[str, Any]) -> Response | None:
    """Everything that the document says about the request; None when it is good."""
    for name in ("model", "prompt", "quality", "duration"):
        if body.get(name) in (None, ""):
            return invalid(f"'{name}' is required", name)
    for name in body:
        if name not in PARAMETERS:
            return invalid(f"Unknown parameter: '{name}'", name)
    if bad := text_problem(body):
        return bad
    ratio, quality, seconds = body.get("ratio", "9:16"), body["quality"], body["duration"]
    if quality not in list(QUALITIES):
        return invalid("'quality' must be one of 480p, 720p, 1080p", "quality")
    if type(seconds) is not int or seconds not in DURATIONS:
        return invalid("'duration' must be an integer between 1 and 8", "duration")
    if ratio not in list(RATIOS):
        return invalid("'ratio' must be one of 1:1, 16:9, 9:16, 3:4, 4:3", "ratio")
    return beyond(body["model"], quality, seconds)


def text_problem(body: dict[str, Any]) -> Response | None:
    if body["model"] not in list(MODELS):
        return error(404, "model_not_found", f"The model '{body['model']}' does not exist", param="model")
    prompt = body["prompt"]
    if not isinstance(prompt, str) or not prompt.strip() or any("\ud800" <= letter <= "\udfff" for letter in prompt):
        return invalid("'prompt' must be a text", "prompt")
    if len(prompt) > PROMPT_LIMIT:
        return invalid(f"'prompt' must be at most {PROMPT_LIMIT} characters", "prompt")
    return None


def beyond(name: str, quality: str, seconds: int) -> Response | None:
    """What this model cannot do although the endpoint allows it."""
    model, code = MODELS[name], "n_exceeds_model_limit"
    if quality not in model.qualities:
        return error(400, code, f"Model {name} supports only {' and '.join(model.qualities)}", param="quality")
    if seconds > model.seconds:
        return error(400, code, f"Model {name} supports at most {model.seconds} seconds", param="duration")
    return None
