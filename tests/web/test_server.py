"""The server hears a signal at once, though it looks rarely."""

import asyncio
import signal

import pytest
import uvicorn
from roadmark.web import server as quiet
from roadmark.web.server import Server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_waiting_for_the_next_look(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(quiet, "_TICK_S", 3_600.0)
    server = Server(uvicorn.Config("no:application"))

    async def serve() -> None:
        serving = asyncio.create_task(server.main_loop())
        asyncio.get_running_loop().call_later(0.01, server.handle_exit, number, None)
        await asyncio.wait_for(serving, 60)

    asyncio.run(serve())
    assert server.should_exit
