"""``roadmark worker``: carries out migrations of a database that others work on as well, without pages."""

import signal
import socket
import threading

import click
from roadmark.cli.opening import Where, fail, settings_from, state_options
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.log_lines import set_up_logging
from roadmark.executor.service import Service


@click.command("worker")
@state_options
@click.option("--slots", type=click.IntRange(min=1), help="Agents at once, instead of [run] slots.")
def worker_command(where: Where, slots: int | None) -> None:
    """Carry out migrations beside `roadmark serve`: on PostgreSQL, in any number, each with its own state.

    SIGTERM ends it: attempts that run are closed as interrupted and done again by another worker.
    """
    settings = settings_from(where, slots=slots)
    set_up_logging(settings.log_format)
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    try:
        service = Service(settings)
        try:
            service.work(f"roadmark worker on {socket.gethostname()}")
            click.echo(f"Roadmark works for {service.store.place}")
            ending.wait()
        finally:
            service.stop()
    except RoadmarkError as error:
        fail(error)
