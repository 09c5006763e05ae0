"""OpenID Connect by Authlib: the code flow with PKCE. Imported only where a provider is set up.

Signatures are asymmetric only, so that nobody can sign with what is public.
Source: OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE).
"""

import logging
import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests import RequestException
from roadmark.executor.clock import Clock
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.outside import OidcSettings
from roadmark.web.oidc import Begun, Person, ProviderSilent, SignInRefused, has_claim, person_of

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "Ed25519")
TIMEOUT_S = 10
LEEWAY_S = 60
_FRESH_S = 3600.0

Json = Mapping[str, Any]


class OidcClient:
    """One provider. Its documents are kept for an hour."""

    def __init__(self, settings: OidcSettings, callback: str, clock: Clock) -> None:
        """`callback` is the address that the provider sends browsers back to."""
        self._settings, self._callback, self._clock = settings, callback, clock
        self._kept: dict[str, tuple[float, Json]] = {}

    def begin(self, next_path: str) -> Begun:
        """Where to send the browser. Raises: SignInRefused."""
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        with self._session() as session:
            url, _ = session.create_authorization_url(
                self._endpoint("authorization_endpoint"), state=state, nonce=nonce, code_verifier=verifier
            )
        return Begun(url=url, state=state, nonce=nonce, verifier=verifier, next=next_path)

    def finish(self, begun: Begun, code: str) -> Person:
        """Who came back with this code. Raises: SignInRefused."""
        with self._session() as session:
            token = _asked(lambda: self._token(session, begun, code))
            claims = self._proved(token, begun.nonce)
            if not has_claim(claims, self._settings.role_claim):
                claims = {**self._user_info(session, claims), **claims}
        return person_of(claims, self._settings)

    def _session(self) -> Any:
        source = self._settings.client_secret
        try:
            secret = source.read(os.environ) if source else None
        except ConfigurationWrong as error:
            log.error("%s", error)
            raise SignInRefused("the secret of the client cannot be used; the log says why") from error
        return OAuth2Session(
            self._settings.client_id,
            secret,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=" ".join(self._settings.scopes),
            redirect_uri=self._callback,
            code_challenge_method="S256",
        )

    def _token(self, session: Any, begun: Begun, code: str) -> Json:
        endpoint = self._endpoint("token_endpoint")
        token: Json = session.fetch_token(
            endpoint, code=code, code_verifier=begun.verifier, timeout=TIMEOUT_S
        )
        return token

    def _proved(self, answer: Json, nonce: str) -> dict[str, Any]:
        """The claims of an identity token that holds. Raises: SignInRefused."""
        wanted = {"iss": self._settings.issuer, "aud": self._settings.client_id}
        try:
            token = jwt.decode(str(answer.get("id_token", "")), self._keys, algorithms=ALGORITHMS)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={name: {"essential": True, "value": value} for name, value in wanted.items()},
                params={
                    "nonce": nonce,
                    "client_id": self._settings.client_id,
                    "access_token": answer.get("access_token"),
                },
            )
            claims.validate(now=int(self._clock.now().timestamp()), leeway=LEEWAY_S)
        except (JoseError, ValueError) as error:
            raise SignInRefused(f"the provider's token does not hold: {error}") from error
        return dict(claims)

    def _keys(self, guest: Any) -> KeySet:
        """The provider's keys; asked for again where the token names one that is not known."""
        url, wanted = self._endpoint("jwks_uri"), guest.headers().get("kid")
        keys = _key_set(self._document(url))
        if wanted and wanted not in [key.kid for key in keys.keys]:
            del self._kept[url]
            keys = _key_set(self._document(url))
        return keys

    def _user_info(self, session: Any, claims: Json) -> Json:
        """What the provider tells besides the token, if it is about the same person."""
        if "userinfo_endpoint" not in self._metadata():
            return {}
        url = self._endpoint("userinfo_endpoint")
        told = _asked(lambda: session.get(url, timeout=TIMEOUT_S).json())
        return told if isinstance(told, dict) and told.get("sub") == claims["sub"] else {}

    def _metadata(self) -> Json:
        found = self._document(self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != self._settings.issuer:
            raise SignInRefused("the provider names another issuer than the one that is configured")
        return found

    def _endpoint(self, name: str) -> str:
        url = self._metadata().get(name)
        if not isinstance(url, str) or not url.startswith(("https://", self._settings.issuer)):
            raise SignInRefused(f"the provider names no {name} by https")
        return url

    def _document(self, url: str) -> Json:
        until_s, document = self._kept.get(url, (0.0, {}))
        if until_s <= self._clock.monotonic_s():
            with OAuth2Session() as session:
                document = _asked(lambda: _json(session, url))
            self._kept[url] = (self._clock.monotonic_s() + _FRESH_S, document)
        return document


def _key_set(document: Any) -> KeySet:
    return KeySet.import_key_set(document)


def _json(session: Any, url: str) -> Json:
    answer = session.get(url, withhold_token=True, timeout=TIMEOUT_S)
    answer.raise_for_status()
    document = answer.json()
    if not isinstance(document, dict):
        raise ValueError(f"{url} is no JSON object")
    return document


def _asked(ask: Callable[[], Any]) -> Any:
    """What the provider answers. Raises: SignInRefused."""
    try:
        return ask()
    except AuthlibBaseError as error:
        raise SignInRefused(f"the provider refuses: {error}") from error
    except (RequestException, ValueError) as error:
        raise ProviderSilent(f"the provider does not answer as it should: {error}") from error
