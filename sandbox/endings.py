"""The ways a request can end, by name: `[[name]]` or `[[name=value]]` in a prompt, `sk-sandbox-name` as a key.

Tags may be combined: `[[429]] [[truncated]] [[seconds=1]]`. A prompt with an ending overrides the key. Unknown tags are
ordinary text.
"""

import re
from dataclasses import dataclass

TAG = re.compile(r"\[\[\s*([a-z0-9]+(?:-[a-z0-9]+)*)\s*(?:=\s*([^\]]*?)\s*)?\]\]", re.IGNORECASE)
KEY_PREFIX = "sk-sandbox-"


@dataclass(frozen=True)
class Ending:
    """`where`: the moment it acts: option, create (refused, not billed), answer, stream, query, list or file (billed)."""

    name: str
    where: str
    does: str
    clip: bool = True  # the clip is made ahead; otherwise only when a query asks for it


def _group(where: str, *rows: tuple[str, str], clip: bool = True) -> tuple[Ending, ...]:
    return tuple(Ending(name, where, does, clip) for name, does in rows)


ENDINGS = {
    ending.name: ending
    for ending in (
        *_group(
            "option",
            ("seconds", "[[seconds=2.5]]: how long the job takes"),
            ("ttl", "[[ttl=5]]: how many seconds a result URL is good for; 3600 otherwise"),
            ("http-errors", "errors as HTTP statuses, as from a relay, instead of 200 with base_resp (/minimax)"),
            ("clip", "[[clip=small]]: a 320x180 clip of 2 s, one a model; [[clip=still]]: as ordered, one a size, nothing moves"),
            ("content", "[[content=bytes]], json or redirect: what /content answers (/apertis, /aiid, /openai)"),
        ),
        *_group(
            "create",
            ("moderated", "400 content_policy_violation"),
            ("400", "400 invalid_request"),
            ("401", "401 invalid_api_key; as a key, also for queries"),
            ("402", "402 insufficient_balance"),
            ("404", "404 Invalid URL, as from a host that no longer offers video"),
            ("429", "429 with Retry-After: 2 for the first 2 requests of this prompt and key; [[429=N]]: the first N"),
            ("429-always", "429 every time"),
            ("429-date", "429 with a date in Retry-After for the first 2 requests of this prompt and key"),
            ("429-empty", "429 every time, with nothing in it (/aiid)"),
            ("no-channel", "503 model_not_found: no channel has the model (/aiid)"),
            ("error-200", "200 with an error in it (not /a4f, which has stream-error)"),
            ("500", "500 internal_error"),
            ("502", "502 with an HTML body"),
            ("503", "503 with Retry-After: 2 once, then accepted"),
            ("redirect", "307 to the same address"),
            ("stream-refused", "200 with a stream that begins with an error (chat)"),
            clip=False,
        ),
        *_group(
            "answer",
            ("ok", "what a good request gets: the default"),
            ("slow", "billed, answered after 8 s; [[slow=S]]: after S seconds"),
            ("drip", "billed, the answer comes one byte a second; [[drip=S]]: one byte every S seconds"),
            ("twice", "billed twice: the gateway itself asked again (/openai); add [[lose-answer]] and nobody was told"),
        ),
        *_group(
            "answer",
            ("hang", "billed, never answered"),
            ("lose-answer", "billed, then the connection is closed without an answer"),
            ("502-billed", "billed, then 502 with an HTML body: the gateway lost the answer"),
            ("no-id", "billed, 200 without an id"),
            ("garbage", "billed, 200 with HTML"),
            ("empty", "billed, 200 with an empty body"),
            ("bomb", "billed, 200 with a small gzip body that unpacks to 100 MB"),
            clip=False,
        ),
        *_group(
            "query",
            ("fail", "failed, with an error text; [[fail=TEXT]]: with this text"),
            ("moderated-late", "failed, with the text of a content policy violation"),
            ("never", "processing for ever"),
            clip=False,
        ),
        *_group(
            "query",
            ("revoked", "accepted, but every query is answered 401 invalid_api_key"),
            ("lost-task", "the first 3 queries are answered 404, as by a gateway that lags behind"),
            ("poll-429", "every other query is answered 429 with Retry-After: 1"),
            ("flaky-poll", "every other query is answered 502 with an HTML body"),
            ("late-url", "completed, but without video_url for 3 queries"),
            ("no-url", "completed, but never with video_url: the file is at /content, where the API has one"),
            ("early-url", "video_url is there while the job still runs; its file is not"),
            ("id-drift", "queries answer with another id"),
            ("ms", "times in milliseconds"),
            ("id-at", "[[id-at=data.task_id]]: where the answer to the create request has the id"),
            ("seconds-as", "[[seconds-as=int]], float, text or none: the type of `seconds` (/aiid, /openai, /apertis/v1/videos)"),
            ("word", "[[word=SUCCESS]]: the status word when it is completed (/apertis, /aiid, /openai)"),
            ("error-at", "[[error-at=fail_reason]]: where a failure has its words; text: as a text (/apertis, /aiid, /openai)"),
            ("unknown-status", 'the status word "pondering" while it runs'),
            ("progress", 'queries carry progress as text, e.g. "37"'),
            ("backwards-progress", "progress as text that falls from 50 to 30 on the way"),
            ("running-error", "an error object stands in the answers while the job runs well (/aiid)"),
            ("url-at", "[[url-at=output.0.url]]: where the answer has the address; content: nowhere (/aiid)"),
            ("url-relative", "the address without its host (/aiid)"),
            ("url-wrapped", "the address in blanks and backticks (/aiid)"),
            ("url-words", "a sentence instead of the address; the file is at /content (/aiid)"),
            ("url-data", "a data: URL instead of the address; the file is at /content (/aiid)"),
        ),
        *_group(
            "stream",
            ("cut", "the connection breaks in the middle of the answer (/a4f); after the first progress (chat)"),
            ("corrupt", "one letter of the video's base64 is wrong (/a4f)"),
            ("hosted", "the answer gives an address instead of the video (/a4f)"),
            ("split", "the stream comes in crumbs, its texts torn apart (chat)"),
            ("comments", "comments, CRLF and empty events between the others (chat)"),
        ),
        *_group(
            "stream",
            ("stream-error", "200 with an error in it: provider_error (/a4f), after the task id (chat)"),
            clip=False,
        ),
        *_group(
            "stream",
            ("no-address", "the stream ends without an address; queries know the job (chat)"),
        ),
        *_group(
            "list",
            ("list-404", "as a key: 404 Invalid URL for the list, as from a host that has none (/openai)"),
            ("list-500", "as a key: 500 for every page of the list (/openai)"),
            ("list-gap", "as a key: the first page comes, every further one is 502 (/openai)"),
        ),
        *_group(
            "file",
            ("expired-url", "the first URL has expired, the next query gives a good one; [[expired-url=always]]: none is good"),
            ("late-file", "the file is 404 for the first 2 requests, as from a store that lags behind"),
            ("truncated", "the first download breaks off at 60 %; a Range request gets the rest"),
            ("truncated-silent", "always 60 % of the file, with a Content-Length that agrees"),
            ("wrong-type", "the good file as text/plain"),
            ("slow-file", "20 kB a second; [[slow-file=N]]: N bytes a second"),
            ("no-range", "Range is ignored: always 200 and the whole file"),
            ("etag-change", "another ETag every time, so a resumed download must start again"),
            ("redirect-file", "302 to the file"),
            ("redirect-private", "302 to http://169.254.169.254/"),
        ),
        *_group(
            "file",
            ("gone-url", "the file is 404, always"),
            ("html-video", "an HTML page instead of the file"),
            clip=False,
        ),
    )
}  # fmt: skip


def tags_in(prompt: str) -> dict[str, str]:
    """The known tags of a prompt with their values ("" without one)."""
    found = {match[1].lower(): match[2] or "" for match in TAG.finditer(prompt)}
    return {name: value for name, value in found.items() if name in ENDINGS}


def without_tags(prompt: str) -> str:
    """The prompt as the model would see it."""
    return " ".join(TAG.sub(lambda match: "" if match[1].lower() in ENDINGS else match[0], prompt).split())


def tags_for(prompt: str, key: str) -> dict[str, str]:
    """The prompt's tags; the key's ending joins them when the prompt has options only."""
    tags = tags_in(prompt)
    named = key.removeprefix(KEY_PREFIX) if key.startswith(KEY_PREFIX) else ""
    if named in ENDINGS and ENDINGS[named].where != "option" and all(ENDINGS[name].where == "option" for name in tags):
        tags[named] = ""
    return tags


def ending_of(tags: dict[str, str]) -> str:
    """The name for the ledger: the first tag that is no option, or "ok"."""
    return next((name for name in tags if ENDINGS[name].where != "option"), "ok")


def number(tags: dict[str, str], name: str, default: float) -> float:
    """The tag's value as a number >= 0; `default` when it is absent or no number."""
    try:
        value = float(tags.get(name) or default)
    except ValueError:
        return default
    return value if 0 <= value < 1e9 else default
