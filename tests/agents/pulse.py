"""The pages of a service on loopback, and how long `/livez` takes to answer meanwhile."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import uvicorn
from roadmark.executor.service import Service
from roadmark.web.app import create_app

EVERY_S = 0.05
LATE_S = 20.0


class Pulse:
    """Asks twenty times a second."""

    def __init__(self, address: tuple[str, int], host: str) -> None:
        self._address, self._host = address, host
        self.waits_s: list[float] = []

    def beat(self, ended: threading.Event) -> None:
        """Ask until it is over."""
        while not ended.wait(EVERY_S):
            self.waits_s.append(self._asked())

    def _asked(self) -> float:
        began = time.monotonic()
        with closing(http.client.HTTPConnection(*self._address, timeout=LATE_S)) as connection:
            connection.request("GET", "/livez", headers={"Host": self._host})
            assert connection.getresponse().status == 200
        return time.monotonic() - began


@contextmanager
def pulse_of(service: Service) -> Iterator[Pulse]:
    """Serve the pages, and ask all the while."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(service), log_config=None, access_log=False)
    server, ended = uvicorn.Server(config), threading.Event()
    pulse = Pulse(listener.getsockname(), f"127.0.0.1:{service.settings.port}")
    serving = threading.Thread(target=server.run, args=([listener],))
    asking = threading.Thread(target=pulse.beat, args=(ended,))
    serving.start()
    asking.start()
    try:
        yield pulse
    finally:
        ended.set()
        asking.join()
        server.should_exit = True
        serving.join()
        listener.close()
