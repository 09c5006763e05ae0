"""The spool by which reports of the `report_phase` tool come out of the sandbox."""

import json
import os
import stat
import sys
from pathlib import Path

from roadmark.executor.agents import report_tool
from roadmark.executor.agents.base import Brief, Reported, ReportStatus
from roadmark.executor.agents.report_tool import MOST_NONCE, MOST_SUMMARY
from roadmark.executor.workspace.files import remove_trees
from roadmark.executor.workspace.terminal_text import clean_line

PROGRAM = Path(report_tool.__file__)
"""The tool needs nothing but the standard library, so that it runs wherever its one file can be read."""
_MOST_BYTES = 64 * 1024
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class ReportSpool:
    """One attempt's spool file in the agent's home. What stands in it is hostile until checked."""

    def __init__(self, brief: Brief) -> None:
        self.path = brief.home / f".roadmark-report-{brief.phase}-{brief.attempt}.jsonl"
        self._read_bytes = 0

    def command(self) -> tuple[str, ...]:
        """The arguments that start the tool's server: isolated, by the interpreter itself and its file."""
        return (os.path.realpath(sys.executable), "-I", str(PROGRAM), str(self.path))

    def clear(self) -> None:
        """Remove what an earlier run of the same attempt left, or an agent before it laid in the way."""
        if os.path.lexists(self.path):
            remove_trees([self.path])
        self._read_bytes = 0

    def new_reports(self) -> list[Reported]:
        """The reports that came since the last call; at most 64 KiB of a spool are ever read."""
        try:
            descriptor = os.open(self.path, _OPEN)
        except OSError:
            return []
        try:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            wanted = max(0, _MOST_BYTES - self._read_bytes)
            data = os.pread(descriptor, wanted, self._read_bytes) if is_file else b""
        finally:
            os.close(descriptor)
        complete = data[: data.rfind(b"\n") + 1]
        self._read_bytes += len(complete)
        return [report for line in complete.splitlines() if (report := _report(line)) is not None]


def _report(line: bytes) -> Reported | None:
    try:
        values = json.loads(line)
        status = ReportStatus(values["status"])
        summary, nonce = values["summary"], values["nonce"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(summary, str) or not isinstance(nonce, str):
        return None
    shown = " ".join(clean_line(part) for part in summary[:MOST_SUMMARY].splitlines())
    return Reported(status=status, summary=shown, nonce=nonce[:MOST_NONCE])
