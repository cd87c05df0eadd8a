"""Kinds of failure: what went wrong decides what happens next, not which status code came. No Django."""

from __future__ import annotations


class ProviderError(Exception):
    """`message` is a sentence for people, already scrubbed of the key; `status` is the HTTP status where there was one."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class NotSent(ProviderError):
    """The request provably never left. Nothing was charged; it may be sent again.

    `unreachable` when the provider could not be reached, and not something on our side was missing.
    """

    def __init__(self, message: str, *, unreachable: bool = False, status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.unreachable = unreachable


class Busy(ProviderError):
    """Refused for now (429, 503 with Retry-After). Nothing was charged; wait `retry_after` seconds (None: not said)."""

    def __init__(self, message: str, *, retry_after: float | None = None, status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class Rejected(ProviderError):
    """Refused for good: nothing was charged and sending the same again is pointless. `reason` as in Failed."""

    def __init__(self, message: str, *, reason: str = "rejected", status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.reason = reason


class KeyRefused(ProviderError):
    """401, 402, 403: the key is wrong or has no funds. Nothing was charged; the key must rest until a person acts."""


class OutcomeUnknown(ProviderError):
    """The request may have been accepted and charged. It must never be sent again without a person's word."""


class Unreachable(ProviderError):
    """A GET did not bring a usable answer. Nothing is lost; ask again later."""

    def __init__(self, message: str, *, retry_after: float | None = None, status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class TaskMissing(ProviderError):
    """The provider says that it does not know the task. May be a passing fault right after creation."""


class CannotList(ProviderError):
    """This host has no list of what it accepted. Asking again will not change that."""


class DownloadFailed(Exception):
    """`gone` when the address answered 403, 404 or 410, or can never work; otherwise try again later."""

    def __init__(self, message: str, *, gone: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.gone = gone
        self.status = status


class PartRefused(DownloadFailed):
    """The host does not go on where we stopped; a download from the beginning may work."""
