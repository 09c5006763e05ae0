"""How much memory an agent's tree takes, looked at now and then."""

import time

from roadmark.executor.workspace.process import Child

EVERY_S = 5.0


class MemoryMeter:
    """Looks at one child's tree, at most every five seconds unless told to look now."""

    def __init__(self) -> None:
        self.peak_bytes: int | None = None
        self._looked_at = float("-inf")

    def look(self, child: Child) -> None:
        """Look when it is time to."""
        if time.monotonic() - self._looked_at > EVERY_S:
            self.look_now(child)

    def look_now(self, child: Child) -> None:
        """Look at a child that still runs; the peak of one that has ended stays as it was."""
        if child.ended is None:
            self._looked_at = time.monotonic()
            child.usage()
            self.peak_bytes = child.peak_memory_bytes
