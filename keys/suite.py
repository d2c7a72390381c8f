"""The one cipher suite: identifiers, sizes, and the labels that keep every use apart.

Source: gateway/protocol/SPEC.md, "Notation" and "Suite".
"""

import hashlib
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NewType

from keys.errors import RejectedError

Entropy = Callable[[int], bytes]
"""Where random bytes come from: called with a count, returns that many."""

KeyId = NewType("KeyId", bytes)
"""32 bytes that name one public key of one use in one suite."""

MemberId = NewType("MemberId", str)
"""A member's registered name: 2 to 32 characters, ``XB``, ``RILO-W``."""

SUITE: Final = 0x0001
"""MLKEM768-X25519, HKDF-SHA256, AES-256-GCM, Ed25519, SHA-256."""

DIGEST_BYTES: Final = 32
CONTENT_KEY_BYTES: Final = 32
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
VERIFY_KEY_BYTES: Final = 32
SEAL_KEY_BYTES: Final = 1216
"""ML-KEM-768 encapsulation key (1,184 bytes) and X25519 public key (32)."""
WRAPPED_BYTES: Final = 1168
"""HPKE encapsulation (1,120 bytes), what is wrapped (32) and tag (16)."""
NONCE_BYTES: Final = 12
SHARED_BYTES: Final = WRAPPED_BYTES + NONCE_BYTES + CONTENT_KEY_BYTES + 16
"""A wrapped session key, and a content key under it: nonce, key and tag."""

_MEMBER_ID = re.compile(r"[A-Z][A-Z0-9-]{1,31}\Z")


class KeyUse(StrEnum):
    """What a key is for; one key has one use for ever."""

    ROOT = "root"
    SIGN = "sign"
    SEAL = "seal"
    LOG = "log"
    WITNESS = "witness"
    TLS = "tls"
    STORAGE = "storage"


def parse_member_id(text: str) -> MemberId:
    """Return ``text`` as a member's name.

    Raises RejectedError ``member_id_malformed``.
    """
    if not _MEMBER_ID.match(text):
        raise RejectedError(
            "member_id_malformed",
            "a member's name is 2 to 32 capitals, digits or hyphens and starts with a letter",
        )
    return MemberId(text)


def label(name: str) -> bytes:
    """Return the context label ``L(name)``; its NUL ends it, so no label is a prefix of another."""
    return b"liaison/1 " + name.encode("ascii") + b"\x00"


def digest(*parts: bytes) -> bytes:
    """Return the SHA-256 (32 bytes) of the concatenated ``parts``."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
    return state.digest()


def key_id(use: KeyUse, public_key: bytes) -> KeyId:
    """Return the name of a public key: it binds the suite and the use as well as the bytes."""
    suite = SUITE.to_bytes(2, "big")
    return KeyId(digest(label("kid"), suite, use.value.encode("ascii"), b"\x00", public_key))
