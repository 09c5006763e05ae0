"""Uvicorn that looks once a second whether it should end: its own ten times are felt on an idle machine."""

import asyncio
from types import FrameType

import uvicorn

_TICK_S = 1.0
"""How old the `Date` of an answer may be."""


class Server(uvicorn.Server):
    """Serves until a signal, which it hears at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._asked_to_end = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; a second interrupt ends it without waiting for what is open."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._asked_to_end.set)  # a signal alone does not wake it

    async def main_loop(self) -> None:
        """Return when the server is to end."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            try:
                await asyncio.wait_for(self._asked_to_end.wait(), _TICK_S)
            except TimeoutError:
                continue
