"""Who may come in, and what each scope opens."""

from dataclasses import replace

import pytest
from roadmark.executor.access import SCOPES
from roadmark.web.app import create_app
from starlette.testclient import TestClient

from .conftest import BASE, Workbench, sign_in

READS = (
    "/api/migration", "/api/migration/status", "/api/migration/{m}", "/api/migration/{m}/events",
    "/api/tasks", "/api/tasks/{t}", "/api/tasks/{t}/migrations", "/api/specs/problems", "/api/inbox",
    "/api/audit",
    "/", "/inbox", "/specs", "/tasks/{t}", "/tasks/{t}/history", "/problems",
)  # fmt: skip
ORDERS = {
    "/api/migration": ("run", {"task_id": "{t}"}),
    "/api/migration/rollback": ("rollback", {"id": "{m}", "to": "start", "dry_run": True}),
    "/api/migration/{m}/rollback": ("rollback", {"to": "start", "dry_run": True}),
    "/api/migration/{m}/undo": ("rollback", {"reason": "x"}),
    "/api/migration/{m}/reply": ("reply", {"text": "done"}),
    "/api/migration/{m}/extend": ("reply", {}),
    "/api/migration/{m}/pause": ("run", {}),
    "/api/migration/{m}/resume": ("run", {}),
    "/api/migration/{m}/retry": ("run", {}),
    "/api/migration/{m}/cancel": ("run", {}),
    "/api/tasks/{t}/tick": ("run", {"key": "none", "mark": "x"}),
}
FORMS = {
    "/tasks/{t}/start": "run",
    "/tasks/{t}/reply": "reply",
    "/tasks/{t}/extend": "reply",
    "/tasks/{t}/pause": "run",
    "/tasks/{t}/resume": "run",
    "/tasks/{t}/retry": "run",
    "/tasks/{t}/cancel": "run",
    "/tasks/{t}/tick": "run",
    "/tasks/{t}/rollback": "rollback",
    "/tasks/{t}/undo": "rollback",
    "/tasks/{t}/schedule": "run",
    "/schedules/none/remove": "run",
}


@pytest.fixture
def names(bench: Workbench) -> dict[str, str]:
    """A migration and its task, to be put into paths."""
    migration = bench.asked()
    return {"m": migration.id, "t": migration.task_id}


def test_only_health_and_sign_in_are_open(anonymous: TestClient, names: dict[str, str]) -> None:
    for path in ("/livez", "/readyz", "/sign-in", "/static/roadmark.css"):
        assert anonymous.get(path).status_code == 200, path
    for path in (*READS, "/api/events", "/live/fleet", "/nothing"):
        answer = anonymous.get(path.format(**names))
        if path.startswith(("/api", "/live")):
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Bearer")
        else:
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/sign-in")
    for path in (*ORDERS, *FORMS):
        answer = anonymous.post(path.format(**names), headers={"Origin": BASE})
        assert answer.status_code in (401, 303), path


def test_each_order_needs_its_own_scope_and_no_other(
    bench: Workbench, anonymous: TestClient, names: dict[str, str]
) -> None:
    for scope in ("read", "reply", "run", "rollback"):
        anonymous.headers["Authorization"] = f"Bearer {bench.access.make_token(scope, [scope])}"
        for path, (needed, body) in ORDERS.items():
            filled = {
                key: value.format(**names) if isinstance(value, str) else value for key, value in body.items()
            }
            status = anonymous.post(path.format(**names), json=filled).status_code
            assert (status == 403) == (scope != needed), (scope, path, status)
        for path in READS:
            status = anonymous.get(path.format(**names)).status_code
            assert status == (200 if scope == "read" else 403), (scope, path)


def test_each_form_needs_its_own_scope_and_no_other(
    bench: Workbench, anonymous: TestClient, names: dict[str, str]
) -> None:
    for scope in ("read", "reply", "run", "rollback"):
        anonymous.cookies.clear()
        sign_in(bench, anonymous, (scope,))
        for path, needed in FORMS.items():
            status = anonymous.post(path.format(**names), data={"to": "none"}).status_code
            assert (status == 403) == (scope != needed), (scope, path, status)


def test_admin_may_do_everything(bench: Workbench, anonymous: TestClient, names: dict[str, str]) -> None:
    anonymous.headers["Authorization"] = f"Bearer {bench.access.make_token('root', ['admin'])}"
    for path in READS:
        assert anonymous.get(path.format(**names)).status_code == 200, path
    assert anonymous.post(f"/api/migration/{names['m']}/reply", json={"text": "done"}).status_code == 200


def test_a_wrong_token_is_no_token(bench: Workbench, anonymous: TestClient) -> None:
    good = bench.access.make_token("robot", SCOPES)
    for header in (f"Bearer {good[:-1]}", f"Bearer {good}x", f"Basic {good}", "Bearer", "Bearer rmk_", good):
        assert anonymous.get("/api/tasks", headers={"Authorization": header}).status_code == 401, header


def test_a_revoked_token_is_refused_at_once(bench: Workbench, anonymous: TestClient) -> None:
    secret = bench.access.make_token("robot", SCOPES)
    headers = {"Authorization": f"Bearer {secret}"}
    assert anonymous.get("/api/tasks", headers=headers).status_code == 200
    bench.access.revoke_token(bench.access.tokens()[0].id, "anna")
    assert anonymous.get("/api/tasks", headers=headers).status_code == 401


def test_looking_at_a_sign_in_link_does_not_use_it_up(bench: Workbench, anonymous: TestClient) -> None:
    path = f"/sign-in/{bench.access.make_link('anna', SCOPES)}"
    assert anonymous.get(path).status_code == 200
    assert anonymous.get(path).status_code == 200
    signed = anonymous.post(path, headers={"Origin": BASE})
    assert signed.status_code == 303
    cookie = signed.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert anonymous.get("/").status_code == 200


def test_a_sign_in_link_works_once(bench: Workbench, anonymous: TestClient) -> None:
    path = f"/sign-in/{bench.access.make_link('anna', SCOPES)}"
    anonymous.post(path, headers={"Origin": BASE})
    anonymous.cookies.clear()
    again = anonymous.post(path, headers={"Origin": BASE})
    assert again.status_code == 401
    assert anonymous.get("/").status_code == 303


def test_a_session_made_up_by_the_browser_is_not_taken(bench: Workbench, anonymous: TestClient) -> None:
    anonymous.cookies.set("roadmark_8484", "rms_made-up")
    assert anonymous.get("/").status_code == 303
    signed = anonymous.post(f"/sign-in/{bench.access.make_link('a', SCOPES)}", headers={"Origin": BASE})
    assert "rms_made-up" not in signed.headers["set-cookie"]


def test_signing_out_ends_the_session_for_good(browser: TestClient) -> None:
    cookie = browser.cookies["roadmark_8484"]
    assert browser.post("/sign-out").headers["location"] == "/sign-in"
    browser.cookies.set("roadmark_8484", cookie)
    assert browser.get("/").status_code == 303


def test_after_signing_in_only_paths_of_this_site_are_gone_on_to(
    bench: Workbench, anonymous: TestClient
) -> None:
    for wanted, goes_to in {
        "/inbox": "/inbox",
        "//evil.example": "/",
        "https://evil.example/": "/",
        "/\\evil.example": "/",
        "/a\nb": "/",
        "/..//evil.example": "/",
        "/.//evil.example": "/",
        "/a//evil.example": "/",
        "/jump?q=http://shelf.example": "/jump?q=http://shelf.example",
        "": "/",
    }.items():
        path = f"/sign-in/{bench.access.make_link('anna', SCOPES)}"
        answer = anonymous.post(path, data={"next": wanted}, headers={"Origin": BASE})
        assert answer.headers["location"] == goes_to, wanted


def test_the_page_that_was_wanted_is_remembered(anonymous: TestClient) -> None:
    answer = anonymous.get("/specs?x=1")
    assert answer.headers["location"] == "/sign-in?next=/specs%3Fx%3D1"


def test_who_is_signed_in_is_not_asked_again(browser: TestClient) -> None:
    assert browser.get("/sign-in").headers["location"] == "/"


def test_acts_of_another_site_are_refused(bench: Workbench, browser: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "https://127.0.0.1:8484"},
        {"Origin": "ftp://127.0.0.1:8484"},
        {"Origin": "http://127.0.0.1:8484/a/path"},
        {"Origin": "null"},
    ):
        answer = browser.post(f"/tasks/{task_id}/start", headers=headers)
        assert answer.status_code == 403, headers
    assert bench.tracker.migrations_of(task_id) == []
    assert (
        browser.post(f"/tasks/{task_id}/start", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
    )


def test_a_cookie_without_an_origin_is_not_enough_to_act(bench: Workbench, browser: TestClient) -> None:
    del browser.headers["Origin"]
    assert browser.post(f"/tasks/{bench.drop('tidy-shelf.md')}/start").status_code == 403


def test_strange_host_names_get_nothing(browser: TestClient) -> None:
    for host in ("evil.example", "evil.example:8484", "127.0.0.1.evil.example", "", "[::2]:8484"):
        answer = browser.get("/livez", headers={"Host": host})
        assert answer.status_code == 421, host
    for host in ("localhost:8484", "127.0.0.1", "[::1]:8484", "LOCALHOST"):
        assert browser.get("/livez", headers={"Host": host}).status_code == 200, host


def test_further_hosts_are_served_where_the_operator_names_them(bench: Workbench) -> None:
    bench.settings = replace(bench.settings, allowed_hosts=("Roadmark.LAN",))
    with TestClient(create_app(bench), base_url="http://roadmark.lan:8484") as client:
        assert client.get("/livez").status_code == 200
        for host in ("evil.example", "roadmark.lan.evil.example", "xroadmark.lan", "", "roadmark.lan@evil"):
            assert client.get("/livez", headers={"Host": host}).status_code == 421, host


def test_every_answer_carries_the_protecting_headers(anonymous: TestClient) -> None:
    for path in ("/sign-in", "/livez", "/api/tasks", "/static/roadmark.js", "/nothing"):
        headers = anonymous.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'"), path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_over_https_the_cookie_is_bound_to_the_host(bench: Workbench, anonymous: TestClient) -> None:
    anonymous.base_url = "https://127.0.0.1:8484"
    path = f"/sign-in/{bench.access.make_link('anna', SCOPES)}"
    cookie = anonymous.post(path, headers={"Origin": "https://127.0.0.1:8484"}).headers["set-cookie"]
    assert cookie.startswith("__Host-roadmark=")
    assert "secure" in cookie.lower()


def test_readiness_names_what_fails(bench: Workbench, anonymous: TestClient) -> None:
    assert anonymous.get("/readyz").json() == {
        "status": "ok",
        "checks": {"database": "ok", "engine": "ok", "watcher": "ok"},
    }
    bench.checks["engine"] = False
    answer = anonymous.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["engine"] == "failing"
