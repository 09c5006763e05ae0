"""Random edits: what the comparison announces is what the restore does, and the bytes come back."""

import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roadmark.executor.workspace.place import Place
from roadmark.executor.workspace.vault import diff, restore, take_checkpoint
from roadmark.executor.workspace.workspace import open_workspace

NAMES = [
    "a",
    "b",
    "A",
    "dir",
    "dir/a",
    "dir/b",
    "dir/deep/a",
    "ünï",
    "new\nline",
    ".hidden",
    "run.sh",
    "docs/file1.txt",
]
EDIT = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.binary(max_size=40)),
    st.tuples(st.just("delete"), st.sampled_from([*NAMES, "docs", "src"]), st.none()),
    st.tuples(st.just("link"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("execute"), st.sampled_from(NAMES), st.booleans()),
    st.tuples(st.just("rename"), st.sampled_from([*NAMES, "docs"]), st.sampled_from(NAMES)),
)


def apply(workspace: Path, edits: list[tuple[str, str, object]]) -> None:
    for kind, name, value in edits:
        path = workspace / name
        try:
            edit(workspace, path, kind, value)
        except OSError:
            continue  # the name is a folder, or below a file: an agent would fail too


def edit(workspace: Path, path: Path, kind: str, value) -> None:
    if kind == "delete":
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "write":
        if path.is_symlink():
            path.unlink()
        path.write_bytes(value)
    elif kind == "link":
        path.unlink(missing_ok=True)
        path.symlink_to(value)
    elif kind == "execute" and not path.is_symlink() and path.is_file():
        path.chmod(0o755 if value else 0o644)
    elif kind == "rename":
        os.rename(path, workspace / value)


@pytest.fixture(scope="module")
def own_copy(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(template, tmp_path_factory.mktemp("edits") / "repository", symlinks=True))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.lists(EDIT, max_size=8), second=st.lists(EDIT, max_size=8))
def test_what_is_announced_is_what_is_done(own_copy: Path, listed, first, second) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(repository=own_copy, state_dir=Path(folder), migration=str(uuid.uuid4()))
        workspace = open_workspace(place).path
        apply(workspace, first)
        target = take_checkpoint(place, "first", {})
        wanted = listed(workspace)
        apply(workspace, second)
        before = listed(workspace)

        announced = diff(place, target.ref, None)
        proof = restore(place, target.ref)

        assert listed(workspace) == wanted
        changed = {path for path in before.keys() | wanted.keys() if before.get(path) != wanted.get(path)}
        assert {path for delta in announced for path in (delta.path, delta.old_path) if path} == changed
        assert {path for path in proof.removed if path in before} == before.keys() - wanted.keys()
        assert set(proof.restored) == {path for path in changed if path in wanted}
