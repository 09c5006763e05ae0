"""Keys that are given out: 256 random bits with a checksum, so that a mistyped one is known as such."""

import hashlib
import secrets
import zlib


def new_key(prefix: str) -> str:
    """A new key of the kind that its prefix names."""
    body = secrets.token_urlsafe(32)
    return f"{prefix}_{body}{_checksum(body)}"


def is_whole(key: str, prefix: str) -> bool:
    """Whether this can be a key of ours at all: spares the database what was mistyped or guessed."""
    start = f"{prefix}_"
    body, checksum = key[len(start) : -6], key[-6:]
    return key.startswith(start) and key.isascii() and len(key) < 100 and _checksum(body) == checksum


def digest(key: str) -> str:
    """What is kept of a key: it needs no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()) & 0xFFFFFF:06x}"
