"""One POST to the outside: to an address that was looked at, without redirects, within a deadline."""

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from roadmark.web.hooks.addresses import Target

DEADLINE_S = 10.0


class NoAnswer(Exception):
    """The other side could not be reached, or said nothing that is HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said; its body is not read."""

    status: int
    retry_after_s: int


def post(target: Target, headers: Mapping[str, str], body: bytes, deadline_s: float = DEADLINE_S) -> Answer:
    """Send the body; whatever comes back, a redirect too, is the answer. Raises: NoAnswer."""
    connection = _Pinned(target, deadline_s)
    guard = threading.Timer(deadline_s, connection.cut)
    guard.daemon = True
    guard.start()
    try:
        connection.request("POST", target.path, body, {"Host": target.authority, **headers})
        response = connection.getresponse()
        if connection.was_cut:  # what was read until then looks whole
            raise TimeoutError
        return Answer(response.status, _seconds(response.headers.get("Retry-After", "")))
    except TimeoutError as error:
        raise NoAnswer(f"no answer within {deadline_s:g} seconds") from error
    except (OSError, HTTPException, ValueError) as error:
        raise NoAnswer(_why(error, connection, deadline_s)) from error
    finally:
        guard.cancel()
        connection.close()


class _Pinned(HTTPConnection):
    """A connection to the addresses of a target, whatever its name leads to by now."""

    def __init__(self, target: Target, deadline_s: float) -> None:
        super().__init__(target.host, target.port, timeout=deadline_s)
        self._target, self._each_s = target, deadline_s / len(target.addresses)
        self._tls = ssl.create_default_context() if target.is_tls else None
        self.was_cut = False

    def connect(self) -> None:
        """Call the first address that answers."""
        plain = self._call()
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = plain
        if self._tls is not None:
            secure = self._tls.wrap_socket(
                plain, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            self.sock = secure
            secure.do_handshake()

    def cut(self) -> None:
        """End it now, whoever is waiting for it."""
        self.was_cut = True
        with suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)

    def _call(self) -> socket.socket:
        for address in self._target.addresses[:-1]:
            with suppress(OSError):
                return socket.create_connection((address, self._target.port), self._each_s)
        return socket.create_connection((self._target.addresses[-1], self._target.port), self._each_s)


def _why(error: Exception, connection: _Pinned, deadline_s: float) -> str:
    if connection.was_cut:
        return f"no answer within {deadline_s:g} seconds"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error.strerror or 'the connection broke'}"
    return f"{type(error).__name__}: it is no HTTP"


def _seconds(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0
