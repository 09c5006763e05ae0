"""MigrationValidator: does the phase's result hold? Looks at files and runs the operator's checks itself.

What an agent says, ticks or exits with is no evidence; what stands in the workspace is.
"""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from roadmark.executor.config import Settings
from roadmark.executor.masking import mask
from roadmark.executor.model import Checkpoint, TaskFile
from roadmark.executor.places import Places
from roadmark.executor.verdict import Evidence, Verification
from roadmark.executor.workspace.differences import FileDelta, diff
from roadmark.executor.workspace.process import run
from roadmark.executor.workspace.sandbox import Command, SandboxMode
from roadmark.executor.workspace.workspace import reach

_TAIL = 4_000
_TIMEOUT_S = 600.0
_OUTPUT_LIMIT_BYTES = 1024 * 1024


class MigrationValidator:
    """Gathers the evidence of an attempt."""

    def __init__(self, settings: Settings, places: Places, sandbox: SandboxMode) -> None:
        self._settings, self._places, self._sandbox = settings, places, sandbox

    def evidence(
        self, migration_id: str, since: Checkpoint, declared: Sequence[TaskFile], spec_path: str
    ) -> Evidence:
        """What changed since the checkpoint, what is missing, and what the checks say."""
        deltas = diff(self._places.of(migration_id), since.ref, None)
        changed = tuple(delta.path for delta in deltas if delta.path != spec_path)
        verification, tail = self._verify(migration_id) if changed else (Verification.NOT_CONFIGURED, "")
        workspace = self._places.workspace(migration_id)
        return Evidence(
            changed_paths=changed,
            missing_required=_missing(workspace, [file for file in declared if file.required]),
            missing_expected=_missing(workspace, [file for file in declared if not file.required]),
            verification=verification,
            verification_tail=tail,
            protected_touched=_protected(deltas, self._settings.protected_paths),
        )

    def _verify(self, migration_id: str) -> tuple[Verification, str]:
        if not self._settings.verify:
            return Verification.NOT_CONFIGURED, ""
        for argv in self._settings.verify:
            completed = run(
                self._command(migration_id, argv),
                self._sandbox,
                timeout_s=600.0,
                output_limit_bytes=_OUTPUT_LIMIT_BYTES,
            )
            if not completed.succeeded:
                return Verification.FAILED, f"{' '.join(argv)}:\n{mask(completed.output)[-_TAIL:]}"
        return Verification.PASSED, ""

    def _command(self, migration_id: str, argv: tuple[str, ...]) -> Command:
        place = self._places.of(migration_id)
        reached = reach(place)
        return Command(
            argv=argv,
            cwd=self._places.workspace(migration_id),
            environment={
                "HOME": str(reached.home),
                "ROADMARK_STATE": self._places.marker,
                "ROADMARK_MIGRATION": migration_id,
            },
            writable=reached.writable,
            readable=reached.readable,
            hidden=reached.hidden,
        )


def _missing(workspace: Path, files: Sequence[TaskFile]) -> tuple[str, ...]:
    """The declared files that are not as declared: not there, or still there where they are to go."""
    missing = [file.path for file in files if file.action == "create" and not _exists(workspace, file.path)]
    missing += [file.path for file in files if file.action == "delete" and _exists(workspace, file.path)]
    missing += [
        file.to_path
        for file in files
        if file.action == "move" and file.to_path and not _exists(workspace, file.to_path)
    ]
    return tuple(missing)


def _exists(workspace: Path, path: str) -> bool:
    return (workspace / path).exists()


def _protected(deltas: Sequence[FileDelta], patterns: Sequence[str]) -> tuple[str, ...]:
    touched = [path for delta in deltas for path in (delta.path, delta.old_path) if path]
    return tuple(sorted({path for path in touched for pattern in patterns if fnmatch(path, pattern)}))
