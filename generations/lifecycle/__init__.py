"""The verbs of a generation, one file an edge. Nothing else writes `state`. See docs/states.md."""

from .archiving import archive
from .cancelling import TooLate, can_cancel, cancel
from .casting import CannotCast, can_cast, cast, casting_key, characters_due, make_character
from .derivatives import pictures
from .money import OverBudget
from .moves import LostRow
from .polling import ask, heard, poll, put_aside, question, record, silence, silent_keys
from .probing import is_asked_once, probe, probes_due, replace_secret
from .proving import Proof, prove
from .recasting import cancel_cast, cast_again, give_up_cast
from .reconciling import can_look, look_again, lookups, reconcile
from .reminding import remind
from .resolving import (
    CannotResolve,
    adopt,
    can_adopt,
    can_fetch_again,
    check_again,
    decide_charge,
    fetch_again,
    release,
    send_again,
    write_off,
)
from .rhythm import FEW, ask_sooner
from .starting import NotRemixable, TokenReused, remix_spec, start
from .submission import Sending, begin, carries_images, deliver, put_away, settle, submit
from .sweeping import sweep
from .turns import hurry, next_to_send

__all__ = [
    "FEW",
    "CannotCast",
    "CannotResolve",
    "LostRow",
    "NotRemixable",
    "OverBudget",
    "Proof",
    "Sending",
    "TokenReused",
    "TooLate",
    "adopt",
    "archive",
    "ask",
    "ask_sooner",
    "begin",
    "can_adopt",
    "can_cancel",
    "can_cast",
    "can_fetch_again",
    "can_look",
    "cancel",
    "cancel_cast",
    "carries_images",
    "cast",
    "cast_again",
    "casting_key",
    "characters_due",
    "check_again",
    "decide_charge",
    "deliver",
    "fetch_again",
    "give_up_cast",
    "heard",
    "hurry",
    "is_asked_once",
    "look_again",
    "lookups",
    "make_character",
    "next_to_send",
    "pictures",
    "poll",
    "probe",
    "probes_due",
    "prove",
    "put_aside",
    "put_away",
    "question",
    "reconcile",
    "record",
    "release",
    "remind",
    "remix_spec",
    "replace_secret",
    "send_again",
    "settle",
    "silence",
    "silent_keys",
    "start",
    "submit",
    "sweep",
    "write_off",
]
