"""What each kind of turn leads to, with agents that follow a script."""

import threading
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings
from roadmark.executor.masking import HIDDEN
from roadmark.executor.states import Status, WaitKind
from roadmark.executor.workspace.checkpoints import records
from roadmark.executor.workspace.place import enter

WRITE = {"do": "write", "path": "greeting/words.py", "text": "WORDS = ['hello']\n"}
PAGE = {"do": "write", "path": "greeting/page.py", "text": "PAGE = 'hello'\n"}
DONE = {"do": "say", "text": "done\n"}


def script(*attempts: list[dict[str, object]], **options: object) -> dict[str, AgentSettings]:
    values = {"attempts": list(attempts), **options}
    return {"script": AgentSettings(name="script", kind="scripted", options=values)}


@pytest.fixture
def play(spec: Path, start_service, driver_of):
    """Start the only task with this script and confirm its start; gives the driver and the migration."""

    def begin(agents, **changes):
        driver = driver_of(start_service(agents, **changes))
        migration_id = driver.begin("script")
        driver.until(migration_id, Status.WAITING)
        driver.say(migration_id, "done")
        return driver, migration_id

    return begin


def outcomes(driver, migration_id: str) -> list[str]:
    return [attempt.outcome for attempt in driver.service.tracker.migration(migration_id).attempts]


def test_work_and_a_strong_claim_are_confirmed_by_a_person(play) -> None:
    driver, migration_id = play(script([WRITE, DONE]))
    driver.until(migration_id, Status.WAITING)
    wait = driver.service.tracker.migration(migration_id).wait
    assert wait.kind is WaitKind.CONFIRM
    assert "1 file changed" in wait.prompt


def test_a_claim_without_work_is_doubted_then_failed_and_told_why(play) -> None:
    driver, migration_id = play(script([DONE]))
    failed = driver.until(migration_id, Status.FAILED)
    assert outcomes(driver, migration_id) == ["doubt", "doubt", "fail"]
    assert "nothing was changed" in failed.reason
    second = driver.service.tracker.migration(migration_id).attempts[1]
    assert "nothing was changed" in second.prompt


def test_a_failed_migration_gets_new_attempts_when_a_person_retries(play) -> None:
    driver, migration_id = play(script([DONE], [DONE], [DONE], [WRITE, DONE]))
    driver.until(migration_id, Status.FAILED)
    driver.service.manager.retry(migration_id, "anna")
    driver.until(migration_id, Status.WAITING)
    assert outcomes(driver, migration_id) == ["doubt", "doubt", "fail", "confirm"]


def test_an_agents_question_waits_for_an_answer_that_reaches_the_next_prompt(play) -> None:
    ask = {"do": "say", "text": "Which language should the words be in?\n"}
    driver, migration_id = play(script([ask], [WRITE, DONE]))
    driver.until(migration_id, Status.WAITING)
    assert driver.service.tracker.migration(migration_id).wait.kind is WaitKind.QUESTION
    driver.say(migration_id, "in Portuguese")
    driver.until(migration_id, Status.WAITING)
    assert "in Portuguese" in driver.service.tracker.migration(migration_id).attempts[1].prompt


def test_a_keyword_accepts_work_that_ended_in_a_question(play) -> None:
    ask = {"do": "say", "text": "Shall I write more?\n"}
    driver, migration_id = play(script([WRITE, PAGE, ask]))
    driver.until(migration_id, Status.WAITING)
    driver.say(migration_id, "done")
    driver.until(migration_id, Status.WAITING)
    assert driver.service.tracker.migration(migration_id).phases[0].state == "done"


def test_a_reply_with_a_reason_sends_the_work_back(play) -> None:
    driver, migration_id = play(script([WRITE, DONE]))
    driver.until(migration_id, Status.WAITING)
    assert driver.say(migration_id, "not good because the words are rude") == "sent_back"
    driver.until(migration_id, Status.WAITING)
    view = driver.service.tracker.migration(migration_id)
    assert "the words are rude" in view.attempts[1].prompt
    assert view.phases[0].attempts_used == 1


def test_work_that_is_sent_back_too_often_fails(play) -> None:
    driver, migration_id = play(script([WRITE, DONE]))
    for _ in range(3):
        driver.until(migration_id, Status.WAITING)
        driver.say(migration_id, "not good because the second line is missing")
    assert "sent back" in driver.until(migration_id, Status.FAILED).reason


def test_a_rate_limit_parks_and_uses_no_attempt(play) -> None:
    limited = {"do": "end", "end": "rate_limited", "detail": "429, try later"}
    driver, migration_id = play(script([limited], [WRITE, DONE]))
    parked = driver.until(migration_id, Status.PARKED)
    assert parked.due_at is not None
    run = driver.service.tracker.migration(migration_id).phases[0]
    assert run.attempts_used == 0


def test_missing_credentials_block_until_a_person_retries(play) -> None:
    refused = {"do": "end", "end": "auth", "detail": "not logged in"}
    driver, migration_id = play(script([refused], [WRITE, DONE]))
    assert "not logged in" in driver.until(migration_id, Status.BLOCKED).reason
    driver.service.manager.retry(migration_id, "anna")
    driver.until(migration_id, Status.WAITING)
    assert outcomes(driver, migration_id) == ["block", "confirm"]


def test_an_agent_that_cannot_be_started_blocks(play) -> None:
    driver, migration_id = play(script([DONE], unavailable="it is not installed"))
    assert "it is not installed" in driver.until(migration_id, Status.BLOCKED).reason


def test_a_lost_connection_resumes_the_same_chat(play) -> None:
    lost = {"do": "end", "end": "connection_lost"}
    driver, migration_id = play(script([WRITE, lost], [DONE]))
    driver.until(migration_id, Status.WAITING)
    first, second = driver.service.tracker.migration(migration_id).attempts
    assert (first.outcome, second.outcome) == ("resume_chat", "confirm")
    assert second.session_id == first.session_id


def test_a_protected_path_quarantines(play) -> None:
    touch = {"do": "write", "path": "secrets/keys.txt", "text": "mine now\n"}
    driver, migration_id = play(script([touch, DONE]), protected_paths=("secrets/*",))
    assert "secrets/keys.txt" in driver.until(migration_id, Status.QUARANTINED).reason


def test_the_operators_checks_decide_and_their_output_goes_back(play) -> None:
    fixed = {"do": "write", "path": "greeting/ok.txt", "text": "ok\n"}
    driver, migration_id = play(
        script([WRITE, DONE], [fixed, DONE]),
        verify=(("sh", "-c", "test -e greeting/ok.txt || { echo no ok; exit 1; }"),),
    )
    driver.until(migration_id, Status.WAITING)
    assert outcomes(driver, migration_id) == ["next_attempt", "confirm"]
    assert "no ok" in driver.service.tracker.migration(migration_id).attempts[1].prompt


def test_an_agent_without_a_sign_of_life_is_ended(play) -> None:
    driver, migration_id = play(script([{"do": "hang"}], [WRITE, DONE]), idle_timeout_s=0)
    driver.until(migration_id, Status.WAITING, Status.FAILED)
    assert outcomes(driver, migration_id)[0] == "next_attempt"


def test_cancelling_stops_a_running_agent(play) -> None:
    driver, migration_id = play(script([WRITE, {"do": "hang"}]))
    driver.until(migration_id, Status.RUNNING)
    driver.service.manager.cancel(migration_id, "anna")
    driver.until(migration_id, Status.CANCELLED)
    assert outcomes(driver, migration_id) in ([], ["cancelled"])


def test_a_rollback_of_a_running_migration_stops_its_agent_first(play, tmp_path: Path) -> None:
    driver, migration_id = play(script([WRITE, {"do": "say", "text": "written\n"}, {"do": "hang"}]))
    _until_kind(driver, migration_id, "agent.output")
    driver.service.rollbacks.request(migration_id, "start", "wrong way", "anna")
    driver.until(migration_id, Status.ROLLED_BACK)
    assert not (driver.service.places.workspace(migration_id) / "greeting").exists()


def test_pausing_a_running_migration_waits_for_its_attempt(play) -> None:
    driver, migration_id = play(
        script([WRITE, {"do": "say", "text": "written\n"}, {"do": "wait_for", "path": "go"}, DONE])
    )
    _until_kind(driver, migration_id, "agent.output")
    driver.service.manager.pause(migration_id, "anna")
    (driver.service.places.workspace(migration_id) / "go").write_text("")
    resting = driver.until(migration_id, Status.WAITING, Status.PAUSED)
    assert outcomes(driver, migration_id) == ["confirm"]
    assert resting.status in (Status.WAITING, Status.PAUSED)


def test_a_paused_question_is_asked_again(play) -> None:
    driver, migration_id = play(script([WRITE, DONE]))
    driver.until(migration_id, Status.WAITING)
    driver.service.manager.pause(migration_id, "anna")
    driver.service.manager.resume(migration_id, "anna")
    driver.until(migration_id, Status.WAITING)
    assert driver.service.tracker.migration(migration_id).wait.kind is WaitKind.CONFIRM


def test_secrets_in_the_agents_words_are_kept_nowhere(play) -> None:
    secret = "ghp_" + "a1B2" * 9
    driver, migration_id = play(script([WRITE, {"do": "say", "text": f"the token is {secret}\n"}, DONE]))
    driver.until(migration_id, Status.WAITING)
    attempt = driver.service.tracker.migration(migration_id).attempts[0]
    assert secret not in Path(attempt.log_path).read_text()
    assert secret.encode() not in b"".join(
        path.read_bytes() for path in driver.service.settings.state_dir.glob("roadmark.db*")
    )


def test_secrets_in_the_output_of_the_operators_checks_are_kept_nowhere(play) -> None:
    secret = "ghp_" + "a1B2" * 9
    check = (
        "sh",
        "-c",
        f"test -e greeting/ok.txt || {{ echo no ok with {secret[:5]}''{secret[5:]}; exit 1; }}",
    )
    fixed = {"do": "write", "path": "greeting/ok.txt", "text": "ok\n"}
    driver, migration_id = play(script([WRITE, DONE], [fixed, DONE]), verify=(check,))
    driver.until(migration_id, Status.WAITING)
    first, second = driver.service.tracker.migration(migration_id).attempts
    assert f"no ok with {HIDDEN}" in first.evidence["verification_tail"]
    assert f"no ok with {HIDDEN}" in second.prompt
    with enter(driver.service.places.of(migration_id)) as room:
        written = [record.trailers for record in records(room)]
    assert secret not in str((first, second, written))
    assert secret.encode() not in b"".join(
        path.read_bytes() for path in driver.service.settings.state_dir.glob("roadmark.db*")
    )


@pytest.mark.parametrize("wanted", ["phase", "start"])
def test_used_up_attempts_roll_back_by_themselves_where_the_operator_says_so(play, wanted: str) -> None:
    mess = {"do": "write", "path": "mess.txt", "text": "half done\n"}
    crash = {"do": "end", "end": "crashed"}
    driver, migration_id = play(script([mess, crash]), on_failure=wanted)
    driver.until(migration_id, Status.ROLLED_BACK)
    view = driver.service.tracker.migration(migration_id)
    assert (view.rollbacks[0].trigger, view.rollbacks[0].actor) == ("automatic", "roadmark")
    assert "the attempts are used up" in view.rollbacks[0].reason
    assert not (driver.service.places.workspace(migration_id) / "mess.txt").exists()


def _until_kind(driver, migration_id: str, kind: str) -> None:
    heard = threading.Event()
    end = driver.service.store.bus.subscribe(
        lambda entries: heard.set() if any(entry.kind == kind for entry in entries) else None
    )
    try:
        entries = driver.service.tracker.events_after(0, 1000, migration_id=migration_id)
        assert any(entry.kind == kind for entry in entries) or heard.wait(30)
    finally:
        end()
