"""Runs the application: as a process of its own, or in a thread for tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .app import SECONDS, create_app

GRACE = 0.5  # seconds that open requests get when the server stops; most of them hang on purpose


class OpenProtocol(HttpToolsProtocol):
    """Hands its connection to the application, which closes it where an ending says so."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"sandbox.transport": {"connection": self.transport}}


def build_server(app: Starlette, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Server:
    """A server that stops within a second whatever hangs."""
    config = uvicorn.Config(
        app, host, port, http=OpenProtocol, loop="asyncio", access_log=False, log_level="warning", server_header=False
    )
    config.timeout_graceful_shutdown = GRACE  # type: ignore[assignment]  # awaited as seconds; fractions work
    return uvicorn.Server(config)


@contextmanager
def running(data_dir: Path, seconds: float = SECONDS) -> Iterator[str]:
    """The sandbox in a thread on a free port of 127.0.0.1; gives its address, e.g. "http://127.0.0.1:40123"."""
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = build_server(create_app(data_dir, seconds))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                thread.join(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(5)
