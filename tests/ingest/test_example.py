"""The example spec exercises every section of the template."""

from collections import Counter

from roadmark.ingest.files_of_phase import assign_files
from roadmark.ingest.machine_view import as_dict
from roadmark.ingest.rows import task_values
from roadmark.ingest.spec import Spec


def test_the_example_can_be_executed_and_has_nothing_to_complain_about(example: Spec) -> None:
    assert example.can_execute
    assert example.problems == ()


def test_the_head_of_the_example_is_read(example: Spec) -> None:
    assert example.title == "Health Endpoint"
    assert example.title_line == 4
    assert (example.priority, example.category, example.type) == ("medium", "backend", "feature")
    assert example.estimated_hours == 6
    assert example.dependencies == ()
    assert len(example.related_issues) == 1


def test_the_phases_of_the_example_have_hours_and_boxes(example: Spec) -> None:
    assert [(phase.number, phase.name, phase.hours, len(phase.items)) for phase in example.phases] == [
        ("1", "Checks", 2, 3),
        ("2", "Addresses", 2, 3),
        ("3", "Tests and Documentation", 2, 4),
    ]


def test_every_list_of_the_example_lands_in_its_place(example: Spec) -> None:
    assert [change.path for change in example.files.create] == [
        "app/health.py",
        "tests/test_health.py",
        "docs/health.md",
    ]
    assert [change.purpose for change in example.files.modify] == ["Serve the two addresses", "Mention them"]
    assert [field.label for field in example.code_standards][:2] == ["Coding Style", "Naming Conventions"]
    assert len(example.security) == 2
    assert len(example.performance) == 5
    assert [group.title for group in example.testing] == ["Unit Tests", "Integration Tests"]
    assert [group.title for group in example.documentation] == ["Code Documentation", "User Documentation"]
    deployment = example.deployment
    assert (len(deployment.pre), len(deployment.during), len(deployment.post)) == (2, 1, 1)
    assert len(example.rollback_plan) == 2
    assert len(example.success_criteria) == 3
    assert len(example.success_indicators) == 3
    assert [field.label for field in example.references] == ["Technical Documentation", "Best Practices"]


def test_the_risks_of_the_example_have_levels_and_mitigations(example: Spec) -> None:
    assert Counter(risk.level for risk in example.risks) == {"high": 1, "medium": 1, "low": 1}
    assert example.risks[1].text == "A slow check makes readiness flap"
    assert example.risks[1].mitigation == "Keep results for one second"


def test_the_automation_of_the_example_is_typed(example: Spec) -> None:
    automation, context = example.automation, example.context
    assert automation.automation_level == "semi_auto"
    assert (automation.confirmation_required, automation.max_attempts) == (True, 3)
    assert (automation.git_branch_required, automation.new_chat_required) == (True, True)
    assert context.confirmation_keywords == ("done", "fertig", "endpoint ready")
    assert context.git_branch_name == "feature/health-endpoint"
    assert context.timeout_seconds == 1800


def test_metadata_is_derived_where_there_is_no_mapping_block(example: Spec) -> None:
    assert task_values(example).metadata == {
        "tech_stack": ["Python", "pytest"],
        "architecture": "One pure function for each check, collected by the endpoint",
        "database_changes": [],
        "api_changes": [
            "Add /health, which answers while the process is up",
            "Add /ready, which answers when every check passes",
        ],
        "frontend_changes": [],
        "backend_changes": [
            "Add a Check value with a name, a result and a reason",
            "Add the two routes to the application",
        ],
        "files_to_create": 3,
        "files_to_modify": 2,
        "migration_phases": 3,
        "infrastructure_components": 2,
        "database_tables": 0,
        "api_endpoints": 2,
    }


def test_each_declared_file_is_expected_in_one_phase(example: Spec) -> None:
    found = assign_files(example)
    assert [[change.path for change in part.required] for part in found] == [
        ["app/health.py"],
        ["app/main.py"],
        ["tests/test_health.py", "docs/health.md", "README.md"],
    ]
    assert [[change.path for change in part.expected] for part in found] == [
        ["app/health.py"],
        ["app/main.py"],
        ["tests/test_health.py", "docs/health.md", "README.md"],
    ]


def test_the_machines_view_counts_phase_boxes_once(example: Spec) -> None:
    view = as_dict(example)
    assert view["can_execute"] is True
    assert isinstance(view["items"], list)
    assert len(view["items"]) == len(example.items)
    assert len({box.key for box in example.items}) == len(example.items)
