"""JSON with a video in it, read and decoded in pieces: the same as reading it whole, for any bytes and any split."""

import base64
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generations.providers import longjson
from generations.providers.longjson import Long

TEXTS = st.text(max_size=30) | st.sampled_from(['"', "\\", '\\\\"', "\u2028é😀", "a" * 5000, '\\"' * 3000, "é" * 4000])
VALUES = st.recursive(
    TEXTS | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "body"
    path.write_bytes(content)
    return path


def whole(value: Any, path: Path) -> Any:
    """`value` with every long text read from the file."""
    if isinstance(value, Long):
        return json.loads(b'"' + path.read_bytes()[value.start : value.end] + b'"')
    if isinstance(value, dict):
        return {key: whole(found, path) for key, found in value.items()}
    return [whole(found, path) for found in value] if isinstance(value, list) else value


@given(VALUES, st.booleans(), st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_any_json_is_read_as_json_reads_it(tmp_path_factory: Any, value: Any, plain: bool, piece: int) -> None:
    path = write(tmp_path_factory.getbasetemp(), json.dumps(value, ensure_ascii=plain).encode(errors="surrogatepass"))
    before, longjson.PIECE = longjson.PIECE, piece
    try:
        assert whole(longjson.read(path), path) == value
    finally:
        longjson.PIECE = before


@given(
    st.binary(min_size=4000, max_size=9000),
    st.integers(1, 9),
    st.booleans(),
    st.sampled_from([b"", b"data:video/mp4;base64,"]),
)
@settings(max_examples=60, deadline=None)
def test_any_bytes_come_back_from_base64(
    tmp_path_factory: Any, content: bytes, piece: int, slashes: bool, prefix: bytes
) -> None:
    text = prefix + base64.b64encode(content)
    body = b'{"x":"' + (text.replace(b"/", rb"\/") if slashes else text) + b'"}'
    path = write(tmp_path_factory.getbasetemp(), body)
    found = longjson.read(path)["x"]
    before, longjson.PIECE = longjson.PIECE, max(piece, len(prefix) * 2)
    try:
        assert b"".join(longjson.decoded(path, found)) == content
    finally:
        longjson.PIECE = before


GOOD = base64.b64encode(bytes(range(256)) * 30)


@pytest.mark.parametrize(
    "text",
    [GOOD[:-1], GOOD[:-4] + b"AA==AAAA", GOOD[:100] + b"!" + GOOD[101:], GOOD[:100] + b"-" + GOOD[101:],
     GOOD[:400] + b"====" + GOOD[404:], GOOD + b"A", rb"\u0041" + GOOD],
    ids=["cut", "padding inside", "a wrong letter", "the other alphabet", "only padding", "one letter more", "an escape"],
)  # fmt: skip
@pytest.mark.parametrize("piece", [7, 2**20])
def test_damaged_base64_is_never_taken_for_good(text: bytes, piece: int, tmp_path: Path, monkeypatch: Any) -> None:
    path = write(tmp_path, b'{"x":"' + text + b'"}')
    found = longjson.read(path)["x"]
    monkeypatch.setattr(longjson, "PIECE", piece)
    with pytest.raises(ValueError, match=r".+"):
        b"".join(longjson.decoded(path, found))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b'{"a":"' + b"A" * 9000, b'{"a":"' + b"A" * 9000 + b'"', b'{"a":1}{"b":2}', b"\xff\xfe{",
     b"[" * 100_000, b"[" + b"1," * 600_000 + b"1]", b'{"a":"' + b"A" * 9000 + b"\0\0\0\0"],
    ids=["empty", "html", "cut in the text", "cut after it", "two", "no text", "deep", "too much else", "room after a cut"],
)  # fmt: skip
def test_what_is_not_one_whole_value_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r".*"):
        longjson.read(write(tmp_path, content))


def test_the_room_after_a_whole_answer_is_not_part_of_it(tmp_path: Path) -> None:
    assert longjson.read(write(tmp_path, b'{"a":1}' + bytes(5000))) == {"a": 1}


def test_forty_megabytes_need_no_more_memory_than_a_few_pieces(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"data":[{"b64_json":"' + b"QUJD" * 10_000_000 + b'"}]}')
    tracemalloc.start()
    found = longjson.read(path)["data"][0]["b64_json"]
    size = sum(len(piece) for piece in longjson.decoded(path, found))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 30_000_000
    assert peak < 12 * 2**20
