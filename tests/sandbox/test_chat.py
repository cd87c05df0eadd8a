"""The sandbox's chat completions: the stream that the document prints, from a job that queries know as well."""

from typing import Any

import pytest

from .client import Api
from .streams import CHAT, chat, texts


def test_the_stream_is_the_documents(api: Api) -> None:
    answer = chat(api, "a lake")
    told = texts(answer)
    assert told[0].startswith("task_id: sora-2:")
    assert told[1:-1] == ["progress: 0%", "progress: 25%", "progress: 50%", "progress: 75%"]
    assert answer.text.endswith("data: [DONE]\n\n")
    assert api.file(told[-1].removeprefix("video_url: ")).content[4:8] == b"ftyp"


def test_a_query_knows_the_job(api: Api) -> None:
    task = texts(chat(api, "known to queries"))[0].removeprefix("task_id: ")
    assert api.final(task)["status"] == "completed"


def test_without_a_stream_the_same_words_come_at_once(api: Api) -> None:
    answer = chat(api, "at once", stream=False)
    assert "video_url: http" in answer.json()["choices"][0]["message"]["content"]


def test_a_failed_job_says_so_in_the_stream(api: Api) -> None:
    assert texts(chat(api, "fails [[fail=Out of paint]]"))[-1] == "Out of paint"


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"model": "veo3"}, 404, "model"),
    ({"model": ""}, 400, "model"),
    ({"messages": []}, 400, "messages"),
    ({"messages": [{"role": "system", "content": "x"}]}, 400, "messages"),
    ({"messages": [{"role": "user", "content": [1]}]}, 400, "messages"),
    ({"messages": "x"}, 400, "messages"),
    ({"stream": "yes"}, 400, "stream"),
    ({"size": "large"}, 400, "size"),
]


@pytest.mark.parametrize(("change", "status", "param"), BAD, ids=str)
def test_a_bad_request_is_refused_and_not_billed(api: Api, change: dict[str, Any], status: int, param: str) -> None:
    answer = chat(api, "never billed chat", **change)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
    assert not api.billed("never billed chat")


def test_it_needs_a_key(api: Api) -> None:
    assert api.http.post(CHAT, json={}).status_code == 401
