"""Findings written for a person or for a program."""

import json
from collections.abc import Callable
from typing import Any

from roadmark.cli.spec_files import ReadFile
from roadmark.cli.spec_text import with_frame
from roadmark.ingest.machine_view import as_dict
from roadmark.ingest.problems import Severity
from roadmark.ingest.source import read_source

Writer = Callable[[tuple[ReadFile, ...]], str]


def findings(files: tuple[ReadFile, ...]) -> list[dict[str, Any]]:
    """Every finding as a plain object with its file."""
    found: list[dict[str, Any]] = []
    for read in files:
        problems: Any = as_dict(read.spec)["problems"]
        found.extend({"file": read.spec.path, **problem} for problem in problems)
    return found


def as_text(files: tuple[ReadFile, ...]) -> str:
    """Each finding with the line it stands on, and a last line that counts them."""
    parts: list[str] = []
    for read in files:
        lines = read_source(read.content)[0].lines if read.spec.problems else ()
        parts.extend(with_frame(read.spec.path, found, lines) for found in read.spec.problems)
    severities = [found.severity for read in files for found in read.spec.problems]
    counts = ", ".join(f"{severities.count(severity)} {severity}s" for severity in Severity)
    return "\n".join([*parts, f"{len(files)} files: {counts}"]) + "\n"


def as_json(files: tuple[ReadFile, ...]) -> str:
    """One JSON list."""
    return json.dumps(findings(files), ensure_ascii=False, indent=2) + "\n"


def as_jsonl(files: tuple[ReadFile, ...]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(found, ensure_ascii=False) + "\n" for found in findings(files))


WRITERS: dict[str, Writer] = {"text": as_text, "json": as_json, "jsonl": as_jsonl}
