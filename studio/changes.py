"""Whether anything was committed to the database since the last look, by whichever process."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections

STEP_SQLITE = 0.01  # seconds between two looks at data_version, which costs microseconds
STEP_SERVER = 0.25  # seconds between two queries on a database server


class Changes:
    """Says cheaply whether anything was committed. On a database server every look is the query itself."""

    def __init__(self) -> None:
        self.own: Any = None
        self.version = -1
        self.ready = False

    def open(self) -> None:
        """In the hub's thread: Django refuses to connect inside an event loop."""
        if connection.vendor == "sqlite":
            self.own = connections.create_connection(DEFAULT_DB_ALIAS)
            self.own.inc_thread_sharing()
            self.own.ensure_connection()
        self.ready = True

    @property
    def step(self) -> float:
        return STEP_SQLITE if self.own else STEP_SERVER

    def any(self) -> bool:
        if not self.own:
            return True
        version: int = self.own.connection.execute("PRAGMA data_version").fetchone()[0]
        changed, self.version = version != self.version, version
        return changed

    def close(self) -> None:
        if self.own:
            self.own.connection.close()  # sqlite3's own: Django's refuses inside an event loop
            self.own = None
