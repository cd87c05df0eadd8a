"""What AIID refuses and in which words. Source: New API (the gateway behind AIID), controller/relay.go, relay_utils.go and
middleware/distributor.go: three shapes of errors, and texts in whatever language the account has."""

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import wire

DIALECT = "aiid"


def task_error(status: int, code: str, message: str, **headers: str) -> Response:
    """The shape of everything about tasks."""
    body = {"code": code, "message": message, "data": None}
    return JSONResponse(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def gate_error(status: int, message: str, code: str = "") -> Response:
    """The shape of everything that is said before a task exists: keys, channels."""
    error = {"message": f"{message} (request id: 20261121145257)", "type": "new_api_error", "code": code}
    return JSONResponse({"error": error}, status)


def packed(status: int, upstream: object) -> Response:
    """The vendor's own answer, as a text inside ours."""
    return task_error(status, "fail_to_fetch_task", json.dumps(upstream))


def invalid(message: str, code: str = "invalid_request") -> Response:
    return task_error(400, code, message)


def bad_key() -> Response:
    return gate_error(401, "无效的令牌")


def invalid_url(request: Request) -> Response:
    path = request.url.path.removeprefix(f"/{DIALECT}")
    error = {
        "message": f"Invalid URL ({request.method} {path})",
        "type": "invalid_request_error",
        "param": "",
        "code": "",
    }
    return JSONResponse({"error": error}, 404)


def limited(seconds: int) -> Response:
    return task_error(429, "upstream_saturated", "当前分组上游负载已饱和，请稍后再试", Retry_After=str(seconds))


def no_task() -> Response:
    return task_error(400, "task_not_exist", "task_not_exist")


def content_error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)


def key_problem(key: str) -> Response | None:
    return None if key.startswith("sk-") and len(key) > 3 else bad_key()


def refused(name: str, request: Request) -> Response:
    """The answer for each refusal of the endings table."""
    match name:
        case "401":
            return bad_key()
        case "402":
            return task_error(403, "insufficient_user_quota", "用户额度不足")
        case "404":
            return invalid_url(request)
        case "400":
            return packed(
                400, {"error": {"message": "The request was rejected by the model.", "code": "invalid_value"}}
            )
        case "moderated":
            return packed(
                400, {"error": {"message": "Your prompt violates our policy.", "code": "content_policy_violation"}}
            )
        case "429" | "429-always":
            return limited(2)
        case "429-empty":
            return Response(b"", 429)
        case "no-channel":
            words = "No available channel for this model under group default (distributor)"
            return gate_error(503, words, "model_not_found")
        case "500":
            return task_error(500, "do_request_failed", "do request failed: unexpected EOF")
        case "503":
            return JSONResponse(
                {"error": {"message": "overloaded", "type": "new_api_error"}}, 503, {"Retry-After": "2"}
            )
        case "redirect":
            return wire.same_address(request)
    return wire.other(name)
