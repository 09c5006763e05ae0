"""An agent does as it likes inside its workspace; outside a person is asked; what is protected stays shut."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.agents.permissions import REFUSED, Grounds, Judged, Ruling, judge, option_for

OPTIONS = [
    {"optionId": "always", "kind": "allow_always"},
    {"optionId": "yes", "kind": "allow_once"},
    {"optionId": "no", "kind": "reject_once"},
]
NOWHERE = Grounds(workspace=Path("/nonexistent"), home=Path("/nonexistent/home"))


@pytest.fixture
def grounds(tmp_path: Path) -> Grounds:
    """A workspace within our state, with a link that leads out of it."""
    state = tmp_path / "state"
    for folder in (state / "workspace", state / "home", tmp_path / "repo", tmp_path / "elsewhere"):
        folder.mkdir(parents=True)
    (state / "workspace" / "link").symlink_to(tmp_path / "elsewhere")
    (state / "home" / "link").symlink_to(tmp_path / "elsewhere")
    return Grounds(
        workspace=state / "workspace",
        home=state / "home",
        protected_paths=("secrets/*",),
        closed=(state, tmp_path / "repo"),
    )


@pytest.mark.parametrize(
    ("call", "ruling"),
    [
        ({}, Ruling.ALLOW),
        ({"rawInput": {"command": "pytest -q"}}, Ruling.ALLOW),
        ({"rawInput": {"file_path": "src/a.py"}}, Ruling.ALLOW),
        ({"rawInput": {"file_path": "../home/.cache/x"}}, Ruling.ALLOW),
        ({"rawInput": "text", "locations": None}, Ruling.ALLOW),
        ({"rawInput": {"file_path": "/etc/passwd"}}, Ruling.ASK),
        ({"rawInput": {"nested": [{"path": "file:///etc/passwd"}]}}, Ruling.ASK),
        ({"locations": [{"path": "a"}, {"path": "link/x"}]}, Ruling.ASK),
        ({"locations": [{"path": "../home/link/x"}]}, Ruling.ASK),
        ({"locations": [{"path": "../../elsewhere/a"}, {"path": "secrets/key"}]}, Ruling.DENY),
        ({"rawInput": {"filePath": "a/../../roadmark.db"}}, Ruling.DENY),
        ({"rawInput": {"filePath": "../../repo/app.py"}}, Ruling.DENY),
        ({"rawInput": {"filePath": "../../elsewhere/.git/hooks/x"}}, Ruling.DENY),
        ({"content": [{"type": "diff", "path": ".GIT/hooks/x"}]}, Ruling.DENY),
        ({"locations": [{"path": "a\0b"}]}, Ruling.DENY),
        ({"locations": [{"path": "a"}] * 500}, Ruling.DENY),
    ],
)
def test_every_path_is_looked_at_and_the_worst_decides(
    call: dict[str, Any], ruling: Ruling, grounds: Grounds
) -> None:
    assert judge(call, grounds).ruling is ruling


def test_the_paths_that_a_person_is_asked_about_are_told_once(grounds: Grounds) -> None:
    call = {"locations": [{"path": "/etc/passwd"}, {"path": "a"}, {"path": "/etc/passwd"}]}
    assert judge(call, grounds) == Judged(Ruling.ASK, ("/etc/passwd",))


def test_the_option_that_binds_least_is_taken() -> None:
    assert option_for(Ruling.ALLOW, OPTIONS) == "yes"
    assert option_for(Ruling.ALLOW, OPTIONS[:1]) == "always"
    assert option_for(Ruling.ASK, OPTIONS) == "no"
    assert option_for(Ruling.DENY, OPTIONS) == "no"


def test_an_agent_that_offers_no_way_to_refuse_is_cancelled() -> None:
    assert option_for(Ruling.DENY, OPTIONS[:2]) == REFUSED
    assert option_for(Ruling.ASK, [{"kind": "reject_once"}]) == REFUSED
    assert option_for(Ruling.ALLOW, []) == REFUSED


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "x"]), inner, max_size=2)
    ),
)


@given(st.dictionaries(st.sampled_from(["locations", "rawInput", "content"]), json_values))
def test_no_call_raises(call: dict[str, Any]) -> None:
    assert judge(call, NOWHERE).ruling in Ruling
