"""What a person does on the pages, in a real browser, against the real service with its scaffold agent."""

import re
import signal

import pytest
from playwright.sync_api import Page, Route, expect
from roadmark.web.swagger import swagger_folder

from .conftest import Site, Visit


def open_task(page: Page, title: str) -> None:
    """From the fleet to the task, as soon as it is there."""
    page.locator(f"tr:has-text('{title}') a.title").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def start(page: Page, title: str) -> None:
    """Open the task, start it, and see that it asks."""
    open_task(page, title)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="May it begin?")).to_be_visible()


def test_a_dropped_spec_shows_on_the_open_fleet_by_itself(site: Site, visit: Visit) -> None:
    page = visit().page
    site.drop("Fresh Paint")
    expect(page.get_by_role("link", name="Fresh Paint")).to_be_visible()


def test_from_start_to_done_by_replies_on_the_page(site: Site, visit: Visit) -> None:
    page = visit().page
    site.drop("Whole Way")
    start(page, "Whole Way")
    page.get_by_role("button", name="sorted").click()
    expect(page.get_by_role("heading", name="Is this phase ready?")).to_be_visible()
    expect(page.locator("#log-lines")).to_contain_text("skeleton created")
    page.get_by_label("Your reply to Whole Way").fill("sorted")
    page.keyboard.press("Enter")
    expect(page.locator("#phase-1 .step")).to_have_text("done")
    expect(page.locator("#phase-2 .step")).to_have_text("asked")
    page.get_by_role("button", name="done", exact=True).click()
    expect(page.locator("#task-head .state")).to_have_text("Done")
    expect(page.locator("#task-head")).to_contain_text("100 %")
    text = (site.folder / "specs" / "whole-way.md").read_text()
    assert "- [x] Print a label for each board" in text


def test_a_late_answer_puts_no_older_state_back(site: Site, visit: Visit) -> None:
    page = visit().page
    site.drop("Slow Road")
    open_task(page, "Slow Road")
    question = page.get_by_role("heading", name="May it begin?")

    def hold_back(route: Route) -> None:
        answer = route.fetch()
        expect(question).to_be_visible()
        route.fulfill(response=answer)

    page.route("**/start", hold_back)
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/start")):
        page.get_by_role("button", name="Start").click()
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(question).to_be_visible()
    expect(page.locator("#task-head .state")).to_have_text("Waiting for you")


def test_an_act_while_updates_are_paused_ends_the_pause(site: Site, visit: Visit) -> None:
    page = visit().page
    site.drop("Short Rest")
    open_task(page, "Short Rest")
    expect(page.locator("#connection .word")).to_have_text("live")
    page.get_by_role("button", name="Pause updates").click()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="May it begin?")).to_be_visible()
    expect(page.locator("#connection .word")).to_have_text("live")


def test_an_unclear_reply_asks_again_and_keeps_what_was_typed(site: Site, visit: Visit) -> None:
    page = visit().page
    site.drop("Second Thoughts")
    start(page, "Second Thoughts")
    field = page.get_by_label("Your reply to Second Thoughts")
    field.fill("not sorted yet")
    page.keyboard.press("Enter")
    expect(page.locator("#reply").get_by_role("alert")).to_contain_text("does not confirm it")
    expect(field).to_have_value("not sorted yet")
    expect(page.locator("#task-head .state")).to_have_text("Waiting for you")


def test_what_is_being_typed_survives_a_live_change_of_the_page(site: Site, visit: Visit) -> None:
    page = visit().page
    site.drop("Half A Word")
    start(page, "Half A Word")
    other = visit().page
    other.goto(page.url)
    field = page.get_by_label("Your reply to Half A Word")
    field.press_sequentially("not good bec")
    other.locator("#phase-1 button[role=checkbox]").first.click()
    expect(page.locator("#phase-1 button[role=checkbox]").first).to_have_attribute("aria-checked", "true")
    expect(field).to_have_value("not good bec")
    expect(field).to_be_focused()


def test_a_closed_phase_stays_closed_when_the_page_changes(site: Site, visit: Visit) -> None:
    page = visit().page
    site.drop("Closed Lid")
    open_task(page, "Closed Lid")
    page.locator("#phase-1 > summary").click()
    expect(page.locator("#phase-1")).not_to_have_attribute("open", "")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="May it begin?")).to_be_visible()
    expect(page.locator("#phase-1")).not_to_have_attribute("open", "")


def test_a_rollback_is_previewed_reasoned_and_undone(site: Site, visit: Visit) -> None:
    page = visit().page
    site.drop("Way Back")
    start(page, "Way Back")
    page.get_by_role("button", name="sorted").click()
    expect(page.get_by_role("heading", name="Is this phase ready?")).to_be_visible()
    page.get_by_role("button", name="sorted").click()
    expect(page.locator("#phase-1 .step")).to_have_text("done")
    expect(page.locator("#phase-2 .step")).to_have_text("asked")
    page.get_by_role("link", name="Roll back…", exact=True).click()
    expect(page.get_by_role("heading", name="This will happen, in this order")).to_be_visible()
    expect(page.locator(".steps")).to_contain_text("untick")
    reason = page.get_by_label(re.compile("Reason"))
    expect(reason).to_be_focused()
    page.get_by_role("link", name="Keep it").click()
    expect(reason).to_be_hidden()
    page.keyboard.press("x")
    reason.fill("wrong shelf")
    page.get_by_label("Type feature/way-back to confirm").fill("feature/way-back")
    page.get_by_role("button", name="Roll back").click()
    expect(page.locator("#task-head .state")).to_have_text("Rolled back")
    expect(page.locator("#task-head")).to_contain_text("wrong shelf")
    assert "- [ ] Sort the books by author" in (site.folder / "specs" / "way-back.md").read_text()
    page.get_by_label("Why the rollback is undone").fill("it was the right one")
    page.get_by_role("button", name="Undo the rollback").click()
    expect(page.locator("#phase-1 .step")).to_have_text("done")
    assert "- [x] Sort the books by author" in (site.folder / "specs" / "way-back.md").read_text()


def test_everything_works_without_a_script(site: Site, visit: Visit) -> None:
    page = visit(site, java_script_enabled=False).page
    site.drop("Plain Paper")
    while page.get_by_role("link", name="Plain Paper").count() == 0:
        page.reload()
    open_task(page, "Plain Paper")
    page.get_by_role("button", name="Start").click()
    while page.locator("#reply").count() == 0:
        page.reload()
    page.get_by_label("Your reply to Plain Paper").fill("hardly")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#reply").get_by_role("alert")).to_contain_text("does not confirm it")
    expect(page.get_by_label("Your reply to Plain Paper")).to_have_value("hardly")
    page.goto("/inbox")
    card = page.locator("article", has_text="Plain Paper")
    card.get_by_role("button", name="sorted").click()
    expect(page).to_have_url(f"{site.address}/inbox")
    page.goto("/")
    expect(page.locator("tr", has_text="Plain Paper")).to_be_visible()


def test_hostile_specs_and_output_do_nothing(site: Site, visit: Visit) -> None:
    page = visit().page
    evil = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    site.drop("Evil Shelf", SPEC_WITH_EVIL.replace("EVIL", evil))
    open_task(page, "Evil Shelf")
    expect(page.locator("#phase-1")).to_contain_text("<script>alert(2)</script>")
    page.locator("#spec > summary").click()
    assert page.locator("main img, main script").count() == 0


def test_the_page_says_when_it_is_cut_off_and_catches_up(own_site: Site, visit: Visit) -> None:
    page = visit(own_site).page
    own_site.drop("Before The Cut")
    expect(page.get_by_role("link", name="Before The Cut")).to_be_visible()
    port = own_site.port
    own_site.end(signal.SIGKILL)
    expect(page.locator("#stale")).to_contain_text("Connection lost", timeout=20_000)
    expect(page.get_by_role("link", name="Before The Cut")).to_be_visible()
    own_site.drop("After The Cut")
    own_site.start(port)
    expect(page.get_by_role("link", name="After The Cut")).to_be_visible(timeout=30_000)
    expect(page.locator("#stale")).to_be_hidden()
    assert page.locator("tbody tr").count() == 2


def test_updates_can_be_paused_and_are_caught_up(site: Site, visit: Visit) -> None:
    page = visit().page
    expect(page.locator("#connection .word")).to_have_text("live")
    page.get_by_role("button", name="Pause updates").click()
    site.drop("Meanwhile")
    expect(visit().page.get_by_role("link", name="Meanwhile")).to_be_visible()
    assert page.get_by_role("link", name="Meanwhile").count() == 0
    page.get_by_role("button", name=re.compile("Resume")).click()
    expect(page.get_by_role("link", name="Meanwhile")).to_be_visible()


def test_keys_move_about_and_can_be_switched_off(site: Site, visit: Visit) -> None:
    page = visit().page
    site.drop("Key Ring")
    expect(page.get_by_role("link", name="Key Ring")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Jump to a task")).to_be_focused()
    page.keyboard.type("key ring")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Key Ring")
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page).to_have_url(f"{site.address}/inbox")
    page.keyboard.press("?")
    page.get_by_label("Switch single keys off").check()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("/")
    expect(page.get_by_label("Jump to a task")).not_to_be_focused()


def test_who_may_only_look_is_offered_no_acts(site: Site, visit: Visit) -> None:
    site.drop("Glass Case")
    page = visit(site, "read").page
    open_task(page, "Glass Case")
    assert page.get_by_role("button", name="Start").count() == 0
    expect(page.locator("#phase-1 button[role=checkbox]").first).to_be_disabled()


def test_who_asked_for_it_is_notified_while_looking_elsewhere(site: Site, visit: Visit) -> None:
    page = visit().page
    page.context.grant_permissions(["notifications"])
    page.add_init_script(RECORDED_NOTIFICATIONS)
    page.goto("/")
    page.locator(".who > summary").click()
    page.get_by_label("Notify this browser").check()
    site.drop("Far Away")
    other = visit().page
    expect(page.get_by_role("link", name="Far Away")).to_be_visible()
    page.evaluate(LOOK_AWAY)
    open_task(other, "Far Away")
    other.get_by_role("button", name="Start").click()
    expect(other.locator("#reply")).to_be_visible()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("html")).to_have_attribute("data-told", re.compile(r"waits? for you"))
    expect(page).to_have_title(re.compile(r"^\(\d+\) "))
    expect(page.locator("#icon")).to_have_attribute("href", re.compile("icon-needs"))


def test_a_printed_page_is_dark_on_light_whatever_the_screen_is(site: Site, visit: Visit) -> None:
    page = visit().page
    site.drop("On Paper")
    open_task(page, "On Paper")
    page.emulate_media(media="print", color_scheme="dark")
    ground = "getComputedStyle(document.querySelector('.phase')).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert not page.locator("header.top").is_visible()


RECORDED_NOTIFICATIONS = """
    window.Notification = class {
        static permission = "granted";
        static requestPermission = async () => "granted";
        constructor(title, options) { document.documentElement.dataset.told = options.body; }
    };
"""
LOOK_AWAY = """() => {
    Object.defineProperty(document, "hidden", { get: () => true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
SPEC_WITH_EVIL = """# Tidy Shelf

## Project Overview
- **Priority**: High EVIL

## Implementation Phases

#### Phase 1: EVIL (1 hour)
- [ ] EVIL

<script>alert(3)</script>
![track](http://evil.example/x.png) [click](javascript:alert(4))
"""


def test_the_api_can_be_read_and_tried_on_its_page(site: Site, visit: Visit) -> None:
    if swagger_folder() is None:
        pytest.skip("the extra `docs` is not installed")
    page = visit().page
    site.drop("Tried Out")
    expect(page.get_by_role("link", name="Tried Out")).to_be_visible()
    page.goto("/api/docs")
    page.locator("#operations-default-listTasks .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tr.response .response-col_status")).to_contain_text("200")
    expect(page.locator(".live-responses-table")).to_contain_text("Tried Out")
