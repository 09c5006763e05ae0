"""Signing in with a provider: the code flow with PKCE against a real one, and roles from its claims."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from httpx2 import Client, Response
from roadmark.executor.access import SCOPES
from roadmark.executor.config import load_settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.outside import ROLES, OidcSettings
from roadmark.executor.secret_source import SecretSource
from roadmark.web.app import create_app
from roadmark.web.oidc import PENDING_S, Begun, Pending, SignInRefused, person_of
from starlette.testclient import TestClient

from .conftest import BASE, Workbench

pytest.importorskip("authlib", reason="the extra roadmark[oidc] is not installed")

from .provider import CLIENT, SECRET, Provider, provider


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture
def there(running: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """The provider, well-behaved, with anna who may operate."""
    monkeypatch.setenv("OIDC_SECRET", SECRET)
    fresh = Provider()
    for name in ("user_info", "alg", "is_forged", "denies", "issuer_said"):
        setattr(running, name, getattr(fresh, name))
    running.claims = {"groups": ["everyone", "devs"]}
    running.codes.clear()
    running.asked.clear()
    return running


@pytest.fixture
def client(bench: Workbench, there: Provider) -> Iterator[TestClient]:
    """A browser that nobody knows, before a service that knows the provider."""
    bench.settings = replace(bench.settings, public_url=BASE, oidc=settings_for(there))
    with TestClient(create_app(bench), base_url=BASE, follow_redirects=False) as made:
        made.headers["Origin"] = BASE
        yield made


def settings_for(there: Provider) -> OidcSettings:
    return OidcSettings(
        name="Example",
        issuer=there.issuer,
        client_id=CLIENT,
        client_secret=SecretSource(where="[oidc]", variable="OIDC_SECRET"),
        scopes=("openid", "profile"),
        user_claim="preferred_username",
        role_claim="groups",
        roles={"staff": "viewer", "devs": "operator", "ops": "admin"},
    )


def visit(client: TestClient, next_path: str = "/") -> str:
    """To the provider, where anna is signed in; gives the address that it sends her back to."""
    away = client.get("/sign-in/oidc", params={"next": next_path})
    assert away.status_code == 303, away.text
    with Client() as browser:
        return str(browser.get(away.headers["location"]).headers["location"])


def come_back(client: TestClient, address: str) -> Response:
    assert address.startswith(f"{BASE}/sign-in/oidc/callback?")
    return client.get(address)


def sign_in(client: TestClient, next_path: str = "/") -> Response:
    return come_back(client, visit(client, next_path))


def test_the_sign_in_page_offers_the_provider(client: TestClient, anonymous: TestClient) -> None:
    assert 'href="/sign-in/oidc?next=/inbox">Sign in with Example' in client.get("/sign-in?next=/inbox").text


def test_without_a_provider_there_is_no_such_door(anonymous: TestClient) -> None:
    assert "Sign in with" not in anonymous.get("/sign-in").text
    assert anonymous.get("/sign-in/oidc").status_code == 404
    assert anonymous.get("/sign-in/oidc/callback?code=x&state=y").status_code == 404


def test_whoever_the_provider_proves_comes_in_and_goes_on(bench: Workbench, client: TestClient) -> None:
    migration = bench.asked()
    back = sign_in(client, f"/tasks/{migration.task_id}")
    assert (back.status_code, back.headers["location"]) == (303, f"/tasks/{migration.task_id}")
    answer = client.post(f"/tasks/{migration.task_id}/reply", data={"text": "sorted"})
    assert answer.status_code == 303
    (reply,) = bench.tracker.migration(migration.id).replies
    assert reply.actor == "anna"
    began = [entry for entry in bench.store.journal_after(0, 500) if entry.kind == "session.began"]
    assert began[-1].detail["subject"] == "u-1"


@pytest.mark.parametrize(
    ("groups", "status", "admin"), [(["staff"], 403, 403), (["devs"], 303, 403), (["staff", "ops"], 303, 200)]
)
def test_the_groups_give_the_role(
    bench: Workbench, client: TestClient, there: Provider, groups: list[str], status: int, admin: int
) -> None:
    there.claims = {"groups": groups}
    sign_in(client)
    migration = bench.asked()
    assert client.get("/").status_code == 200
    assert client.post(f"/tasks/{migration.task_id}/reply", data={"text": "sorted"}).status_code == status
    assert client.get("/webhooks").status_code == admin


def test_an_account_without_a_role_does_not_come_in(client: TestClient, there: Provider) -> None:
    there.claims = {"groups": ["everyone"]}
    back = sign_in(client)
    assert back.status_code == 403
    assert "anna has no role here" in back.text
    assert client.get("/").status_code == 303


def test_groups_may_come_with_the_user_info_of_the_same_person(client: TestClient, there: Provider) -> None:
    there.claims, there.user_info = {}, {"groups": "ops"}
    assert sign_in(client).status_code == 303
    there.user_info = {"groups": "ops", "sub": "somebody-else"}
    assert sign_in(client).status_code == 403


def test_a_session_of_a_provider_lasts_half_a_day(client: TestClient) -> None:
    cookie = sign_in(client).headers.get_list("set-cookie")[-1]
    assert "Max-Age=43200" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "https://another.example.org"},
        {"exp": int(time.time()) - 3600},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"sub": None},
    ],
)
def test_a_token_that_does_not_hold_opens_nothing(
    client: TestClient, there: Provider, claims: dict[str, object]
) -> None:
    there.claims |= claims
    assert sign_in(client).status_code == 403
    assert client.get("/").status_code == 303


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_a_token_without_the_providers_own_signature_opens_nothing(
    client: TestClient, there: Provider, alg: str
) -> None:
    there.alg = alg
    assert sign_in(client).status_code == 403


def test_a_forged_signature_opens_nothing(client: TestClient, there: Provider) -> None:
    there.is_forged = True
    assert sign_in(client).status_code == 403


def test_a_new_key_of_the_provider_is_learnt(client: TestClient, there: Provider) -> None:
    assert sign_in(client).status_code == 303
    there.turn_key()
    assert sign_in(client).status_code == 303
    assert there.asked.count("/keys") == 2
    assert there.asked.count("/.well-known/openid-configuration") == 1


def test_a_code_counts_once_and_only_in_the_browser_that_asked(client: TestClient, bench: Workbench) -> None:
    address = visit(client)
    kept = dict(client.cookies)
    client.cookies.clear()
    assert come_back(client, address).status_code == 401
    client.cookies.update(kept)
    assert come_back(client, address).status_code == 303
    client.cookies.update(kept)
    assert come_back(client, address).status_code == 401


@pytest.mark.parametrize(
    "changed", [{"state": "another"}, {"iss": "https://evil.example"}, {"code": "another"}, {"state": ""}]
)
def test_a_changed_answer_opens_nothing(client: TestClient, changed: dict[str, str]) -> None:
    address = visit(client)
    parts = urlsplit(address)
    query = urlencode({**dict(parse_qsl(parts.query)), **changed})
    assert client.get(f"{parts.path}?{query}").status_code in (401, 403)
    assert client.get("/").status_code == 303


def test_a_person_who_says_no_there_is_told_so(client: TestClient, there: Provider) -> None:
    there.denies = True
    back = sign_in(client)
    assert back.status_code == 401
    assert "access_denied" in back.text


def test_a_provider_that_names_another_issuer_is_not_used(client: TestClient, there: Provider) -> None:
    there.issuer_said = "https://another.example.org"
    assert client.get("/sign-in/oidc").status_code == 403


def test_a_provider_that_does_not_answer_is_named_as_the_trouble(bench: Workbench, there: Provider) -> None:
    with provider() as gone:
        settings = settings_for(gone)
    bench.settings = replace(bench.settings, oidc=settings)
    with TestClient(create_app(bench), base_url=BASE, follow_redirects=False) as client:
        answer = client.get("/sign-in/oidc")
    assert answer.status_code == 503
    assert "does not answer" in answer.text


def test_nobody_is_sent_on_to_another_site(client: TestClient) -> None:
    assert sign_in(client, "https://evil.example/").headers["location"] == "/"
    assert sign_in(client, "//evil.example/").headers["location"] == "/"


def test_a_sign_in_that_takes_too_long_is_begun_again() -> None:
    now = [0.0]
    pending = Pending(lambda: now[0])
    begun = Begun(url="u", state="s", nonce="n", verifier="v", next="/")
    first, second = pending.put(begun), pending.put(begun)
    assert pending.take(first) is begun
    now[0] = PENDING_S + 1
    assert pending.take(second) is None


def test_roles_are_made_of_scopes_that_there_are() -> None:
    assert {scope for scopes in ROLES.values() for scope in scopes} == set(SCOPES)


def test_a_claim_may_lie_inside_another_one() -> None:
    settings = replace(settings_for(Provider(port=1)), role_claim="realm_access.roles", user_claim="email")
    person = person_of({"sub": "1", "email": "a@b", "realm_access": {"roles": ["devs"]}}, settings)
    assert (person.name, person.scopes) == ("a@b", tuple(sorted(ROLES["operator"])))
    with pytest.raises(SignInRefused):
        person_of({"sub": "1", "realm_access": {"roles": [["devs"], {"devs": 1}, None]}}, settings)


OIDC = "[oidc]\nissuer = 'https://id.example.org'\nclient_id = 'roadmark'\n"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[oidc]\nissuer = 'http://id.example.org'\n", "must be an https address"),
        ("[oidc]\nissuer = 'http://127.0.0.1.example.org'\n", "must be an https address"),
        (OIDC, "must say who may do what"),
        (OIDC + "roles = { devs = 'king' }\n", "'king' is not one of viewer, operator, admin"),
        (OIDC + "client_secret = 'x'\nroles = { devs = 'admin' }\n", "does not belong into this file"),
        (OIDC + "secrets = 'x'\n", "unknown; known are name"),
    ],
)
def test_a_wrong_provider_is_named_with_its_place(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "roadmark.toml").write_text(toml)
    with pytest.raises(ConfigurationWrong, match=said):
        load_settings(tmp_path, {"XDG_STATE_HOME": str(tmp_path)}, {})


def test_a_public_client_needs_no_secret(tmp_path: Path) -> None:
    (tmp_path / "roadmark.toml").write_text(OIDC + "roles = { devs = 'admin' }\n")
    oidc = load_settings(tmp_path, {"XDG_STATE_HOME": str(tmp_path)}, {}).oidc
    assert oidc is not None
    assert (oidc.client_secret, oidc.name, oidc.role_claim) == (None, "id.example.org", "groups")
