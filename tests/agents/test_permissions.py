"""An agent may do without a person what stays inside its workspace."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.agents.permissions import REFUSED, safest_option

OPTIONS = [
    {"optionId": "always", "kind": "allow_always"},
    {"optionId": "yes", "kind": "allow_once"},
    {"optionId": "no", "kind": "reject_once"},
]


@pytest.mark.parametrize(
    ("call", "option"),
    [
        ({}, "yes"),
        ({"rawInput": {"command": "pytest -q"}}, "yes"),
        ({"rawInput": {"file_path": "src/a.py"}}, "yes"),
        ({"rawInput": {"file_path": "/etc/passwd"}}, "no"),
        ({"rawInput": {"filePath": "a/../../b"}}, "no"),
        ({"rawInput": {"nested": [{"path": "file:///etc/passwd"}]}}, "no"),
        ({"locations": [{"path": "a"}, {"path": "link/x"}]}, "no"),
        ({"content": [{"type": "diff", "path": ".GIT/hooks/x"}]}, "no"),
        ({"locations": [{"path": "a\0b"}]}, "no"),
        ({"locations": [{"path": "a"}] * 500}, "no"),
        ({"rawInput": "text", "locations": None}, "yes"),
    ],
)
def test_every_path_must_lie_inside(call: dict[str, Any], option: str, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "link").symlink_to(tmp_path)
    assert safest_option(call, OPTIONS, workspace) == option


def test_an_agent_that_offers_no_way_to_refuse_is_cancelled(tmp_path: Path) -> None:
    outside = {"locations": [{"path": "/etc/passwd"}]}
    assert safest_option(outside, OPTIONS[:2], tmp_path) == REFUSED
    assert safest_option(outside, [{"kind": "reject_once"}], tmp_path) == REFUSED
    assert safest_option({}, OPTIONS[:1], tmp_path) == "always"
    assert safest_option({}, [], tmp_path) == REFUSED


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "x"]), inner, max_size=2)
    ),
)


@given(st.dictionaries(st.sampled_from(["locations", "rawInput", "content"]), json_values))
def test_no_call_raises(call: dict[str, Any]) -> None:
    assert safest_option(call, OPTIONS, Path("/nonexistent")) in ("yes", "no")
