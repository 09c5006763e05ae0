"""Hooks: Alembic for real on SQLite, through landing, rollback, undo, failures and crashes."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings
from roadmark.executor.errors import HookUnknown
from roadmark.executor.hook_settings import HookSettings
from roadmark.executor.hooks import BEGAN, Use
from roadmark.executor.model import RollbackState
from roadmark.executor.moves import event_of
from roadmark.executor.states import Status

DOCUMENT = Path(__file__).parents[2] / "docs" / "hooks.md"

ENVIRONMENT = """\
import os

from alembic import context
from sqlalchemy import create_engine

with create_engine(os.environ["DATABASE_URL"]).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""

REVISION = """\
from alembic import op
import sqlalchemy as sa

revision, down_revision, branch_labels, depends_on = {revision!r}, {down!r}, None, None


def upgrade():
    op.create_table({table!r}, sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table({table!r})
"""


def _script(phase: int, revision: str, down: str | None, table: str) -> list[dict[str, str]]:
    declared = {1: "greeting/words.py", 2: "greeting/page.py"}[phase]
    return [
        {"do": "write", "path": declared, "text": f"TABLE = {table!r}\n"},
        {
            "do": "write",
            "path": f"schema/versions/{revision}.py",
            "text": REVISION.format(revision=revision, down=down, table=table),
        },
        {"do": "report", "status": "done", "summary": "made a table"},
    ]


AGENTS = {
    "script": AgentSettings(
        name="script",
        kind="scripted",
        options={
            "phases": {
                "1": [_script(1, "aaaa", None, "words")],
                "2": [_script(2, "bbbb", "aaaa", "pages")],
            }
        },
    )
}


def _script_of_the_document() -> str:
    """The operator's program, as the documentation has it."""
    return DOCUMENT.read_text().split("```python\n")[1].split("```")[0]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "app.db"


@pytest.fixture
def hooks(data: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, HookSettings]:
    program = data.parent / "schema"
    program.write_text(_script_of_the_document())
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{data}")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    hook = HookSettings(
        name="schema",
        apply=(sys.executable, str(program), "apply"),
        revert=(sys.executable, str(program), "revert"),
        verify=(sys.executable, str(program), "verify"),
        env_pass=("DATABASE_URL",),
        writable=(data.parent,),
    )
    return {"schema": hook}


@pytest.fixture
def driven(spec: Path, repo: Path, hooks, start_service, driver_of):
    (repo / "schema").mkdir()
    (repo / "schema" / "env.py").write_text(ENVIRONMENT)
    (repo / "alembic.ini").write_text("[alembic]\nscript_location = schema\n")
    (repo / ".gitignore").write_text("__pycache__/\n")
    for arguments in (["add", "-A"], ["commit", "-q", "-m", "Use Alembic"]):
        _git(repo, *arguments)
    spec.write_text(spec.read_text().replace('"timeout_seconds"', '"hooks": ["schema"], "timeout_seconds"'))
    os.utime(spec, (2, 2))
    return driver_of(start_service(AGENTS, hooks=hooks))


def _git(repo: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    subprocess.run(["git", *identity, *arguments], cwd=repo, check=True)


def _tables(data: Path) -> list[str]:
    with closing(sqlite3.connect(data)) as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return [name for (name,) in rows if name != "alembic_version"]


def _acts(driver, migration_id: str) -> list[tuple[str, int, bool]]:
    entries = driver.service.tracker.events_after(0, 1000, migration_id)
    return [
        (entry.detail["act"], entry.detail["of_phase"], entry.detail["ok"])
        for entry in entries
        if entry.kind == "hook.ended"
    ]


def _finish(driver) -> str:
    migration_id = driver.begin("script")
    migration = driver.carry_through(migration_id)
    assert migration.status is Status.COMPLETED, migration.reason
    return migration_id


def _roll_back(driver, migration_id: str, to: str) -> RollbackState:
    driver.service.rollbacks.request(migration_id, to, "the wrong way", "anna")
    driver.until(migration_id, Status.ROLLED_BACK, Status.BLOCKED)
    return driver.service.tracker.migration(migration_id).rollbacks[-1].state


@pytest.mark.slow
def test_the_database_goes_forward_back_and_forward_again_with_the_files(driven, data: Path) -> None:
    migration_id = _finish(driven)
    assert _tables(data) == ["pages", "words"]
    plan = driven.service.rollbacks.preview(migration_id, "start")
    told = [step for step in plan.steps if "hook" in step]
    assert [step.split(":")[0] for step in told] == [
        "revert hook 'schema' of phase 2",
        "revert hook 'schema' of phase 1",
    ]
    assert _roll_back(driven, migration_id, "start") is RollbackState.DONE
    assert _tables(data) == []
    driven.service.rollbacks.undo(migration_id, "it was right", "anna")
    driven.until(migration_id, Status.COMPLETED)
    assert _tables(data) == ["pages", "words"]
    assert _acts(driven, migration_id) == [
        ("apply", 1, True),
        ("apply", 2, True),
        ("revert", 2, True),
        ("revert", 1, True),
        ("apply", 1, True),
        ("apply", 2, True),
    ]


def test_going_back_to_a_phase_keeps_what_its_hook_made(driven, data: Path) -> None:
    migration_id = _finish(driven)
    assert _roll_back(driven, migration_id, "phase-1") is RollbackState.DONE
    assert _tables(data) == ["words"]


def test_a_hook_that_fails_holds_the_phase_back_until_it_is_put_right(driven, data: Path, spec: Path) -> None:
    data.write_bytes(b"this is no database" * 100)
    migration_id = driven.begin("script")
    migration = driven.carry_through(migration_id)
    assert migration.status is Status.BLOCKED
    assert "hook 'schema' could not apply for phase 1: exit status" in migration.reason
    assert "- [x]" not in spec.read_text()
    data.unlink()
    driven.service.manager.retry(migration_id, "anna")
    assert driven.carry_through(migration_id).status is Status.COMPLETED
    assert _tables(data) == ["pages", "words"]


def test_a_revert_that_fails_leaves_the_files_and_is_gone_on_with_later(driven, data: Path) -> None:
    migration_id = _finish(driven)
    page = driven.service.places.workspace(migration_id) / "greeting" / "page.py"
    kept = data.read_bytes()
    data.write_bytes(b"this is no database" * 100)
    assert _roll_back(driven, migration_id, "start") is RollbackState.REFUSED
    assert page.exists()
    data.write_bytes(kept)
    assert _roll_back(driven, migration_id, "start") is RollbackState.DONE
    assert (_tables(data), page.exists()) == ([], False)


def test_a_service_that_died_after_a_revert_reverts_no_further_than_it_should(
    driven, data: Path, start_service, hooks
) -> None:
    migration_id = _finish(driven)
    service = driven.service
    service.engine.stop()
    service.rollbacks.request(migration_id, "phase-1", "the wrong way", "anna")
    migration = service.tracker.migration(migration_id).migration
    service.hooks.revert(migration, [Use(2, "schema")])
    detail = {"hook": "schema", "of_phase": 2, "act": "revert"}
    service.store.write(
        lambda transaction: transaction.record(event_of(migration, BEGAN, detail=detail))
    )  # as if it had died before the end was written
    service.stop()
    driven.service = start_service(AGENTS, hooks=hooks)
    driven.until(migration_id, Status.ROLLED_BACK)
    assert _tables(data) == ["words"]


def test_a_service_that_died_in_a_hook_applies_it_again(driven, data: Path, start_service, hooks) -> None:
    migration_id = driven.begin("script")
    driven.until(migration_id, Status.WAITING)
    driven.say(migration_id, "done")
    driven.until(migration_id, Status.WAITING)
    service = driven.service
    migration = service.tracker.migration(migration_id).migration
    detail = {"hook": "schema", "of_phase": 1, "act": "apply"}
    service.store.write(lambda transaction: transaction.record(event_of(migration, BEGAN, detail=detail)))
    service.stop()
    driven.service = start_service(AGENTS, hooks=hooks)
    assert driven.carry_through(migration_id).status is Status.COMPLETED
    assert _tables(data) == ["pages", "words"]


def test_what_a_hook_prints_is_kept_without_its_secrets(
    driven, tmp_path: Path, start_service, hooks, driver_of
) -> None:
    driven.service.stop()
    secret = "ghp_" + "a" * 36
    loud = HookSettings(name="schema", apply=("echo", f"the token is {secret}"))
    driver = driver_of(start_service(AGENTS, hooks={"schema": loud}))
    migration_id = _finish(driver)
    entries = driver.service.tracker.events_after(0, 1000, migration_id)
    said = [entry.detail["output"] for entry in entries if entry.kind == "hook.ended"]
    assert ("the token is" in said[0], secret in json.dumps(said)) == (True, False)


def test_a_hook_that_takes_too_long_is_ended(driven, start_service, driver_of) -> None:
    driven.service.stop()
    slow = HookSettings(name="schema", apply=("sleep", "1000"), timeout_s=0.2)
    driver = driver_of(start_service(AGENTS, hooks={"schema": slow}))
    migration = driver.carry_through(driver.begin("script"))
    assert (migration.status, "not done after 0.2 s" in migration.reason) == (Status.BLOCKED, True)


def test_a_spec_cannot_bring_a_hook_of_its_own(driven, start_service, driver_of) -> None:
    driven.service.stop()
    driver = driver_of(start_service(AGENTS, hooks={}))
    with pytest.raises(HookUnknown, match="'schema'"):
        driver.begin("script")
