"""What each automation level asks a person and what it does not, with the operator's policy as a ceiling."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from roadmark.executor.config import LEVELS, AgentSettings, Settings
from roadmark.executor.model import Migration
from roadmark.executor.policy import policy_for
from roadmark.executor.service import Service
from roadmark.executor.states import Status, WaitKind
from roadmark.executor.workspace.branch_names import BranchNameRefused

WORDS = {"do": "write", "path": "greeting/words.py", "text": "WORDS = ['hello']\n"}
PAGE = {"do": "write", "path": "greeting/page.py", "text": "PAGE = 'hello'\n"}
DONE = {"do": "say", "text": "done\n"}
AGENTS = {
    "honest": {"1": [[WORDS, DONE]], "2": [[PAGE, DONE]]},
    "mumbling": {
        "1": [[WORDS, {"do": "say", "text": "The words are there now."}]],
        "2": [[PAGE, DONE]],
    },
    "asking": {
        "1": [[{"do": "report", "status": "needs_input", "summary": "Which colour?"}], [WORDS, DONE]],
        "2": [[PAGE, DONE]],
    },
    "lying": {"1": [[DONE]], "2": [[DONE]]},
}
START, BEGIN, CONFIRM, QUESTION = WaitKind.START, WaitKind.BEGIN, WaitKind.CONFIRM, WaitKind.QUESTION
EACH_PHASE = [BEGIN, CONFIRM, BEGIN, CONFIRM]

Open = Callable[..., Service]


@pytest.fixture
def open_service(spec: Path, settings: Settings) -> Iterator[Open]:
    """A service that is not started, over a spec of this level; the test advances its migrations."""
    opened: list[Service] = []

    def make(level: str, *, confirm: bool = True, **changes: object) -> Service:
        text = spec.read_text().replace("'semi_auto'", f"'{level}'")
        spec.write_text(text.replace("confirmation_required**: true", f"confirmation_required**: {confirm}"))
        agents = {
            name: AgentSettings(name=name, kind="scripted", options={"phases": phases})
            for name, phases in AGENTS.items()
        }
        opened.append(Service(replace(settings, agents=agents, retry_delay_s=0.0, **changes)))
        opened[-1].hold("a test")
        opened[-1].intake.rescan_settled()
        return opened[-1]

    yield make
    for service in opened:
        service.stop()


def begin(service: Service, agent: str = "honest") -> str:
    return service.manager.start(service.tracker.fleet()[0].task.id, "anna", agent).id


def asked(service: Service, migration_id: str) -> tuple[list[WaitKind], Migration]:
    """Say yes to everything; what was asked, and where it ended."""
    kinds: list[WaitKind] = []
    for _ in range(20):
        service.advance(migration_id)
        view = service.tracker.migration(migration_id)
        if view.wait is not None:
            kinds.append(view.wait.kind)
            service.manager.reply(migration_id, "done", "anna", "test")
        elif view.migration.status is not Status.QUEUED:
            break
    return kinds, view.migration


@pytest.mark.parametrize(
    ("level", "confirm", "kinds"),
    [
        ("manual", True, EACH_PHASE),
        ("manual", False, EACH_PHASE),
        ("assisted", True, EACH_PHASE),
        ("assisted", False, EACH_PHASE),
        ("semi_auto", True, [START, CONFIRM, CONFIRM]),
        ("semi_auto", False, []),
        ("full_auto", True, []),
        ("full_auto", False, []),
    ],
)
def test_a_level_asks_what_it_says_and_nothing_else(
    open_service: Open, level: str, *, confirm: bool, kinds: list[WaitKind]
) -> None:
    service = open_service(level, confirm=confirm)
    found, ended = asked(service, begin(service))
    assert (found, ended.status) == (kinds, Status.COMPLETED)


def test_a_spec_may_lower_the_operators_level_and_never_raise_it(open_service: Open) -> None:
    service = open_service("semi_auto")
    task = service.tracker.task(service.tracker.fleet()[0].task.id).task
    for level, ceiling in product(LEVELS, LEVELS):
        settings = replace(service.settings, automation_level=ceiling)
        policy = policy_for(replace(task, automation_level=level), settings)
        assert policy.automation_level == min(level, ceiling, key=LEVELS.index)


def test_under_a_manual_ceiling_a_spec_of_full_auto_asks_for_each_phase(open_service: Open) -> None:
    service = open_service("full_auto", confirm=False, automation_level="manual")
    found, ended = asked(service, begin(service))
    assert (found, ended.status) == (EACH_PHASE, Status.COMPLETED)


@pytest.mark.parametrize("level", ["manual", "assisted"])
def test_nothing_is_opened_and_no_agent_begins_before_the_phase_is_allowed(
    open_service: Open, level: str
) -> None:
    service = open_service(level)
    migration_id = begin(service)
    service.advance(migration_id)
    view = service.tracker.migration(migration_id)
    assert (view.wait.kind, view.attempts) == (BEGIN, ())


def test_an_unclear_end_asks_even_in_full_auto(open_service: Open) -> None:
    service = open_service("full_auto")
    found, ended = asked(service, begin(service, "mumbling"))
    assert (found, ended.status) == ([CONFIRM], Status.COMPLETED)


def test_the_agents_question_reaches_a_person_below_full_auto_alone(open_service: Open) -> None:
    service = open_service("semi_auto", confirm=False)
    migration_id = begin(service, "asking")
    service.advance(migration_id)
    wait = service.tracker.migration(migration_id).wait
    assert (wait.kind, "Which colour?" in wait.prompt) == (QUESTION, True)


def test_in_full_auto_the_agents_question_uses_an_attempt_and_asks_nobody(open_service: Open) -> None:
    service = open_service("full_auto")
    migration_id = begin(service, "asking")
    found, ended = asked(service, migration_id)
    assert (found, ended.status) == ([], Status.COMPLETED)
    outcomes = [attempt.outcome for attempt in service.tracker.migration(migration_id).attempts]
    assert outcomes == ["follow_up", "done", "done"]


@pytest.mark.parametrize("level", LEVELS)
def test_a_claim_without_work_is_done_at_no_level(open_service: Open, level: str) -> None:
    service = open_service(level, confirm=False)
    migration_id = begin(service, "lying")
    found, ended = asked(service, migration_id)
    assert (ended.status, CONFIRM in found) == (Status.FAILED, False)
    assert service.tracker.migration(migration_id).progress.done == 0


def test_attempts_and_time_are_capped_by_the_operator(open_service: Open) -> None:
    service = open_service("full_auto", max_attempts=2, timeout_s=30)
    policy = service.tracker.migration(begin(service)).migration.policy
    assert (policy.max_attempts, policy.timeout_s) == (2, 30)


def test_the_policy_is_that_of_the_start_whatever_the_spec_says_later(open_service: Open, spec: Path) -> None:
    service = open_service("manual")
    migration_id = begin(service)
    spec.write_text(spec.read_text().replace("'manual'", "'full_auto'"))
    service.intake.rescan_settled()
    found, _ = asked(service, migration_id)
    assert found == EACH_PHASE


def test_a_branch_that_the_operator_protects_is_refused_at_the_start(open_service: Open) -> None:
    service = open_service("full_auto", protected_branches=("feature/greeting",))
    with pytest.raises(BranchNameRefused):
        begin(service)
