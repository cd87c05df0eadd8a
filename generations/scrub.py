"""Keeps secrets out of logs, stored answers and pages: known key values and everything that looks like a key."""

import logging
import re
import threading
from urllib.parse import quote

_KEY_LIKE = re.compile(r"(?i)\b(sk-[A-Za-z0-9_\-]{4,}|bearer\s+[A-Za-z0-9._~+/\-]{8,}=*)")
_LINK = re.compile(r"(/(?:s|join|setup)/)[A-Za-z0-9_\-]{43}")  # whoever has such an address needs no account
_lock = threading.Lock()
_known: set[str] = set()


def remember(secret: str) -> None:
    """From now on this value is replaced wherever `scrub` looks. Called where a key is decrypted for use."""
    if len(secret) >= 6:
        with _lock:
            _known.update({secret, quote(secret, safe="")})


def scrub(text: str) -> str:
    for secret in tuple(_known):
        text = text.replace(secret, "[key removed]")
    text = _LINK.sub(r"\1[token removed]", text)
    return _KEY_LIKE.sub("[key removed]", text).replace("\x00", "")  # PostgreSQL stores no NUL


class ScrubFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrub(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = scrub(logging.Formatter().formatException(record.exc_info))
        return True
