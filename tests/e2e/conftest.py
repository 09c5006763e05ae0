"""A real service, started as a person starts it, and a real browser in front of it."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SPEC = (Path(__file__).parent.parent / "web" / "tidy-shelf.md").read_text(encoding="utf-8")
ROADMARK = (sys.executable, "-m", "roadmark.cli.main")

expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is done with a whole program takes long, and needs a browser where a window is opened.

    Without one it is left out, and that is said.
    """
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)
        if "visit" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no chromium is installed on this machine"))
        if "firefox" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            if FIREFOX is None:
                item.add_marker(pytest.mark.skip(reason="no firefox is installed on this machine"))


@dataclass
class Site:
    """A service of its own over folders of its own."""

    folder: Path
    process: subprocess.Popen[str] = field(init=False)
    address: str = field(init=False)

    def __post_init__(self) -> None:
        for name in ("specs", "repo", "state"):
            (self.folder / name).mkdir()
        repo = self.folder / "repo"
        (repo / "README.md").write_text("A shelf.\n")
        identity = ("-c", "user.name=Anna", "-c", "user.email=anna@example.org")
        for arguments in (("init", "-q", "-b", "main"), ("add", "."), (*identity, "commit", "-qm", "Begin")):
            subprocess.run(["git", *arguments], cwd=repo, check=True)

    def start(self, port: int = 0) -> None:
        """Serve; the address is read from what it prints."""
        with (self.folder / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [*ROADMARK, "serve", *self._where(), "--specs", "specs", "--port", str(port)],
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first.startswith("Roadmark serves "), (self.folder / "serve.log").read_text()
        self.address = first.split()[-1]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rsplit(":", 1)[1])

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop serving."""
        self.process.send_signal(how)
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def sign_in_link(self, *scopes: str) -> str:
        """A link as `roadmark auth link` makes it."""
        chosen = ("--scopes", ",".join(scopes)) if scopes else ()
        asked = [*ROADMARK, "auth", "link", *chosen, "--state-dir", "state"]
        said = subprocess.run(asked, cwd=self.folder, check=True, capture_output=True, text=True).stdout
        return self.address + "/sign-in/" + said.split("/sign-in/")[1].split()[0]

    def drop(self, title: str, text: str = SPEC) -> None:
        """Put a spec into the folder, under a title of its own."""
        name = title.lower().replace(" ", "-")
        own = text.replace("Tidy Shelf", title).replace("feature/tidy-shelf", f"feature/{name}")
        (self.folder / "specs" / f"{name}.md").write_text(own, encoding="utf-8")

    def _where(self) -> tuple[str, ...]:
        return ("--repo", "repo", "--state-dir", "state")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One service for the tests that get along with each other."""
    made = Site(tmp_path_factory.mktemp("site"))
    made.start()
    yield made
    made.end()


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """A service that the test may stop and start."""
    made = Site(tmp_path)
    made.start()
    yield made
    if made.process.poll() is None:
        made.end()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visitor:
    """A signed-in browser window, and everything that it complained of."""

    page: Page
    context: BrowserContext
    complaints: list[str]


Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def cookies() -> dict[tuple[str, ...], Any]:
    """The sessions that were begun, by address and scopes: a link is asked for once."""
    return {}


@pytest.fixture
def visit(chromium: Browser, site: Site, cookies: dict[tuple[str, ...], Any]) -> Iterator[Visit]:
    """Opens windows; at the end nothing may have been blocked, broken, or asked of another host."""
    visitors: list[Visitor] = []

    def open_window(at: Site = site, *scopes: str, **options: object) -> Visitor:
        known = (at.address, *scopes)
        context = chromium.new_context(base_url=at.address, **options)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        visitor = Visitor(context.new_page(), context, [])
        visitors.append(visitor)
        watch(visitor, at.address)
        if known in cookies:
            context.add_cookies(cookies[known])
            visitor.page.goto("/")
        else:
            sign_in(visitor.page, at, scopes)
            cookies[known] = context.cookies()
        return visitor

    yield open_window
    for visitor in visitors:
        visitor.context.close()
        assert visitor.complaints == []


def sign_in(page: Page, site: Site, scopes: tuple[str, ...]) -> None:
    """As a person does: a link from the terminal, and its button."""
    page.goto(site.sign_in_link(*scopes))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.address}/")


def watch(visitor: Visitor, address: str) -> None:
    """Note what must not happen on any page."""
    page, complaints = visitor.page, visitor.complaints
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on(
        "console",
        lambda said: complaints.append(f"console: {said.text}") if "Content Security" in said.text else None,
    )
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(address) else complaints.append(f"elsewhere: {asked.url}"),
    )
