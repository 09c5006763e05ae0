"""No page breaks a WCAG 2.2 A or AA rule that axe-core knows, in light and dark, wide and narrow."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect
from roadmark.web.auth import is_program
from roadmark.web.routes import acts, contract, observing, reply_link, schedules, screens, sign_in, webhooks

from .conftest import SPEC, Site, Visit

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # The order of headings in a spec is its author's; the pages' own order is one to three.
    "rules": {"heading-order": {"enabled": False}},
}
OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""All that can be otherwise in other colours."""
LOOKS = (("light", 1280, RULES), ("light", 320, RULES), ("dark", 1280, OF_COLOURS), ("dark", 320, OF_COLOURS))


MODULES = (acts, contract, observing, reply_link, schedules, screens, sign_in, webhooks)
NO_PAGES = {"/audit.csv", "/tasks/{id}/log/{attempt}", "/api/docs/{name}"}


@dataclass(frozen=True, slots=True)
class Pages:
    """A window, a stranger's window, and every page there is, with something on each."""

    page: Page
    stranger: Page
    paths: tuple[str, ...]
    strangers_paths: tuple[str, ...]

    def shown(self) -> Iterator[tuple[Page, str]]:
        """Each page, opened, with everything folded out."""
        for page, paths in ((self.page, self.paths), (self.stranger, self.strangers_paths)):
            for path in paths:
                page.goto(path)
                open_all(page)
                page.evaluate("scrollTo({top: 0, behavior: 'instant'})")  # the head may hide a button
                yield page, path

    def fit(self, scheme: str, width: int) -> None:
        """Both windows in these colours and of this width."""
        for page in (self.page, self.stranger):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 800})


@pytest.fixture
def pages(site: Site, visit: Visit, chromium: Browser) -> Iterator[Pages]:
    page = visit().page
    site.drop("Open Shelf")
    site.drop("Broken Shelf", SPEC.replace('"timeout_seconds": 600', '"timeout_seconds":'))
    page.locator("tr:has-text('Open Shelf') a.title").click()
    if page.get_by_role("button", name="Start").count():
        page.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="sorted").click()
        expect(page.get_by_role("heading", name="Is this phase ready?")).to_be_visible()
        page.get_by_label("Your reply to Open Shelf").fill("hardly")
        page.keyboard.press("Enter")
        expect(page.locator("#reply").get_by_role("alert")).to_be_visible()
    page.get_by_text("Start it by cron").click()
    page.get_by_label("Minute, hour, day, month, weekday").fill("0 2 * * 1-5")
    page.get_by_role("button", name="Add schedule").click()
    expect(page.get_by_text("0 2 * * 1-5").first).to_be_visible()
    task = page.url.removeprefix(site.address)
    stranger = chromium.new_context(base_url=site.address)
    link = site.sign_in_link().removeprefix(site.address)
    parts = ("", "/rollback", "/log", "/changes", "/history")
    paths = (
        *("/", "/?text=nothing-like-it", "/inbox", "/specs", "/figures", "/audit", "/doctor", "/webhooks"),
        *(
            "/problems",
            "/problems/stale",
            "/schedules",
            "/rules/E101",
            "/api/docs",
            "/jump?q=shelf",
            "/no/such/page",
        ),
        *(task + part for part in parts),
    )
    strangers_paths = ("/sign-in", link, "/sign-in/mistyped", "/reply/mistyped")
    yield Pages(page, stranger.new_page(), paths, strangers_paths)
    stranger.close()


def test_no_page_breaks_a_rule(pages: Pages) -> None:
    found = []
    for scheme, width, rules in LOOKS:
        pages.fit(scheme, width)
        for page, path in pages.shown():
            page.evaluate(DROP_SWAGGER)
            result = axe.Axe().run(page, options={**rules, "resultTypes": ["violations"]})
            found += [
                f"{scheme} {width} {path}: {rule['id']}: {node['target']} {node.get('failureSummary')}"
                for rule in result.response["violations"]
                for node in rule["nodes"]
            ]
    assert found == [], "\n".join(found)


def test_every_page_that_there_is_is_looked_at(pages: Pages) -> None:
    seen = [path.partition("?")[0] for path in (*pages.paths, *pages.strangers_paths)]
    routes = [route for module in MODULES for route in module.ROUTES if "GET" in route.methods]
    missed = [
        route.path
        for route in routes
        if not (is_program({"path": route.path}) or any(map(route.path_regex.match, seen)))
    ]
    assert set(missed) == NO_PAGES


def test_no_page_is_wider_than_a_small_phone(pages: Pages) -> None:
    pages.fit("light", 320)
    for page, path in pages.shown():
        assert page.evaluate(TOO_WIDE) == [], path


# Swagger UI is not ours and breaks several rules; the same operations stand in a table above it.
DROP_SWAGGER = """document.getElementById("swagger")?.remove()"""
TOO_WIDE = """() => document.documentElement.scrollWidth <= 320 ? [] :
    [...document.querySelectorAll("main *")]
        .filter(node => node.getBoundingClientRect().right > 320 && !node.closest(".patch, .lines"))
        .map(node => node.outerHTML.slice(0, 120))"""


def open_all(page: Page) -> None:
    """Everything that can be folded out, is."""
    page.evaluate("for (const part of document.querySelectorAll('main details')) part.open = true")
