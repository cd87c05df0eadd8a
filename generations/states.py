"""The states of a generation and the edges between them. `lifecycle` is the only writer; docs and tests read this table."""

from django.db import models


class State(models.TextChoices):
    QUEUED = "queued", "Waiting"
    SUBMITTING = "submitting", "Sending"
    SUBMITTED = "submitted", "At the provider"
    RUNNING = "running", "Rendering"
    SUCCEEDED = "succeeded", "Rendered, saving"
    ARCHIVING = "archiving", "Saving"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    UNKNOWN = "unknown", "Outcome unknown"


class Charged(models.TextChoices):
    NO = "no", "Not charged"
    YES = "yes", "Charged"
    UNKNOWN = "unknown", "May have been charged"


class Reason(models.TextChoices):
    """Why a generation failed; the closed list of the protocol."""

    INVALID = "invalid", "The provider did not accept the settings"
    MODERATION = "moderation", "The provider declined the content"
    AUTH = "auth", "The key was refused"
    FUNDS = "funds", "The account has no funds"
    REJECTED = "rejected", "The provider refused the request"
    NOT_SENT = "not_sent", "The request never reached the provider"
    PROVIDER_FAILED = "provider_failed", "The provider could not render it"
    RESULT_EXPIRED = "result_expired", "The result was gone before it could be saved"
    RESULT_INVALID = "result_invalid", "The result is not a playable video"
    STORAGE = "storage", "The result could not be stored"
    BUDGET = "budget", "Over budget"


_S = State
EDGES: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _S.QUEUED),
        (_S.QUEUED, _S.SUBMITTING),
        (_S.QUEUED, _S.CANCELLED),
        (_S.QUEUED, _S.FAILED),  # gave up before anything was sent
        (_S.SUBMITTING, _S.QUEUED),  # provably not sent, or the provider is busy
        (_S.SUBMITTING, _S.SUBMITTED),
        (_S.SUBMITTING, _S.FAILED),  # refused
        (_S.SUBMITTING, _S.CANCELLED),  # cancelled while it turned out not to have been sent
        (_S.SUBMITTING, _S.UNKNOWN),
        (_S.SUBMITTED, _S.RUNNING),
        (_S.SUBMITTED, _S.SUCCEEDED),
        (_S.SUBMITTED, _S.FAILED),
        (_S.SUBMITTED, _S.UNKNOWN),
        (_S.RUNNING, _S.SUCCEEDED),
        (_S.RUNNING, _S.FAILED),
        (_S.RUNNING, _S.UNKNOWN),
        (_S.SUCCEEDED, _S.ARCHIVING),
        (_S.ARCHIVING, _S.SUCCEEDED),  # not this time; tried again
        (_S.ARCHIVING, _S.DONE),
        (_S.ARCHIVING, _S.FAILED),
        (_S.FAILED, _S.SUBMITTED),  # a person has the result fetched again, or an acceptance came after a release
        (_S.DONE, _S.SUBMITTED),  # its file is gone from the disk, and a person has it fetched again
        (_S.QUEUED, _S.SUBMITTED),  # the first request's acceptance came before a second one was sent
        (_S.UNKNOWN, _S.SUBMITTED),  # the answer was found after all, or a person entered the id
        (_S.UNKNOWN, _S.RUNNING),
        (_S.UNKNOWN, _S.SUCCEEDED),
        (_S.UNKNOWN, _S.FAILED),  # a person released it, or the provider said so late
        (_S.UNKNOWN, _S.QUEUED),  # a person accepted to pay twice
    }
)
IN_FLIGHT = (_S.SUBMITTED, _S.RUNNING)
SAVING = (_S.SUCCEEDED, _S.ARCHIVING)
ACTIVE = (_S.QUEUED, _S.SUBMITTING, *IN_FLIGHT, *SAVING)
TERMINAL = (_S.DONE, _S.FAILED, _S.CANCELLED)
