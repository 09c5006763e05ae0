"""Hears of commits to a PostgreSQL database, whichever process on whichever host made them.

A transaction with journal entries sends a notification, which the server hands out once it is committed.
While nobody listens, or the connection is broken, what is told is lost: who listens looks at the journal.
"""

import os
import select
import threading
from collections.abc import Callable
from typing import Any

import psycopg

CHANNEL = "roadmark_commit"

_AGAIN_S = 1.0
"""Between two tries to connect."""

Connection = psycopg.Connection[Any]


class Announcements:
    """Calls `heard` after each commit from `start` to `stop`, and whenever it connected anew."""

    def __init__(self, connect: Callable[[], Connection], heard: Callable[[], None]) -> None:
        self._connect, self._heard = connect, heard
        self._stopping = threading.Event()
        self._reading, self._writing = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="announcements", daemon=True)

    def start(self) -> None:
        """Listen from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no longer; `heard` is not called after this."""
        self._stopping.set()
        os.write(self._writing, b".")
        self._thread.join()
        os.close(self._reading)
        os.close(self._writing)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._connect() as connection:
                    self._listen(connection)
            except psycopg.Error:
                self._stopping.wait(_AGAIN_S)

    def _listen(self, connection: Connection) -> None:
        connection.autocommit = True
        connection.execute(f"LISTEN {CHANNEL}")
        while not self._stopping.is_set():
            self._heard()
            select.select([connection.fileno(), self._reading], [], [])
            connection.pgconn.consume_input()
            while connection.pgconn.notifies():
                pass
