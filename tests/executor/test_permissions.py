"""A permission outside the workspace: refused at once, then a question, whose reply the agent is told."""

import sys
from pathlib import Path

from roadmark.executor.config import AgentSettings
from roadmark.executor.states import Status, WaitKind

FAKE = Path(__file__).parent.parent / "agents" / "fake_acp.py"
AGENT = """
import json, sys
sys.argv = ["agent", ""]
sys.path.insert(0, {folder!r})
import fake_acp
def work(identity, parameters):
    text = parameters["prompt"][0]["text"]
    words = "edit:words.txt say:done" if "leave the hosts alone" in text else "ask:/etc/hosts"
    original(identity, {{**parameters, "prompt": [{{"text": words}}]}})
original, fake_acp.prompted = fake_acp.prompted, work
fake_acp.main()
"""


def test_a_person_is_asked_and_the_reply_reaches_the_agent(
    spec: Path, start_service, driver_of, tmp_path: Path
) -> None:
    program = tmp_path / "agent.py"
    program.write_text(AGENT.format(folder=str(FAKE.parent)))
    agent = AgentSettings(name="asks", kind="acp", command=(sys.executable, str(program), str(FAKE)))
    driver = driver_of(start_service({"asks": agent}))
    migration_id = driver.begin("asks")
    driver.until(migration_id, Status.WAITING)
    driver.say(migration_id, "done")
    driver.until(migration_id, Status.WAITING)
    view = driver.service.tracker.migration(migration_id)
    assert view.wait.kind is WaitKind.QUESTION
    assert "/etc/hosts" in view.wait.prompt
    assert "edit: no" in Path(view.attempts[0].log_path).read_text()
    driver.say(migration_id, "leave the hosts alone and work here")
    driver.until(migration_id, Status.WAITING)
    view = driver.service.tracker.migration(migration_id)
    assert view.wait.kind is WaitKind.CONFIRM
    assert [attempt.outcome for attempt in view.attempts] == ["wait_for_reply", "confirm"]
