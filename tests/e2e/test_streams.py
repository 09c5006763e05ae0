"""Many open streams at once, and pages that stay open while the service ends or is killed."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Page, expect

from .conftest import ROADMARK, Site, Visit
from .test_flows import start

Told = TypeVar("Told")

CLIENTS = 500
STREAMS = 100
ACTS = 5
COUNTING = """#!/bin/sh
i=0
while [ $i -lt 120 ]; do i=$((i+1)); echo "line $i of attempt $ROADMARK_ATTEMPT"; sleep 0.03; done
echo done
"""


def run(work: Coroutine[object, object, Told]) -> Told:
    """What it gives; on a thread of its own, as Playwright keeps a loop running on this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def token(site: Site) -> str:
    """A token that may look."""
    asked = [*ROADMARK, "auth", "token", "--scopes", "read,run", "--state-dir", "state"]
    said = subprocess.run(asked, cwd=site.folder, check=True, capture_output=True, text=True).stdout
    return said.splitlines()[-1]


async def opened(site: Site, secret: str, after: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """An open stream of the journal, its headers read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(
        f"GET /api/events?after={after} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {secret}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.splitlines()[0], head
    return reader, writer


async def told(reader: asyncio.StreamReader, last: int) -> list[int]:
    """The numbers of the entries, up to the one that is named."""
    seen: list[int] = []
    while not seen or seen[-1] < last:
        line = await reader.readline()
        assert line, "the stream ended"
        if line.startswith(b"data: "):
            seen.append(json.loads(line[6:])["seq"])
    return seen


def newest(site: Site, secret: str) -> int:
    """The number of the journal's newest entry."""

    async def ask() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        request = f"GET /api/audit?limit=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n"
        writer.write(f"{request}Connection: close\r\n\r\n".encode())
        body = (await reader.read()).split(b"\r\n\r\n", 1)[1]
        writer.close()
        return int(json.loads(body)["items"][0]["seq"])

    return run(ask())


def make_acts(site: Site) -> None:
    """Something happens some times: tokens are made."""
    for _ in range(ACTS):
        token(site)


def test_five_hundred_open_streams_are_told_everything_once(own_site: Site) -> None:
    secret = token(own_site)
    begin = newest(own_site, secret)

    async def listen() -> list[list[int]]:
        streams = [await opened(own_site, secret, begin) for _ in range(CLIENTS)]
        await asyncio.to_thread(make_acts, own_site)
        last = begin + ACTS
        found = await asyncio.gather(*(told(reader, last) for reader, _ in streams))
        for _, writer in streams:
            writer.close()
        return found

    wanted = list(range(begin + 1, begin + ACTS + 1))
    assert run(listen()) == [wanted] * CLIENTS


def test_open_streams_end_with_the_service_and_do_not_hold_it_up(own_site: Site) -> None:
    secret = token(own_site)

    async def hold() -> None:
        streams = [await opened(own_site, secret, 0) for _ in range(STREAMS)]
        own_site.process.send_signal(signal.SIGTERM)
        # Without a care for streams, the server waits until the callers go; that is never.
        async with asyncio.timeout(15):
            await asyncio.gather(*(reader.read() for reader, _ in streams))
        for _, writer in streams:
            writer.close()

    run(hold())
    assert own_site.process.wait(15) == 0
    assert own_site.process.stdout is not None
    own_site.process.stdout.close()


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Site]:
    """A service whose agent counts."""
    site = Site(tmp_path)
    agent = tmp_path / "agent.sh"
    agent.write_text(COUNTING)
    agent.chmod(0o755)
    (tmp_path / "roadmark.toml").write_text(
        f'[agents.counting]\ncommand = {json.dumps([str(agent)])}\n\n[run]\nagent = "counting"\n'
    )
    site.start()
    yield site
    if site.process.poll() is None:
        site.end()


def test_an_open_page_loses_and_doubles_no_line_over_an_end_and_a_kill(counting: Site, visit: Visit) -> None:
    page = visit(counting).page
    counting.drop("Long Count")
    start(page, "Long Count")
    page.get_by_role("button", name="sorted").click()
    for number, how in enumerate((signal.SIGTERM, signal.SIGKILL), 1):
        expect(page.get_by_text(f"line 20 of attempt {number}", exact=True)).to_be_visible(timeout=30_000)
        port = counting.port
        counting.end(how)
        counting.start(port)
    expect(page.get_by_text("line 120 of attempt 3", exact=True)).to_be_visible(timeout=60_000)
    shown = shown_lines(page)
    assert list(shown) == ["Phase 1, attempt 1", "Phase 1, attempt 2", "Phase 1, attempt 3"]
    logs = sorted((counting.folder / "state" / "logs").rglob("*.log"))
    assert [len(lines) for lines in shown.values()] == [count_lines(path) for path in logs]
    for lines in shown.values():
        assert lines == list(range(1, len(lines) + 1))


def shown_lines(page: Page) -> dict[str, list[int]]:
    """The numbers of the lines on the page, by the heading they stand under."""
    found: dict[str, list[int]] = {}
    heading = ""
    for kind, text, value in page.evaluate(LINES):
        if kind == "heading":
            heading = text
            assert heading not in found
            found[heading] = []
        else:
            found[heading].append(value)
    return found


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


LINES = """() => [...document.querySelectorAll("#log-lines > li")].map(
    line => [line.className, line.textContent, line.value])"""
