"""Hooks: what the operator approved to be run when a phase lands, and to be undone when it is rolled back.

The journal says what was begun and what ended, so that after a crash the same hook is run again, and a
rollback reverts whatever was begun, whether it ended or not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from roadmark.executor.errors import HookFailed, HookUnknown
from roadmark.executor.hook_settings import HookSettings
from roadmark.executor.masking import mask
from roadmark.executor.model import JournalEntry, Migration
from roadmark.executor.moves import event_of
from roadmark.executor.places import Places
from roadmark.executor.policy import hooks_of
from roadmark.executor.store import journal
from roadmark.executor.store.store import Store
from roadmark.executor.workspace.files import remove_trees
from roadmark.executor.workspace.process import Completed, run
from roadmark.executor.workspace.sandbox import Command, SandboxMode
from roadmark.executor.workspace.workspace import reach

BEGAN, ENDED = "hook.began", "hook.ended"
_TAIL = 4_000
_OUTPUT_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Use:
    """A hook in its use by a phase."""

    phase: int
    hook: str


@dataclass(frozen=True, slots=True)
class Undoing:
    """What a rollback does about hooks, each part in its order."""

    revert: tuple[Use, ...]
    apply: tuple[Use, ...]


class Hooks:
    """Runs hooks in the migration's workspace and sandbox, and writes down what came of it."""

    def __init__(
        self, store: Store, places: Places, known: Mapping[str, HookSettings], sandbox: SandboxMode
    ) -> None:
        self._store, self._places, self._known, self._sandbox = store, places, known, sandbox

    def land(self, migration: Migration, phase: int) -> None:
        """Apply and verify what this phase asks for and has not got yet. Raises: HookFailed, HookUnknown."""
        self.apply(migration, [Use(phase, name) for name in hooks_of(migration.policy, phase)])

    def apply(self, migration: Migration, uses: Sequence[Use]) -> None:
        """Apply and verify these in order, but for those that stand. Raises: HookFailed, HookUnknown."""
        standing = _standing(self._told(migration.id))
        for use in uses:
            if use not in standing:
                remove_trees([self._notes(migration, use)])
            if standing.get(use) is not True:
                self._run(migration, use, "apply")

    def revert(self, migration: Migration, uses: Sequence[Use]) -> None:
        """Revert and verify these in order. Raises: HookFailed, HookUnknown."""
        for use in uses:
            self._run(migration, use, "revert")

    def undoing(self, migration: Migration, done_there: Sequence[int]) -> Undoing:
        """What is to be run to get to a state in which exactly the phases `done_there` are done.

        The last begun is reverted first; what was reverted once is applied again in the order of the phases.
        """
        told = self._told(migration.id)
        standing = _standing(told)
        revert = tuple(use for use in reversed(standing) if use.phase not in done_there)
        had = {_use(entry) for entry in told}
        wanted = [Use(phase, name) for phase in done_there for name in hooks_of(migration.policy, phase)]
        return Undoing(revert, tuple(use for use in wanted if use in had and standing.get(use) is not True))

    def shown(self, use: Use, act: str) -> str:
        """The program as a preview tells it."""
        hook = self._known.get(use.hook)
        if hook is None:
            return f"hook {use.hook!r} of phase {use.phase} is not configured any more"
        program = hook.apply if act == "apply" else hook.revert
        said = " ".join(program) or "nothing to run"
        return f"{act} hook {use.hook!r} of phase {use.phase}: {said}"

    def _told(self, migration_id: str) -> list[JournalEntry]:
        with self._store.read() as connection:
            return journal.of_kinds(connection, migration_id, (BEGAN, ENDED))

    def _run(self, migration: Migration, use: Use, act: str) -> None:
        hook = self._known.get(use.hook)
        if hook is None:
            raise HookUnknown(use.hook, sorted(self._known))
        self._record(migration, BEGAN, use, {"act": act})
        said = []
        for program in filter(None, (hook.apply if act == "apply" else hook.revert, hook.verify)):
            completed = run(
                self._command(migration, hook, use, act, program),
                self._sandbox,
                timeout_s=hook.timeout_s,
                output_limit_bytes=_OUTPUT_LIMIT_BYTES,
            )
            said.append(f"$ {' '.join(program)}\n{completed.output}")
            if not completed.succeeded:
                self._record(migration, ENDED, use, {"act": act, "ok": False, "output": _kept(said)})
                raise HookFailed(use.hook, use.phase, act, _why(completed, hook), _kept(said)[-500:])
        self._record(migration, ENDED, use, {"act": act, "ok": True, "output": _kept(said)})

    def _notes(self, migration: Migration, use: Use) -> Path:
        return self._places.notes(migration.id) / f"{use.hook}-{use.phase}"

    def _record(self, migration: Migration, kind: str, use: Use, values: Mapping[str, object]) -> None:
        detail = {"hook": use.hook, "of_phase": use.phase, **values}
        self._store.write(lambda transaction: transaction.record(event_of(migration, kind, detail=detail)))

    def _command(
        self, migration: Migration, hook: HookSettings, use: Use, act: str, program: tuple[str, ...]
    ) -> Command:
        reached = reach(self._places.of(migration.id))
        notes = self._notes(migration, use)
        notes.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Command(
            argv=program,
            cwd=self._places.workspace(migration.id),
            environment={
                "HOME": str(reached.home),
                "ROADMARK_STATE": self._places.marker,
                "ROADMARK_MIGRATION": migration.id,
                "ROADMARK_PHASE": str(use.phase),
                "ROADMARK_ACT": act,
                "ROADMARK_NOTES": str(notes),
            },
            pass_through=hook.env_pass,
            writable=(*reached.writable, notes, *hook.writable),
            readable=reached.readable,
            hidden=reached.hidden,
        )


def _standing(told: Sequence[JournalEntry]) -> dict[Use, bool]:
    """What was begun and not reverted since, in that order, and whether its apply ended well."""
    standing: dict[Use, bool] = {}
    for use, act, ok in _acts(told):
        if act == "apply":
            standing[use] = ok
        elif ok:
            standing.pop(use, None)
        else:
            standing[use] = False
    return standing


def _acts(told: Sequence[JournalEntry]) -> Iterator[tuple[Use, str, bool]]:
    for entry in told:
        yield _use(entry), str(entry.detail["act"]), bool(entry.detail.get("ok"))


def _use(entry: JournalEntry) -> Use:
    return Use(int(entry.detail["of_phase"]), str(entry.detail["hook"]))


def _kept(said: Sequence[str]) -> str:
    return mask("\n".join(said))[-_TAIL:]


def _why(completed: Completed, hook: HookSettings) -> str:
    if completed.timed_out:
        return f"it was not done after {hook.timeout_s:g} s"
    return str(completed.exit)
