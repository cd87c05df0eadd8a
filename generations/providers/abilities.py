"""What an adapter can do: every one asks and reads; some list, stream, keep the file, locate it or make characters."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from ..specs import ModelSpec
from .base import (
    Accepted,
    CharacterOrder,
    Delivered,
    Failed,
    Finished,
    Job,
    Listing,
    MadeCharacter,
    Request,
    Response,
    Running,
    Stream,
    Target,
)  # fmt: skip


class Provider(Protocol):
    """One API. An adapter is a module-level object with these parts."""

    slug: str
    name: str
    default_base_url: str
    specs: tuple[ModelSpec, ...]

    def build_submit(self, job: Job, target: Target) -> Request: ...

    def read_submit(self, response: Response) -> Accepted | Failed: ...

    def build_poll(self, spec: ModelSpec, task_id: str, target: Target) -> Request: ...

    def read_poll(self, spec: ModelSpec, response: Response, base_url: str) -> Running | Finished | Failed: ...

    def build_probe(self, target: Target) -> Request:
        """A question that costs nothing and that only this API can answer: a GET."""
        ...

    def read_probe(self, response: Response) -> None:
        """Returns when the provider is well again. Raises Unreachable, Busy (well, but asks to wait), KeyRefused."""
        ...


@runtime_checkable
class Lists(Protocol):
    """What a provider has besides, when it can say what it accepted: then a lost answer need not be lost.

    `correlation_field` names the request field that carries `Job.correlation`; "" when the host takes none.
    """

    correlation_field: str

    def build_list(self, target: Target, after: str = "") -> Request: ...

    def read_list(self, response: Response) -> Listing:
        """Newest first. Raises CannotList, Unreachable."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A provider some of whose models answer the paid request for minutes, with the result or its address at the end.

    `keeps_results` is False where a lost answer cannot be had again. `stream_cap` is the most bytes of one answer;
    `stream_end` are the bytes after which nothing more comes, b"" where only the connection's end says so.
    """

    keeps_results: bool
    stream_cap: int
    stream_end: bytes

    def streams(self, spec: ModelSpec) -> bool: ...

    def read_stream(self, stream: Stream) -> Delivered | Accepted | Failed:
        """What a whole answer says, or one that broke off. Raises Rejected, OutcomeUnknown."""
        ...

    def stream_progress(self, path: Path) -> int | None:
        """How far the render is (0-100) by what has come so far; None when it does not say."""
        ...


@runtime_checkable
class KeepsContent(Protocol):
    """A provider whose finished answer may name no address: the file is under one that follows from the task id."""

    def content_url(self, spec: ModelSpec, task_id: str, base_url: str) -> str:
        """ "" for a model whose protocol has no such address."""
        ...


@runtime_checkable
class Locates(Protocol):
    """A provider whose finished answer names a file and not its address: one more free question tells that."""

    def build_locate(self, handle: str, target: Target) -> Request: ...

    def read_locate(self, response: Response, base_url: str) -> str:
        """The address, "" when there is none. Raises Unreachable, TaskMissing, KeyRefused."""
        ...


@runtime_checkable
class MakesCharacters(Protocol):
    """A provider that remembers a person or thing from a video, so that prompts can name it."""

    def build_character(self, order: CharacterOrder, target: Target) -> Request: ...

    def read_character(self, response: Response) -> MadeCharacter:
        """Raises as read_submit: the request may cost money, so every doubt is OutcomeUnknown."""
        ...
