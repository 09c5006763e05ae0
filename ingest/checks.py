"""Findings that follow from a whole Spec, whatever its format."""

import re
from collections.abc import Iterator

from roadmark.ingest.document import Document
from roadmark.ingest.problems import Problem, problem
from roadmark.ingest.sections.files import check_files
from roadmark.ingest.sections.overview import check_fields
from roadmark.ingest.spec import Spec

PHASE_LIMIT = 500
FILE_LIMIT = 2_000
_ODD_BOX = re.compile(r"^\[(?P<mark>[ xX]|[^\w\s\]\[^]|)\](?P<rest>\s+\S)?\*?(?(rest)|\s*$)")
_REFUSED_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")


def check_spec(spec: Spec) -> Iterator[Problem]:
    """Every finding about phases, hours, files, fields and what was assumed."""
    yield from check_files(spec.files)
    yield from check_fields(spec)
    yield from _automation(spec)
    if spec.role == "index":
        said = "this is an index: its task's work stands in the implementation and phase files"
        yield problem("I210", 1, said)
        return
    yield from _phases(spec)
    yield from _hours(spec)
    yield from _status(spec)


def check_boxes(document: Document) -> Iterator[Problem]:
    """E001 for what stands too deep, W209 and W212 for what looks like a box and is not read as one."""
    if document.cut_line:
        said = "nested deeper than 400 levels; what stands deeper is not read"
        yield problem("E001", document.cut_line, said, hint="Take levels of lists and quotes away.")
    for item in document.items:
        found = _ODD_BOX.match(item.text) if item.mark is None and item.text.startswith("[") else None
        if found is None:
            continue
        if found["mark"] in (" ", "x", "X"):
            said = "a box without text is not counted"
            yield problem("W209", item.line, said, hint="Write what is to be done.")
        elif found["rest"]:
            said = f'"[{found["mark"]}]" is not a mark that is known; not counted as a box'
            yield problem("W212", item.line, said, hint="Marks are [ ], [x], [~], [-] and [/].")


def _automation(spec: Spec) -> Iterator[Problem]:
    branch = spec.context.git_branch_name
    if branch is not None and not is_branch_name(branch):
        said = f'"{branch}" is no name for a git branch'
        yield problem("E112", spec.context.line or 1, said, hint="Write for example feature/short-name.")
    if spec.automation.automation_level is None and spec.role == "task":
        said = "no automation level is stated; the operator's policy decides"
        yield problem("I111", spec.automation.line or 1, said)


def is_branch_name(name: str) -> bool:
    """Whether git accepts a branch of this name.

    Source: git-check-ref-format(1).

    >>> is_branch_name("feature/login"), is_branch_name("feature/[name]"), is_branch_name("-x")
    (True, False, False)
    """
    if not name or name == "@" or name.startswith(("/", "-", ".")) or name.endswith(("/", ".")):
        return False
    return _REFUSED_IN_REF.search(name) is None


def _phases(spec: Spec) -> Iterator[Problem]:
    if not spec.phases:
        home = next((section.line for section in spec.sections if section.kind == "phases"), 1)
        yield problem(
            "E201",
            home,
            "there are no phases, so there is nothing to carry out",
            hint='Add "## Implementation Phases" with "### Phase 1: Name (2 hours)" and boxes below it.',
        )
    if len(spec.phases) > PHASE_LIMIT:
        said = f"{len(spec.phases):,} phases are more than the limit of {PHASE_LIMIT:,}"
        yield problem("E001", spec.phases[0].line, said, hint="Split the spec into several files.")
    if len(spec.files.all()) > FILE_LIMIT:
        said = f"{len(spec.files.all()):,} files are more than the limit of {FILE_LIMIT:,}"
        yield problem("E001", 1, said, hint="Split the spec into several files.")
    for phase in spec.phases:
        if not phase.items and not phase.bullets:
            yield problem("W202", phase.line, f'phase {phase.number} "{phase.name}" lists no work')


def _hours(spec: Spec) -> Iterator[Problem]:
    hours = [phase.hours for phase in spec.phases]
    total = sum(hour for hour in hours if hour is not None)
    stated = spec.estimated_hours
    if stated is None and spec.phases:
        yield problem("I204", 1, "no estimated time is stated, for the task or its phases")
    if stated is not None and hours and None not in hours and abs(total - stated) > 0.01:
        said = f"the phases add up to {total:g} hours, the estimate says {stated:g}"
        yield problem("W203", spec.phases[0].line, said, hint="Correct the estimate or the phases' hours.")


def _status(spec: Spec) -> Iterator[Problem]:
    boxes = [box for phase in spec.phases for box in phase.items]
    done = sum(box.is_done for box in boxes)
    if spec.status == "completed" and boxes and done < len(boxes):
        said = f"the status says completed, but {done} of {len(boxes)} boxes of the phases are ticked"
        yield problem("W207", spec.phases[0].line, said, hint="Tick the boxes, or correct the status.")
    for phase in spec.phases:
        ticked = sum(box.is_done for box in phase.items)
        if spec.status != "completed" and phase.status == "completed" and ticked < len(phase.items):
            boxes_said = f"{ticked} of its {len(phase.items)} boxes are ticked"
            said = f"phase {phase.number} says completed, but {boxes_said}"
            yield problem("W207", phase.line, said, hint="Tick the boxes, or correct the heading.")
