"""Whatever is asked of a page or sent by a form: an answer without a fault, and never a way off this site."""

from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from .conftest import Workbench

VALUES = (
    *("", "-1", "9" * 30, "1e9", "٣", "a\x00b", "../..", "%00", "\U0010ffff\u202e", "A" * 3_000),
    *(
        "' OR 1=1 --",
        "[",
        "\r\nX: y",
        "//evil.example",
        "/\\evil.example",
        "http://evil.example",
        "MA==",
        "1~2",
    ),
)
QUERIES = {
    "/": ("state", "priority", "text"),
    "/audit": ("cursor", "who", "what"),
    "/audit.csv": ("cursor", "who"),
    "/jump": ("q",),
    "/sign-in": ("next",),
    "/tasks/{task}": ("run",),
    "/tasks/{task}/log": ("run", "attempt", "phase", "after", "before", "find", "errors"),
    "/tasks/{task}/history": ("cursor",),
    "/tasks/{task}/changes": ("run", "since", "until"),
    "/tasks/{task}/rollback": ("run", "to"),
}
NAMED = (
    *("/tasks/{}", "/tasks/{}/log", "/tasks/{}/changes", "/tasks/{}/rollback", "/tasks/x/log/{}"),
    *("/rules/{}", "/problems/{}", "/reply/{}", "/sign-in/{}", "/schemas/{}", "/live/{}", "/static/{}"),
)
FORMS = {
    "/tasks/{task}/start": ("agent", "version"),
    "/tasks/{task}/reply": ("text", "wait", "version", "back"),
    "/tasks/{task}/pause": ("version", "back"),
    "/tasks/{task}/extend": ("version",),
    "/tasks/{task}/tick": ("key", "mark", "version"),
    "/tasks/{task}/rollback": ("to", "reason", "branch", "version", "choice:x", "with_dependents"),
    "/tasks/{task}/undo": ("reason", "version"),
    "/tasks/{task}/schedule": ("cron", "agent"),
    "/schedules/none/remove": ("version",),
    "/theme": ("theme", "next"),
}
URL_ENCODED, IN_PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="text"'
BODIES = (
    (URL_ENCODED, b"\xff\xfe%zz=%"),
    (URL_ENCODED, b"a=1&" * 1_000),
    (IN_PARTS, b"--x"),
    (IN_PARTS, PART + b'; filename="a"\r\n\r\na\r\n--x--\r\n'),
    (f"{IN_PARTS}; charset=none-such", PART + b"\r\n\r\na\xff\r\n--x--"),
    ("multipart/form-data", b"no boundary"),
    ("application/json", b'{"text": 1}'),
)


@pytest.fixture
def task(bench: Workbench) -> str:
    """A task that asks, with a workspace."""
    asked = bench.asked("asked.md")
    bench.open_workspace(asked.id)
    return asked.task_id


def hold(browser: TestClient, method: str, url: str, **sent: object) -> None:
    """It is answered, and leads nowhere else."""
    answer = browser.request(method, url, **sent)  # type: ignore[arg-type]
    assert answer.status_code < 500, (url, sent)
    leads_to = answer.headers.get("location", "/")
    assert leads_to.startswith("/"), (url, sent, leads_to)
    assert not leads_to.startswith(("//", "/\\")), (url, sent, leads_to)


@pytest.mark.slow
def test_pages_bear_whatever_is_asked(browser: TestClient, task: str) -> None:
    for value in VALUES:
        for path, names in QUERIES.items():
            query = "&".join(f"{name}={quote(value)}" for name in names)
            hold(browser, "GET", f"{path.format(task=task)}?{query}")
        for path in NAMED if value else ():
            hold(browser, "GET", path.format(quote(value, safe="")))


@pytest.mark.slow
def test_forms_bear_whatever_is_sent(browser: TestClient, task: str) -> None:
    for path, names in FORMS.items():
        for value in VALUES:
            hold(browser, "POST", path.format(task=task), data=dict.fromkeys(names, value))
        for media_type, body in BODIES:
            hold(browser, "POST", path.format(task=task), content=body, headers={"Content-Type": media_type})
