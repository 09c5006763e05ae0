"""``roadmark``: the command line. Commands are imported one at a time, so that ``--help`` is quick.

Exit codes: 0 ok; 1 findings, or a run that failed; 2 usage or configuration; 3 not found; 4 not allowed;
5 waiting for a person; 6 the row moved on; 130 interrupted.
"""

import importlib

import click

_COMMANDS = {
    "agents": ("roadmark.cli.agents", "agents_group", "List the agents that can be chosen."),
    "audit": ("roadmark.cli.audit", "audit_group", "Verify the journal."),
    "auth": ("roadmark.cli.auth", "auth_group", "Make tokens for machines and links for people."),
    "cancel": ("roadmark.cli.orders", "cancel_command", "End a migration."),
    "check": ("roadmark.cli.check", "check_command", "Report what is wrong with spec files."),
    "db": ("roadmark.cli.db", "db_group", "Upgrade, back up and move the database."),
    "doctor": ("roadmark.cli.doctor", "doctor_command", "Check what Roadmark needs on this machine."),
    "explain": ("roadmark.cli.explain", "explain_command", "Say why a task is not running."),
    "history": ("roadmark.cli.history", "history_command", "Show what was done and undone, by whom and why."),
    "ls": ("roadmark.cli.ls", "ls_command", "List the tasks."),
    "new": ("roadmark.cli.new", "new_command", "Write a blank spec."),
    "parse": ("roadmark.cli.parse", "parse_command", "Print what spec files say."),
    "patch": ("roadmark.cli.patch", "patch_command", "Print what a migration changed, as a patch."),
    "pause": ("roadmark.cli.orders", "pause_command", "Hold a migration back."),
    "reply": ("roadmark.cli.reply", "reply_command", "Answer an open question."),
    "resume": ("roadmark.cli.orders", "resume_command", "Let a paused migration go on."),
    "retry": ("roadmark.cli.orders", "retry_command", "Grant a failed migration new attempts."),
    "rollback": ("roadmark.cli.rollback", "rollback_command", "Take a migration back to a checkpoint."),
    "rule": ("roadmark.cli.rule", "rule_command", "Explain a finding."),
    "run": ("roadmark.cli.run", "run_command", "Start a task and take it as far as it goes."),
    "schedule": ("roadmark.cli.schedule", "schedule_group", "List and remove what is started by cron."),
    "schema": ("roadmark.cli.schema", "schema_command", "Print a JSON Schema."),
    "serve": ("roadmark.cli.serve", "serve_command", "Serve the pages and the API, and carry out tasks."),
    "show": ("roadmark.cli.show", "show_command", "Show a task and its latest migration."),
    "vault": ("roadmark.cli.vault", "vault_group", "Verify, measure and clean the checkpoints."),
    "verify": (
        "roadmark.cli.verify",
        "verify_command",
        "Look whether all that is kept of a migration agrees.",
    ),
    "worker": ("roadmark.cli.worker", "worker_command", "Carry out migrations, beside 'roadmark serve'."),
    "undo": ("roadmark.cli.rollback", "undo_command", "Undo the latest rollback."),
}


class _Commands(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, name, _ = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table alone: help imports no command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, _, help_text) in sorted(_COMMANDS.items())])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="roadmark", prog_name="roadmark")
def main() -> None:
    """Turn Markdown specs into tasks that coding agents carry out, under a person's eye."""


if __name__ == "__main__":
    main()
