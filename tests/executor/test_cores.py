"""The threads of the engine share a core, and nothing that they start is held to it."""

import os
import shlex
import sys
import threading
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings
from roadmark.executor.cores import running_as_the_process, share_a_core_and_give_way
from roadmark.executor.states import Status
from roadmark.executor.workspace.calling import call

from .conftest import Start

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs two cores of a Linux machine"
)
LOOKING = (
    "sh",
    "-c",
    "grep Cpus_allowed_list /proc/self/status; cut -d ' ' -f 41 /proc/self/stat",
)
"""Prints the cores that it may run on, and its policy (proc(5))."""


def test_the_lane_and_the_slots_share_a_core(start_service: Start) -> None:
    service = start_service()
    of_lane = service.store.write(lambda transaction: os.sched_getaffinity(0))
    of_slot = service.engine._pool.submit(os.sched_getaffinity, 0).result()
    assert of_lane == of_slot
    assert len(of_lane) == 1
    assert len(os.sched_getaffinity(0)) > 1


def test_a_slot_gives_way_and_what_it_starts_does_not(start_service: Start) -> None:
    pool = start_service().engine._pool
    assert pool.submit(os.sched_getscheduler, 0).result() == os.SCHED_BATCH
    assert pool.submit(call, LOOKING).result().stdout == call(LOOKING).stdout


def test_an_agent_is_scheduled_as_the_process_is(spec: Path, start_service: Start, driver_of) -> None:
    script = spec.parent.parent / "agent.sh"
    looking = " ".join(map(shlex.quote, LOOKING))
    script.write_text(
        f"#!/bin/sh\nmkdir -p greeting\n{looking} | tee greeting/words.py > greeting/page.py\necho done\n"
    )
    script.chmod(0o755)
    agent = AgentSettings(name="looks", kind="command", command=(str(script),))
    service = start_service({"looks": agent}, automation_level="full_auto")
    driver = driver_of(service)
    migration_id = driver.begin("looks")
    driver.until(migration_id, Status.WAITING)
    driver.say(migration_id, "done")
    driver.until(migration_id, Status.WAITING)
    written = service.places.workspace(migration_id) / "greeting" / "words.py"
    assert written.read_bytes() == call(LOOKING).stdout


def test_a_core_that_cannot_be_had_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*wanted: object) -> None:
        raise PermissionError(1, "not in this container")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    before = os.sched_getaffinity(0)
    share_a_core_and_give_way()
    assert os.sched_getaffinity(0) == before
    assert call(LOOKING).stdout


def test_a_thread_goes_back_to_its_core_behind_a_call() -> None:
    seen: list[bytes] = []

    def work() -> None:
        share_a_core_and_give_way()
        seen.append(call(LOOKING).stdout)
        with running_as_the_process():
            pass
        seen.append(str(len(os.sched_getaffinity(0))).encode())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [call(LOOKING).stdout, b"1"]
