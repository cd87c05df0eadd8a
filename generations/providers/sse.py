"""Server-sent events as gateways really send them: pieces that end anywhere, comments, any line ending, no last blank line.

Source: WHATWG HTML, 9.2.5 and 9.2.6 (parsing and interpreting an event stream).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

END = "[DONE]"


def data(pieces: Iterable[bytes]) -> Iterator[str]:
    """The data of each event, its lines joined by line feeds. An event that the end cuts off counts too."""
    held: list[str] = []
    for line in lines(pieces):
        name, _, value = line.partition(":")
        if not line and held:
            yield "\n".join(held)
            held.clear()
        elif name == "data":
            held.append(value.removeprefix(" "))
    if held:
        yield "\n".join(held)


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Text lines without their ends (CRLF, LF or CR); what is no UTF-8 becomes the replacement character."""
    rest, first = b"", True
    for piece in pieces:
        found = rest + piece
        held = b"\r" if found.endswith(b"\r") else b""  # perhaps the first half of a CRLF
        found = found[: len(found) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *whole, rest = found.split(b"\n")
        rest += held
        for line in whole:
            yield _text(line, first)
            first = False
    if rest:
        yield _text(rest.removesuffix(b"\r"), first)


def objects(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Every JSON object of the stream; {"done": True} stands for the word that ends it. What is no JSON is passed over.

    Some gateways put several objects into one event, or leave the blank lines between events out.
    """
    for event in data(pieces):
        try:
            yield from _decoded(event)
        except ValueError:
            for line in event.split("\n"):
                try:
                    yield from _decoded(line)
                except ValueError:
                    continue


def _decoded(text: str) -> list[dict[str, Any]]:
    found, decoder = [], json.JSONDecoder()
    text = text.strip()
    while text:
        if text.startswith(END):
            found.append({"done": True})
            text = text.removeprefix(END).lstrip()
            continue
        try:
            value, end = decoder.raw_decode(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if isinstance(value, dict):
            found.append(value)
        text = text[end:].lstrip().removeprefix("data:").lstrip()
    return found


def _text(line: bytes, first: bool) -> str:
    return (line.removeprefix(b"\xef\xbb\xbf") if first else line).decode(errors="replace")
