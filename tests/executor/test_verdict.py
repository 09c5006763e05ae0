"""The table of verdicts, a test a row, and what must hold for every case."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.claims import Claim, ClaimKind
from roadmark.executor.verdict import (
    Case,
    Evidence,
    Outcome,
    Reported,
    ReportStatus,
    TurnEnd,
    Verification,
    decide,
)

NONCE = "n" * 32
WORK = Evidence(changed_paths=("src/a.py",))


def case(claim: ClaimKind = ClaimKind.STRONG, sentence: str = "Done.", **changes: Any) -> Case:
    """A case in which the agent is done, with work to show, unless the changes say otherwise."""
    values: dict[str, Any] = {
        "end": TurnEnd.COMPLETED,
        "claim": Claim(claim, sentence),
        "evidence": WORK,
        "nonce": NONCE,
        "automation_level": "full_auto",
        "confirmation_required": True,
        "fallback_detection": True,
        "attempts_used": 0,
        "max_attempts": 3,
        "questions_asked": 0,
        "max_confirmation_attempts": 3,
        "connection_resumes": 0,
    }
    return Case(**(values | changes))


def report(status: ReportStatus = ReportStatus.DONE, nonce: str = NONCE) -> Reported:
    return Reported(status=status, summary="which table do you mean", nonce=nonce)


def outcome(**changes: Any) -> tuple[Outcome, bool]:
    verdict = decide(case(**changes))
    return verdict.outcome, verdict.attempt_used


def test_row_8_a_refused_permission_is_a_question_unless_the_work_is_done_without_it() -> None:
    wanted = {"refused_permission": "edit (/etc/hosts)", "automation_level": "semi_auto"}
    verdict = decide(case(ClaimKind.NONE, "", **wanted))
    assert (verdict.outcome, verdict.attempt_used) == (Outcome.WAIT_FOR_REPLY, False)
    assert "edit (/etc/hosts)" in verdict.reason
    assert outcome(**wanted) == (Outcome.CONFIRM, False)
    assert outcome(**wanted, evidence=Evidence()) == (Outcome.DOUBT, True)


def test_row_1_a_rate_limit_parks_and_uses_no_attempt() -> None:
    touched = Evidence(protected_touched=("secrets",))
    assert outcome(end=TurnEnd.RATE_LIMITED, evidence=touched) == (Outcome.PARK, False)


@pytest.mark.parametrize("end", [TurnEnd.AUTH, TurnEnd.CONFIGURATION])
def test_row_2_what_a_person_must_set_up_blocks(end: TurnEnd) -> None:
    verdict = decide(case(end=end, end_detail="not logged in"))
    assert (verdict.outcome, verdict.attempt_used) == (Outcome.BLOCK, False)
    assert "not logged in" in verdict.reason


@pytest.mark.parametrize(
    "end", [TurnEnd.COMPLETED, TurnEnd.TIMEOUT, TurnEnd.CANCELLED, TurnEnd.PROVIDER_ERROR]
)
def test_row_3_something_protected_quarantines(end: TurnEnd) -> None:
    touched = Evidence(changed_paths=("a",), protected_touched=tuple(f"secret/{n}" for n in range(12)))
    verdict = decide(case(end=end, evidence=touched))
    assert (verdict.outcome, verdict.attempt_used) == (Outcome.QUARANTINE, True)
    assert "secret/0" in verdict.reason
    assert "and 2 more" in verdict.reason


@pytest.mark.parametrize("end", [TurnEnd.CONNECTION_LOST, TurnEnd.PROVIDER_ERROR])
def test_row_4_a_lost_provider_resumes_the_chat_three_times_and_then_uses_an_attempt(end: TurnEnd) -> None:
    assert outcome(end=end, connection_resumes=2) == (Outcome.RESUME_CHAT, False)
    assert outcome(end=end, connection_resumes=3) == (Outcome.NEXT_ATTEMPT, True)


@pytest.mark.parametrize("end", [TurnEnd.TIMEOUT, TurnEnd.IDLE, TurnEnd.CONTEXT_FULL, TurnEnd.MEMORY])
def test_row_5_a_turn_that_was_cut_off_uses_an_attempt_whatever_it_claims(end: TurnEnd) -> None:
    assert outcome(end=end) == (Outcome.NEXT_ATTEMPT, True)


def test_row_5_a_crash_without_a_claim_uses_an_attempt() -> None:
    assert outcome(end=TurnEnd.CRASHED, claim=ClaimKind.NONE) == (Outcome.NEXT_ATTEMPT, True)
    assert outcome(end=TurnEnd.CRASHED, claim=ClaimKind.WEAK) == (Outcome.NEXT_ATTEMPT, True)


def test_row_5_a_crash_after_a_claim_leaves_the_last_word_to_a_person() -> None:
    assert outcome(end=TurnEnd.CRASHED) == (Outcome.CONFIRM, False)
    assert outcome(end=TurnEnd.CRASHED, evidence=Evidence()) == (Outcome.DOUBT, True)


def test_row_6_a_person_ends_it() -> None:
    assert outcome(end=TurnEnd.CANCELLED) == (Outcome.CANCELLED, False)


def test_row_7_failing_checks_go_back_to_the_agent_with_their_output() -> None:
    failed = Evidence(
        changed_paths=("a",), verification=Verification.FAILED, verification_tail="E\n1 failed\n"
    )
    verdict = decide(case(evidence=failed, report=report()))
    assert (verdict.outcome, verdict.attempt_used) == (Outcome.NEXT_ATTEMPT, True)
    assert "1 failed" in verdict.reason
    assert "E\n1 failed" in verdict.feedback


def test_row_7_checks_without_output_still_have_a_reason() -> None:
    failed = Evidence(changed_paths=("a",), verification=Verification.FAILED)
    assert "gave no output" in decide(case(evidence=failed)).reason


@pytest.mark.parametrize("kind", [ClaimKind.NEGATED, ClaimKind.QUESTION])
def test_row_8_an_agent_that_asks_waits_for_a_person(kind: ClaimKind) -> None:
    verdict = decide(case(kind, "Which table?", automation_level="semi_auto"))
    assert (verdict.outcome, verdict.attempt_used) == (Outcome.WAIT_FOR_REPLY, False)
    assert "Which table?" in verdict.reason
    assert outcome(claim=kind) == (Outcome.FOLLOW_UP, True)


@pytest.mark.parametrize("status", [ReportStatus.BLOCKED, ReportStatus.NEEDS_INPUT])
def test_row_8_a_report_of_trouble_goes_before_the_words(status: ReportStatus) -> None:
    verdict = decide(case(report=report(status), automation_level="semi_auto"))
    assert verdict.outcome is Outcome.WAIT_FOR_REPLY
    assert "which table" in verdict.reason
    assert outcome(report=report(status)) == (Outcome.FOLLOW_UP, True)


def test_row_8_an_agent_that_wants_something_unsaid_says_so() -> None:
    assert "did not say" in decide(case(ClaimKind.NEGATED, "")).reason


def test_row_9_done_without_a_change_is_doubted() -> None:
    verdict = decide(case(evidence=Evidence()))
    assert (verdict.outcome, verdict.attempt_used) == (Outcome.DOUBT, True)
    assert "nothing was changed" in verdict.feedback


def test_row_9_done_without_a_declared_file_is_doubted_and_names_it() -> None:
    verdict = decide(case(evidence=Evidence(changed_paths=("a",), missing_required=("docs/guide.md",))))
    assert (verdict.outcome, verdict.attempt_used) == (Outcome.DOUBT, True)
    assert "docs/guide.md" in verdict.feedback


@pytest.mark.parametrize(
    ("level", "required", "expected"),
    [
        ("full_auto", True, Outcome.DONE),
        ("full_auto", False, Outcome.DONE),
        ("semi_auto", False, Outcome.DONE),
        ("semi_auto", True, Outcome.CONFIRM),
        ("assisted", False, Outcome.CONFIRM),
        ("manual", False, Outcome.CONFIRM),
        ("unheard of", False, Outcome.CONFIRM),
    ],
)
def test_row_10_done_with_evidence_is_confirmed_where_the_level_asks(
    *, level: str, required: bool, expected: Outcome
) -> None:
    assert outcome(automation_level=level, confirmation_required=required) == (expected, False)
    by_tool = {"claim": ClaimKind.NONE, "report": report()}
    assert outcome(automation_level=level, confirmation_required=required, **by_tool) == (expected, False)


def test_row_10_files_that_were_only_inferred_are_left_to_a_person_even_in_full_auto() -> None:
    verdict = decide(case(evidence=Evidence(changed_paths=("a",), missing_expected=("b.py",))))
    assert (verdict.outcome, verdict.attempt_used) == (Outcome.CONFIRM, False)
    assert "b.py" in verdict.reason


def test_row_10_a_person_is_told_what_the_evidence_is() -> None:
    evidence = Evidence(changed_paths=("a", "b"), verification=Verification.PASSED)
    reason = decide(case(evidence=evidence)).reason
    assert "2 files changed" in reason
    assert "the checks pass" in reason


@pytest.mark.parametrize("kind", [ClaimKind.WEAK, ClaimKind.NONE])
def test_row_11_work_without_a_clear_claim_is_never_done_by_itself(kind: ClaimKind) -> None:
    assert outcome(claim=kind) == (Outcome.CONFIRM, False)


@pytest.mark.parametrize("kind", [ClaimKind.WEAK, ClaimKind.NONE])
def test_row_12_an_unclear_end_is_asked_about_and_then_doubted(kind: ClaimKind) -> None:
    assert outcome(claim=kind, evidence=Evidence()) == (Outcome.FOLLOW_UP, False)
    assert outcome(claim=kind, evidence=Evidence(), questions_asked=3) == (Outcome.DOUBT, True)
    assert outcome(claim=kind, fallback_detection=False) == (Outcome.FOLLOW_UP, False)
    assert outcome(claim=kind, fallback_detection=False, questions_asked=3) == (Outcome.DOUBT, True)


def test_row_12_the_question_names_what_is_missing() -> None:
    lacking = Evidence(changed_paths=("a",), missing_required=("docs/guide.md",))
    assert "docs/guide.md" in decide(case(ClaimKind.NONE, "", evidence=lacking)).feedback


def test_row_13_the_last_attempt_fails_with_its_reason() -> None:
    verdict = decide(case(evidence=Evidence(), attempts_used=2))
    assert (verdict.outcome, verdict.attempt_used) == (Outcome.FAIL, True)
    assert "attempt 3 of 3" in verdict.reason
    assert "nothing was changed" in verdict.reason


def test_a_report_with_another_nonce_is_no_report() -> None:
    assert outcome(claim=ClaimKind.NONE, report=report(nonce="x" * 32)) == (Outcome.CONFIRM, False)
    assert outcome(report=report(ReportStatus.BLOCKED, "x" * 32)) == (Outcome.DONE, False)


def test_a_report_of_done_that_the_last_words_deny_is_unclear() -> None:
    assert outcome(claim=ClaimKind.NEGATED, report=report()) == (Outcome.CONFIRM, False)
    assert outcome(claim=ClaimKind.QUESTION, report=report()) == (Outcome.DONE, False)


def test_a_reason_is_short_whatever_the_agent_says() -> None:
    verdict = decide(case(ClaimKind.QUESTION, "why " * 5000))
    assert len(verdict.reason) < 700


paths = st.lists(st.sampled_from(["a", "b/c", "d"]), max_size=3).map(tuple)
evidences = st.builds(
    Evidence,
    changed_paths=paths,
    missing_required=paths,
    missing_expected=paths,
    verification=st.sampled_from(Verification),
    verification_tail=st.text(max_size=20),
    protected_touched=paths,
)
reports = st.none() | st.builds(
    Reported,
    status=st.sampled_from(ReportStatus),
    summary=st.text(max_size=9),
    nonce=st.sampled_from([NONCE, "x"]),
)
cases = st.builds(
    Case,
    end=st.sampled_from(TurnEnd),
    claim=st.builds(Claim, st.sampled_from(ClaimKind), st.text(max_size=9)),
    evidence=evidences,
    nonce=st.just(NONCE),
    automation_level=st.sampled_from(["manual", "assisted", "semi_auto", "full_auto", ""]),
    confirmation_required=st.booleans(),
    fallback_detection=st.booleans(),
    attempts_used=st.integers(0, 4),
    max_attempts=st.integers(1, 4),
    questions_asked=st.integers(0, 4),
    max_confirmation_attempts=st.integers(1, 4),
    connection_resumes=st.integers(0, 4),
    report=reports,
    end_detail=st.text(max_size=9),
)


@given(cases)
def test_nothing_is_done_without_a_change_a_clear_claim_and_passing_checks(one: Case) -> None:
    verdict = decide(one)
    if verdict.outcome is Outcome.DONE:
        assert one.evidence.changed_paths
        assert not one.evidence.missing_required
        assert not one.evidence.protected_touched
        assert one.evidence.verification is not Verification.FAILED
        assert one.end is TurnEnd.COMPLETED
        assert one.claim.kind is ClaimKind.STRONG or (one.report is not None and one.report.nonce == NONCE)
    if verdict.outcome is Outcome.CONFIRM:
        assert one.evidence.changed_paths
        assert one.evidence.verification is not Verification.FAILED


@given(cases)
def test_something_protected_always_quarantines_but_for_what_never_worked(one: Case) -> None:
    excused = one.end in (TurnEnd.RATE_LIMITED, TurnEnd.AUTH, TurnEnd.CONFIGURATION)
    if one.evidence.protected_touched and not excused:
        assert decide(one).outcome is Outcome.QUARANTINE


@given(cases)
def test_attempts_never_exceed_their_limit(one: Case) -> None:
    verdict = decide(one)
    again = {Outcome.NEXT_ATTEMPT, Outcome.DOUBT, Outcome.FOLLOW_UP}
    if verdict.attempt_used and verdict.outcome in again:
        assert one.attempts_used + 1 < one.max_attempts
    assert verdict.reason


@given(cases)
def test_a_level_below_full_auto_never_goes_further_than_full_auto(one: Case) -> None:
    if decide(one).outcome is Outcome.DONE and one.automation_level != "full_auto":
        assert decide(replace(one, automation_level="full_auto")).outcome is Outcome.DONE
