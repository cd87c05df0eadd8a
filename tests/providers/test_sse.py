"""Event streams, torn anywhere: by the network, by the gateway, by the model."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generations.providers import chat, sse
from generations.providers.base import Accepted, Busy, Delivered, Failed, KeyRefused, OutcomeUnknown, Rejected, Stream
from generations.providers.chat import Told

RECORDED = json.loads((Path(__file__).parent.parent / "recorded" / "apertis" / "chat.json").read_text())
DOCUMENT = RECORDED["response"].encode()
TASK, URL = "sora-2:1234567890-abcdefgh", "https://storage.example.com/videos/output.mp4"
ENDS = ("\n", "\r\n", "\r")


def event(text: str, **more: Any) -> str:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}, **more}]})}\n\n"


def torn(raw: bytes, at: list[int]) -> list[bytes]:
    cuts = sorted({place % (len(raw) + 1) for place in at})
    return [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]


@given(st.lists(st.integers(0, 10**6), max_size=40))
@settings(max_examples=100, deadline=None)
def test_the_documents_stream_is_understood_however_it_is_torn(at: list[int]) -> None:
    found = chat.understood(sse.objects(torn(DOCUMENT, at)))
    assert found == Told(TASK, 25, URL, None, True)


@given(
    st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n"), max_size=12), max_size=6),
    st.sampled_from(ENDS),
    st.lists(st.integers(0, 10**6), max_size=30),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_any_data_arrives_as_it_was_sent(texts: list[str], end: str, at: list[int], last: bool) -> None:
    """Source: WHATWG HTML, event stream. One event may have several lines of data; comments and other fields are passed over."""
    sent = [f": ping{end}event: x{end}data: {text}{end}data:{text}x{end}id: 4{end}{end}" for text in texts]
    raw = "".join(sent).encode()
    raw = raw if last or not raw else raw[: -len(end.encode())]
    expected = [f"{text}\n{text.removeprefix(' ')}x" if text.startswith(" ") else f"{text}\n{text}x" for text in texts]
    assert list(sse.data(torn(raw, at))) == expected


@given(st.lists(st.integers(1, 10**6), max_size=25), st.lists(st.integers(0, 100), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_texts_that_are_torn_over_several_deltas_are_put_together(at: list[int], seen: list[int]) -> None:
    words = [f"task_id: {TASK}\n", *(f"progress: {one}%\n" for one in seen), f"video_url: {URL}\n"]
    deltas = [piece.decode() for piece in torn("".join(words).encode(), at)]
    raw = "".join(event(text) for text in deltas).encode()
    assert chat.understood(sse.objects([raw])) == Told(TASK, seen[-1], URL)


PLAIN = Told(TASK, 25, URL, None, True)
ONE = [f"task_id: {TASK}", "progress: 25%", f"video_url: {URL}"]
WAYS = {
    "no blank lines between events": "".join(event(text).replace("\n\n", "\n") for text in ONE) + "data: [DONE]\n",
    "comments and CRLF": ": hello\r\n\r\n" + "".join(f": ping\r\n{event(text)}".replace("\n\n", "\r\n\r\n") for text in ONE)
    + "data: [DONE]\r\n\r\n",
    "everything in one delta": event(" ".join(ONE)) + "data: [DONE]\n\n",
    "everything without a gap": event("".join(ONE)) + "data: [DONE]\n\n",
    "several objects in one event": "data: " + "".join(event(text)[6:].strip() for text in ONE) + "[DONE]\n\n",
    "two events on one line": event(ONE[0]).strip() + event(ONE[1]).strip() + "\n\n" + event(ONE[2]) + "data: [DONE]\n\n",
    "without the last blank line": "".join(map(event, ONE)) + "data: [DONE]",
    "other lines between": "".join(f"event: message\nid: 7\nretry: 10\n{event(text)}data: not json\n\n" for text in ONE)
    + "data: [DONE]\n\n",
    "a byte order mark": "\ufeff" + "".join(map(event, ONE)) + "data: [DONE]\n\n",
    "empty choices and nulls": 'data: {"choices":[]}\n\ndata: {"choices":null,"error":null}\n\ndata: [1]\n\n'
    'data: {"choices":[{"delta":null},{"delta":{"content":null}}]}\n\n' + "".join(map(event, ONE)) + "data: [DONE]\n\n",
    "backticks and blanks": event(f"task_id: `{TASK}`") + event("progress:25 %") + event(f"video_url: `{URL} `")
    + "data: [DONE]\n\n",
    "a markdown link": event(ONE[0]) + event("progress: 25%") + event(f"Done! [Watch it]({URL})") + "data: [DONE]\n\n",
    "a bare address": event(ONE[0]) + event("progress: 25%") + event(f"Here it is: {URL} enjoy") + "data: [DONE]\n\n",
    "reasoning first": 'data: {"choices":[{"delta":{"reasoning_content":"task_id: ' + TASK + '"}}]}\n\n'
    + "".join(map(event, ONE[1:])) + "data: [DONE]\n\n",
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_write_it_means_the_same(way: str) -> None:
    assert chat.understood(sse.objects([WAYS[way].encode()])) == PLAIN


@pytest.fixture
def stream(tmp_path: Path) -> Any:
    def make(text: str | bytes, why: str = "") -> Stream:
        raw = text.encode() if isinstance(text, str) else text
        (tmp_path / "a.body").write_bytes(raw + bytes(100))  # the room that was kept free
        return Stream(tmp_path / "a.body", why)

    return make


BLOCKED = '{"error":{"message":"Not allowed","type":"invalid_request_error","param":null,"code":"sentinel_block"}}'
LOST = "the connection was lost"
READ: list[tuple[str, str, Any]] = [
    (DOCUMENT.decode(), "", Delivered(URL, task_id=TASK)),
    (DOCUMENT.decode(), LOST, Delivered(URL, task_id=TASK)),
    ("".join(map(event, ONE)), "", Delivered(URL, task_id=TASK)),
    ("".join(map(event, ONE)), LOST, Accepted(TASK, "stream ended")),
    (event(ONE[2]), LOST, Delivered(URL)),
    (event(ONE[0]) + "data: [DONE]\n\n", "", Accepted(TASK, "stream ended")),
    (event(ONE[0]) + 'data: {"choices":[{"delta":{"content":"video_url: htt', LOST, Accepted(TASK, "stream ended")),
    (event(ONE[0]) + event("video_url: javascript:alert(1)"), "", Accepted(TASK, "stream ended")),
    (f"data: {BLOCKED}\n\ndata: [DONE]\n\n", "", Rejected),
    (BLOCKED, "", Rejected),
    ('data: {"error":{"message":"Invalid key","code":"invalid_api_key"}}\n\n', "", KeyRefused),
    ('data: {"error":{"message":"Slow down","code":"rate_limit_exceeded"}}\n\n', "", Busy),
    ('data: {"error":"no"}\n\n', "", Rejected),
    (event(ONE[0]) + f"data: {BLOCKED}\n\ndata: [DONE]\n\n", "", Failed("moderation", "Not allowed")),
    (
        event("progress: 5%") + 'data: {"error":{"message":"out of frames"}}\n\n',
        "",
        Failed("provider_failed", "out of frames"),
    ),
    ('{"choices":[{"message":{"content":"video_url: ' + URL + '"}}]}', "", Delivered(URL)),
    (event("I cannot make videos."), "", OutcomeUnknown),
    (event("See https://docs.example.com/videos for more."), "", OutcomeUnknown),
    ("", LOST, OutcomeUnknown),
    ("<html>", "", OutcomeUnknown),
    ("data: [[[[[[" + "[" * 50_000, "", OutcomeUnknown),
]


@pytest.mark.parametrize(("text", "why", "expected"), READ, ids=lambda value: str(value)[:50])
def test_a_stream_that_ended_means_one_thing(text: str, why: str, expected: Any, stream: Any) -> None:
    if not isinstance(expected, type):
        assert chat.read_stream(stream(text, why)) == expected
        return
    with pytest.raises(expected) as raised:
        chat.read_stream(stream(text, why))
    assert type(raised.value) is expected
    if expected is OutcomeUnknown:
        assert "may have charged" in str(raised.value)
        assert why in str(raised.value)


def test_the_request_is_the_documents_own() -> None:
    from generations.providers import SPECS
    from generations.providers.apertis import APERTIS
    from generations.providers.base import Job, Target

    sent = RECORDED["request"]
    spec = SPECS["apertis-sora-2-chat"]
    request = APERTIS.build_submit(
        Job(spec, sent["body"]["messages"][0]["content"], {}), Target("https://api.example.com", "sk-1")
    )
    assert (request.method, request.url) == (sent["method"], f"https://api.example.com{sent['path']}")
    assert json.loads(request.body) == sent["body"]
    assert request.headers["Authorization"] == "Bearer sk-1"
    assert APERTIS.build_poll(spec, TASK, Target("https://x.org", "k")).url == (
        "https://x.org/v1/video/query?id=sora-2%3A1234567890-abcdefgh"
    )
