"""The application behind the real server, spoken to by raw bytes."""

import asyncio
import socket
import threading
from contextlib import suppress

import uvicorn
from roadmark.web.app import create_app
from roadmark.web.protocol import DeadlineProtocol

from .conftest import Workbench

ANSWER_S = 10.0
GIVE_UP_S = 0.3


class Impatient(DeadlineProtocol):
    """The same, for tests."""

    deadline_s = 0.3


class Server:
    """Serves on a port of its own until it is closed."""

    def __init__(self, bench: Workbench, protocol: type[DeadlineProtocol] = DeadlineProtocol) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(50)
        self.port: int = self._listener.getsockname()[1]
        config = uvicorn.Config(create_app(bench), log_config=None, access_log=False, http=protocol)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listener]))

    def close(self) -> None:
        """End."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def say(self, raw: bytes) -> bytes:
        """All that is answered until the server closes; a request that leaves it open is given up soon."""
        wait_s = ANSWER_S if b"Connection: close" in raw else GIVE_UP_S
        parts = []
        with socket.create_connection(("127.0.0.1", self.port), wait_s) as connection, suppress(OSError):
            connection.sendall(raw)
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts)
