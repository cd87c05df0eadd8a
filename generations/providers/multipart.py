"""A request body of texts and files. Source: RFC 7578.

Not httpx's own encoder: its boundary is random, and the hash of a request is to be the same for the same request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from .base import File


def multipart(fields: Mapping[str, str], files: Mapping[str, tuple[File, ...]] | None = None) -> tuple[str, bytes]:
    """(content type, body). The boundary is made from all of the content, so no part can contain it."""
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    for name, sent in (files or {}).items():
        parts += [
            (f'name="{name}"; filename="{_quoted(file.name)}"\r\nContent-Type: {file.content_type}', file.data)
            for file in sent
        ]
    digest = hashlib.sha256()
    for head, data in parts:
        digest.update(head.encode(errors="surrogatepass") + b"\0" + data + b"\0")
    boundary = f"studio-{digest.hexdigest()[:32]}"
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"
        for head, data in parts
    )
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def _quoted(name: str) -> str:
    """A file name that cannot end its header: the escapes of the HTML standard."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
