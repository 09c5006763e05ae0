"""In which company a process works on a database."""

from enum import StrEnum


class Hold(StrEnum):
    """What a process keeps others from, for as long as it has the database open."""

    ALONE = "alone"
    """From working on it at all."""
    SERVING = "serving"
    """From serving and from working alone: one process takes in the specs and keeps the time."""
    WORKING = "working"
    """From working alone."""
