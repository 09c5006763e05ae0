"""Messages over kill -9: what happened before, during and after it is told, each thing under one id."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..web.receiver import Receiver, receiver  # noqa: TID252 - importlib mode has no name for it
from .conftest import ROADMARK, Site

SETTINGS = """
[[webhooks]]
name = "shop"
url = "http://127.0.0.1:{port}/hook"
secret_file = "shop.secret"
events = ["token.made"]
allow = ["127.0.0.0/8"]
"""


@pytest.fixture
def shop() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def telling(tmp_path: Path, shop: Receiver) -> Iterator[Site]:
    """A service that tells of tokens."""
    (tmp_path / "roadmark.toml").write_text(SETTINGS.format(port=shop.port))
    (tmp_path / "shop.secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    (tmp_path / "shop.secret").chmod(0o600)
    made = Site(tmp_path)
    made.start()
    yield made
    if made.process.poll() is None:
        made.end()


def make_token(site: Site, name: str) -> None:
    """On the command line, whether the service runs or not."""
    asked = [*ROADMARK, "auth", "token", "--name", name, "--state-dir", "state"]
    subprocess.run(asked, cwd=site.folder, check=True, capture_output=True)


def told(shop: Receiver) -> list[str]:
    """Whose tokens were told of, each once."""
    by_id = {one.headers["webhook-id"]: json.loads(one.body)["data"]["actor"] for one in shop.received}
    return sorted(by_id.values())


def test_what_happens_around_a_kill_is_told_and_told_as_one_thing(telling: Site, shop: Receiver) -> None:
    make_token(telling, "before")
    shop.wait_for(1)
    shop.statuses = [500, 204]
    make_token(telling, "during")
    shop.wait_for(1)
    telling.end(signal.SIGKILL)
    make_token(telling, "after")
    telling.start()
    shop.wait_for(2)
    assert told(shop) == ["after", "before", "during"]
    first = shop.received[0].headers["webhook-id"]
    assert [one.headers["webhook-id"] for one in shop.received].count(first) == 1
