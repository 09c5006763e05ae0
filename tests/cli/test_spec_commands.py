"""``parse``, ``check``, ``rule``, ``new`` and ``schema``, from the command line."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from click.testing import CliRunner, Result
from roadmark.cli.check import FORMATS, check_command
from roadmark.cli.new import new_command
from roadmark.cli.parse import parse_command
from roadmark.cli.rule import rule_command
from roadmark.cli.schema import schema_command

SOUND = "# Login\n\n## Phases\n### Phase 1: Only (1 hour)\n- [ ] Do it\n"
BROKEN = """# Logout

## Phases
### Phase 1: Only
- [ ] Do it

## AI Execution Context
```json
{"timeout_second": 6}
```
"""


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """A folder with a sound and a broken spec."""
    (tmp_path / "sound.md").write_text(SOUND)
    (tmp_path / "broken.md").write_text(BROKEN)
    return tmp_path


def _check(*arguments: object) -> Result:
    return CliRunner().invoke(check_command, [str(argument) for argument in arguments])


def test_parse_prints_one_object_a_file(specs: Path) -> None:
    result = CliRunner().invoke(parse_command, [str(specs), "--format", "jsonl"])
    views = [json.loads(line) for line in result.stdout.splitlines()]
    assert [view["title"] for view in views] == ["Logout", "Login"]
    assert views[1]["file"] == str(specs / "sound.md")
    assert result.exit_code == 1


def test_parse_of_a_sound_file_exits_with_0_in_every_format(specs: Path) -> None:
    for form, start in (("text", str(specs)), ("json", "["), ("jsonl", "{")):
        result = CliRunner().invoke(parse_command, [str(specs / "sound.md"), "--format", form])
        assert result.exit_code == 0
        assert result.stdout.startswith(start)


def test_a_file_that_is_not_there_exits_with_2_and_the_others_are_read(specs: Path) -> None:
    result = CliRunner().invoke(
        parse_command, [str(specs / "sound.md"), str(specs / "none.md"), "--format", "jsonl"]
    )
    assert result.exit_code == 2
    assert len(result.stdout.splitlines()) == 1
    assert "none.md: no such file" in result.stderr


def test_check_shows_the_line_and_what_was_meant(specs: Path) -> None:
    result = _check(specs / "broken.md")
    assert result.exit_code == 1
    assert f"{specs}/broken.md:9:2: E103 unknown key" in result.stdout
    assert '  9 | {"timeout_second": 6}\n    |  ^\n' in result.stdout
    assert 'hint: Write "timeout_seconds"' in result.stdout
    assert result.stdout.endswith("1 file: 1 error, 0 warnings, 2 info\n")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_of_the_error(specs: Path, form: str) -> None:
    result = _check(specs, "--format", form)
    assert result.exit_code == 1
    assert "E103" in result.stdout


def test_json_gitlab_and_sarif_are_json_with_places(specs: Path) -> None:
    found = json.loads(_check(specs, "--format", "json").stdout)
    assert {"line": 9, "column": 2, "code": "E103"}.items() <= next(
        p for p in found if p["code"] == "E103"
    ).items()
    gitlab = json.loads(_check(specs, "--format", "gitlab").stdout)
    assert len({entry["fingerprint"] for entry in gitlab}) == len(gitlab) == len(found)
    (run,) = json.loads(_check(specs, "--format", "sarif").stdout)["runs"]
    assert all(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


def test_junit_is_a_suite_with_one_failure(specs: Path) -> None:
    suite = ET.fromstring(_check(specs, "--format", "junit").stdout)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")


def test_control_characters_of_a_spec_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "red.md").write_text("# \x1b[31mred\u202e\n\n- [ ] a\x07\n")
    for form in FORMATS:
        assert not set("\x1b\x07\u202e") & set(_check(tmp_path, "--format", form).stdout.replace("\\u", ""))
    shown = CliRunner().invoke(parse_command, [str(tmp_path)]).stdout
    assert not set("\x1b\x07\u202e") & set(shown)


def test_a_name_with_a_line_break_forges_no_finding(tmp_path: Path) -> None:
    (tmp_path / "a\nb.md:1:1: E001 forged.md").write_text("# A\n\n- [ ] a\n")
    lines = _check(tmp_path, "--format", "text").stdout.splitlines()
    assert not [line for line in lines if line.startswith("b.md")]


def test_fix_corrects_the_file_and_reports_what_is_left(specs: Path) -> None:
    (specs / "broken.md").chmod(0o640)
    result = _check(specs / "broken.md", "--fix")
    assert result.exit_code == 0
    assert (specs / "broken.md").read_text() == BROKEN.replace("timeout_second", "timeout_seconds")
    assert (specs / "broken.md").stat().st_mode & 0o777 == 0o640
    assert "fixed:" in result.stderr
    assert sorted(path.name for path in specs.iterdir()) == ["broken.md", "sound.md"]


def test_rule_prints_a_page_or_the_list_and_knows_no_others() -> None:
    runner = CliRunner()
    assert runner.invoke(rule_command, ["e103"]).stdout.startswith("# E103: ")
    assert "E103  a misspelt key" in runner.invoke(rule_command, []).stdout
    assert runner.invoke(rule_command, ["E999"]).exit_code == 3


def test_schema_prints_a_schema() -> None:
    for name in ("context", "front_matter", "configuration"):
        jsonschema.Draft202012Validator.check_schema(
            json.loads(CliRunner().invoke(schema_command, [name]).stdout)
        )


def test_new_writes_a_spec_once(tmp_path: Path) -> None:
    arguments = ["Log in", "--template", "migration", "--folder", str(tmp_path / "specs")]
    first = CliRunner().invoke(new_command, arguments)
    assert first.exit_code == 0
    assert first.stdout.strip() == str(tmp_path / "specs" / "log-in.md")
    assert _check(tmp_path / "specs").exit_code == 0
    assert CliRunner().invoke(new_command, arguments).exit_code == 2


def test_parsing_imports_neither_sqlalchemy_nor_jsonschema(specs: Path) -> None:
    script = (
        "import sys; from roadmark.cli.spec_files import read_paths; from pathlib import Path;"
        f"read_paths((Path({str(specs)!r}),));"
        "print([name for name in ('sqlalchemy', 'jsonschema', 'starlette') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
