"""What the end of a turn means: the claim is weighed against the evidence, by one table.

Ticked boxes and exit codes are claims, never evidence. Nothing here reads files or runs anything.

Source: execution design, section 5.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from roadmark.executor.claims import Claim, ClaimKind

MOST_CHAT_RESUMES = 3
"""How often the same chat is taken up again after a lost connection before an attempt is used."""


class TurnEnd(StrEnum):
    """Why an agent's turn is over."""

    COMPLETED = "completed"
    """The agent stopped by itself; this alone says nothing about the work."""
    RATE_LIMITED = "rate_limited"
    """Its provider said: later."""
    AUTH = "auth"
    """Its credentials are missing or refused."""
    CONFIGURATION = "configuration"
    """The agent is missing, or set up wrongly."""
    CONNECTION_LOST = "connection_lost"
    """The connection to its provider broke."""
    PROVIDER_ERROR = "provider_error"
    """Its provider failed."""
    TIMEOUT = "timeout"
    """It took longer than it may."""
    IDLE = "idle"
    """It gave no sign of life."""
    CONTEXT_FULL = "context_full"
    """The chat no longer fits its model."""
    CANCELLED = "cancelled"
    """A person ended it."""
    CRASHED = "crashed"
    """Its process ended with a failure."""
    MEMORY = "memory"
    """It took more memory than it may."""


class ReportStatus(StrEnum):
    """What an agent tells with the `report_phase` tool."""

    DONE = "done"
    BLOCKED = "blocked"
    NEEDS_INPUT = "needs_input"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A report by the `report_phase` tool. It counts only with the nonce of its own attempt."""

    status: ReportStatus
    summary: str
    nonce: str


class Verification(StrEnum):
    """What the operator's own commands say about the work."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What stands in the workspace, whoever says what. Paths are relative to it."""

    changed_paths: tuple[str, ...] = ()
    missing_required: tuple[str, ...] = ()
    """Files that the phase names itself and that are not as it says."""
    missing_expected: tuple[str, ...] = ()
    """Files that were only inferred to belong to the phase; a person is told, nothing is doubted."""
    verification: Verification = Verification.NOT_CONFIGURED
    verification_tail: str = ""
    protected_touched: tuple[str, ...] = ()
    """Protected paths, refs, or anything of the user's own tree."""


class Outcome(StrEnum):
    """What happens next."""

    PARK = "park"
    """Later, in the same chat; no slot is held."""
    BLOCK = "block"
    """A person must repair something first."""
    QUARANTINE = "quarantine"
    """Something protected was touched: a checkpoint is kept and a person looks at it."""
    RESUME_CHAT = "resume_chat"
    """The same chat is taken up again."""
    NEXT_ATTEMPT = "next_attempt"
    """Another attempt, told what went wrong."""
    CANCELLED = "cancelled"
    """A person ended it; a rollback is offered."""
    WAIT_FOR_REPLY = "wait_for_reply"
    """The agent needs a person's answer."""
    FOLLOW_UP = "follow_up"
    """The agent is asked, in the same chat, whether it is done."""
    DOUBT = "doubt"
    """It says done and the evidence does not; another attempt, told what is missing."""
    CONFIRM = "confirm"
    """A person confirms the result."""
    DONE = "done"
    """The phase is finished."""
    FAIL = "fail"
    """The attempts are used up; workspace and checkpoints are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything a verdict depends on. The counts are those before this attempt."""

    end: TurnEnd
    claim: Claim
    evidence: Evidence
    nonce: str
    automation_level: str
    confirmation_required: bool
    fallback_detection: bool
    attempts_used: int
    max_attempts: int
    questions_asked: int
    max_confirmation_attempts: int
    connection_resumes: int
    report: Reported | None = None
    refused_permission: str = ""
    end_detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What happens next, whether an attempt is used, why (for a person), and what the agent is told."""

    outcome: Outcome
    attempt_used: bool
    reason: str
    feedback: str = ""


class _Says(StrEnum):
    """The claim by tool or words, together."""

    DONE = "done"
    UNCLEAR = "unclear"
    WANTS = "wants"


def decide(case: Case) -> Verdict:
    """The verdict on an attempt: the first row of the table that fits, then the limit on attempts."""
    verdict = next(found for row in ROWS if (found := row(case)) is not None)
    return _within_attempts(case, verdict)


def _says(case: Case) -> _Says:
    """What the agent claims. A report without the right nonce is no report; two that differ are unclear."""
    report = case.report if case.report is not None and case.report.nonce == case.nonce else None
    if report is not None and report.status is not ReportStatus.DONE:
        return _Says.WANTS
    match case.claim.kind:
        case ClaimKind.NEGATED:
            return _Says.UNCLEAR if report else _Says.WANTS
        case ClaimKind.QUESTION:
            return _Says.DONE if report else _Says.WANTS
        case ClaimKind.STRONG:
            return _Says.DONE
        case ClaimKind.WEAK | ClaimKind.NONE:
            return _Says.DONE if report else _Says.UNCLEAR
        case _:
            assert_never(case.claim.kind)


def _rate_limited(case: Case) -> Verdict | None:
    """Row 1."""
    if case.end is not TurnEnd.RATE_LIMITED:
        return None
    return Verdict(
        outcome=Outcome.PARK,
        attempt_used=False,
        reason=_detailed(case, "the agent's provider limits its rate"),
    )


def _not_set_up(case: Case) -> Verdict | None:
    """Row 2."""
    if case.end not in (TurnEnd.AUTH, TurnEnd.CONFIGURATION):
        return None
    what = "sign the agent in" if case.end is TurnEnd.AUTH else "repair the agent's configuration"
    reason = _detailed(case, f"the agent cannot start; {what} and retry ('roadmark doctor' checks it)")
    return Verdict(outcome=Outcome.BLOCK, attempt_used=False, reason=reason)


def _protected(case: Case) -> Verdict | None:
    """Row 3."""
    touched = case.evidence.protected_touched
    if not touched:
        return None
    reason = (
        f"something protected was touched: {_listed(touched)}; look at the checkpoint before anything else"
    )
    return Verdict(outcome=Outcome.QUARANTINE, attempt_used=True, reason=reason)


def _connection(case: Case) -> Verdict | None:
    """Row 4."""
    if case.end not in (TurnEnd.CONNECTION_LOST, TurnEnd.PROVIDER_ERROR):
        return None
    reason = _detailed(case, "the agent lost its provider")
    if case.connection_resumes < MOST_CHAT_RESUMES:
        return Verdict(outcome=Outcome.RESUME_CHAT, attempt_used=False, reason=reason, feedback="Continue.")
    return Verdict(outcome=Outcome.NEXT_ATTEMPT, attempt_used=True, reason=f"{reason}, again and again")


_CUT_OFF = {
    TurnEnd.TIMEOUT: "the attempt took too long",
    TurnEnd.IDLE: "the agent gave no sign of life",
    TurnEnd.CONTEXT_FULL: "the chat became too long for the agent's model",
    TurnEnd.MEMORY: "the agent took more memory than it may",
    TurnEnd.CRASHED: "the agent's process failed",
}


def _cut_off(case: Case) -> Verdict | None:
    """Row 5. A process that failed after it had claimed to be done is judged by the evidence."""
    if case.end not in _CUT_OFF or (case.end is TurnEnd.CRASHED and _says(case) is _Says.DONE):
        return None
    reason = _detailed(case, _CUT_OFF[case.end])
    feedback = f"The attempt before this one was ended: {reason}. Its work is still in the workspace."
    return Verdict(outcome=Outcome.NEXT_ATTEMPT, attempt_used=True, reason=reason, feedback=feedback)


def _cancelled(case: Case) -> Verdict | None:
    """Row 6."""
    if case.end is not TurnEnd.CANCELLED:
        return None
    return Verdict(outcome=Outcome.CANCELLED, attempt_used=False, reason=_detailed(case, "ended by a person"))


def _verification_failed(case: Case) -> Verdict | None:
    """Row 7."""
    if case.evidence.verification is not Verification.FAILED:
        return None
    tail = case.evidence.verification_tail
    return Verdict(
        outcome=Outcome.NEXT_ATTEMPT,
        attempt_used=True,
        reason=f"the checks fail: {_last_line(tail)}",
        feedback=f"The checks that decide about this phase fail. Their last output:\n\n{tail}",
    )


def _wants(case: Case) -> Verdict | None:
    """Row 8. One that was refused something outside its workspace and does not say done wants that."""
    says = _says(case)
    if says is not _Says.WANTS and not (says is _Says.UNCLEAR and case.refused_permission):
        return None
    said = _said(case)
    if case.automation_level != "full_auto":
        return Verdict(outcome=Outcome.WAIT_FOR_REPLY, attempt_used=False, reason=f"the agent asks: {said}")
    feedback = "Nobody is there to answer. Decide by the spec, note the decision, and finish the phase."
    return Verdict(
        outcome=Outcome.FOLLOW_UP,
        attempt_used=True,
        reason=f"the agent is not done: {said}",
        feedback=feedback,
    )


def _doubted(case: Case) -> Verdict | None:
    """Row 9."""
    lacking = _lacking(case.evidence)
    return _doubt(lacking) if _says(case) is _Says.DONE and lacking else None


def _done(case: Case) -> Verdict | None:
    """Row 10. Files that were only inferred, or a failed process, leave the last word to a person."""
    if _says(case) is not _Says.DONE:
        return None
    missing = case.evidence.missing_expected
    if not missing and case.end is not TurnEnd.CRASHED and not _confirmation_needed(case):
        return Verdict(outcome=Outcome.DONE, attempt_used=False, reason=_summary(case.evidence))
    return Verdict(outcome=Outcome.CONFIRM, attempt_used=False, reason=_summary(case.evidence))


def _unclear_with_work(case: Case) -> Verdict | None:
    """Row 11."""
    if not case.fallback_detection or _lacking(case.evidence):
        return None
    reason = f"the agent stopped without saying that it is done; {_summary(case.evidence)}"
    return Verdict(outcome=Outcome.CONFIRM, attempt_used=False, reason=reason)


def _unclear(case: Case) -> Verdict | None:
    """Row 12."""
    lacking = _lacking(case.evidence)
    if case.questions_asked >= case.max_confirmation_attempts:
        return _doubt(lacking or "the agent never said that the phase is done")
    reason = f"the agent stopped without saying that it is done; {lacking or _summary(case.evidence)}"
    feedback = "Is the phase done? Finish what is missing, then report it as you were told at the beginning."
    if lacking:
        feedback = f"{feedback} Noticed: {lacking}."
    return Verdict(outcome=Outcome.FOLLOW_UP, attempt_used=False, reason=reason, feedback=feedback)


ROWS: tuple[Callable[[Case], Verdict | None], ...] = (
    _rate_limited,
    _not_set_up,
    _protected,
    _connection,
    _cut_off,
    _cancelled,
    _verification_failed,
    _wants,
    _doubted,
    _done,
    _unclear_with_work,
    _unclear,
)
"""Rows 1 to 12 in order; the last one always fits."""

_REPEATED = frozenset({Outcome.NEXT_ATTEMPT, Outcome.DOUBT, Outcome.FOLLOW_UP})


def _within_attempts(case: Case, verdict: Verdict) -> Verdict:
    """Row 13: an attempt that would be one too many fails the phase."""
    last = case.attempts_used + 1 >= case.max_attempts
    if not (verdict.attempt_used and last and verdict.outcome in _REPEATED):
        return verdict
    count = f"attempt {case.attempts_used + 1} of {case.max_attempts}"
    reason = f"the attempts are used up ({count}): {verdict.reason}; the workspace and checkpoints are kept"
    return replace(verdict, outcome=Outcome.FAIL, reason=reason)


def _confirmation_needed(case: Case) -> bool:
    """Whether a person has the last word on a finished phase. An unknown level is read as the strictest."""
    if case.automation_level == "full_auto":
        return False
    return case.confirmation_required or case.automation_level != "semi_auto"


def _doubt(lacking: str) -> Verdict:
    return Verdict(
        outcome=Outcome.DOUBT,
        attempt_used=True,
        reason=f"doubted: {lacking}",
        feedback=f"You said that the phase is done, but {lacking}. Do it, then report again.",
    )


def _lacking(evidence: Evidence) -> str:
    """What the evidence lacks, as words; empty where it is all there."""
    if not evidence.changed_paths:
        return "nothing was changed"
    if evidence.missing_required:
        return f"declared files are not as the spec says: {_listed(evidence.missing_required)}"
    return ""


def _summary(evidence: Evidence) -> str:
    """What a person who confirms is told."""
    count = len(evidence.changed_paths)
    parts = [f"{count} file{'' if count == 1 else 's'} changed"]
    if evidence.verification is Verification.PASSED:
        parts.append("the checks pass")
    if evidence.missing_expected:
        parts.append(f"expected but missing: {_listed(evidence.missing_expected)}")
    return ", ".join(parts)


def _said(case: Case) -> str:
    """The agent's own words for what it wants."""
    if case.refused_permission:
        return _short(f"may it go outside its workspace? It was refused: {case.refused_permission}")
    summary = case.report.summary if case.report is not None and case.report.nonce == case.nonce else ""
    return _short(summary or case.claim.sentence or "it did not say what it needs")


def _detailed(case: Case, what: str) -> str:
    return f"{what}: {_short(case.end_detail)}" if case.end_detail else what


def _listed(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - 10} more" if len(paths) > 10 else ""
    return ", ".join(paths[:10]) + more


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return _short(lines[-1]) if lines else "they gave no output"


def _short(text: str) -> str:
    squeezed = " ".join(text.split())
    return squeezed if len(squeezed) <= 500 else f"{squeezed[:500]}..."
