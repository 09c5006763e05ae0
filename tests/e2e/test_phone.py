"""From a message on the phone to an answer: one click and one word, on a screen of 390 by 844."""

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from ..web.receiver import Receiver, receiver  # noqa: TID252 - importlib mode has no name for it
from .conftest import Site, Visit
from .test_accessible import RULES, axe

pytest.importorskip("apprise", reason="the extra roadmark[notify] is not installed")

SETTINGS = """
[service]
public_url = "http://127.0.0.1:{port}"

[[notify]]
name = "phone"
url_file = "phone.url"
on = ["waiting"]
person = "anna"

[[webhooks]]
name = "chat"
url = "http://127.0.0.1:{phone}/chat"
secret_file = "chat.secret"
events = ["spec.added"]
"""


@dataclass
class Told:
    """A service that tells a phone."""

    site: Site
    phone: Receiver

    def link(self) -> str:
        """The link in the next message."""
        body = json.loads(self.phone.wait_for(1)[-1].body)
        found = re.search(r"http\S+/reply/\S+", body["message"])
        assert found is not None, body
        return found[0]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with receiver() as phone:
        phone.statuses = [200]
        (folder / "roadmark.toml").write_text(SETTINGS.format(port=port, phone=phone.port))
        for name, secret in (
            ("phone.url", f"json://127.0.0.1:{phone.port}/phone"),
            ("chat.secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ):
            (folder / name).write_text(secret)
            (folder / name).chmod(0o600)
        site = Site(folder)
        site.start(port)
        yield Told(site, phone)
        site.end()


def start(page: Page, told: Told, title: str) -> None:
    """A person starts a task elsewhere; it asks."""
    told.site.drop(title)
    page.locator(f"tr:has-text('{title}') a.title").click()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="May it begin?")).to_be_visible()


def test_one_click_on_the_link_and_one_on_a_word_answer(told: Told, visit: Visit) -> None:
    desk = visit(told.site).page
    start(desk, told, "By Phone")
    context = desk.context.browser.new_context(  # type: ignore[union-attr]
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True
    )
    phone = context.new_page()
    phone.goto(told.link())
    word = phone.get_by_role("button", name="sorted", exact=True)
    expect(word).to_be_in_viewport()
    assert word.bounding_box()["height"] >= 36  # type: ignore[index]
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    word.tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Taken")
    expect(desk.get_by_role("heading", name="Is this phase ready?")).to_be_visible()
    phone.goto(told.link())
    phone.get_by_label("Your reply to By Phone").fill("not good because the labels are missing")
    phone.get_by_role("button", name="Send").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Sent back to the agent")
    context.close()


def test_the_pages_of_messages_break_no_rule(told: Told, visit: Visit) -> None:
    page = visit(told.site).page
    start(page, told, "For All")
    page.goto("/webhooks")
    expect(page.get_by_text("which is not public").first).to_be_visible()
    for path in ("/webhooks", told.link()):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            for width in (1280, 320):
                page.set_viewport_size({"width": width, "height": 844})
                page.goto(path)
                found = axe.Axe().run(page, options=RULES).response["violations"]
                assert [rule["id"] for rule in found] == [], (path, scheme, width)
                assert page.evaluate("document.documentElement.scrollWidth") <= width
