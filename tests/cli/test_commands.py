"""The commands over a state: what they print and the codes they end with, on real files."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from roadmark.cli.main import main

SPEC = """\
# Small Job Implementation

## 1. Project Overview
- **Feature/Component Name**: Small Job
- **Priority**: Low
- **Estimated Time**: 1 hour

## 3. File Impact Analysis

#### Files to Create:
- [ ] `job/first.py` - The first file

## 4. Implementation Phases

#### Phase 1: Only (1 hour)
- [ ] Make the first file

## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: 'semi_auto'
- **confirmation_required**: true

#### AI Execution Context:
```json
{"git_branch_name": "feature/small-job", "confirmation_keywords": ["done"]}
```
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command in a folder with a repository, a spec and a state of its own."""
    repo = tmp_path / "repo"
    repo.mkdir()
    identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "Begin"]):
        subprocess.run(["git", *identity, *arguments], cwd=repo, check=True)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "job.md").write_text(SPEC)
    os.utime(tmp_path / "specs" / "job.md", (1, 1))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USER", "anna")
    options = ["--state-dir", "state", "--specs", "specs", "--repo", "repo"]

    def call(*arguments: str, **_: object) -> Result:
        words = arguments[0].split()
        return CliRunner().invoke(main, [*words, *arguments[1:], *options])

    return call


@pytest.fixture
def started(run: Run) -> Run:
    """The same, with the job started and waiting for its start to be confirmed."""
    assert run("run", "job.md").exit_code == 5
    return run


def test_nothing_to_read_yet_is_said_with_what_to_do(run: Run) -> None:
    result = run("ls")
    assert result.exit_code == 1
    assert "roadmark serve" in result.stderr


def test_the_whole_way_on_the_command_line(started: Run) -> None:
    assert started("reply", "job.md", "done").exit_code == 0
    asked = started("run", "job.md")
    assert asked.exit_code == 5
    assert "Answer: roadmark reply" in asked.stdout
    assert started("reply", "job.md", "done").exit_code == 0
    finished = started("run", "job.md")
    assert (finished.exit_code, "completed" in finished.stdout) == (0, True)
    listed = json.loads(started("ls", "--json").stdout)["items"]
    assert [(item["state"], item["done"], item["total"]) for item in listed] == [("completed", 1, 1)]
    told = started("show", "job.md").stdout
    assert "feature/small-job" in told
    assert "  worked 0:00:0" in told
    assert "of 1 h estimated (0%)" in told


@pytest.mark.parametrize(
    "command", ["show", "history", "reply", "pause", "resume", "retry", "cancel", "rollback", "run"]
)
def test_a_task_that_is_not_there_ends_with_3(started: Run, command: str) -> None:
    extra = ["done"] if command == "reply" else []
    result = started(command, "nowhere.md", *extra)
    assert result.exit_code == 3
    assert "nowhere.md" in result.stderr


def test_a_title_a_path_and_the_beginning_of_an_id_name_the_same_task(started: Run) -> None:
    shown = json.loads(started("show", "job.md", "--json").stdout)
    assert (shown["figures"]["attempts"], shown["figures"]["estimated_hours"]) == (0, 1.0)
    for wanted in ("small job", shown["task"]["id"], shown["task"]["id"][:6], shown["migration"]["id"]):
        assert json.loads(started("show", wanted, "--json").stdout)["task"]["id"] == shown["task"]["id"]


def test_an_unclear_reply_ends_with_1_and_names_the_words(started: Run) -> None:
    result = started("reply", "job.md", "maybe")
    assert (result.exit_code, "'done'" in result.stderr) == (1, True)


def test_orders_say_what_the_migration_is_then(started: Run) -> None:
    assert "paused" in started("pause", "job.md").stdout
    assert "queued" in started("resume", "job.md").stdout
    refused = started("retry", "job.md")
    assert (refused.exit_code, "cannot retry" in refused.stderr) == (1, True)
    assert "cancelled" in started("cancel", "job.md").stdout


def test_a_rollback_shows_first_and_asks(started: Run) -> None:
    started("reply", "job.md", "done")
    started("run", "job.md")
    preview = started("rollback", "job.md", "--dry-run")
    assert (preview.exit_code, "job/first.py" in preview.stdout) == (0, True)
    assert started("rollback", "job.md").exit_code == 2
    assert "needs a reason" in started("rollback", "job.md", "--yes").stderr
    done = started("rollback", "job.md", "--yes", "--reason", "wrong way")
    assert (done.exit_code, "rolled_back" in done.stdout) == (0, True)
    verified = started("verify", "job.md")
    assert (verified.exit_code, verified.stdout.count("holds  ")) == (0, 5)
    undone = started("undo", "job.md", "--reason", "right after all")
    assert (undone.exit_code, "paused" in undone.stdout) == (0, True)
    assert "wrong way" in started("history", "job.md").stdout
    patches = started("history", "job.md", "--patch").stdout
    assert ("because: wrong way" in patches, "-- a/job/first.py" in patches) == (True, True)
    entries = json.loads(started("history", "job.md", "--json").stdout)["items"]
    assert entries[0]["seq"] < entries[-1]["seq"]


def test_a_file_that_others_changed_is_decided_on_the_command_line(started: Run, tmp_path: Path) -> None:
    for order in ("reply", "run", "reply", "run"):
        started(order, "job.md", *(["done"] if order == "reply" else []))
    repo = tmp_path / "repo"
    subprocess.run(["git", "checkout", "-q", "feature/small-job"], cwd=repo, check=True)
    (repo / "job" / "first.py").write_text("mine\n")
    identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *identity, "commit", "-qam", "Mine"], cwd=repo, check=True)
    subprocess.run(["git", "checkout", "-q", "main"], cwd=repo, check=True)
    order = ["rollback", "job.md", "--yes", "--reason", "wrong way"]
    undecided = started(*order)
    assert (undecided.exit_code, "decide: job/first.py" in undecided.stdout) == (1, True)
    assert "job/first.py" in undecided.stderr
    assert started(*order, "--keep", "job/first.py").exit_code == 0
    asked = ["git", "show", "feature/small-job:job/first.py"]
    assert subprocess.run(asked, cwd=repo, check=True, capture_output=True).stdout == b"mine\n"


def test_what_does_not_agree_any_more_ends_with_1_and_is_named(started: Run, tmp_path: Path) -> None:
    started("reply", "job.md", "done")
    spec = tmp_path / "specs" / "job.md"
    spec.write_text(spec.read_text().replace("- [ ] Make", "- [x] Make"))
    verified = started("verify", "job.md", "--json")
    wrong = [check["name"] for check in json.loads(verified.stdout)["items"] if not check["holds"]]
    assert (verified.exit_code, wrong) == (1, ["boxes"])


def test_the_result_can_be_had_as_a_patch_and_the_vault_is_whole(started: Run, tmp_path: Path) -> None:
    started("reply", "job.md", "done")
    started("run", "job.md")
    patch = started("patch", "job.md")
    assert "+++ b/job/first.py" in patch.stdout
    text = patch.stdout.encode()
    subprocess.run(["git", "apply", "--check"], cwd=tmp_path / "repo", input=text, check=True)
    assert started("patch", "job.md", "--to", "nowhere").exit_code == 3
    verified = started("vault verify")
    assert (verified.exit_code, verified.stdout.startswith("2 checkpoints")) == (0, True)
    assert started("vault gc").stdout == "packed\n"
    assert started("vault du").stdout.startswith("2 checkpoints in ")


def test_the_journal_is_verified_and_tampering_is_told(started: Run, tmp_path: Path) -> None:
    assert started("audit verify").stdout.startswith("clean: ")
    connection = sqlite3.connect(tmp_path / "state" / "roadmark.db")
    connection.execute("UPDATE migration_tracking SET actor = 'eve' WHERE seq = 2")
    connection.commit()
    connection.close()
    told = started("audit verify")
    assert (told.exit_code, told.stderr) == (1, "entry 2 was changed: its content does not give its hash\n")


def test_tokens_are_made_listed_and_revoked(started: Run) -> None:
    secret = started("auth token", "--scopes", "read,run", "--name", "ci", "--days", "3").stdout.splitlines()[
        -1
    ]
    assert secret.startswith("rmk_")
    listed = started("auth tokens").stdout
    assert ("ci" in listed, secret in listed) == (True, False)
    token_id = listed.splitlines()[1].split()[0]
    assert started("auth revoke", token_id).stdout == "revoked\n"
    assert "no such valid token" in started("auth revoke", token_id).stdout
    wrong = started("auth token", "--scopes", "everything")
    assert (wrong.exit_code, "known are read" in wrong.stderr) == (2, True)


def test_a_link_for_a_person_is_on_the_last_line(started: Run) -> None:
    link = started("auth link").stdout.splitlines()[-1]
    assert link.startswith("http://127.0.0.1:8484/sign-in/rml_")


def test_the_database_tells_its_revision(started: Run) -> None:
    revision = started("db current").stdout.strip()
    assert revision in started("db upgrade").stdout


def test_the_doctor_says_what_to_do(run: Run, tmp_path: Path) -> None:
    healthy = json.loads(run("doctor", "--json").stdout)["checks"]
    assert {check["name"] for check in healthy} >= {
        "git",
        "repository",
        "sandbox",
        "specs",
        "state",
        "agent scaffold",
    }
    (tmp_path / "roadmark.toml").write_text(
        "[agents.ghost]\ncommand = ['no-such-program']\n[run]\nagent = 'gost'\n"
    )
    sick = run("doctor")
    assert sick.exit_code == 1
    assert "add [agents.gost]" in sick.stdout
    assert "no-such-program" in sick.stdout
    assert run("agents probe").exit_code == 1
    assert "ghost" in run("agents list").stdout


def test_a_wrong_configuration_ends_with_2_and_its_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "roadmark.toml").write_text("[run]\nagnt = 'x'\n")
    result = run("ls")
    assert (result.exit_code, "[run] agnt" in result.stderr) == (2, True)


def test_help_lists_every_command_without_importing_it() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "Take a migration back to a checkpoint." in result.stdout
    assert CliRunner().invoke(main, ["no-such-command"]).exit_code == 2


def test_a_task_is_scheduled_listed_and_taken_off_again(run: Run) -> None:
    assert "No schedules" in run("schedule ls").output
    added = run("run", "job.md", "--cron", "0 2 * * 1-5")
    assert (added.exit_code, "starts it at" in added.output) == (0, True)
    listed = json.loads(run("schedule ls --json").output)["items"]
    assert [(row["cron"], row["title"], row["created_by"]) for row in listed] == [
        ("0 2 * * 1-5", "Small Job", "anna")
    ]
    short = listed[0]["id"][:8]
    assert short in run("schedule ls").output
    assert run("schedule rm", short).exit_code == 0
    assert run("schedule rm", short).exit_code == 3
    assert "No schedules" in run("schedule ls").output


def test_a_cron_expression_that_is_none_ends_with_the_code_of_usage(run: Run) -> None:
    refused = run("run", "job.md", "--cron", "at night")
    assert (refused.exit_code, "at night" in refused.output) == (2, True)
