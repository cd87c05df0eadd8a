"""How one API is asked and how its answers are read. No Django, no database: plain values in, plain values out.

Every adapter tells the same story: `build_submit` → the paid POST (providers/http.py) → `read_submit`, and
`build_poll` → a polite GET → `read_poll`. What came back is one of the answers below; what went wrong is one of the
errors (failures.py), each a *kind* of failure, so that the caller knows no status codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..specs import ModelSpec
from .failures import Busy as Busy
from .failures import CannotList as CannotList
from .failures import KeyRefused as KeyRefused
from .failures import NotSent as NotSent
from .failures import OutcomeUnknown as OutcomeUnknown
from .failures import ProviderError as ProviderError
from .failures import Rejected as Rejected
from .failures import TaskMissing as TaskMissing
from .failures import Unreachable as Unreachable
from .longjson import Long


@dataclass(frozen=True)
class Target:
    """Where and with which key. The key never shows in a repr, so it cannot reach a log through one."""

    base_url: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class File:
    """An image that travels inside the request."""

    name: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Job:
    """What is to be made. `media` maps a Media parameter's name to images in slot order: URLs that the provider can reach, data
    URLs or base64, as the parameter's `by` says.

    `files` does the same for parameters whose images are parts of a form. `source` is the provider's id of the shot that this
    one remakes, where the spec needs one.
    """

    spec: ModelSpec
    prompt: str
    values: Mapping[str, Any]
    media: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    correlation: str = ""
    files: Mapping[str, tuple[File, ...]] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """A whole answer. `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Stream:
    """The body of a good answer that took minutes, in a file. `why` says as a sentence what ended it early; "": it is whole."""

    path: Path
    why: str = ""


# --- answers -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Accepted:
    """The provider took the job and gave it an id."""

    task_id: str
    status: str = ""
    prompt: str = ""


@dataclass(frozen=True)
class Running:
    """Not finished. `progress` is 0-100 or None when the provider does not say. `known` is False for a strange word."""

    status: str
    progress: int | None = None
    prompt: str = ""
    started: bool = True
    known: bool = True


@dataclass(frozen=True)
class Finished:
    """The provider is done. `url` is where the file is, absolute http(s); empty when it has not said yet.

    `handle` is the file's name at a provider that tells its address only when it is asked for it (Locates).
    """

    url: str
    status: str = ""
    prompt: str = ""
    handle: str = ""


@dataclass(frozen=True)
class Delivered:
    """The answer to the paid request brought the render itself: `video` in the stream's file, or at `url`."""

    url: str = ""
    video: Long | None = None
    task_id: str = ""
    prompt: str = ""


@dataclass(frozen=True)
class Failed:
    """The provider gave up. `reason` is from the closed list of the states page; `message` is the provider's own words."""

    reason: str
    message: str


@dataclass(frozen=True)
class Listed:
    """One render in a provider's own list. `created_at` is in seconds since 1970, None when it is not said.

    `correlation` is our own name for it, where the host gives it back; `values` are the settings that the list shows.
    """

    task_id: str
    created_at: float | None = None
    correlation: str = ""
    prompt: str = ""
    model: str = ""
    status: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CharacterOrder:
    """A person or thing to be known by name: from a video at `url`, or from the finished task `task_id`; one of the two.

    `span` is "start,end" in seconds; "" leaves it to the provider.
    """

    url: str = ""
    task_id: str = ""
    span: str = ""


@dataclass(frozen=True)
class MadeCharacter:
    """`username` is what prompts say as "@username"; `permalink` and `picture` are http(s) addresses or ""."""

    remote_id: str
    username: str
    permalink: str = ""
    picture: str = ""


@dataclass(frozen=True)
class Listing:
    """One page of the list. `after` asks for the next one; "" when this is the last."""

    entries: tuple[Listed, ...]
    after: str = ""
