"""A small model of a task's life, to hold the executor against. It knows nothing of the executor's tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_ATTEMPTS = 3
PHASES = (1, 2)

PAUSABLE = frozenset({"queued", "waiting", "parked", "blocked"})
OVER = frozenset({"completed", "cancelled"})
REPLACEABLE = OVER | {"failed", "rolled_back"}
NOT_ROLLED_BACK = frozenset({"rolling_back", "cancelling"})


@dataclass(frozen=True)
class Snapshot:
    """What a checkpoint remembers."""

    phase: int
    states: Mapping[int, str]
    ticked: frozenset[str]
    is_completed: bool


@dataclass
class Life:
    """One migration as it should be. `boxes`: the texts of each phase's boxes; `ticked`: which are done."""

    agent: str
    boxes: dict[int, list[str]]
    ticked: frozenset[str]
    status: str = "queued"
    phase: int = 1
    question: str | None = None
    confirmed: bool = False
    attempts: dict[int, int] = field(default_factory=lambda: dict.fromkeys(PHASES, 0))
    states: dict[int, str] = field(default_factory=dict)
    used: dict[int, int] = field(default_factory=lambda: dict.fromkeys(PHASES, 0))
    checkpoints: dict[str, Snapshot] = field(default_factory=dict)
    going_to: Snapshot | None = None
    undoing: bool = False
    before: Snapshot | None = None

    def __post_init__(self) -> None:
        self.states = {
            phase: "done" if set(self.boxes[phase]) <= self.ticked else "pending" for phase in PHASES
        }

    def work(self) -> None:
        """What a worker makes of it."""
        if self.status == "rolling_back":
            self._restore()
        while self.status == "queued":
            self._step()

    def reply(self, word: str) -> str:
        """Answer with "yes", "no" or "hm"; what becomes of it."""
        question = self.question
        if self.status != "waiting" or question is None:
            return "nothing is asked"
        if question == "question":
            self._answered("pending")
            return "accepted"
        if word == "yes":
            self._answered("confirmed" if question == "confirm" else None)
            self.confirmed = True
            return "accepted"
        if word == "no" and question == "confirm":
            self._send_back()
            return "sent_back"
        return "unclear"

    def lapse(self) -> None:
        """Nobody answered in time."""
        if self.status != "waiting":
            return
        if self.question == "start":
            self.status, self.question = "paused", None
        else:
            self._send_back()

    def retry(self) -> None:
        self.used[self.phase] = 0
        self.status = "queued"

    def cancel(self) -> None:
        self.status, self.question = "cancelled", None

    def roll_back(self, name: str) -> None:
        self.before = self._snapshot()
        self.going_to, self.undoing = self.checkpoints[name], False
        self.status, self.question = "rolling_back", None

    def undo(self) -> None:
        assert self.before is not None
        self.going_to, self.undoing = self.before, True
        self.before = self._snapshot()
        self.status, self.question = "rolling_back", None

    def _step(self) -> None:
        if self.question is not None:
            self.status = "waiting"
        elif not self.confirmed:
            self._ask("start")
        else:
            self.checkpoints.setdefault("start", self._snapshot())
            {"pending": self._attempt, "asked": self._ask_again, "confirmed": self._land, "done": self._next}[
                self.states[self.phase]
            ]()

    def _attempt(self) -> None:
        self.attempts[self.phase] += 1
        is_late = self.agent == "late" and self.attempts[self.phase] == 1
        if self.agent == "asker":
            self._ask("question")
        elif self.agent in ("liar", "crasher") or is_late:
            self.used[self.phase] += 1
            if self.used[self.phase] >= MAX_ATTEMPTS:
                self.status = "failed"
        else:
            self.states[self.phase] = "asked"
            self._ask("confirm")

    def _ask(self, question: str) -> None:
        self.status, self.question = "waiting", question

    def _ask_again(self) -> None:
        self._ask("confirm")

    def _land(self) -> None:
        self.ticked |= frozenset(self.boxes[self.phase])
        self.states[self.phase] = "done"
        self.checkpoints[self._free_name()] = self._snapshot()

    def _free_name(self) -> str:
        name, round_ = f"phase-{self.phase}", 1
        while name in self.checkpoints:
            round_ += 1
            name = f"phase-{self.phase}.{round_}"
        return name

    def _next(self) -> None:
        if self.phase == PHASES[-1]:
            self.status = "completed"
        else:
            self.phase += 1

    def _answered(self, state: str | None) -> None:
        if state is not None:
            self.states[self.phase] = state
        self.status, self.question = "queued", None

    def _send_back(self) -> None:
        self._answered("pending")
        self.used[self.phase] += 1
        if self.used[self.phase] >= MAX_ATTEMPTS:
            self.status = "failed"

    def _snapshot(self) -> Snapshot:
        return Snapshot(self.phase, dict(self.states), self.ticked, self.status == "completed")

    def _restore(self) -> None:
        to = self.going_to
        assert to is not None
        there = frozenset(text for texts in self.boxes.values() for text in texts)
        self.ticked = (self.ticked - there) | (to.ticked & there)
        self.phase, self.states = to.phase, dict(to.states)
        self.used = dict.fromkeys(PHASES, 0)
        self.confirmed = True
        self.status = "rolled_back" if not self.undoing else "completed" if to.is_completed else "paused"

    def edited(self, boxes: Mapping[int, list[str]]) -> None:
        """The spec has other boxes now."""
        self.boxes = {phase: list(texts) for phase, texts in boxes.items()}
