"""The real seed spec, where the corpus is at hand."""

import json
import re
from pathlib import PurePosixPath

import pytest
from roadmark.ingest.reader import read_spec
from roadmark.ingest.rows import task_values
from roadmark.ingest.spec import Spec


@pytest.fixture(scope="module")
def seed(seed_bytes: bytes) -> Spec:
    """The seed spec, read."""
    return read_spec(PurePosixPath("specs/seed.md"), seed_bytes)


def test_the_seed_has_its_title_priority_time_type_and_category(seed: Spec) -> None:
    values = task_values(seed)
    assert values.title == "Migration Infrastructure Setup"
    assert (values.priority, values.estimated_hours) == ("high", 40)
    assert (values.type, values.category, values.status) == ("feature", "backend", "pending")
    assert (values.source_type, values.source_path) == ("markdown_doc", "specs/seed.md")


def test_the_seed_has_four_phases_of_eight_boxes(seed: Spec) -> None:
    assert [(phase.hours, len(phase.items)) for phase in seed.phases] == [(16, 8), (12, 8), (8, 8), (4, 8)]


def test_the_seed_lists_its_files_risks_criteria_and_indicators(seed: Spec) -> None:
    assert (len(seed.files.create), len(seed.files.modify)) == (22, 5)
    assert (len(seed.risks), len(seed.success_criteria), len(seed.success_indicators)) == (9, 10, 8)


def test_the_seed_has_its_execution_context(seed: Spec) -> None:
    assert seed.context.confirmation_keywords == ("fertig", "done", "complete", "infrastructure ready")
    assert seed.context.git_branch_name == "feature/migration-infrastructure"
    assert seed.context.timeout_seconds == 14400
    assert seed.automation.max_attempts == 3


def test_the_metadata_of_the_seed_equals_its_mapping_block(seed: Spec, seed_bytes: bytes) -> None:
    block = re.search(rb"'(\{\s*\"tech_stack\".*?\})',", seed_bytes, re.S)
    assert block is not None
    assert task_values(seed).metadata == json.loads(block[1])


def test_the_seed_can_be_executed(seed: Spec) -> None:
    assert seed.can_execute
