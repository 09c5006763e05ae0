"""Prints docs/states.md from the table of moves; a test holds the file against it."""

from roadmark.executor.states import MOVES, Status

HEAD = """# The life of a migration

Made from `executor/states.py` by `scripts/draw_states.py`; do not edit.

```mermaid
stateDiagram-v2
    [*] --> queued
"""


def main() -> None:
    """Print the page."""
    print(page(), end="")


def page() -> str:
    """The page as it must stand in docs/."""
    arrows = "".join(f"    {start} --> {end}: {move}\n" for (start, move), end in MOVES.items())
    rows = "".join(f"| `{status}` | {_meaning(status)} |\n" for status in Status)
    return f"{HEAD}{arrows}```\n\n| status | meaning |\n|---|---|\n{rows}"


def _meaning(status: Status) -> str:
    moves = sorted({move.value for start, move in MOVES if start is status})
    return f"goes on by: {', '.join(moves)}" if moves else "over"


if __name__ == "__main__":
    main()
