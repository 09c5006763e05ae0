"""A database server that crashes and is started again, while an agent works."""

import os
import stat
from pathlib import Path

from roadmark.executor.config import AgentSettings
from roadmark.executor.states import Status

AGENT = """#!/bin/sh
read -r go < {gate}
mkdir -p greeting
echo "WORDS = ['hello']" > greeting/words.py
echo "PAGE = 'hello'" > greeting/page.py
echo done
"""


def test_a_migration_survives_its_servers_crash_in_the_middle_of_an_attempt(
    spec: Path, tmp_path: Path, postgresql_server, start_service, driver_of
) -> None:
    gate, script = tmp_path / "gate", tmp_path / "agent.sh"
    os.mkfifo(gate)
    script.write_text(AGENT.format(gate=gate))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    agents = {"slow": AgentSettings(name="slow", kind="command", command=(str(script),))}
    url = postgresql_server.make_database()
    driver = driver_of(start_service(agents, database_url=url, sandbox="guard"))
    migration_id = driver.begin("slow")
    driver.until(migration_id, Status.WAITING)
    driver.say(migration_id, "done")
    with gate.open("w") as waiting:
        postgresql_server.stop("immediate")
        postgresql_server.start()
        waiting.write("go\n")
    migration = driver.until(migration_id, Status.WAITING)
    view = driver.service.tracker.migration(migration_id)
    assert (migration.phase, [one.outcome for one in view.attempts]) == (1, ["confirm"])
    assert driver.service.store.verify_journal() == []
