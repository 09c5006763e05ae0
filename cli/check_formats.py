"""Findings written for a person, for a program, and for the tools that show them beside the code."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from roadmark.cli.spec_files import ReadFile
from roadmark.cli.spec_text import safe, with_frame
from roadmark.ingest.problems import CODES, Problem, Severity
from roadmark.ingest.source import read_source

Writer = Callable[[tuple[ReadFile, ...]], str]

_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_GITLAB = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}
_SARIF = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


@dataclass(frozen=True, slots=True)
class _Finding:
    file: str
    problem: Problem


def _findings(files: tuple[ReadFile, ...]) -> Iterator[_Finding]:
    for read in files:
        yield from (_Finding(read.spec.path, problem) for problem in read.spec.problems)


def _as_object(found: _Finding) -> dict[str, object]:
    problem = found.problem
    return {
        "file": found.file,
        "code": problem.code,
        "severity": str(problem.severity),
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "hint": problem.hint,
    }


def as_text(files: tuple[ReadFile, ...]) -> str:
    """Each finding with the line it stands on, and a last line that counts them."""
    parts: list[str] = []
    for read in files:
        lines = read_source(read.content)[0].lines if read.spec.problems else ()
        parts.extend(with_frame(read.spec.path, found, lines) for found in read.spec.problems)
    severities = [found.problem.severity for found in _findings(files)]
    counts = ", ".join(_count(severities.count(severity), severity) for severity in Severity)
    return "\n".join([*parts, f"{_count(len(files), 'file')}: {counts}"]) + "\n"


def _count(number: int, word: str) -> str:
    plural = "" if number == 1 or word == "info" else "s"
    return f"{number} {word}{plural}"


def as_json(files: tuple[ReadFile, ...]) -> str:
    """One JSON list."""
    return json.dumps(list(map(_as_object, _findings(files))), ensure_ascii=False, indent=2) + "\n"


def as_jsonl(files: tuple[ReadFile, ...]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(_as_object(found), ensure_ascii=False) + "\n" for found in _findings(files))


def as_github(files: tuple[ReadFile, ...]) -> str:
    """Workflow commands that GitHub Actions shows beside the lines.

    Source: docs.github.com, workflow commands.
    """
    return "".join(_github_line(found) for found in _findings(files))


def _github_line(found: _Finding) -> str:
    problem = found.problem
    place = f"file={_escaped(found.file, ',:')},line={problem.line},col={problem.column}"
    return (
        f"::{_GITHUB[problem.severity]} {place},title={problem.code}::{_escaped(safe(problem.message), '')}\n"
    )


def _escaped(text: str, more: str) -> str:
    """Percent escapes as the workflow commands want them; ``more`` are the signs of a property."""
    for sign in "%\r\n" + more:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def as_gitlab(files: tuple[ReadFile, ...]) -> str:
    """A GitLab code quality report."""
    return (
        json.dumps([_gitlab_object(found) for found in _findings(files)], ensure_ascii=False, indent=2) + "\n"
    )


def _gitlab_object(found: _Finding) -> dict[str, object]:
    problem = found.problem
    print_of = hashlib.sha256(f"{found.file}\n{problem.code}\n{problem.line}\n{problem.message}".encode())
    return {
        "description": f"{problem.code} {problem.message}",
        "check_name": problem.code,
        "fingerprint": print_of.hexdigest(),
        "severity": _GITLAB[problem.severity],
        "location": {"path": found.file, "lines": {"begin": problem.line}},
    }


def as_sarif(files: tuple[ReadFile, ...]) -> str:
    """A SARIF log.

    Source: OASIS SARIF 2.1.0.
    """
    rules = [{"id": code, "shortDescription": {"text": summary}} for code, summary in CODES.items()]
    run = {
        "tool": {"driver": {"name": "roadmark", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(found) for found in _findings(files)],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return (
        json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)
        + "\n"
    )


def _sarif_result(found: _Finding) -> dict[str, object]:
    problem = found.problem
    place = {
        "artifactLocation": {"uri": found.file},
        "region": {"startLine": problem.line, "startColumn": problem.column},
    }
    return {
        "ruleId": problem.code,
        "ruleIndex": list(CODES).index(problem.code),
        "level": _SARIF[problem.severity],
        "message": {"text": problem.message},
        "locations": [{"physicalLocation": place}],
    }


def as_junit(files: tuple[ReadFile, ...]) -> str:
    """A JUnit report: a test case a file, failed where the file has errors; the other findings as output."""
    suite = ET.Element("testsuite", name="roadmark check", tests=str(len(files)))
    failed = 0
    for read in files:
        errors = [found for found in read.spec.problems if found.severity is Severity.ERROR]
        case = ET.SubElement(suite, "testcase", classname="roadmark", name=safe(read.spec.path))
        failed += bool(errors)
        if errors:
            said = safe(f"{errors[0].code} {errors[0].message}")
            failure = ET.SubElement(case, "failure", message=said)
            failure.text = "\n".join(_junit_line(found) for found in errors)
        others = [found for found in read.spec.problems if found.severity is not Severity.ERROR]
        if others:
            ET.SubElement(case, "system-out").text = "\n".join(map(_junit_line, others))
    suite.set("failures", str(failed))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _junit_line(found: Problem) -> str:
    return safe(f"{found.line}:{found.column}: {found.code} {found.message}")


WRITERS: dict[str, Writer] = {
    "text": as_text,
    "json": as_json,
    "jsonl": as_jsonl,
    "github": as_github,
    "gitlab": as_gitlab,
    "sarif": as_sarif,
    "junit": as_junit,
}
