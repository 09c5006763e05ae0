"""The life of a migration, said once: its statuses, and the moves between them.

Everything else asks this table: the database's CHECK constraints, the guarded updates of the store,
the diagram in docs/states.md and the pages.
"""

from enum import StrEnum


class Status(StrEnum):
    """Where a migration stands."""

    QUEUED = "queued"
    """Ready to go on; a worker claims it when a slot is free."""
    RUNNING = "running"
    """A worker holds its lease; at most one agent works for it."""
    WAITING = "waiting"
    """A question is open; a person's reply or its deadline moves it on."""
    PARKED = "parked"
    """A rate limit or the active hours hold it back; its due time moves it on. No attempt is used."""
    BLOCKED = "blocked"
    """Configuration, credentials or a dependency is wrong; a person repairs it and retries."""
    PAUSED = "paused"
    """A person stopped it between attempts; a person resumes it."""
    CANCELLING = "cancelling"
    """A person ended it; its agent is being stopped."""
    CANCELLED = "cancelled"
    """Ended by a person; workspace and checkpoints are kept."""
    FAILED = "failed"
    """Attempts are used up; a person retries, rolls back or gives up."""
    QUARANTINED = "quarantined"
    """Something protected was touched; a person looks at it before anything else happens."""
    ROLLING_BACK = "rolling_back"
    """A restore is under way; a crash in the middle is finished at the next start."""
    ROLLED_BACK = "rolled_back"
    """Restored to a checkpoint and proved; not picked up again until a person resumes it."""
    COMPLETED = "completed"
    """Every phase has landed."""


class Move(StrEnum):
    """What can happen to a migration."""

    CLAIM = "claim"
    """A worker takes the lease."""
    ASK = "ask"
    """A question is opened for a person."""
    ANSWER = "answer"
    """A reply was accepted, or sent the work back with a reason."""
    LAPSE = "lapse"
    """The deadline of a question passed; an attempt is used, and it is never a yes."""
    CONTINUE = "continue"
    """A step is over and another follows."""
    INTERRUPT = "interrupt"
    """The service died or was stopped in the middle of a step."""
    PARK = "park"
    """The agent's provider, or the active hours, said: later."""
    UNPARK = "unpark"
    """The due time of a parked migration has come."""
    BLOCK = "block"
    """It cannot go on without a person's repair."""
    QUARANTINE = "quarantine"
    """Evidence says that something protected was touched."""
    FAIL = "fail"
    """The attempts are used up."""
    FINISH = "finish"
    """The last phase has landed."""
    PAUSE = "pause"
    """A person holds it back."""
    RESUME = "resume"
    """A person lets it go on."""
    RETRY = "retry"
    """A person orders another round of attempts."""
    CANCEL = "cancel"
    """A person ends it."""
    STOPPED = "stopped"
    """Its agent is dead, proved."""
    ROLL_BACK = "roll_back"
    """A restore begins."""
    RESTORED = "restored"
    """The restore is proved."""
    REINSTATE = "reinstate"
    """An undone rollback brought back unfinished work."""
    RECOMPLETE = "recomplete"
    """An undone rollback brought back finished work."""


_AT_REST = (
    Status.QUEUED,
    Status.WAITING,
    Status.PARKED,
    Status.BLOCKED,
    Status.PAUSED,
    Status.FAILED,
    Status.QUARANTINED,
    Status.ROLLED_BACK,
)

MOVES: dict[tuple[Status, Move], Status] = {
    (Status.QUEUED, Move.CLAIM): Status.RUNNING,
    (Status.RUNNING, Move.ASK): Status.WAITING,
    (Status.WAITING, Move.ANSWER): Status.QUEUED,
    (Status.WAITING, Move.LAPSE): Status.QUEUED,
    (Status.WAITING, Move.FAIL): Status.FAILED,
    (Status.RUNNING, Move.CONTINUE): Status.QUEUED,
    (Status.RUNNING, Move.INTERRUPT): Status.QUEUED,
    (Status.RUNNING, Move.PARK): Status.PARKED,
    (Status.PARKED, Move.UNPARK): Status.QUEUED,
    (Status.RUNNING, Move.BLOCK): Status.BLOCKED,
    (Status.RUNNING, Move.QUARANTINE): Status.QUARANTINED,
    (Status.RUNNING, Move.FAIL): Status.FAILED,
    (Status.RUNNING, Move.FINISH): Status.COMPLETED,
    (Status.QUEUED, Move.PAUSE): Status.PAUSED,
    (Status.WAITING, Move.PAUSE): Status.PAUSED,
    (Status.PARKED, Move.PAUSE): Status.PAUSED,
    (Status.BLOCKED, Move.PAUSE): Status.PAUSED,
    (Status.PAUSED, Move.RESUME): Status.QUEUED,
    (Status.ROLLED_BACK, Move.RESUME): Status.QUEUED,
    (Status.FAILED, Move.RETRY): Status.QUEUED,
    (Status.BLOCKED, Move.RETRY): Status.QUEUED,
    (Status.QUARANTINED, Move.RETRY): Status.QUEUED,
    (Status.RUNNING, Move.CANCEL): Status.CANCELLING,
    (Status.CANCELLING, Move.STOPPED): Status.CANCELLED,
    (Status.CANCELLING, Move.ROLL_BACK): Status.ROLLING_BACK,
    (Status.CANCELLED, Move.ROLL_BACK): Status.ROLLING_BACK,
    (Status.COMPLETED, Move.ROLL_BACK): Status.ROLLING_BACK,
    (Status.ROLLING_BACK, Move.RESTORED): Status.ROLLED_BACK,
    (Status.ROLLING_BACK, Move.REINSTATE): Status.PAUSED,
    (Status.ROLLING_BACK, Move.RECOMPLETE): Status.COMPLETED,
    (Status.ROLLING_BACK, Move.BLOCK): Status.BLOCKED,
    **{(status, Move.CANCEL): Status.CANCELLED for status in _AT_REST},
    **{(status, Move.ROLL_BACK): Status.ROLLING_BACK for status in _AT_REST},
}
"""`MOVES[(status, move)]` is the status after the move; a pair that is not here is refused."""

WORKING = frozenset({Status.RUNNING, Status.CANCELLING, Status.ROLLING_BACK})
"""A worker is at it, or must be: what a restart has to pick up."""

ENDED = frozenset({Status.COMPLETED, Status.CANCELLED})
"""Over; a new start of the task makes a new migration."""

NEEDS_PERSON = frozenset({Status.WAITING, Status.BLOCKED, Status.FAILED, Status.QUARANTINED})
"""Nothing happens until a person decides."""


class PhaseState(StrEnum):
    """Where one phase of a migration stands."""

    PENDING = "pending"
    """Work is still to be done: no attempt yet, or another one is due."""
    ASKED = "asked"
    """An attempt says that it is ready; a person is asked."""
    CONFIRMED = "confirmed"
    """Accepted, by a person or by evidence; its commit and its ticks are still to be written."""
    DONE = "done"
    """Published and ticked."""


class WaitKind(StrEnum):
    """What a person is asked."""

    START = "start"
    """May the migration begin?"""
    BEGIN = "begin"
    """May this phase begin?"""
    CONFIRM = "confirm"
    """Is this phase ready?"""
    QUESTION = "question"
    """The agent asks, or says that it is blocked; the reply goes into its next prompt."""


class TaskStatus(StrEnum):
    """Where a task stands; the detail is in its migration."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"
    WITHDRAWN = "withdrawn"
    """Its file is gone; nothing of its history is."""


TASK_STATUS_OF: dict[Status, TaskStatus] = {
    **dict.fromkeys(Status, TaskStatus.IN_PROGRESS),
    Status.COMPLETED: TaskStatus.COMPLETED,
    Status.FAILED: TaskStatus.FAILED,
    Status.CANCELLED: TaskStatus.CANCELLED,
    Status.ROLLED_BACK: TaskStatus.ROLLED_BACK,
}


def after(status: Status, move: Move) -> Status | None:
    """The status that `move` leads to from `status`, or None where the move is refused."""
    return MOVES.get((status, move))


def sources(move: Move) -> frozenset[Status]:
    """The statuses from which `move` is allowed."""
    return frozenset(status for status, other in MOVES if other is move)
