"""The `report_phase` tool and its spool."""

import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.agents.base import Reported, ReportStatus
from roadmark.executor.agents.report_tool import LINE_LIMIT_BYTES, answer, serve
from roadmark.executor.agents.reports import ReportSpool
from roadmark.executor.agents.rpc import read_message

from .conftest import MakeBrief


def _call(**arguments: Any) -> bytes:
    parameters = {"name": "report_phase", "arguments": arguments}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": parameters}).encode()


def test_a_report_comes_out_of_the_spool_once(make_brief: MakeBrief) -> None:
    spool = ReportSpool(make_brief())
    assert spool.new_reports() == []
    given_lines = _call(status="blocked", summary="no key\nat all", nonce="n") + b"\n"
    subprocess.run(
        spool.command(), input=given_lines, check=True, capture_output=True, cwd=make_brief().workspace
    )
    reported = Reported(status=ReportStatus.BLOCKED, summary="no key at all", nonce="n")
    assert spool.new_reports() == [reported]
    assert spool.new_reports() == []
    spool.clear()
    spool.clear()
    assert not spool.path.exists()


def test_a_module_in_the_workspace_does_not_shadow_the_tools(make_brief: MakeBrief) -> None:
    brief = make_brief()
    (brief.workspace / "json.py").write_text("raise SystemExit('shadowed')")
    spool = ReportSpool(brief)
    line = _call(status="done", summary="", nonce="n") + b"\n"
    subprocess.run(spool.command(), input=line, check=True, capture_output=True, cwd=brief.workspace)
    assert len(spool.new_reports()) == 1


def test_the_server_answers_the_handshake_and_lists_its_tool(tmp_path: Path) -> None:
    requests = [
        {"id": 1, "method": "initialize", "params": {"protocolVersion": "2024-11-05"}},
        {"id": 2, "method": "initialize", "params": {"protocolVersion": "1999"}},
        {"method": "notifications/initialized"},
        {"id": 3, "method": "ping"},
        {"id": 4, "method": "tools/list"},
        {"id": 5, "method": "resources/list"},
        {"id": 6, "method": "tools/call", "params": {"name": "rm"}},
        {"id": 7, "result": {}},
    ]
    incoming = io.BytesIO(b"".join(json.dumps(request).encode() + b"\n" for request in requests) + b"junk\n")
    outgoing = io.BytesIO()
    serve(incoming, outgoing, str(tmp_path / "spool"))
    answers = [json.loads(line) for line in outgoing.getvalue().splitlines()]
    assert [one.get("id") for one in answers] == [1, 2, 3, 4, 5, 6, None]
    assert answers[0]["result"]["protocolVersion"] == "2024-11-05"
    assert answers[1]["result"]["protocolVersion"] == "2025-06-18"
    assert answers[3]["result"]["tools"][0]["name"] == "report_phase"
    assert [one["error"]["code"] for one in answers[4:]] == [-32601, -32602, -32700]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"status": "finished", "summary": "", "nonce": ""}, {"status": "done", "summary": 1, "nonce": ""}],
)
def test_a_wrong_call_is_told_what_is_wrong(arguments: dict[str, Any], tmp_path: Path) -> None:
    answered = answer(_call(**arguments), str(tmp_path / "spool"))
    assert answered is not None
    assert answered["result"]["isError"] is True
    assert not (tmp_path / "spool").exists()


def test_a_line_that_is_too_long_is_skipped(tmp_path: Path) -> None:
    incoming = io.BytesIO(b"x" * (3 * LINE_LIMIT_BYTES) + b"\n" + b'{"id":1,"method":"ping"}\n')
    outgoing = io.BytesIO()
    serve(incoming, outgoing, str(tmp_path / "spool"))
    assert json.loads(outgoing.getvalue())["id"] == 1


def test_a_spool_that_is_no_file_gives_nothing(make_brief: MakeBrief, tmp_path: Path) -> None:
    spool = ReportSpool(make_brief())
    secret = tmp_path / "secret"
    secret.write_text('{"status": "done", "summary": "", "nonce": "n"}\n')
    spool.path.symlink_to(secret)
    assert spool.new_reports() == []
    spool.path.unlink()
    os.mkfifo(spool.path)
    assert spool.new_reports() == []


def test_a_spool_is_read_line_by_line_and_to_its_limit(make_brief: MakeBrief) -> None:
    spool = ReportSpool(make_brief())
    line = '{"status": "done", "summary": "", "nonce": "n"}\n'
    spool.path.write_text(
        f'junk\n[]\n{{"status": "done"}}\n{{"status":"done","summary":1,"nonce":""}}\n{line}{line[:9]}'
    )
    assert len(spool.new_reports()) == 1
    with spool.path.open("a") as file:
        file.write(line[9:] + line * 5000)
    found = len(spool.new_reports()) + len(spool.new_reports())
    assert 1000 < found < 1500


@given(st.binary(max_size=200))
def test_no_line_raises(line: bytes) -> None:
    answer(line, "/nonexistent/spool")
    read_message(line.decode("utf-8", "replace"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["id", "method", "params", "result", "error"]), inner, max_size=4
            )
        ),
    )
)
def test_no_message_raises(message: object) -> None:
    line = json.dumps(message)
    answer(line.encode(), "/nonexistent/spool")
    read_message(line)
