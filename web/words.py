"""How things are said to people: states, times, amounts. Words first; a tone only underlines them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape
from roadmark.executor.model import JournalEntry
from roadmark.executor.states import Status, WaitKind

NOTHING = "\N{EN DASH}"
"""What stands where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Word:
    """A state for a page: what it is called, its tone, and what it means."""

    text: str
    tone: str
    meaning: str


STATUS_WORDS: Mapping[Status, Word] = {
    Status.QUEUED: Word("Queued", "calm", "A worker takes it as soon as a slot is free."),
    Status.RUNNING: Word("Running", "busy", "An agent is at work."),
    Status.WAITING: Word("Waiting for you", "ask", "A question is open."),
    Status.PARKED: Word("Parked", "calm", "The agent's provider, or the active hours, said: later."),
    Status.BLOCKED: Word("Blocked", "bad", "Something has to be repaired; then retry."),
    Status.PAUSED: Word("Paused", "calm", "Held back by a person; resume it to go on."),
    Status.CANCELLING: Word("Stopping", "busy", "The agent is being stopped."),
    Status.CANCELLED: Word("Stopped", "calm", "Ended by a person; its checkpoints are kept."),
    Status.FAILED: Word("Failed", "bad", "The attempts are used up."),
    Status.QUARANTINED: Word("Quarantined", "bad", "Something protected was touched; look at it first."),
    Status.ROLLING_BACK: Word("Rolling back", "busy", "A restore is under way."),
    Status.ROLLED_BACK: Word("Rolled back", "calm", "Restored; not picked up again until you resume it."),
    Status.COMPLETED: Word("Done", "good", "Every phase has landed."),
}

NOT_STARTED = Word("Not started", "calm", "Nobody has started it yet.")
BROKEN = Word("Spec has errors", "bad", "It cannot be started until its errors are gone.")
WITHDRAWN = Word("File gone", "calm", "Its spec is no longer in the folder.")

ORDER_OF_NEED: Mapping[Status, int] = {
    status: rank
    for rank, status in enumerate(
        (
            Status.WAITING,
            Status.QUARANTINED,
            Status.BLOCKED,
            Status.FAILED,
            Status.CANCELLING,
            Status.ROLLING_BACK,
            Status.RUNNING,
            Status.QUEUED,
            Status.PARKED,
            Status.PAUSED,
            Status.ROLLED_BACK,
            Status.COMPLETED,
            Status.CANCELLED,
        )
    )
}

ASKS: Mapping[WaitKind, str] = {
    WaitKind.START: "May it begin?",
    WaitKind.BEGIN: "May this phase begin?",
    WaitKind.CONFIRM: "Is this phase ready?",
    WaitKind.QUESTION: "The agent asks",
}

VERDICTS: Mapping[str, Word] = {
    "park": Word("parked", "calm", "Later, in the same chat."),
    "block": Word("blocked", "bad", "A person must repair something first."),
    "quarantine": Word("quarantined", "bad", "Something protected was touched."),
    "resume_chat": Word("chat resumed", "calm", "The same chat is taken up again."),
    "next_attempt": Word("not done", "bad", "Another attempt follows, told what went wrong."),
    "cancelled": Word("stopped", "calm", "A person ended it."),
    "wait_for_reply": Word("asks", "ask", "The agent needs an answer."),
    "follow_up": Word("asked whether it is done", "calm", "In the same chat."),
    "doubt": Word("doubted", "bad", "It says done; the evidence does not."),
    "confirm": Word("ready", "ask", "A person confirms the result."),
    "done": Word("done", "good", "The phase is finished."),
    "fail": Word("failed", "bad", "The attempts are used up."),
    "interrupted": Word("interrupted", "calm", "The service stopped in the middle; no attempt is used."),
}
"""What became of an attempt."""

_QUIET = frozenset({"claim", "continue", "answer", "ask", "unpark"})


def is_quiet(entry: JournalEntry) -> bool:
    """Whether an entry is left out of a task's short timeline: the whole history has it."""
    return entry.kind in ("agent.output", "wait.closed", "checkpoint.taken", "token.made") or (
        entry.kind == "migration.moved" and entry.detail.get("move") in _QUIET
    )


def verdict(outcome: str | None) -> Word:
    """How an attempt's outcome is said."""
    if outcome is None:
        return Word("in work", "busy", "The agent is at it.")
    return VERDICTS.get(outcome, Word(outcome.replace("_", " "), "calm", ""))


_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


def visible(value: object) -> object:
    """Text with its hidden and direction-turning characters shown: nothing reads as what it is not."""
    if type(value) is str and _HIDDEN.search(value):
        return _HIDDEN.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", value)
    return value


OUTCOMES: Mapping[str, str] = {
    "accepted": "accepted",
    "sent_back": "sent back to the agent",
    "unclear": "not understood; asked again",
}


def span(delta: timedelta) -> str:
    """A length of time in its two largest units: "3 h 12 m"."""
    seconds = max(0, int(delta.total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    units = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")]
    first = next((index for index, (amount, _) in enumerate(units) if amount), 3)
    shown = units[first : first + 2] if first < 2 else units[first : first + 1]
    return " ".join(f"{amount} {unit}" for amount, unit in shown if amount) or "0 s"


def when(moment: datetime | None) -> Markup:
    """A moment as a <time>: the page's script shows it in the reader's own zone."""
    if moment is None:
        return escape(NOTHING)
    utc = moment.astimezone(UTC)
    iso = utc.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" data-show="clock">{}</time>').format(iso, f"{utc:%-d %b %H:%M} UTC")


def ago(moment: datetime | None, now: datetime) -> Markup:
    """How long ago, as a <time> that the page's script keeps fresh."""
    return _relative(moment, "ago", lambda at: f"{span(now - at)} ago" if now - at >= _JUST else "just now")


def left(moment: datetime | None, now: datetime) -> Markup:
    """How long until, as a <time> that the page's script keeps fresh."""
    return _relative(moment, "left", lambda at: f"{span(at - now)} left" if at > now else "overdue")


def lasted(start: datetime | None, end: datetime | None, now: datetime) -> Markup:
    """How long something took, or has been taking."""
    if start is None:
        return escape(NOTHING)
    if end is None:
        return _relative(start, "since", lambda at: span(now - at))
    return escape(span(end - start))


def seconds(amount: float) -> str:
    """A length of time in seconds, in its two largest units."""
    return span(timedelta(seconds=amount))


def hours(amount: float | None) -> str:
    """An estimate: "40 h"."""
    return NOTHING if amount is None else f"{amount:g} h"


def size(amount: int | None) -> str:
    """A number of bytes in a unit that fits."""
    if amount is None:
        return NOTHING
    value = float(amount)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def told(entry: JournalEntry) -> str:
    """A journal entry in a sentence."""
    say = _SENTENCES.get(entry.kind)
    if say is not None:
        return say(entry)
    return _PLAIN.get(entry.kind, entry.kind.replace(".", " ").replace("_", " "))


_JUST = timedelta(seconds=10)


def _relative(moment: datetime | None, kind: str, say: Callable[[datetime], str]) -> Markup:
    if moment is None:
        return escape(NOTHING)
    utc = moment.astimezone(UTC)
    iso = utc.isoformat(timespec="seconds").replace("+00:00", "Z")
    title = f"{iso[:10]} {iso[11:19]} UTC"
    # All of it is digits and words of this module.
    return Markup(f'<time datetime="{iso}" data-show="{kind}" title="{title}">{say(utc)}</time>')  # noqa: S704


def _moved(entry: JournalEntry) -> str:
    word = STATUS_WORDS[Status(entry.to_status)].text if entry.to_status in list(Status) else entry.to_status
    reason = entry.detail.get("reason")
    return f"{word}: {reason}" if reason else f"{word}"


def _ended(entry: JournalEntry) -> str:
    outcome = verdict(entry.detail.get("outcome") or "ended").text
    reason = entry.detail.get("reason")
    return f"Attempt {entry.attempt} of phase {entry.phase}: {outcome}" + (f": {reason}" if reason else "")


def _ticked(entry: JournalEntry) -> str:
    count = len(entry.detail.get("keys", ()))
    verb = "ticked" if entry.detail.get("mark") == "x" else "unticked"
    return f"{count} {'box' if count == 1 else 'boxes'} {verb}"


def _asked(entry: JournalEntry) -> str:
    kind = entry.detail.get("kind")
    return f"Asked: {ASKS[WaitKind(kind)]}" if kind in list(WaitKind) else "Asked"


def _replied(entry: JournalEntry) -> str:
    outcome = OUTCOMES.get(str(entry.detail.get("outcome")), "recorded")
    return f"Reply “{entry.detail.get('text', '')}”: {outcome}"


def _signed(entry: JournalEntry) -> str:
    amount = int(entry.detail.get("by_seconds", 0))
    return f"{'-' if amount < 0 else '+'}{span(timedelta(seconds=abs(amount)))}"


_PLAIN: Mapping[str, str] = {
    "spec.added": "Spec added",
    "spec.changed": "Spec changed",
    "branch.pushed": "Branch pushed",
    "branch.push_failed": "Branch not pushed",
    "checkpoint.not_sent": "Checkpoint not sent to the remote",
    "workspace.moved": "Files brought from another host",
    "migration.taken_over": "Taken over from a worker that is gone",
    "spec.weighed": "What its files say about it changed",
    "spec.withdrawn": "Spec file is gone",
    "spec.problems": "Spec has problems",
    "wait.extended": "Deadline extended",
    "schedule.removed": "Schedule removed",
    "pause.requested": "Pause asked for; it pauses after this attempt",
    "token.made": "Token made",
    "token.revoked": "Token revoked",
    "session.began": "Signed in",
    "webhook.tested": "Webhook tested",
}

_SENTENCES: Mapping[str, Callable[[JournalEntry], str]] = {
    "clock.jumped": lambda entry: f"The machine's clock was set by {_signed(entry)}",
    "clock.followed": lambda entry: f"Times moved with the clock, by {_signed(entry)}",
    "schedule.added": lambda entry: f"Scheduled by cron: {entry.detail.get('cron')}",
    "schedule.skipped": lambda entry: f"Not started by its schedule: {entry.detail.get('reason')}",
    "spec.moved": lambda entry: f"Spec moved to {entry.detail.get('path')}",
    "task.ticked": _ticked,
    "migration.started": lambda entry: f"Started with agent {entry.detail.get('agent')}",
    "migration.moved": _moved,
    "attempt.began": lambda entry: f"Attempt {entry.attempt} of phase {entry.phase} began",
    "attempt.ended": _ended,
    "wait.opened": _asked,
    "migration.retired": lambda entry: f"Its files were deleted after {entry.detail.get('days')} days",
    "wait.reminded": lambda entry: (
        f"Reminder: {span(timedelta(seconds=int(entry.detail.get('left_seconds', 0))))} left to answer"
    ),
    "wait.closed": lambda entry: f"Question closed: {entry.detail.get('outcome', '')}".rstrip(": "),
    "reply.received": _replied,
    "workspace.opened": lambda entry: f"Workspace opened at {str(entry.detail.get('base_commit'))[:10]}",
    "checkpoint.taken": lambda entry: f"Checkpoint {entry.detail.get('name')}",
    "phase.done": lambda entry: f"Phase {entry.phase} landed",
    "branch.published": lambda entry: (
        f"{entry.detail.get('branch')} published at {str(entry.detail.get('commit'))[:10]}"
    ),
    "hook.began": lambda entry: (
        f"Hook {entry.detail['hook']} of phase {entry.detail['of_phase']}: {entry.detail['act']}"
    ),
    "hook.ended": lambda entry: (
        f"Hook {entry.detail['hook']} of phase {entry.detail['of_phase']}:"
        f" {entry.detail['act']} {'done' if entry.detail['ok'] else 'failed'}"
    ),
    "rollback.requested": lambda entry: (
        f"Rollback to {entry.detail.get('to')} asked for: {entry.detail.get('reason')}"
    ),
    "rollback.done": lambda entry: f"Rolled back to {entry.detail.get('to')}, tree proved",
    "rollback.checked": lambda entry: (
        f"Looked over after the rollback: {', '.join(entry.detail['failed'])} does not hold"
        if entry.detail.get("failed")
        else "Looked over after the rollback: everything agrees"
    ),
    "rollback.refused": lambda entry: f"Rollback could not be done: {entry.detail.get('reason')}",
}
