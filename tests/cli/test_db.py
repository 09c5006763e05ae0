"""`roadmark db`: what it prints and the codes it ends with, over a file and over a server."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from roadmark.cli.main import main
from roadmark.executor.store.identity import REVISION

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command in a folder with a spec and a state of its own; `url` names a database."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "job.md").write_text("# Small Job Implementation\n")
    os.utime(tmp_path / "specs" / "job.md", (1, 1))
    monkeypatch.chdir(tmp_path)
    folders = ["--state-dir", "state", "--specs", "specs", "--repo", "."]

    def call(*words: str, url: str = "", typed: str = "") -> Result:
        return CliRunner().invoke(main, [*words, *folders], typed, env={"ROADMARK_DATABASE_URL": url})

    return call


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_state_goes_to_postgresql_and_back(run: Run, database_url: str, tmp_path: Path) -> None:
    assert run("db", "upgrade").exit_code == 0
    with sqlite3.connect(tmp_path / "state" / "roadmark.db") as connection:
        connection.execute("INSERT INTO outbox_positions VALUES ('chat', 5)")
    connection.close()
    there = run("db", "copy", "--to", "postgresql", url=database_url)
    assert there.exit_code == 0, there.output
    assert there.stdout.startswith("1 rows copied, the journal to entry 0 with hash 0000")
    (tmp_path / "state" / "roadmark.db").rename(tmp_path / "before.db")
    assert run("ls", url=database_url).stdout.startswith("No tasks yet")
    assert run("ls").exit_code == 1
    back = run("db", "copy", "--to", "sqlite", url=database_url)
    assert back.stdout.startswith("1 rows copied")
    assert run("ls").stdout.startswith("No tasks yet")
    assert run("db", "copy", "--to", "sqlite", url=database_url).exit_code == 1


def test_a_copy_needs_a_database_that_is_named(run: Run) -> None:
    refused = run("db", "copy", "--to", "postgresql")
    assert refused.exit_code == 2
    assert "[database] url" in refused.stderr


def test_the_present_revision_is_told_and_nothing_is_upgraded(run: Run, database_url: str) -> None:
    assert REVISION in run("db", "upgrade", url=database_url).stdout
    went = run("db", "downgrade", "0004", url=database_url, typed="y\n")
    assert went.exit_code == 0, went.output
    assert "revision 0004 is lost" in went.stdout
    assert run("db", "current", url=database_url).stdout == "0004\n"
    assert "roadmark db upgrade" in run("ls", url=database_url).stderr
    assert run("db", "upgrade", url=database_url).exit_code == 0
    assert run("db", "current", url=database_url).stdout == f"{REVISION}\n"


def test_a_downgrade_is_asked_for_and_can_be_declined(run: Run) -> None:
    run("db", "upgrade")
    assert run("db", "downgrade", "base", typed="n\n").exit_code == 1
    assert run("db", "current").stdout == f"{REVISION}\n"
    assert run("db", "downgrade", "base", "--yes").exit_code == 0
    assert run("db", "current").stdout == "none\n"


def test_a_backup_can_be_read_as_a_state(run: Run, database_url: str, tmp_path: Path) -> None:
    run("db", "upgrade", url=database_url)
    kept = run("db", "backup", "copy.db", url=database_url)
    assert kept.exit_code == 0, kept.output
    assert "rows copied, the journal to entry" in kept.stdout
    (tmp_path / "other").mkdir()
    (tmp_path / "copy.db").rename(tmp_path / "other" / "roadmark.db")
    assert CliRunner().invoke(main, ["ls", "--state-dir", "other"]).exit_code == 0


def test_a_command_over_a_server_says_which_and_not_with_what_password(run: Run, tmp_path: Path) -> None:
    url = f"postgresql://anna:hunter2@/plans?host={tmp_path}"
    for words in (["ls"], ["db", "current"], ["db", "upgrade"], ["show", "x"]):
        refused = run(*words, url=url)
        assert refused.exit_code == 1, refused.output
        assert "/plans" in refused.stderr
        assert "hunter2" not in refused.output
