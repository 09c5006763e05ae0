"""One class a cause; each message tells a person what happened and what to do next."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from roadmark.executor.states import Move, Status, sources


class RoadmarkError(Exception):
    """Everything that Roadmark refuses or cannot do."""


class NotFound(RoadmarkError):
    """No row has this id."""

    def __init__(self, what: str, wanted: str) -> None:
        self.what, self.wanted = what, wanted
        super().__init__(f"no {what} {wanted!r}; 'roadmark ls' lists what there is")


class Ambiguous(RoadmarkError):
    """A short id or title fits more than one row."""

    def __init__(self, what: str, wanted: str, matches: Sequence[str]) -> None:
        self.what, self.wanted, self.matches = what, wanted, tuple(matches)
        super().__init__(
            f"{wanted!r} fits {len(matches)} {what}s: {', '.join(matches[:5])}; give more of the id"
        )


class MoveRefused(RoadmarkError):
    """The migration's status does not allow this move."""

    def __init__(self, migration_id: str, status: Status, move: Move) -> None:
        self.migration_id, self.status, self.move = migration_id, status, move
        allowed = ", ".join(sorted(sources(move)))
        super().__init__(
            f"migration {migration_id} is {status}: cannot {move}; that is possible from {allowed}"
        )


class Conflict(RoadmarkError):
    """The row moved on since the caller looked."""

    def __init__(self, migration_id: str, seen: int, version: int) -> None:
        self.migration_id, self.seen, self.version = migration_id, seen, version
        super().__init__(
            f"migration {migration_id} moved on (version {version}, you saw {seen}); look again, then decide"
        )


class LeaseLost(RoadmarkError):
    """Another worker holds the migration now; whatever this one still does must not count."""

    def __init__(self, migration_id: str, fence: int) -> None:
        self.migration_id, self.fence = migration_id, fence
        super().__init__(f"the lease on migration {migration_id} with fence {fence} is lost")


class WorkersRefused(RoadmarkError):
    """Workers beside a service need PostgreSQL, an engine that hands out, and a way to get the files."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f'{why}; workers need a PostgreSQL database ([database] url), [run] engine = "distributed" and '
            "[git] remote; without them 'roadmark serve' carries out alone"
        )


class SpecNotExecutable(RoadmarkError):
    """The spec has problems of severity error."""

    def __init__(self, source_path: str, problems: Sequence[str]) -> None:
        self.source_path, self.problems = source_path, tuple(problems)
        super().__init__(f"{source_path} cannot be executed: {'; '.join(problems)}")


class AlreadyRunning(RoadmarkError):
    """The task has a migration that is not over."""

    def __init__(self, task_id: str, migration_id: str, status: Status) -> None:
        self.task_id, self.migration_id, self.status = task_id, migration_id, status
        super().__init__(
            f"task {task_id} has migration {migration_id}, which is {status}; resume or cancel it first"
        )


class NoOpenWait(RoadmarkError):
    """Nothing is being asked, so nothing can be answered."""

    def __init__(self, migration_id: str, status: Status) -> None:
        self.migration_id, self.status = migration_id, status
        super().__init__(
            f"migration {migration_id} is {status} and asks nothing; there is nothing to reply to"
        )


class ReplyUnclear(RoadmarkError):
    """The reply is neither a confirmation nor a reason; it was recorded, and the question stays open."""

    def __init__(self, text: str, keywords: Sequence[str], tries_left: int) -> None:
        self.text, self.keywords, self.tries_left = text, tuple(keywords), tries_left
        words = ", ".join(f"'{word}'" for word in keywords)
        super().__init__(
            f"that does not confirm it: answer with one of {words}, or 'not good because ...' to send it back"
        )


class HookUnknown(RoadmarkError):
    """A hook that the operator did not approve."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(
            f"there is no hook {name!r}; the operator's configuration has {', '.join(known) or 'none'}"
            f" (add [hooks.{name}] to it, or take the name out of the spec)"
        )


class HookFailed(RoadmarkError):
    """A hook did not do what it was to do; what it printed is in the history."""

    def __init__(self, name: str, phase: int, act: str, why: str, output: str) -> None:
        self.name, self.phase, self.act = name, phase, act
        super().__init__(
            f"hook {name!r} could not {act} for phase {phase}: {why}; put it right, then try again. "
            f"It said:\n{output}"
        )


class ConflictsUndecided(RoadmarkError):
    """People changed the same lines on the branch, and nobody said what becomes of them."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        super().__init__(
            f"others changed the same lines on the branch: {', '.join(paths[:10])}; decide for each whether "
            "to keep theirs, to take the rollback's, or to have both"
        )


class ReasonMissing(RoadmarkError):
    """A rollback needs a reason that will stand in the history."""

    def __init__(self) -> None:
        super().__init__("a rollback needs a reason; say in a few words why the work is undone")


class CheckpointUnknown(RoadmarkError):
    """The migration has no such checkpoint."""

    def __init__(self, migration_id: str, wanted: str, known: Sequence[str]) -> None:
        self.migration_id, self.wanted, self.known = migration_id, wanted, tuple(known)
        super().__init__(
            f"migration {migration_id} has no checkpoint {wanted!r}; it has {', '.join(known) or 'none yet'}"
        )


class CheckpointsGone(RoadmarkError):
    """Retention deleted the migration's checkpoints."""

    def __init__(self, migration_id: str, at: datetime) -> None:
        self.migration_id, self.at = migration_id, at
        super().__init__(
            f"the checkpoints of migration {migration_id} were deleted on {at:%Y-%m-%d}, as [service] "
            "retention_days says; its branch and its history are still there"
        )


class ConfigurationWrong(RoadmarkError):
    """A setting cannot be used."""

    def __init__(self, where: str, why: str) -> None:
        self.where, self.why = where, why
        super().__init__(f"{where}: {why}")


class CronWrong(RoadmarkError):
    """A cron expression cannot be understood, or never comes."""

    def __init__(self, expression: str, why: str) -> None:
        self.expression, self.why = expression, why
        super().__init__(
            f"cron {expression!r}: {why}; write minute, hour, day, month, weekday, for example '0 2 * * 1-5'"
        )


class StateDirInUse(RoadmarkError):
    """Another service holds this state directory."""

    def __init__(self, state_dir: Path, holder: str) -> None:
        self.state_dir, self.holder = state_dir, holder
        super().__init__(
            f"{state_dir} is in use by {holder}; stop that service, or give this one its own --state-dir"
        )


class DatabaseUnusable(RoadmarkError):
    """The database file is foreign, damaged, newer than this program, or cannot be written."""

    def __init__(self, where: str, why: str) -> None:
        self.where, self.why = where, why
        super().__init__(f"{where}: {why}")


class DatabaseAway(DatabaseUnusable):
    """The database's server does not answer now."""

    def __init__(self, where: str) -> None:
        super().__init__(where, "does not answer; try again in a moment")
