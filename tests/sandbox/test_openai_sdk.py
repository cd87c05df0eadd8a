"""The sandbox's /openai judged by OpenAI's own client: nobody here wrote it, and it reads every answer strictly.

It asks twice by itself unless it is told not to, which is why the studio does not use it (reliability notes, 2.1).
"""

import base64
import io
import json
import secrets
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types import Video

from generations.providers import SPECS
from generations.providers.base import (
    Accepted,
    Busy,
    Failed,
    Finished,
    Job,
    KeyRefused,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Request,
    Response,
    Running,
    Target,
)  # fmt: skip
from generations.providers.openai_videos import OPENAI

from .. import pictures
from .client import Api

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")
QUICK = "[[seconds=0]] [[clip=small]]"

Connect = Callable[..., openai.OpenAI]


@pytest.fixture
def connect(api: Api) -> Iterator[Connect]:
    """A client with a key of its own, so that its list holds nothing else; an answer of another shape is an error."""
    opened: list[openai.OpenAI] = []

    def go(key: str = "", path: str = "/openai/v1") -> openai.OpenAI:
        client = openai.OpenAI(
            base_url=str(api.http.base_url).rstrip("/") + path, api_key=key or f"sk-sdk-{secrets.token_hex(6)}",
            max_retries=0, timeout=20, _strict_response_validation=True,
        )  # fmt: skip
        opened.append(client)
        return client

    yield go
    for client in opened:
        client.close()


@pytest.fixture
def client(connect: Connect) -> openai.OpenAI:
    return connect()


def finished(client: openai.OpenAI, video: Video) -> Video:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        video = client.videos.retrieve(video.id)
        if video.status in ("completed", "failed"):
            return video
        time.sleep(0.02)
    raise AssertionError(f"never finished: {video}")


def test_a_video_is_created_followed_and_downloaded(client: openai.OpenAI, tmp_path: Path) -> None:
    asked = client.videos.create(
        model="sora-2-pro", prompt=f"A kite {QUICK}", seconds="8", size="1024x1792"
    )  # a form, although it has no file
    assert (asked.model, asked.seconds, asked.size, asked.prompt) == ("sora-2-pro", "8", "1024x1792", f"A kite {QUICK}")
    assert (asked.object, asked.error, asked.remixed_from_video_id) == ("video", None, None)
    assert abs(asked.created_at - time.time()) < 60, "seconds, as the client's documentation says"
    video = finished(client, asked)
    assert (video.id, video.status, video.progress) == (asked.id, "completed", 100)
    assert video.completed_at
    assert video.expires_at == video.completed_at + 3600
    content = client.videos.download_content(video.id)
    content.write_to_file(tmp_path / "kite.mp4")
    assert content.response.headers["content-type"] == "video/mp4"
    assert (tmp_path / "kite.mp4").read_bytes()[4:8] == b"ftyp"


def test_what_is_left_out_is_what_the_client_documents(client: openai.OpenAI) -> None:
    video = client.videos.create(prompt="Defaults [[seconds=60]] [[clip=small]]")
    assert (video.model, video.seconds, video.size, video.status) == ("sora-2", "4", "720x1280", "queued")


def test_its_own_waiting_comes_to_the_end(client: openai.OpenAI) -> None:
    video = client.videos.create_and_poll(prompt="Waited for [[seconds=0.3]] [[clip=small]]", poll_interval_ms=20)
    assert video.status == "completed"
    failed = client.videos.create_and_poll(prompt="No film [[fail=Out of film.]] [[seconds=0]]", poll_interval_ms=20)
    assert failed.error
    assert (failed.status, failed.error.code, failed.error.message) == (
        "failed", "video_generation_failed", "Out of film.",
    )  # fmt: skip


@pytest.mark.parametrize("how", ["file", "named file", "fields of a form", "JSON"])
def test_an_image_arrives_however_the_client_sends_it(client: openai.OpenAI, api: Api, how: str) -> None:
    png = pictures.png((1280, 720))
    url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    prompt = f"From a picture {how} {secrets.token_hex(4)} {QUICK}"
    if how == "JSON":
        video = client.post("/videos", body={"prompt": prompt, "input_reference": {"image_url": url}}, cast_to=Video)
    elif how == "fields of a form":
        video = client.videos.create(prompt=prompt, extra_body={"input_reference": {"image_url": url}})
    else:
        image = {"file": png, "named file": ("a.png", io.BytesIO(png), "image/png")}[how]
        video = client.videos.create(prompt=prompt, input_reference=image)  # type: ignore[arg-type]
    assert finished(client, video).status == "completed"
    assert len(api.billed(prompt)) == 1


def test_a_remix_says_what_it_was_made_from(client: openai.OpenAI, api: Api) -> None:
    source = finished(client, client.videos.create(prompt=f"A kite {QUICK}", seconds="8", size="1280x720"))
    mark = secrets.token_hex(6)
    remix = client.videos.remix(source.id, prompt=f"The same kite at night {mark} {QUICK}")
    assert (remix.remixed_from_video_id, remix.seconds, remix.size) == (source.id, "8", "1280x720")
    assert finished(client, remix).status == "completed"
    assert len(api.billed(mark)) == 1


def test_the_list_is_walked_page_by_page(client: openai.OpenAI) -> None:
    made = [client.videos.create(prompt=f"Page {i} [[never]]").id for i in range(5)]
    page = client.videos.list(limit=2)
    assert [video.id for video in page.data] == made[:2:-1]
    assert page.has_next_page()
    assert [video.id for video in page] == made[::-1], "the client asks for further pages by itself"
    assert [video.id for video in client.videos.list(limit=2, order="asc")] == made
    assert [video.id for video in client.videos.list(after=made[1])] == [made[0]]


def test_what_is_deleted_is_gone(client: openai.OpenAI) -> None:
    video = finished(client, client.videos.create(prompt=f"Short {QUICK}"))
    gone = client.videos.delete(video.id)
    assert (gone.id, gone.deleted, gone.object) == (video.id, True, "video.deleted")
    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve(video.id)
    assert list(client.videos.list()) == []


# --- what goes wrong -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("tag", "expected", "code"),
    [("400", openai.BadRequestError, None), ("moderated", openai.BadRequestError, "moderation_blocked"),
     ("401", openai.AuthenticationError, "invalid_api_key"), ("402", openai.RateLimitError, "insufficient_quota"),
     ("404", openai.NotFoundError, None), ("429-always", openai.RateLimitError, "rate_limit_exceeded"),
     ("500", openai.InternalServerError, None), ("503", openai.InternalServerError, None),
     ("502", openai.InternalServerError, None)],
)  # fmt: skip
def test_a_refusal_is_the_clients_own_kind_of_error(
    client: openai.OpenAI, api: Api, tag: str, expected: type[openai.APIStatusError], code: str | None
) -> None:
    prompt = f"Refused {secrets.token_hex(6)} [[{tag}]]"
    with pytest.raises(expected) as caught:
        client.videos.create(prompt=prompt)
    assert caught.value.code == code
    assert not api.billed(prompt)
    if tag != "502":  # a gateway's page; every other one has the API's own words
        assert isinstance(caught.value.body, dict)
        assert caught.value.body["message"] in caught.value.message


@pytest.mark.parametrize(
    ("wrong", "param", "code"),
    [({"seconds": "5"}, "seconds", "invalid_value"), ({"size": "480x480"}, "size", "invalid_value"),
     ({"model": "sora-9"}, "model", "invalid_value"), ({"prompt": ""}, "prompt", "string_below_min_length"),
     ({"extra_body": {"n": 2}}, "n", "unknown_parameter"),
     ({"extra_body": {"input_reference": {"image_url": "file:///etc/passwd"}}}, "input_reference", "invalid_value"),
     ({"input_reference": b"no image"}, "input_reference", "invalid_image"),
     ({"extra_body": {"input_reference": {"file_id": "file-1"}}}, "input_reference", "invalid_type")],
)  # fmt: skip
def test_a_bad_request_names_the_parameter(
    client: openai.OpenAI, wrong: dict[str, object], param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.videos.create(**({"prompt": "A kite"} | wrong))  # type: ignore[arg-type]
    assert (caught.value.param, caught.value.code) == (param, code)


def test_a_wrong_key_is_refused_everywhere(connect: Connect) -> None:
    client = connect("nonsense")
    for ask in (
        lambda: client.videos.create(prompt="A kite"), lambda: client.videos.retrieve("video_1"),
        lambda: client.videos.download_content("video_1"), lambda: client.videos.remix("video_1", prompt="A kite"),
        lambda: client.videos.list(), lambda: client.videos.delete("video_1"),
    ):  # fmt: skip
        with pytest.raises(openai.AuthenticationError):
            ask()


def test_what_does_not_exist_is_not_found(client: openai.OpenAI, connect: Connect) -> None:
    mine = client.videos.create(prompt="Mine [[never]]")
    for other, name in ((client, "video_1"), (client, "video_a/b:c?d"), (connect(), mine.id)):
        for ask in (other.videos.retrieve, other.videos.download_content, other.videos.delete):
            with pytest.raises(openai.NotFoundError):
                ask(name)
        with pytest.raises(openai.NotFoundError):
            other.videos.remix(name, prompt="A kite")
    with pytest.raises(openai.NotFoundError, match="not ready yet"):
        client.videos.download_content(mine.id)
    with pytest.raises(openai.BadRequestError):
        client.videos.delete(mine.id)  # still running


def test_a_lost_answer_is_a_connection_error_and_the_video_is_in_the_list(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        client.videos.create(prompt="Lost [[lose-answer]]")
    assert [video.prompt for video in client.videos.list()] == ["Lost [[lose-answer]]"]


# --- what the studio's own adapter asks and reads ------------------------------------------------------------------------
def asked_with(raw: Any, ours: Request) -> None:
    """The client's request and ours name the same address and the same key."""
    theirs = raw.http_request
    assert (ours.method, ours.url) == (theirs.method, str(theirs.url))
    assert ours.headers["Authorization"] == theirs.headers["authorization"]


def form_of(raw: Any) -> dict[str, bytes]:
    head = f"Content-Type: {raw.http_request.headers['content-type']}\r\n\r\n".encode()
    parts: Any = message_from_bytes(head + raw.http_request.read()).get_payload()
    return {part.get_param("name", header="Content-Disposition"): part.get_payload(decode=True) for part in parts}


def test_the_studio_asks_what_the_client_asks(client: openai.OpenAI) -> None:
    target, raw = Target(str(client.base_url).removesuffix("/v1/"), client.api_key), client.videos.with_raw_response
    spec, values = SPECS["openai-sora-2-pro"], {"seconds": "8", "size": "1024x1792"}
    created = raw.create(model="sora-2-pro", prompt=f"A kite {QUICK}", seconds="8", size="1024x1792")
    asked_with(created, ours := OPENAI.build_submit(Job(spec, f"A kite {QUICK}", values), target))
    assert {name: value.encode() for name, value in json.loads(ours.body).items()} == form_of(created)
    video = finished(client, created.parse())
    asked_with(raw.retrieve(video.id), OPENAI.build_poll(spec, video.id, target))
    asked_with(raw.list(limit=100, order="desc"), OPENAI.build_list(target))
    assert str(raw.download_content(video.id).http_request.url) == OPENAI.content_url(spec, video.id, target.base_url)
    remixed = raw.remix(video.id, prompt=f"At night {QUICK}")
    remix = Job(SPECS["openai-sora-2-pro-remix"], f"At night {QUICK}", {}, source=video.id)
    asked_with(remixed, ours := OPENAI.build_submit(remix, target))
    assert json.loads(ours.body) == json.loads(remixed.http_request.content)


def test_the_studio_reads_what_the_client_reads(client: openai.OpenAI, connect: Connect) -> None:
    spec, raw = SPECS["openai-sora-2"], client.videos.with_raw_response

    def plain(answer: Any) -> Response:
        return Response(answer.status_code, dict(answer.headers), answer.content)

    created = raw.create(prompt="Waits [[seconds=60]]")
    assert OPENAI.read_submit(plain(created)) == Accepted(created.parse().id, "queued")
    running = raw.retrieve(created.parse().id)
    read = OPENAI.read_poll(spec, plain(running), "https://host.example")
    assert isinstance(read, Running)
    assert (read.status, read.progress) == (running.parse().status, running.parse().progress)
    failing = finished(client, client.videos.create(prompt="No film [[fail=Out of film.]] [[seconds=0]]"))
    assert failing.error
    failed = OPENAI.read_poll(spec, plain(raw.retrieve(failing.id)), "https://host.example")
    assert failed == Failed("provider_failed", failing.error.message)
    done = finished(client, client.videos.create(prompt=f"Short {QUICK}"))
    assert OPENAI.read_poll(spec, plain(raw.retrieve(done.id)), "https://host.example") == Finished("", "completed")
    page = raw.list(limit=2)
    listing = OPENAI.read_list(plain(page))
    assert [(each.task_id, each.created_at, each.prompt, each.model) for each in listing.entries] == [
        (video.id, video.created_at, video.prompt, video.model) for video in page.parse().data
    ]
    assert listing.after == page.parse().data[-1].id


@pytest.mark.parametrize(
    ("tag", "kind"), [("moderated", Rejected), ("401", KeyRefused), ("402", KeyRefused), ("404", Rejected),
                      ("429-always", Busy), ("500", OutcomeUnknown), ("502", OutcomeUnknown)],
)  # fmt: skip
def test_the_studio_and_the_client_agree_on_what_failed(
    client: openai.OpenAI, tag: str, kind: type[ProviderError]
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.videos.create(prompt=f"Refused {secrets.token_hex(6)} [[{tag}]]")
    answer = caught.value.response
    with pytest.raises(kind) as ours:
        OPENAI.read_submit(Response(answer.status_code, dict(answer.headers), answer.content))
    if isinstance(caught.value.body, dict) and tag != "404":
        assert caught.value.body["message"].rstrip(".") in ours.value.message
