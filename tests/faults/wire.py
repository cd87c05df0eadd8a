"""Networks and providers that fail in ways of their own: a proxy before the sandbox, and a provider made of answers."""

import json
import random
import select
import socket
import struct
import threading
import time
from typing import Any

from generations.providers import outbound
from tests.host import Behaviour, Host, json_answer


class Proxy:
    """Passes bytes on to `target` ("host:port") as long as its mode says so; used as a context manager.

    pass: everything · swallow: requests arrive, answers are lost and nothing is ever closed · cut: the connection is
    reset as soon as the answer begins · flaky: `delay` seconds (lowest, highest) before each answer, and a `resets`
    share of connections is reset at a random moment.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self.target = (host, int(port))
        self.mode = "pass"
        self.delay = (0.0, 0.0)
        self.resets = 0.0
        self.connections = 0
        self.chance = random.Random(7)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.url = f"http://{self.address}"

    def __enter__(self) -> "Proxy":
        self.before = outbound._trusted
        outbound.trust({*self.before, self.address})
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        outbound.trust(self.before)
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def _one(self, client: socket.socket) -> None:
        with client, socket.create_connection(self.target) as server:
            doomed = self.mode == "flaky" and self.chance.random() < self.resets
            try:
                while self._pass_on(client, server, doomed):
                    pass
            except OSError:
                return

    def _pass_on(self, client: socket.socket, server: socket.socket, doomed: bool) -> bool:
        for ready in select.select([client, server], [], [], 30)[0]:
            data = ready.recv(65536)
            if ready is server and data and not self._answer_passes(client, doomed):
                return self.mode == "swallow"
            if not data:
                return False
            (server if ready is client else client).sendall(data)
        return True

    def _answer_passes(self, client: socket.socket, doomed: bool) -> bool:
        if self.mode == "flaky":
            time.sleep(self.chance.uniform(*self.delay))
        if self.mode == "cut" or doomed:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        return self.mode != "swallow"


class Silent:
    """An address to which connections are neither accepted nor refused, like behind a firewall that drops them."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.url = f"http://{self.address}"
        self.held: list[socket.socket] = []

    def __enter__(self) -> "Silent":
        """A full backlog makes the kernel drop every further SYN."""
        self.before = outbound._trusted
        outbound.trust({*self.before, self.address})
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self.listener.getsockname())
            self.held.append(one)
        return self

    def __exit__(self, *_: Any) -> None:
        outbound.trust(self.before)
        for one in [*self.held, self.listener]:
            one.close()


class Scripted:
    """A provider of the Apertis kind made of three behaviours: create, query, file. Each may be changed at any time."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.create: Behaviour = json_answer('{"id": "t-1", "status": "pending"}')
        self.query: Behaviour = self.says("completed", video_url=self.file_url)
        self.file: Behaviour = json_answer("no file", "404 Not Found")
        host.behaviour = self._answer

    @property
    def file_url(self) -> str:
        return f"{self.host.url}/results/f.mp4"

    def says(self, status: str, **fields: Any) -> Behaviour:
        return json_answer(json.dumps({"id": "t-1", "status": status, **fields}))

    def asked(self, what: str) -> list[bytes]:
        """The requests whose first line contains `what`, e.g. "POST", "query"."""
        return [request for request in self.host.requests if what.encode() in request.split(b"\r\n", 1)[0]]

    def _answer(self, connection: socket.socket) -> None:
        first = self.host.requests[-1].split(b"\r\n", 1)[0]
        if first.startswith(b"POST"):
            self.create(connection)
        elif b"/results/" in first:
            self.file(connection)
        else:
            self.query(connection)
