"""The table of moves: whole, drawn as it is, and kept by random orders on a real database."""

import importlib.util
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roadmark.executor.clock import SystemClock
from roadmark.executor.config import Settings
from roadmark.executor.errors import Conflict, MoveRefused
from roadmark.executor.model import Migration, Task
from roadmark.executor.moves import make_move
from roadmark.executor.policy import policy_for
from roadmark.executor.states import (
    ENDED,
    MOVES,
    TASK_STATUS_OF,
    WORKING,
    Move,
    Status,
    TaskStatus,
    after,
    sources,
)
from roadmark.executor.store import tables
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.rows import pack
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import Children, TaskRepository

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(specs=ROOT, repo=ROOT, state_dir=ROOT)


def test_every_status_can_be_reached_and_every_move_is_used() -> None:
    reached = {Status.QUEUED}
    while more := {end for (start, _), end in MOVES.items() if start in reached} - reached:
        reached |= more
    assert reached == set(Status)
    assert {move for _, move in MOVES} == set(Move)


def test_nothing_is_a_dead_end_but_what_is_over() -> None:
    leaving = {start for start, _ in MOVES}
    assert set(Status) - leaving <= ENDED


def test_work_in_progress_can_always_be_ended_or_given_back() -> None:
    for status in WORKING:
        assert {after(status, move) for move in Move} - {None}


def test_every_status_of_a_migration_gives_its_task_one() -> None:
    assert set(TASK_STATUS_OF) == set(Status)


def test_the_diagram_is_drawn_from_the_table() -> None:
    found = importlib.util.spec_from_file_location("draw_states", ROOT / "scripts" / "draw_states.py")
    assert found is not None
    assert found.loader is not None
    drawing = importlib.util.module_from_spec(found)
    found.loader.exec_module(drawing)
    assert (ROOT / "docs" / "states.md").read_text() == drawing.page()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    opened = Store(tmp_path_factory.mktemp("states"), SystemClock())
    yield opened
    opened.close()


@given(st.lists(st.sampled_from(list(Move)), max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_orders_are_carried_out_or_refused_and_never_half(store: Store, moves: list[Move]) -> None:
    migration = store.write(_fresh)
    expected = Status.QUEUED
    for move in moves:

        def order(transaction: Transaction, move: Move = move) -> None:
            make_move(transaction, MigrationRepository(transaction.connection).get(migration), move)

        wanted = after(expected, move)
        if wanted is None:
            with pytest.raises(MoveRefused):
                store.write(order)
        else:
            store.write(order)
            expected = wanted
        with store.read() as connection:
            row = MigrationRepository(connection).get(migration)
            assert row.status is expected
            assert TaskRepository(connection).get(row.task_id).status is TASK_STATUS_OF[expected]


def test_two_who_saw_the_same_row_cannot_both_move_it(store: Store) -> None:
    migration_id = store.write(_fresh)
    with store.read() as connection:
        seen = MigrationRepository(connection).get(migration_id)
    store.write(lambda transaction: make_move(transaction, seen, Move.CLAIM))
    with pytest.raises(Conflict):
        store.write(lambda transaction: make_move(transaction, seen, Move.PAUSE))


def test_the_sources_of_a_move_are_those_of_the_table() -> None:
    assert sources(Move.CLAIM) == {Status.QUEUED}
    assert Status.COMPLETED in sources(Move.ROLL_BACK)


def _fresh(transaction: Transaction) -> str:
    """A queued migration of a task of its own."""
    number = transaction.connection.exec_driver_sql("SELECT count(*) FROM tasks").scalar()
    task = _task(f"task-{number}", transaction)
    TaskRepository(transaction.connection).insert([(task, Children((), (), (), (), (), ()))])
    row = _migration(task, transaction)
    transaction.connection.execute(sa.insert(tables.migrations), pack(row))
    return row.id


def _task(name: str, transaction: Transaction) -> Task:
    return Task(
        id=name,
        project_id="default",
        title=name,
        description="",
        type="feature",
        category=None,
        priority="medium",
        status=TaskStatus.IN_PROGRESS,
        source_type="markdown_doc",
        source_path=f"{name}.md",
        source_content="",
        metadata={},
        estimated_hours=None,
        format="roadmap",
        content_sha256="",
        revision=1,
        executable=True,
        automation_level="semi_auto",
        confirmation_required=True,
        max_attempts=3,
        git_branch_required=False,
        new_chat_required=True,
        context={},
        sections={},
        migration_id=None,
        created_at=transaction.now,
        updated_at=transaction.now,
    )


def _migration(task: Task, transaction: Transaction) -> Migration:
    return Migration(
        id=f"migration of {task.id}",
        task_id=task.id,
        status=Status.QUEUED,
        phase=1,
        phase_count=1,
        attempt=0,
        agent="scaffold",
        policy=policy_for(task, SETTINGS),
        spec_sha256="",
        branch=None,
        base_commit=None,
        published_commit=None,
        start_confirmed=True,
        reason=None,
        wanted=None,
        lease_owner=None,
        lease_until=None,
        fence=0,
        due_at=None,
        started_by="anna",
        created_at=transaction.now,
        updated_at=transaction.now,
        finished_at=None,
        version=1,
    )
