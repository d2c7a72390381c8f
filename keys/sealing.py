"""Wrap a content key to a recipient, and unwrap it: HPKE, hybrid post-quantum.

RFC 9180 base mode with KEM MLKEM768-X25519 (0x647a), HKDF-SHA256 and AES-256-GCM. The sender is
authenticated by the signature inside the envelope, not here.
Source: RFC 9180; draft-ietf-hpke-pq; SPEC "Stanzas".
"""

import hashlib
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from keys.errors import RejectedError
from keys.suite import (
    CONTENT_KEY_BYTES,
    SEAL_KEY_BYTES,
    SEED_BYTES,
    WRAPPED_BYTES,
    KeyId,
    KeyUse,
    key_id,
)

_MLKEM_SEED_BYTES = 64
_MLKEM_PUBLIC_BYTES = 1184
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class SealKey:
    """A private sealing key of one epoch, expanded from its 32-byte seed."""

    __slots__ = ("_private", "key_id", "public_key")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED_BYTES + 32)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_BYTES:])
        self._private = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)
        self.public_key = (
            mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        )
        self.key_id: KeyId = key_id(KeyUse.SEAL, self.public_key)

    def __repr__(self) -> str:
        return f"SealKey({self.key_id.hex()[:16]})"

    def unwrap(self, info: bytes, wrapped: bytes) -> bytes:
        """Return the content key (32 bytes) that ``wrap`` was given.

        Raises RejectedError ``stanza_invalid``.
        """
        if len(wrapped) != WRAPPED_BYTES:
            raise RejectedError("stanza_invalid", f"a wrapped key has {WRAPPED_BYTES} bytes")
        try:
            content_key = _SUITE.decrypt(wrapped, self._private, info)
        except (InvalidTag, ValueError) as fault:
            raise RejectedError("stanza_invalid", "the stanza does not unwrap") from fault
        return content_key


def wrap(public_key: bytes, info: bytes, content_key: bytes) -> bytes:
    """Return ``content_key`` (32 bytes) wrapped to ``public_key`` (1,216): 1,168 bytes.

    The library draws the encapsulation's randomness itself. Raises RejectedError
    ``seal_key_malformed``.
    """
    if len(content_key) != CONTENT_KEY_BYTES:
        raise ValueError(f"a content key has {CONTENT_KEY_BYTES} bytes")
    try:
        return _SUITE.encrypt(content_key, _parse_public_key(public_key), info)
    except ValueError as fault:
        raise RejectedError("seal_key_malformed", "this is no sealing key") from fault


@lru_cache(maxsize=1024)
def _parse_public_key(public_key: bytes) -> hpke.MLKEM768X25519PublicKey:
    if len(public_key) != SEAL_KEY_BYTES:
        raise ValueError(f"a sealing key has {SEAL_KEY_BYTES} bytes")
    return hpke.MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(public_key[:_MLKEM_PUBLIC_BYTES]),
        X25519PublicKey.from_public_bytes(public_key[_MLKEM_PUBLIC_BYTES:]),
    )
