"""Shapes that hosts of one protocol give to the same answer: where the id and the words of an error are, what a length is."""

from typing import Any


def put(body: dict[str, Any], place: str, value: Any) -> None:
    """`value` at a place like "data.task_id"."""
    *above, last = place.split(".")
    for step in above:
        body = body.setdefault(step, {})
    body[last] = value


def accepted(body: dict[str, Any], tags: dict[str, str], id_key: str) -> dict[str, Any]:
    """The answer to a create request, as its tags say."""
    body = lengths(dict(body), tags)
    if "no-id" in tags:
        body.pop(id_key, None)
    elif (place := tags.get("id-at")) and id_key in body:
        found = body.pop(id_key)
        body.pop("task_id", None)
        put(body, place, found)
    return body


def status(body: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    """The answer to a query, as its tags say."""
    body = lengths(dict(body), tags)
    if body.get("status") == "completed" and tags.get("word"):
        body["status"] = tags["word"]
    place, error = tags.get("error-at", ""), body.get("error")
    if place and error and body.get("status") == "failed":
        words = error["message"] if isinstance(error, dict) else error
        del body["error"]
        put(body, "error" if place == "text" else place, words)
    return body


def lengths(body: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    """`seconds` as another type, or left out."""
    kind, value = tags.get("seconds-as"), body.get("seconds")
    if value is None or not kind:
        return body
    if kind == "none":
        return {name: each for name, each in body.items() if name != "seconds"}
    return body | {"seconds": int(value) if kind == "int" else float(value) if kind == "float" else str(value)}
