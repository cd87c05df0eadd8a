"""A bucket of our own: as much of S3 as putting, reading and signing needs, and the ways in which one can fail.

It looks at what a client must send (a signature, checksums that fit), but does not compute signatures itself.
"""

import base64
import contextlib
import re
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
SIGNED_HEADER = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/s3/aws4_request, ")


class Bucket:
    """`objects` by key. `trouble`: "", "403", "500", "slow", "loses parts" (the whole is put together without the last)."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.trouble = ""
        self.requests: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


def _handler(bucket: Bucket) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key, query = self._asked()
            if self._in_trouble():
                return
            given = self.headers.get("x-amz-checksum-crc32")
            if given != base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode():
                return self._answer(400, b"<Error><Code>BadDigest</Code></Error>")
            if "uploadId" in query:
                bucket.uploads[query["uploadId"][0]][int(query["partNumber"][0])] = body
            else:
                bucket.objects[key] = body
            self._answer(200, ETag='"e"')

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            key, query = self._asked()
            if self._in_trouble():
                return
            if "uploads" in query:
                upload = f"upload-{len(bucket.uploads)}"
                bucket.uploads[upload] = {}
                return self._answer(200, f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId>"
                                         "</InitiateMultipartUploadResult>".encode())  # fmt: skip
            parts = bucket.uploads.pop(query["uploadId"][0])
            last = max(parts) if bucket.trouble == "loses parts" else None
            bucket.objects[key] = b"".join(parts[number] for number in sorted(parts) if number != last)
            self._answer(200, b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")

        def do_DELETE(self) -> None:
            _, query = self._asked()
            bucket.uploads.pop(query.get("uploadId", [""])[0], None)
            self._answer(204)

        def do_GET(self) -> None:
            key, query = self._asked()
            if self._in_trouble():
                return
            body = bucket.objects.get(key)
            if body is None:
                return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            shown = {"Content-Type": query.get("response-content-type", ["binary/octet-stream"])[0],
                     "Content-Disposition": query.get("response-content-disposition", ["inline"])[0]}  # fmt: skip
            span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if span:
                end = min(int(span[2] or len(body) - 1), len(body) - 1)
                shown["Content-Range"] = f"bytes {span[1]}-{end}/{len(body)}"
                return self._answer(206, body[int(span[1]) : end + 1], **shown)
            self._answer(200, body, **shown)

        do_HEAD = do_GET

        def _asked(self) -> tuple[str, dict[str, list[str]]]:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query, keep_blank_values=True)
            bucket.requests.append(f"{self.command} {self.path}")
            signed = SIGNED_HEADER.match(self.headers.get("Authorization", "")) or (
                "X-Amz-Signature" in query and int(query["X-Amz-Expires"][0]) <= 300
            )
            self.signed = bool(signed)
            return unquote(parts.path).removeprefix("/films/"), query

        def _in_trouble(self) -> bool:
            if not self.signed or bucket.trouble == "403":
                self._answer(403, DENIED)
            elif bucket.trouble == "500":
                self._answer(500, b"<Error><Code>InternalError</Code></Error>")
            elif bucket.trouble == "slow":
                time.sleep(3)  # longer than the client waits: the fault itself
                return False
            else:
                return False
            return True

        def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Last-Modified", "Sat, 21 Nov 2026 12:00:00 GMT")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

    return Handler


@contextlib.contextmanager
def bucket() -> Iterator[Bucket]:
    """A running, empty bucket named "films"."""
    found = Bucket()
    threading.Thread(target=found.server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()
