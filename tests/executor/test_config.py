"""Settings: where they come from, which wins, and what is said about a wrong one."""

from pathlib import Path

import pytest
from roadmark.executor.config import Settings, load_settings
from roadmark.executor.errors import ConfigurationWrong


def _load(
    folder: Path, toml: str = "", environment: dict[str, str] | None = None, **flags: object
) -> Settings:
    if toml:
        (folder / "roadmark.toml").write_text(toml)
    return load_settings(folder, environment or {"XDG_STATE_HOME": str(folder / "xdg")}, flags)


def test_without_any_file_there_are_defaults_and_the_built_in_agent(tmp_path: Path) -> None:
    settings = _load(tmp_path)
    assert (settings.repo, settings.specs) == (tmp_path, tmp_path / "specs")
    assert settings.state_dir.is_relative_to(tmp_path / "xdg" / "roadmark")
    assert list(settings.agents) == ["scaffold"]
    assert settings.slot_count() >= 1


def test_repositories_of_one_name_have_states_of_their_own(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "shop", tmp_path / "b" / "shop"
    first.mkdir(parents=True)
    second.mkdir(parents=True)
    assert _load(first).state_dir.name != _load(second).state_dir.name


def test_flags_win_over_the_environment_over_the_file_over_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.roadmark.service]\nport = 1\nhost = 'h1'\nproject = 'p1'\n"
    )
    toml = "[service]\nport = 2\nhost = 'h2'\n"
    assert _load(tmp_path, toml).project == "p1"
    assert _load(tmp_path, toml).host == "h2"
    assert _load(tmp_path, toml, {"ROADMARK_PORT": "3"}).port == 3
    assert _load(tmp_path, toml, {"ROADMARK_PORT": "3"}, port=4).port == 4


def test_paths_are_relative_to_their_file(tmp_path: Path) -> None:
    assert _load(tmp_path, "[service]\nspecs = 'docs/plans'\n").specs == tmp_path / "docs" / "plans"


def test_agents_checks_and_limits_are_read(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        """
[agents.mine]
command = ["./agent.sh", "{prompt_file}"]
env_pass = ["MY_KEY"]

[run]
agent = "mine"
verify = [["pytest", "-q"]]
slots = 3
retry_delay_seconds = 0.5

[policy]
protected_paths = ["deploy/*"]

[rollback]
on_failure = "phase"

[hooks.schema]
apply = ["schema", "apply"]
writable = ["data"]
""",
    )
    assert settings.agents["mine"].command == ("./agent.sh", "{prompt_file}")
    assert settings.agents["mine"].kind == "command"
    assert settings.verify == (("pytest", "-q"),)
    assert (settings.slot_count(), settings.retry_delay_s) == (3, 0.5)
    assert settings.protected_paths == ("deploy/*",)
    assert settings.on_failure == "phase"
    assert settings.hooks["schema"].apply == ("schema", "apply")
    assert settings.hooks["schema"].writable == (tmp_path / "data",)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[service\n", "is not valid TOML"),
        ("[srvice]\nport = 1\n", "unknown; known are service"),
        ("service = 3\n", "unknown; known are"),
        ("[service]\nprt = 1\n", "unknown; known are specs"),
        ("[service]\nport = 'many'\n", "'many' is not a number"),
        ("[service]\nport = true\n", "True is not a number"),
        ("[service]\nport = -1\n", "below zero"),
        ("[run]\nautomation_level = 'always'\n", "not one of manual, assisted"),
        ("[run]\nverify = ['pytest']\n", "list of strings"),
        ("[run]\nverify = 'pytest'\n", "list of argument lists"),
        ("[policy]\nprotected_paths = [3]\n", "list of strings"),
        ("[agents.mine]\nenv_pass = ['A']\n", "needs a command"),
        ("[agents.mine]\ncommand = 'sh x'\n", "list of strings"),
        ("[hooks]\nmine = 3\n", "must be tables"),
        ("[hooks.mine]\nrevert = ['a']\n", "needs apply"),
        ("[hooks.mine]\napply = 'sh x'\n", "list of strings"),
        ("[hooks.mine]\napply = ['a']\nrun = ['b']\n", "unknown; known are apply"),
        ("[hooks.mine]\napply = ['a']\ntimeout_seconds = 0\n", "at most a day"),
        ("[hooks.'a b']\napply = ['a']\n", "must be of a-z"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(tmp_path: Path, toml: str, said: str) -> None:
    with pytest.raises(ConfigurationWrong, match=said) as raised:
        _load(tmp_path, toml)
    assert "roadmark.toml" in str(raised.value)


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationWrong, match="ROADMARK_SANDBOX"):
        _load(tmp_path, environment={"ROADMARK_SANDBOX": "none"})
