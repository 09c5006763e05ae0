"""Findings that follow from a whole Spec, whatever its format."""

from collections.abc import Iterator

from roadmark.ingest.problems import Problem, problem
from roadmark.ingest.sections.files import check_files
from roadmark.ingest.spec import Spec


def check_spec(spec: Spec) -> Iterator[Problem]:
    """Every finding about phases, hours, files and what was assumed."""
    yield from check_files(spec.files)
    yield from _phases(spec)
    yield from _hours(spec)


def _phases(spec: Spec) -> Iterator[Problem]:
    if not spec.phases:
        home = next((section.line for section in spec.sections if section.kind == "phases"), 1)
        yield problem(
            "E201",
            home,
            "there are no phases, so there is nothing to carry out",
            hint='Add "## Implementation Phases" with "### Phase 1: Name (2 hours)" and boxes below it.',
        )
    for phase in spec.phases:
        if not phase.items and not phase.bullets:
            yield problem("W202", phase.line, f'phase {phase.number} "{phase.name}" lists no work')


def _hours(spec: Spec) -> Iterator[Problem]:
    hours = [phase.hours for phase in spec.phases]
    total = sum(hour for hour in hours if hour is not None)
    stated = spec.estimated_hours
    if stated is not None and hours and None not in hours and abs(total - stated) > 0.01:
        said = f"the phases add up to {total:g} hours, the estimate says {stated:g}"
        yield problem("W203", spec.phases[0].line, said, hint="Correct the estimate or the phases' hours.")
