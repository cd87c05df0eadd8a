"""Apertis' second API against the pairs that its document prints: forms, remixes, characters, and every error of its list."""

import json
from email import message_from_bytes
from typing import Any

import pytest

from generations.providers import SPECS, base
from generations.providers.abilities import KeepsContent, MakesCharacters
from generations.providers.apertis import APERTIS
from generations.providers.base import (
    Accepted,
    Busy,
    CharacterOrder,
    File,
    Finished,
    Job,
    MadeCharacter,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Request,
    Running,
)
from generations.providers.multipart import multipart

from .test_apertis import TARGET, answer, recorded

PICTURE = File("reference.jpg", "image/jpeg", b"\xff\xd8\xff\r\n--not-the-boundary--\r\n")
SORA = SPECS["apertis-sora-2-videos"]


def parts_of(request: Request) -> dict[str, Any]:
    """The fields of a form as a mail parser reads them; a file as (name, type, bytes)."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    found = {}
    for part in message_from_bytes(head + request.body).get_payload():
        name, content = part.get_param("name", header="Content-Disposition"), part.get_payload(decode=True)
        found[name] = (
            (part.get_filename(), part.get_content_type(), content) if part.get_filename() else content.decode()
        )
    return found


# --- create ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["create_sora", "create_sora_character"])
def test_sora_through_create_is_the_documents_own(name: str) -> None:
    pair = recorded(name)
    body = pair["request"]["body"]
    spec = SPECS[f"apertis-{body['model']}"]
    values = {key: str(value) if key == "duration" else value for key, value in body.items()}
    request = APERTIS.build_submit(Job(spec, body["prompt"], values, {"images": tuple(body["images"])}), TARGET)
    assert request.url == f"https://api.example.com{pair['request']['path']}"
    assert json.loads(request.body) == body
    assert APERTIS.read_submit(answer(body=pair["response"])) == Accepted(pair["response"]["id"], "pending")


def test_sora_without_images_sends_an_empty_list() -> None:
    body = json.loads(APERTIS.build_submit(Job(SPECS["apertis-sora-2"], "x", {}), TARGET).body)
    assert body == {"model": "sora-2", "prompt": "x", "images": []}


@pytest.mark.parametrize(
    ("name", "slug"), [("videos_veo", "apertis-veo_3_1"), ("videos_sora", "apertis-sora-2-videos")]
)
def test_the_form_and_its_answers_are_the_documents_own(name: str, slug: str) -> None:
    pair, spec = recorded(name), SPECS[slug]
    form = pair["request"]["form"]
    values = {key: value == "true" if value in ("true", "false") else value for key, value in form.items()}
    job = Job(spec, form["prompt"], values, files={pair["request"]["file"]: (PICTURE,)})
    request = APERTIS.build_submit(job, TARGET)
    assert (request.method, request.url) == ("POST", f"https://api.example.com{pair['request']['path']}")
    assert request.headers["Authorization"] == "Bearer sk-test-1234"
    assert parts_of(request) == form | {"input_reference": ("reference.jpg", "image/jpeg", PICTURE.data)}
    assert APERTIS.build_submit(job, TARGET).body == request.body, "the same request has the same hash"
    task_id = pair["response"]["id"]
    assert APERTIS.read_submit(answer(body=pair["response"])) == Accepted(task_id, pair["response"]["status"])
    assert APERTIS.build_poll(spec, task_id, TARGET).url == f"https://api.example.com{pair['poll']['path']}"
    found = APERTIS.read_poll(spec, answer(body=pair["finished"]), TARGET.base_url)
    assert found == Finished(pair["finished"]["video_url"], "completed", pair["finished"].get("enhanced_prompt", ""))
    assert APERTIS.content_url(spec, task_id, TARGET.base_url).endswith(pair["content"])


def test_create_and_query_has_no_content_address() -> None:
    assert isinstance(APERTIS, KeepsContent)
    assert APERTIS.content_url(SPECS["apertis-veo3"], "veo3:1-a", TARGET.base_url) == ""


def test_objects_go_into_the_form_as_json_and_unset_switches_of_them_not_at_all() -> None:
    values = {
        "seconds": "4", "size": "480x480", "style": None, "metadata": {"reel": "7"}, "private": True,
        "character_create__save_to_library": True, "character_create__create_self_portrait": False,
    }  # fmt: skip
    sent = parts_of(APERTIS.build_submit(Job(SORA, "A cat", values), TARGET))
    assert json.loads(sent.pop("metadata")) == {"reel": "7"}
    assert json.loads(sent.pop("character_create")) == {"save_to_library": True}
    assert sent == {"model": "sora-2", "prompt": "A cat", "seconds": "4", "size": "480x480", "private": "true"}


def test_a_file_name_cannot_break_out_of_its_header() -> None:
    _, body = multipart({}, {"a": (File('x"\r\nX-Evil: 1', "image/png", b"1"),)})
    assert b"\r\nX-Evil" not in body
    assert b'filename="x%22%0D%0AX-Evil: 1"' in body


# --- remix -----------------------------------------------------------------------------------------------------------------
def test_the_remix_is_the_documents_own() -> None:
    pair, spec = recorded("remix"), SPECS["apertis-sora-2-remix"]
    body = pair["request"]["body"]
    job = Job(spec, body["prompt"], {"size": body["size"]}, source="sora-2:1234567890-abcdefgh")
    request = APERTIS.build_submit(job, TARGET)
    assert request.url == f"https://api.example.com{pair['request']['path']}"
    assert json.loads(request.body) == body
    assert APERTIS.read_submit(answer(body=pair["response"])) == Accepted("sora-2:remix-9876543210-xyz", "pending")
    assert APERTIS.build_poll(spec, "sora-2:remix-1", TARGET).url.endswith("/v1/videos/sora-2%3Aremix-1")
    plain = APERTIS.build_submit(Job(spec, "Darker", {"size": None}, source="a/b"), TARGET)
    assert (plain.url.endswith("/v1/videos/a%2Fb/remix"), json.loads(plain.body)) == (True, {"prompt": "Darker"})


def test_a_remix_without_its_source_is_never_sent() -> None:
    with pytest.raises(Rejected, match="Nothing was sent"):
        APERTIS.build_submit(Job(SPECS["apertis-sora-2-remix"], "x", {}), TARGET)


# --- characters --------------------------------------------------------------------------------------------------------------
def test_both_ways_to_a_character_are_the_documents_own() -> None:
    pair = recorded("characters")
    by_url, by_task = pair["bodies"]
    orders = [CharacterOrder(url=by_url["url"], span=by_url["timestamps"]),
              CharacterOrder(task_id=by_task["from_task"], span=by_task["timestamps"])]  # fmt: skip
    assert isinstance(APERTIS, MakesCharacters)
    for order, body in zip(orders, pair["bodies"], strict=True):
        request = APERTIS.build_character(order, TARGET)
        assert request.url == f"https://api.example.com{pair['request']['path']}"
        assert json.loads(request.body) == body, "without `model`: hosts of this family answer it with 404"
    assert json.loads(APERTIS.build_character(CharacterOrder(url="https://x.org/a.mp4"), TARGET).body) == {
        "url": "https://x.org/a.mp4"
    }
    assert APERTIS.read_character(answer(body=pair["response"])) == MadeCharacter(
        "char_abc123xyz", "my_character", "https://sora.example.com/characters/my_character",
        "https://storage.example.com/characters/my_character.jpg",
    )  # fmt: skip


CHARACTERS = [
    (answer(200, {"id": "c", "username": "@me"}), MadeCharacter("c", "me")),
    (answer(200, {"id": "c", "username": "me", "permalink": "javascript:alert(1)"}), MadeCharacter("c", "me")),
    (answer(200, {"id": "c"}), OutcomeUnknown),
    (answer(200, {"id": "c", "username": "two words"}), OutcomeUnknown),
    (answer(200, {"username": "me"}), OutcomeUnknown),
    (answer(502, b"<html>"), OutcomeUnknown),
    (answer(400, {"error": {"message": "too long", "code": "invalid_parameter"}}), Rejected),
    (answer(404, {"error": {"message": "Invalid URL (POST /sora/v1/characters)"}}), Rejected),
]


@pytest.mark.parametrize(("response", "expected"), CHARACTERS, ids=lambda value: repr(getattr(value, "body", ""))[:50])
def test_every_answer_to_a_character_order_has_its_class(response: Any, expected: Any) -> None:
    if isinstance(expected, MadeCharacter):
        assert APERTIS.read_character(response) == expected
        return
    with pytest.raises(expected):
        APERTIS.read_character(response)


# --- errors ------------------------------------------------------------------------------------------------------------------
ERRORS = recorded("errors")


@pytest.mark.parametrize(
    ("given", "kind", "detail"), ERRORS["answers"],
    ids=[f"{each['status']} {each['body']['error']['code']}" for each, _, _ in ERRORS["answers"]],
)  # fmt: skip
@pytest.mark.parametrize("read", [APERTIS.read_submit, APERTIS.read_character], ids=["video", "character"])
def test_every_error_of_the_documents_list_has_its_class(read: Any, given: Any, kind: str, detail: str) -> None:
    response = base.Response(given["status"], given["headers"], json.dumps(given["body"]).encode())
    with pytest.raises(ProviderError) as raised:
        read(response)
    error = raised.value
    assert type(error).__name__ == kind
    assert given["body"]["error"]["message"].rstrip(".") in error.message
    if isinstance(error, Rejected):
        assert error.reason == detail
    if isinstance(error, Busy):
        assert error.retry_after == float(detail)


@pytest.mark.parametrize("body", [ERRORS["switched_off"]["body"], None, {"error": {"code": "endpoint_not_found"}}])
def test_a_404_on_create_says_that_this_host_does_not_offer_the_endpoint(body: Any) -> None:
    with pytest.raises(Rejected) as raised:
        APERTIS.read_submit(answer(404, body))
    assert raised.value.message.startswith("This host does not offer this endpoint. Nothing was charged.")
    assert "base URL" in raised.value.message


def test_a_model_that_is_not_there_is_no_missing_endpoint() -> None:
    with pytest.raises(Rejected) as raised:
        APERTIS.read_submit(
            answer(404, {"error": {"message": "The model 'x' does not exist", "code": "model_not_found"}})
        )
    assert raised.value.message == "The model 'x' does not exist"


def test_progress_of_the_form_api_is_shown() -> None:
    body = {"id": "x", "status": "processing", "progress": 40, "video_url": None}
    assert APERTIS.read_poll(SORA, answer(body=body), TARGET.base_url) == Running("processing", 40)
