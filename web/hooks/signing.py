"""Signatures of messages after Standard Webhooks: made for what goes out, checked for what comes in.

Source: the Standard Webhooks specification, section on signatures: HMAC-SHA256 over `id.timestamp.body`,
in Base64 behind `v1,`; a secret is `whsec_` and Base64. Several secrets make several signatures, so that
one can be replaced.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE_S = 300
_PREFIX = "whsec_"
_LEAST_BYTES = 16


class SignatureWrong(Exception):
    """A message that is not to be believed, and why."""


class SecretUnusable(ValueError):
    """A secret that is none."""


def headers_for(secrets: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers that go with a body. Raises: SecretUnusable."""
    signatures = [_signature(key, message_id, timestamp_s, body) for key in keys_of(secrets)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def verify(secrets: str, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
    """The id of a message that holds. Raises: SignatureWrong, SecretUnusable."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not 0 < len(message_id) <= 200:
        raise SignatureWrong("webhook-id is missing")
    timestamp_s = fresh(stamp, now_s)
    given = [part.removeprefix("v1,") for part in headers.get("webhook-signature", "").split()[:10]]
    wanted = [_signature(key, message_id, timestamp_s, body) for key in keys_of(secrets)]
    if not any(same(one, other) for one in wanted for other in given):
        raise SignatureWrong("the signature does not fit")
    return message_id


def fresh(stamp: str, now_s: float) -> int:
    """A timestamp of the last or next five minutes. Raises: SignatureWrong."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 13):
        raise SignatureWrong("the timestamp is missing")
    if abs(now_s - int(stamp)) > TOLERANCE_S:
        raise SignatureWrong(f"the timestamp is more than {TOLERANCE_S} seconds away from now")
    return int(stamp)


def same(one: str, other: str) -> bool:
    """Whether both are equal; takes as long whether they are or not."""
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))


def keys_of(secrets: str) -> list[bytes]:
    """The keys in a secret: several with spaces between them. Raises: SecretUnusable."""
    keys = [_key(secret) for secret in secrets.split()]
    if not keys:
        raise SecretUnusable("the secret is empty")
    return keys


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise SecretUnusable(
            "the secret is not Base64; a good one is whsec_ and 'openssl rand -base64 32'"
        ) from error
    if len(key) < _LEAST_BYTES:
        raise SecretUnusable(f"the secret has {len(key)} bytes; at least {_LEAST_BYTES} are needed")
    return key


def _signature(key: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
