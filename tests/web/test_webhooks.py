"""Webhooks out: signed, fed from the journal, tried again, and never sent inside unless that is meant."""

import ipaddress
import json
import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.config import load_settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.events import Event
from roadmark.executor.outbox import RETRY_AFTER_S, Outbox
from roadmark.executor.outside import EVERYTHING_BUT_OUTPUT, WebhookSettings
from roadmark.executor.secret_source import SecretSource
from roadmark.executor.store.outbox import DELIVERED, GIVEN_UP, PENDING
from roadmark.executor.store.store import Store
from roadmark.executor.tracker import MigrationTracker
from roadmark.web.app import create_app
from roadmark.web.hooks.addresses import AddressRefused, check_url, is_public
from roadmark.web.hooks.courier import Courier, couriers
from roadmark.web.hooks.signing import SecretUnusable, SignatureWrong, headers_for, verify
from roadmark.web.hooks.webhook import Webhook, listens
from starlette.testclient import TestClient

from .conftest import BASE, SPEC, Workbench, sign_in
from .receiver import Receiver, receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@dataclass
class StoppedClock:
    """A clock that the test moves."""

    at: datetime = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.at.timestamp()


@pytest.fixture
def shop() -> Iterator[Receiver]:
    """Who is told."""
    with receiver() as made:
        yield made


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def store(tmp_path: Path, clock: StoppedClock) -> Iterator[Store]:
    made = Store(tmp_path, clock)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SECRET", SECRET)


def settings_of(url: str, **more: object) -> WebhookSettings:
    source = SecretSource(where="[[webhooks]] shop", variable="SHOP_SECRET")
    made = WebhookSettings(name="shop", url=url, secret=source, allow=LOOPBACK)
    return replace(made, **more)  # type: ignore[arg-type]


def courier_to(store: Store, settings: WebhookSettings, **more: object) -> tuple[Courier, Outbox]:
    """A courier without its thread: the test has it work."""
    hook = Webhook(settings, MigrationTracker(store), store.clock, address=BASE, **more)  # type: ignore[arg-type]
    outbox = Outbox(store, lambda: 0.5)
    return Courier(outbox, hook), outbox


def test_a_signature_is_the_one_of_the_specification() -> None:
    headers = headers_for(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_replaced_without_a_gap() -> None:
    new = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
    headers = headers_for(f"{new} {SECRET}", "msg_1", 1000, b"{}")
    assert verify(SECRET, headers, b"{}", 1000) == verify(new, headers, b"{}", 1000) == "msg_1"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_???", "whsec_c2hvcnQ="])
def test_a_weak_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(SecretUnusable):
        headers_for(secret, "msg_1", 1000, b"{}")


@given(body=st.binary(max_size=200), other=st.binary(max_size=200), late_s=st.integers(-900, 900))
def test_only_the_very_message_within_five_minutes_is_believed(
    body: bytes, other: bytes, late_s: int
) -> None:
    headers = headers_for(SECRET, "msg_1", 10_000, body)
    if abs(late_s) <= 300 and body == other:
        assert verify(SECRET, headers, other, 10_000 + late_s) == "msg_1"
    else:
        with pytest.raises(SignatureWrong):
            verify(SECRET, headers, other, 10_000 + late_s)


def test_what_happens_is_told_signed_and_with_a_link(bench: Workbench, shop: Receiver) -> None:
    bench.settings = replace(bench.settings, webhooks=(settings_of(shop.url, events=("wait.opened",)),))
    with TestClient(create_app(bench), base_url=BASE):
        migration = bench.asked()
        (told,) = shop.wait_for(1)
    verify(SECRET, told.headers, told.body, bench.clock.now().timestamp())
    message = json.loads(told.body)
    assert told.path == "/hook/of-the-operator"
    assert (message["type"], message["data"]["migration_id"]) == ("wait.opened", migration.id)
    assert message["data"]["title"] == "Tidy Shelf"
    assert message["data"]["url"] == f"{BASE}/tasks/{migration.task_id}"
    assert sorted(message["data"]["detail"]["keywords"]) == ["done", "sorted"]


def test_slack_is_sent_the_question_with_a_button_for_each_word(
    bench: Workbench, shop: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_URL", shop.url)
    source = SecretSource(where="[[webhooks]] shop", variable="SLACK_URL")
    hook = replace(settings_of(""), url=source, secret=None, format="slack", events=("wait.opened", "spec.*"))
    bench.settings = replace(bench.settings, webhooks=(hook,))
    with TestClient(create_app(bench), base_url=BASE, follow_redirects=False) as client:
        bench.drop("loud.md", SPEC.replace("Tidy Shelf", "Tidy <!channel> Shelf"))
        plain, asked = [json.loads(shop.wait_for(1)[0].body), bench.asked()]
        message = json.loads(shop.wait_for(2)[-1].body)
        sign_in(bench, client, ("admin",))
        page = client.get("/webhooks").text
    assert "webhook-signature" not in shop.received[0].headers
    assert plain["text"].startswith("Tidy &lt;!channel&gt; Shelf: Spec added")
    wait = bench.tracker.migration(asked.id).wait
    assert wait is not None
    section, actions = message["blocks"]
    assert section["text"]["type"] == "plain_text"
    assert "Phase 1 is ready." in section["text"]["text"]
    assert [one["value"] for one in actions["elements"][:-1]] == [
        f"{wait.id[:8]} {word}" for word in wait.keywords
    ]
    assert actions["elements"][-1]["url"] == f"{BASE}/tasks/{asked.task_id}"
    assert "what SLACK_URL holds" in page
    assert "of-the-operator" not in page


def test_a_new_webhook_hears_only_of_what_comes(store: Store, shop: Receiver) -> None:
    store.record(Event(kind="thing.old"))
    courier, _ = courier_to(store, settings_of(shop.url))
    courier.work()
    store.record(Event(kind="thing.new"))
    courier.work()
    assert [json.loads(one.body)["type"] for one in shop.received] == ["thing.new"]


def test_over_restarts_nothing_is_lost_and_nothing_doubled(store: Store, shop: Receiver) -> None:
    for number in range(6):
        courier, _ = courier_to(store, settings_of(shop.url))
        courier.work()
        store.record(Event(kind=f"thing.done{number}"))
    courier, _ = courier_to(store, settings_of(shop.url))
    courier.work()
    courier.work()
    assert [json.loads(one.body)["type"] for one in shop.received] == [f"thing.done{n}" for n in range(6)]


def test_a_kill_after_sending_sends_again_under_the_same_id(store: Store, shop: Receiver) -> None:
    courier, outbox = courier_to(store, settings_of(shop.url))
    courier.work()
    store.record(Event(kind="thing.done"))
    hook = Webhook(settings_of(shop.url), MigrationTracker(store), store.clock, address=BASE)
    outbox.feed("shop", hook.message)
    (delivery,) = outbox.due("shop")
    hook.send(delivery)  # the process dies before it can note that
    again, _ = courier_to(store, settings_of(shop.url))
    again.work()
    first, second = shop.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_a_refused_message_is_tried_again_later_and_later(
    store: Store, shop: Receiver, clock: StoppedClock
) -> None:
    shop.statuses = [500]
    courier, outbox = courier_to(store, settings_of(shop.url))
    courier.work()
    store.record(Event(kind="thing.done"))
    waits = []
    while True:
        courier.work()
        (delivery,) = outbox.page("shop", None, 5)
        if delivery.due_at is None:
            break
        waits.append((delivery.due_at - clock.at).total_seconds())
        courier.work()
        clock.at = delivery.due_at
    assert waits == list(RETRY_AFTER_S)
    assert len(shop.received) == len(RETRY_AFTER_S) + 1
    assert delivery.state == GIVEN_UP
    assert {one["status"] for one in delivery.tries} == {500}


def test_retries_are_spread_by_chance(store: Store, shop: Receiver, clock: StoppedClock) -> None:
    shop.statuses = [503]
    store.record(Event(kind="thing.old"))
    dues = []
    for chance in (0.0, 1.0):
        hook = Webhook(
            settings_of(shop.url, name=f"shop{chance:g}"), MigrationTracker(store), clock, address=""
        )
        outbox = Outbox(store, lambda given=chance: given)  # type: ignore[misc]
        courier = Courier(outbox, hook)
        courier.work()
        store.record(Event(kind="thing.done"))
        courier.work()
        due_at = outbox.page(hook.name, None, 1)[0].due_at
        assert due_at is not None
        dues.append((due_at - clock.at).total_seconds())
    assert dues == [4.0, 6.0]


def test_a_receiver_may_ask_for_more_time_or_for_no_more_at_all(
    store: Store, shop: Receiver, clock: StoppedClock
) -> None:
    shop.statuses, shop.headers = [429, 410], {"Retry-After": "120"}
    courier, outbox = courier_to(store, settings_of(shop.url))
    courier.work()
    store.record(Event(kind="thing.done"))
    courier.work()
    assert outbox.page("shop", None, 1)[0].due_at == clock.at + timedelta(seconds=120)
    clock.at += timedelta(seconds=120)
    courier.work()
    assert outbox.page("shop", None, 1)[0].state == GIVEN_UP


def test_a_redirect_is_not_followed(store: Store, shop: Receiver) -> None:
    shop.statuses, shop.headers = [307], {"Location": f"http://127.0.0.1:{shop.port}/inside"}
    courier, outbox = courier_to(store, settings_of(shop.url))
    courier.work()
    store.record(Event(kind="thing.done"))
    courier.work()
    assert [one.path for one in shop.received] == ["/hook/of-the-operator"]
    (delivery,) = outbox.page("shop", None, 1)
    assert "redirect, which is not followed" in delivery.tries[0]["error"]


def test_a_name_is_asked_for_once_and_that_address_is_called(store: Store, shop: Receiver) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    settings = settings_of(
        f"http://shop.test:{shop.port}/hook", allow=(ipaddress.ip_network("127.0.0.1/32"),)
    )
    courier, outbox = courier_to(store, settings, resolving=rebinding)
    courier.work()
    store.record(Event(kind="thing.first"))
    courier.work()
    assert (asked, [one.headers["host"] for one in shop.received]) == (
        ["shop.test"],
        [f"shop.test:{shop.port}"],
    )
    store.record(Event(kind="thing.second"))
    courier.work()
    assert len(shop.received) == 1
    assert "169.254.169.254, which is not public" in outbox.page("shop", None, 1)[0].tries[0]["error"]


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://0.0.0.0/",
        "https://0/",
        "https://[::]/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[fec0::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://192.88.99.1/",
        "https://[3fff::1]/",
        "https://[2607:f8b0::5efe:10.0.0.1]/",
        "https://[2607:f8b0::200:5efe:a9fe:a9fe]/",
        "https://[::1",
        "https://[::1]x/",
        "https://a..b/",
        "https://.a/",
        f"https://{'a' * 64}.example/",
        "https://localhost%00.example.org/",
        "https:127.0.0.1/",
        "https:///127.0.0.1/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1:8443/",
        "https://100.64.0.1/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://example.org@127.0.0.1/",
        "https://user:word@example.org/",
        "https://127.0.0.1\\@example.org/",
        "https://127.0.0.1:443#@example.org/",
        "https://exam\u2024ple.org/",
        "https://example.org\r\nX: y/",
        "https://127。0。0。1/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https:///path",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//example.org/",
        "http://1.1.1.1/",
    ],
)
def test_a_url_that_leads_inside_is_refused(url: str) -> None:
    with pytest.raises((AddressRefused, OSError)):
        check_url(url, ())


def test_one_private_address_among_public_ones_refuses_all() -> None:
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.7"):
        check_url("https://shop.test/", (), lambda host, port: ["93.184.215.14", "10.0.0.7"])


def test_a_public_address_is_called_by_its_number_and_asked_by_its_name() -> None:
    target = check_url("https://shop.test:8443/a?b=c", (), lambda host, port: ["93.184.215.14"])
    assert (target.addresses, target.authority, target.path) == (
        ("93.184.215.14",),
        "shop.test:8443",
        "/a?b=c",
    )


def test_a_network_that_is_meant_is_called_and_no_other() -> None:
    allow = (ipaddress.ip_network("10.1.0.0/16"),)
    assert check_url("http://shop.test/", allow, lambda host, port: ["10.1.2.3"]).addresses == ("10.1.2.3",)
    assert check_url("http://shop.test/", allow, lambda host, port: ["::ffff:10.1.2.3"])
    with pytest.raises(AddressRefused):
        check_url("http://shop.test/", allow, lambda host, port: ["10.2.0.1"])


@given(st.ip_addresses(v=4))
def test_an_address_is_as_public_inside_another_one_as_by_itself(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    wrapped = ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80))
    if not is_public(address):
        assert not is_public(mapped)
        assert not is_public(wrapped)


def test_a_receiver_that_says_nothing_is_cut_off(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = settings_of(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        courier, outbox = courier_to(store, settings, deadline_s=0.2)
        courier.work()
        store.record(Event(kind="thing.done"))
        courier.work()
    assert outbox.page("shop", None, 1)[0].tries[0]["error"] == "no answer within 0.2 seconds"


def test_a_receiver_that_drips_is_cut_off_too(store: Store) -> None:
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        caller, _ = listener.accept()
        with caller:
            caller.sendall(b"HTTP/1.1 200 OK\r\n")
            try:
                while not over.wait(0.02):
                    caller.sendall(b"X-Drop: x\r\n")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        settings = settings_of(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        courier, outbox = courier_to(store, settings, deadline_s=0.3)
        courier.work()
        store.record(Event(kind="thing.done"))
        courier.work()
        over.set()
        thread.join()
    (delivery,) = outbox.page("shop", None, 1)
    assert delivery.state == PENDING
    assert delivery.tries[0]["error"] == "no answer within 0.3 seconds"


def test_who_cannot_be_reached_is_told_of_in_the_log_without_the_secret(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    courier, outbox = courier_to(store, settings_of(f"http://127.0.0.1:{port}/key-in-the-path"))
    courier.work()
    store.record(Event(kind="thing.done"))
    with caplog.at_level(logging.INFO):
        courier.work()
    assert "ConnectionRefusedError" in outbox.page("shop", None, 1)[0].tries[0]["error"]
    assert "not delivered" in caplog.text
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("roadmark.db*"))
    for place in (caplog.text.encode(), kept):
        assert SECRET.encode() not in place
        assert b"key-in-the-path" not in place


def test_a_secret_that_others_may_read_signs_nothing(store: Store, shop: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "shop.secret"
    file.write_text(SECRET)
    file.chmod(0o644)
    source = SecretSource(where="[[webhooks]] shop", file=file)
    courier, outbox = courier_to(store, settings_of(shop.url, secret=source))
    courier.work()
    store.record(Event(kind="thing.done"))
    courier.work()
    assert "chmod 600" in outbox.page("shop", None, 1)[0].tries[0]["error"]
    assert shop.received == []
    file.chmod(0o600)
    assert source.read({}) == SECRET


def test_patterns_are_read_from_the_first_to_the_last() -> None:
    assert listens(EVERYTHING_BUT_OUTPUT, "migration.moved")
    assert not listens(EVERYTHING_BUT_OUTPUT, "agent.output")
    assert not listens(("wait.*",), "migration.moved")
    assert listens(("!wait.*", "wait.opened"), "wait.opened")


def test_an_admin_sees_the_log_and_sends_a_test(bench: Workbench, shop: Receiver) -> None:
    bench.settings = replace(bench.settings, webhooks=(settings_of(shop.url, events=("none.such",)),))
    with TestClient(create_app(bench), base_url=BASE, follow_redirects=False) as client:
        client.headers["Authorization"] = f"Bearer {bench.access.make_token('robot', ('admin',))}"
        assert client.post("/api/webhooks/shop/test").status_code == 202
        (told,) = shop.wait_for(1)
        assert json.loads(told.body)["type"] == "webhook.tested"
        (line,) = client.get("/api/webhooks").json()["items"]
        assert (line["name"], line["url"]) == ("shop", f"http://127.0.0.1:{shop.port}")
        assert client.post("/api/webhooks/other/test").status_code == 404
        (entry,) = client.get("/api/webhooks/shop/deliveries").json()["items"]
        assert entry["id"] == told.headers["webhook-id"]
        del client.headers["Authorization"]
        sign_in(bench, client, ("admin",))
        assert client.post("/webhooks/shop/test").headers["location"] == "/webhooks"
        shop.wait_for(1)
        page = client.get("/webhooks").text
        assert f"http://127.0.0.1:{shop.port}</code>" in page
        assert "of-the-operator" not in page
    assert Outbox(bench.store).counts() == {("shop", DELIVERED): 2}


def test_only_an_admin_may_see_or_test_webhooks(bench: Workbench, anonymous: TestClient) -> None:
    token = bench.access.make_token("robot", ("read", "reply", "run", "rollback"))
    anonymous.headers["Authorization"] = f"Bearer {token}"
    assert anonymous.get("/api/webhooks").status_code == 403
    assert anonymous.get("/api/webhooks/shop/deliveries").status_code == 403
    assert anonymous.post("/api/webhooks/shop/test").status_code == 403
    assert anonymous.get("/webhooks").status_code == 403


def test_without_webhooks_the_page_says_how_to_set_one_up(browser: TestClient) -> None:
    assert "[[webhooks]]" in browser.get("/webhooks").text


def test_the_configuration_names_webhooks(tmp_path: Path) -> None:
    (tmp_path / "roadmark.toml").write_text(
        """
[service]
public_url = "https://roadmark.example.org/"

[[webhooks]]
name = "chat"
url = "https://example.org/hook"
secret_file = "chat.secret"
events = ["wait.*"]
allow = ["10.1.0.0/16"]
"""
    )
    settings = load_settings(tmp_path, {"XDG_STATE_HOME": str(tmp_path)}, {})
    (hook,) = settings.webhooks
    assert (hook.name, hook.events, str(hook.allow[0])) == ("chat", ("wait.*",), "10.1.0.0/16")
    assert hook.secret.file == tmp_path / "chat.secret"
    assert settings.address() == "https://roadmark.example.org"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[webhooks]\nname = 'a'\n", r"must be tables: \[\[webhooks\]\]"),
        ("[[webhooks]]\nname = 'A b'\nurl = 'x'\nsecret_env = 'S'\n", "must be of a-z"),
        ("[[webhooks]]\nname = 'a'\nsecret_env = 'S'\n", 'needs url = "..."'),
        ("[[webhooks]]\nname = 'a'\nurl = 'x'\n", "secret_env or secret_file"),
        ("[[webhooks]]\nname = 'a'\nurl = 'x'\nsecret = 'whsec_x'\n", "does not belong into this file"),
        ("[[webhooks]]\nname = 'a'\nurl = 'x'\nsecret_env = 'S'\nallow = ['10.0.0.1/8']\n", "is no network"),
        ("[[webhooks]]\nname = 'a'\nurl = 'x'\nsecret_env = 'S'\nevents = 'x'\n", "list of strings"),
        ("[[webhooks]]\nname = 'a'\nurl = 'x'\nformat = 'teams'\n", "not one of standard, slack"),
        ("[[webhooks]]\nname = 'a'\nurl = 'x'\nurl_env = 'U'\nformat = 'slack'\n", "does not belong"),
        ("[[webhooks]]\nname = 'a'\nurl = 'x'\nsecret_env = 'S'\nurls = []\n", "unknown; known are name"),
        ("[[webhooks]]\nname = 'a'\nurl = 'x'\nsecret_env = 'S'\n" * 2, "two have the same name"),
    ],
)
def test_a_wrong_webhook_is_named_with_its_place(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "roadmark.toml").write_text(toml)
    with pytest.raises(ConfigurationWrong, match=said) as raised:
        load_settings(tmp_path, {"XDG_STATE_HOME": str(tmp_path)}, {})
    assert "whsec_x" not in str(raised.value)


def test_a_new_endpoint_is_told_of_what_happens_before_its_courier_is_under_way(
    store: Store, shop: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    courier, outbox = courier_to(store, settings_of(shop.url))
    hook = courier._endpoint
    slow_start: list[Courier] = []

    def start(courier: Courier) -> None:
        slow_start.append(courier)

    monkeypatch.setattr(Courier, "start", start)
    monkeypatch.setattr(Courier, "join", lambda self, until_s: None)
    with couriers(store, outbox, [hook]):
        store.record(Event(kind="thing.done"))
        slow_start[0].work()
    assert [one.kind for one in outbox.page(hook.name, None, 5)] == ["thing.done"]


def test_silent_receivers_hold_up_neither_each_other_nor_the_end(bench: Workbench, shop: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        slow = tuple(settings_of(url, name=f"slow{number}") for number in range(5))
        bench.settings = replace(bench.settings, webhooks=(*slow, settings_of(shop.url)))
        with TestClient(create_app(bench), base_url=BASE):
            bench.store.record(Event(kind="thing.done"))
            shop.wait_for(1)
        outbox = Outbox(bench.store)
        left = [outbox.page(hook.name, None, 1)[0] for hook in slow]
    assert [(one.state, one.tries) for one in left] == [(PENDING, ())] * 5
