"""The scaffold agent lays out files that say what they are, and touches nothing else."""

import contextlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roadmark.executor.agents.base import (
    AgentUnavailable,
    Reported,
    ReportStatus,
    TextDelta,
    TurnEnd,
    TurnEnded,
)
from roadmark.executor.agents.confined import PathRefused, create_file
from roadmark.executor.agents.scaffold import ScaffoldAgent, slug
from roadmark.executor.agents.skeletons import one_line, skeleton

from .conftest import Listen, MakeBrief, MakeFile


def _tree(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_declared_files_become_skeletons_that_say_so(
    make_brief: MakeBrief, make_file: MakeFile, listen: Listen
) -> None:
    brief = make_brief(files=(make_file("src/core.py", purpose="the core"), make_file("db/1.sql")))
    agent = ScaffoldAgent(brief)
    agent.start()
    agent.prompt("do it", "nonce")
    events = listen(agent)
    tree = _tree(brief.workspace)
    assert list(tree) == ["db/1.sql", "src/core.py"]
    assert '# Skeleton made by Roadmark\'s scaffold agent for "the core".' in tree["src/core.py"]
    assert "Nothing is implemented" in tree["db/1.sql"]
    assert tree["db/1.sql"].startswith("-- ")
    report = next(event for event in events if isinstance(event, Reported))
    assert (report.status, report.nonce) == (ReportStatus.DONE, "nonce")
    assert "nothing is implemented" in report.summary
    assert isinstance(events[-1], TurnEnded)
    assert events[-1].end is TurnEnd.COMPLETED


def test_files_to_modify_are_left_and_listed_in_a_note(
    make_brief: MakeBrief, make_file: MakeFile, listen: Listen
) -> None:
    brief = make_brief(files=(make_file("a.py"), make_file("b.py", "modify"), make_file("c.py", "delete")))
    (brief.workspace / "b.py").write_text("kept")
    agent = ScaffoldAgent(brief)
    agent.prompt("", "n")
    listen(agent)
    note = (brief.workspace / "docs/roadmark/sample-setup/phase-1.md").read_text()
    assert "`b.py` (modify): left as it is" in note
    assert "`c.py` (delete)" in note
    assert "- Write the core" in note
    assert (brief.workspace / "b.py").read_text() == "kept"


def test_a_phase_without_files_still_leaves_an_honest_change(make_brief: MakeBrief, listen: Listen) -> None:
    brief = make_brief(phase=3)
    for _ in range(2):  # a second attempt finds the first one's note
        agent = ScaffoldAgent(brief)
        agent.prompt("", "n")
        listen(agent)
    assert list(_tree(brief.workspace)) == [
        "docs/roadmark/sample-setup/phase-3-2.md",
        "docs/roadmark/sample-setup/phase-3.md",
    ]
    assert (
        "nothing of this phase is implemented"
        in _tree(brief.workspace)["docs/roadmark/sample-setup/phase-3.md"]
    )


def test_an_existing_file_is_never_overwritten(
    make_brief: MakeBrief, make_file: MakeFile, listen: Listen
) -> None:
    brief = make_brief(files=(make_file("a.py"), make_file("new.py")))
    (brief.workspace / "a.py").write_text("mine")
    agent = ScaffoldAgent(brief)
    agent.prompt("", "n")
    words = [event.text for event in listen(agent) if isinstance(event, TextDelta)]
    assert (brief.workspace / "a.py").read_text() == "mine"
    assert "1 file stood there already" in words[0]


@pytest.mark.parametrize(
    "path",
    ["../out.py", "/etc/out.py", "a/../../out.py", "~/out.py", ".git/hooks/pre-commit", "x/.GIT/config",
     "C:/out", "src/*.py", "a\nb.py", "", "link/out.py", ".git. /x"],
)  # fmt: skip
def test_a_path_that_leads_out_is_refused_and_told(
    path: str, make_brief: MakeBrief, make_file: MakeFile, listen: Listen, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    brief = make_brief(files=(make_file(path),))
    (brief.workspace / "link").symlink_to(outside)
    agent = ScaffoldAgent(brief)
    agent.prompt("", "n")
    listen(agent)
    assert list(outside.iterdir()) == []
    made = [name for name in _tree(brief.workspace) if not name.startswith("link")]
    assert made == ["docs/roadmark/sample-setup/phase-1.md"]
    assert "Files that were left" in _tree(brief.workspace)[made[0]]


def test_a_dangling_link_in_the_files_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.txt").symlink_to(tmp_path / "out" / "a.txt")
    assert create_file(root, "a.txt", b"x") is False
    assert not (tmp_path / "out" / "a.txt").exists()


def test_a_file_in_a_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("file")
    with pytest.raises(PathRefused, match="not a folder"):
        create_file(tmp_path, "a/b.txt", b"x")
    with pytest.raises(PathRefused):
        create_file(tmp_path, "n" * 300, b"x")


def test_an_image_is_left_and_a_folder_gets_a_readme(
    make_brief: MakeBrief, make_file: MakeFile, listen: Listen
) -> None:
    brief = make_brief(files=(make_file("logo.png"), make_file("guides/", purpose="guides")))
    agent = ScaffoldAgent(brief)
    agent.prompt("", "n")
    listen(agent)
    assert (brief.workspace / "guides" / "README.md").is_file()
    assert not (brief.workspace / "logo.png").exists()


def test_without_a_workspace_it_cannot_start(make_brief: MakeBrief, tmp_path: Path) -> None:
    with pytest.raises(AgentUnavailable, match="not there"):
        ScaffoldAgent(make_brief(workspace=tmp_path / "gone")).start()


def test_it_waits_when_there_is_nothing_to_tell(make_brief: MakeBrief) -> None:
    agent = ScaffoldAgent(make_brief())
    agent.cancel()
    agent.answer("1", "allow")
    assert agent.next_event(0.0) is None


@pytest.mark.parametrize(
    ("path", "start"),
    [
        ("a.py", "# "),
        ("a.ts", "// "),
        ("a.sql", "-- "),
        ("a.css", "/* "),
        ("a.html", "<!-- "),
        ("a.md", "<!-- "),
        ("a.ini", "; "),
        ("a.php", "<?php\n// "),
        ("Makefile", "# "),
        (".gitignore", "# "),
        ("LICENSE", "Skeleton"),
        ("a.svg", "<!-- "),
    ],
)
def test_a_skeleton_is_a_comment_in_its_own_syntax(path: str, start: str) -> None:
    assert skeleton(path, "", "Spec").startswith(start)


def test_a_json_skeleton_is_valid_json() -> None:
    assert "Nothing is implemented" in json.loads(skeleton("a.json", 'x "y" \\ z', "Spec"))["_skeleton"]
    assert json.loads(skeleton("a.jsonl", "x", "Spec"))


@given(st.text(max_size=400), st.sampled_from(["a.css", "a.html", "a.py", "a.php", "a.js"]))
def test_no_purpose_breaks_out_of_its_comment(purpose: str, path: str) -> None:
    text = skeleton(path, purpose, purpose)
    assert len(text.splitlines()) == (3 if path == "a.php" else 2)
    assert text.count("*/") == (2 if path == "a.css" else 0)
    assert text.count("-->") == (2 if path == "a.html" else 0)
    assert "?>" not in text
    assert text.encode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("ab./\\~ \n*-g.it\u0000é"), max_size=14))
def test_no_path_creates_anything_outside(tmp_path: Path, path: str) -> None:
    root = tmp_path / "inner" / "root"
    root.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PathRefused):
        create_file(root, path, b"x")
    assert os.listdir(tmp_path) == ["inner"]
    assert os.listdir(tmp_path / "inner") == ["root"]


@given(st.text(max_size=100))
def test_a_slug_is_a_safe_folder_name(title: str) -> None:
    made = slug(title)
    assert made
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert one_line(title) == one_line(one_line(title))
