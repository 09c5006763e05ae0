"""A small OpenID provider on loopback: real HTTP, real keys, PKCE checked; it misbehaves where told to."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "roadmark", "the secret of the client"


@dataclass
class Provider:
    """Who is signed in there, what its tokens say, and what it does wrong."""

    port: int = 0
    claims: dict[str, Any] = field(default_factory=dict)
    """What the next token says besides or instead of the usual."""
    user_info: dict[str, Any] = field(default_factory=dict)
    alg: str = "RS256"
    is_forged: bool = False
    denies: bool = False
    """The person there says no."""
    issuer_said: str | None = None
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def turn_key(self) -> None:
        """A new key, as providers have one now and then."""
        self.key = RSAKey.generate_key(2048, {"kid": f"key-{secrets.token_hex(4)}"})

    def metadata(self) -> dict[str, Any]:
        ends = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "jwks_uri": "keys",
            "userinfo_endpoint": "me",
        }
        return {
            "issuer": self.issuer_said or self.issuer,
            **{name: f"{self.issuer}/{end}" for name, end in ends.items()},
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        if self.denies:
            told = {"error": "access_denied", "state": query["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = query
            told = {"code": code, "state": query["state"], "iss": self.issuer}
        return f"{query['redirect_uri']}?{urlencode(told)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The tokens for a code, once."""
        basic = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '%20')}".encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization not in (f"Basic {basic}", f"Basic {plain}"):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if asked is None or asked["code_challenge"] != _base64(digest):
            return 400, {"error": "invalid_grant"}
        return 200, {
            "access_token": "at",
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.id_token(asked["nonce"]),
        }

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        usual = {"iss": self.issuer, "sub": "u-1", "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": nonce}
        claims = {**usual, "preferred_username": "anna", **self.claims}
        header = {"alg": self.alg, "kid": self.key.kid}
        if self.alg in ("none", "HS256"):
            signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
            public = self.key.as_pem(private=False)
            weak = hmac.new(public, signed.encode(), hashlib.sha256).digest()
            return f"{signed}.{_base64(weak) if self.alg == 'HS256' else ''}"
        signer = RSAKey.generate_key(2048, {"kid": self.key.kid}) if self.is_forged else self.key
        return jwt.encode(header, claims, signer)

    def get(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The documents."""
        documents: dict[str, Any] = {
            "/.well-known/openid-configuration": self.metadata,
            "/keys": lambda: KeySet([self.key]).as_dict(private=False),
            "/me": lambda: {"sub": "u-1", **self.user_info},
        }
        return (200, documents[path]()) if path in documents else (404, {})


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider while the context lasts."""
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            made.asked.append(parts.path)
            query = dict(parse_qsl(parts.query))
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", made.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._answer(*made.get(parts.path, query))

        def do_POST(self) -> None:
            made.asked.append(self.path)
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            flat = {name: values[0] for name, values in form.items()}
            self._answer(*made.token(flat, self.headers.get("Authorization", "")))

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
