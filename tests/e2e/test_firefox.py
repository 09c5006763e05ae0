"""The eight key flows once more, in the other engine."""

import signal
from collections.abc import Iterator

import pytest

from .conftest import FIREFOX, Site
from .firefox import Firefox

REPLY = "#reply form.send input[name=text]"
RETURN = "\ue006"
TICK = """const box = document.querySelector("#phase-1 button[role=checkbox]");
    fetch(box.form.action, {method: "POST", body: new URLSearchParams({box: box.value})})"""


@pytest.fixture(scope="session")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """The browser."""
    assert FIREFOX is not None
    made = Firefox(FIREFOX, tmp_path_factory.mktemp("firefox"))
    yield made
    made.close()


@pytest.fixture
def fox(firefox: Firefox, site: Site) -> Iterator[Firefox]:
    """A signed-in window; at the end nothing may have been blocked."""
    enter(firefox, site)
    yield firefox
    assert firefox.blocked() == []


def enter(fox: Firefox, site: Site) -> None:
    """By a link from the terminal, and its button; once."""
    fox.go(site.address)
    if "/sign-in" in fox.address:
        fox.go(site.sign_in_link())
        fox.click("button", "Sign in")
    fox.see("h1", "Fleet")


def open_task(fox: Firefox, site: Site, title: str) -> None:
    """A fresh spec, and its page."""
    site.drop(title)
    fox.click("a.title", title)
    fox.see("h1", title)
    # Before that the page still grows, and a click may fall beside its button.
    fox.see("#connection .word", "live")


def start(fox: Firefox, site: Site, title: str) -> None:
    """A fresh task that asks whether it may begin."""
    open_task(fox, site, title)
    fox.click("button", "Start")
    fox.see("#reply h2", "May it begin?")


def test_a_link_from_the_terminal_signs_in_and_out_again(fox: Firefox, site: Site) -> None:
    fox.click("details.who > summary")
    fox.click("details.who button", "Sign out")
    fox.go(f"{site.address}/inbox")
    fox.see("h1", "Sign in")


def test_a_dropped_spec_shows_on_the_open_fleet(fox: Firefox, site: Site) -> None:
    fox.see("#connection .word", "live")
    site.drop("Fox Paint")
    fox.see("a.title", "Fox Paint")


def test_from_start_to_done_by_replies(fox: Firefox, site: Site) -> None:
    start(fox, site, "Fox Way")
    fox.click("#reply button.chip", "sorted")
    fox.see("#reply h2", "Is this phase ready?")
    fox.see("#log-lines li", "skeleton created")
    fox.type(REPLY, "sorted" + RETURN)
    fox.see("#phase-1 .step", "done")
    fox.see("#phase-2 .step", "asked")
    fox.click("#reply button.chip", "done")
    fox.see("#task-head .state", "Done")
    fox.see("#task-head", "100 %")


def test_an_unclear_reply_asks_again_and_keeps_what_was_typed(fox: Firefox, site: Site) -> None:
    start(fox, site, "Fox Thoughts")
    fox.type(REPLY, "not sorted yet" + RETURN)
    fox.see("#reply [role=alert]", "does not confirm it")
    assert fox.value(REPLY) == "not sorted yet"


def test_what_is_being_typed_survives_a_live_change(fox: Firefox, site: Site) -> None:
    start(fox, site, "Fox Words")
    fox.type(REPLY, "not good bec")
    fox.ask(TICK)
    fox.see('#phase-1 button[aria-checked="true"]')
    assert fox.value(REPLY) == "not good bec"
    assert fox.ask("return document.activeElement.name") == "text"


def test_a_closed_phase_stays_closed(fox: Firefox, site: Site) -> None:
    open_task(fox, site, "Fox Lid")
    fox.click("#phase-1 > summary")
    fox.click("button", "Start")
    fox.see("#reply h2", "May it begin?")
    assert fox.ask("return document.querySelector('#phase-1').open") is False


def test_a_rollback_is_previewed_reasoned_and_undone(fox: Firefox, site: Site) -> None:
    start(fox, site, "Fox Back")
    fox.click("#reply button.chip", "sorted")
    fox.see("#reply h2", "Is this phase ready?")
    fox.click("a", "Roll back…")
    fox.see("dialog #reason")
    fox.type("dialog #reason", "wrong shelf")
    fox.type("dialog #branch", "feature/fox-back")
    fox.click("dialog button", "Roll back")
    fox.see("#task-head .why", "wrong shelf")
    fox.type("#undo-reason", "right shelf")
    fox.click("button", "Undo the rollback")
    fox.see_no_more("#task-head .why", "wrong shelf")


def test_the_page_says_when_it_is_cut_off_and_catches_up(firefox: Firefox, own_site: Site) -> None:
    enter(firefox, own_site)
    firefox.see("#connection .word", "live")
    port = own_site.port
    own_site.end(signal.SIGKILL)
    firefox.see("#stale", "Connection lost")
    own_site.drop("Fox Return")
    own_site.start(port)
    firefox.see("a.title", "Fox Return")
    firefox.see_no_more("#stale")
