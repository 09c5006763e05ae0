"""No page breaks a WCAG 2.2 A or AA rule that axe-core knows, in light and dark, wide and narrow."""

import pytest
from playwright.sync_api import Page, expect

from .conftest import SPEC, Site, Visit

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # The order of headings in a spec is its author's; the pages' own order is one to three.
    "rules": {"heading-order": {"enabled": False}},
}


@pytest.fixture
def pages(site: Site, visit: Visit) -> tuple[Page, list[str]]:
    """A window, and every page there is, with something on each."""
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
    task = page.url.removeprefix(site.address)
    parts = ("", "/rollback", "/log", "/changes", "/history")
    return page, [
        "/",
        "/inbox",
        "/specs",
        "/figures",
        "/audit",
        "/doctor",
        "/problems",
        "/rules/E101",
        *(task + part for part in parts),
    ]


def test_no_page_breaks_a_rule(pages: tuple[Page, list[str]]) -> None:
    page, paths = pages
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            for path in paths:
                page.goto(path)
                open_all(page)
                result = axe.Axe().run(page, options=RULES)
                found += [
                    f"{scheme} {width} {path}: {rule['id']}: {node['target']} {node.get('failureSummary')}"
                    for rule in result.response["violations"]
                    for node in rule["nodes"]
                ]
    assert found == [], "\n".join(found)


def test_no_page_is_wider_than_a_small_phone(pages: tuple[Page, list[str]]) -> None:
    page, paths = pages
    page.set_viewport_size({"width": 320, "height": 800})
    for path in paths:
        page.goto(path)
        open_all(page)
        assert page.evaluate(TOO_WIDE) == [], path


TOO_WIDE = """() => document.documentElement.scrollWidth <= 320 ? [] :
    [...document.querySelectorAll("main *")]
        .filter(node => node.getBoundingClientRect().right > 320 && !node.closest(".patch, .lines"))
        .map(node => node.outerHTML.slice(0, 120))"""


def open_all(page: Page) -> None:
    """Everything that can be folded out, is."""
    page.evaluate("for (const part of document.querySelectorAll('main details')) part.open = true")
