"""``roadmark serve``: the pages, the API and the embedded engine, in one process."""

import logging
import signal
import socket
import sys
from types import FrameType
from typing import Any

import click
import uvicorn
from roadmark.cli.opening import FAILED, USAGE, Where, fail, settings_from, state_options
from roadmark.executor.access import SCOPES
from roadmark.executor.config import Settings
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.log_lines import set_up_logging
from roadmark.executor.service import Service
from roadmark.web.app import create_app
from roadmark.web.protocol import DeadlineProtocol
from roadmark.web.server import Server

_UVICORN: dict[str, Any] = {
    "log_config": None,
    "access_log": False,
    "http": DeadlineProtocol,
    "server_header": False,
    "timeout_graceful_shutdown": 5,
}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@click.command("serve")
@state_options
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port to listen on.")
@click.option("--agent", help="The agent to use, by its name in the configuration.")
@click.option("--sign-in-link", is_flag=True, help="Print a link that signs you in once.")
@click.option("--no-worker", is_flag=True, help="Leave all migrations to 'roadmark worker'.")
@click.option("--allow-remote", is_flag=True, help="Listen beyond this machine; put TLS in front of it.")
def serve_command(
    where: Where,
    host: str | None,
    port: int | None,
    agent: str | None,
    sign_in_link: bool,  # noqa: FBT001
    no_worker: bool,  # noqa: FBT001
    allow_remote: bool,  # noqa: FBT001
) -> None:
    """Watch the specs, carry out tasks, and serve the pages and the API."""
    settings = settings_from(where, host=host, port=port, agent=agent)
    set_up_logging(settings.log_format)
    if settings.host not in _LOOPBACK and not allow_remote:
        click.echo(f"roadmark: {settings.host} is not this machine; give --allow-remote to mean it", err=True)
        sys.exit(USAGE)
    listener = _listen(settings)
    try:
        service = Service(settings, slots=0 if no_worker else None)
        _serve(service, listener, sign_in_link=sign_in_link)
    except RoadmarkError as error:
        fail(error)


def _serve(service: Service, listener: socket.socket, *, sign_in_link: bool) -> None:
    address = _address(service.settings, listener)
    try:
        service.start(f"roadmark serve at {address}")
        click.echo(f"Roadmark serves {address}")
        click.echo(f"  specs: {service.settings.specs}\n  repository: {service.places.repository}")
        if sign_in_link:
            secret = service.access.make_link("you", SCOPES)
            click.echo(f"Sign in, once and within 15 minutes: {address}/sign-in/{secret}")
        sys.stdout.flush()
        _end_by_return()
        config = uvicorn.Config(create_app(service), **_UVICORN)
        Server(config).run(sockets=[listener])
    finally:
        service.stop()


def _end_by_return() -> None:
    """Uvicorn raises the signal that ended it once more; here the program still has to stop its agents."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _noticed)


def _noticed(number: int, frame: FrameType | None) -> None:
    del frame
    logging.getLogger("roadmark").info("signal %s: ending", signal.Signals(number).name)


def _listen(settings: Settings) -> socket.socket:
    """The listening socket, before anything else is touched. Ends the program where it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named, because asyncio sets TCP_NODELAY only where it is: an answer took 45 ms without it.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        click.echo(f"roadmark: cannot listen on {where}: {error.strerror}; give --port", err=True)
        sys.exit(FAILED)
    listener.listen(200)
    return listener


def _address(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"
