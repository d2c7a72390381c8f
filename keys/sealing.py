"""Wrap a content key to a recipient, and unwrap it: HPKE, hybrid post-quantum.

RFC 9180 base mode with KEM MLKEM768-X25519 (0x647a), HKDF-SHA256 and AES-256-GCM. The sender is
authenticated by the signature inside the envelope, not here. A session wraps many content keys to
one recipient under a key of its own, which HPKE wrapped once.
Source: RFC 9180; draft-ietf-hpke-pq; SPEC "Stanzas".
"""

import hashlib
from functools import lru_cache, partial

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.errors import RejectedError
from keys.suite import (
    CONTENT_KEY_BYTES,
    NONCE_BYTES,
    SEAL_KEY_BYTES,
    SEED_BYTES,
    SHARED_BYTES,
    WRAPPED_BYTES,
    Entropy,
    KeyId,
    KeyUse,
    key_id,
)

SESSIONS_KEPT = 1024
"""How many unwrapped session keys a sealing key remembers; one more makes it forget the oldest."""

_MLKEM_SEED_BYTES = 64
_MLKEM_PUBLIC_BYTES = 1184
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class SealKey:
    """A private sealing key of one epoch, expanded from its 32-byte seed."""

    __slots__ = ("_private", "_session", "key_id", "public_key")

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
        # Not a method's cache: that would hold this key beyond its time, in a cycle with itself.
        self._session = lru_cache(maxsize=SESSIONS_KEPT)(partial(_unwrap_session, self._private))

    def __repr__(self) -> str:
        return f"SealKey({self.key_id.hex()[:16]})"

    def unwrap(self, info: bytes, wrapped: bytes) -> bytes:
        """Return the content key (32 bytes) that ``wrap`` was given.

        Raises RejectedError ``stanza_invalid``.
        """
        if len(wrapped) != WRAPPED_BYTES:
            raise RejectedError("stanza_invalid", f"a wrapped key has {WRAPPED_BYTES} bytes")
        return _unwrap(self._private, info, wrapped)

    def unwrap_shared(self, session_info: bytes, context: bytes, shared: bytes) -> bytes:
        """Return the content key (32 bytes) that ``Session.wrap`` was given with ``context``.

        The session's key is remembered for as long as this key is held. Raises RejectedError
        ``stanza_invalid``.
        """
        if len(shared) != SHARED_BYTES:
            raise RejectedError("stanza_invalid", f"a shared stanza has {SHARED_BYTES} bytes")
        session, nonce = shared[:WRAPPED_BYTES], shared[WRAPPED_BYTES:][:NONCE_BYTES]
        aead = self._session(session_info, session)
        try:
            return aead.decrypt(nonce, shared[WRAPPED_BYTES + NONCE_BYTES :], context)
        except InvalidTag as fault:
            raise RejectedError("stanza_invalid", "the stanza does not unwrap") from fault


class Session:
    """A key shared with one sealing key for a while: wrapped once, for many content keys."""

    __slots__ = ("_aead", "_entropy", "_wrapped")

    def __init__(self, public_key: bytes, info: bytes, entropy: Entropy) -> None:
        """Draw the key and wrap it to ``public_key`` (1,216 bytes).

        Raises RejectedError ``seal_key_malformed``.
        """
        secret = entropy(CONTENT_KEY_BYTES)
        self._entropy = entropy
        self._wrapped = wrap(public_key, info, secret)
        self._aead = AESGCM(secret)

    def wrap(self, context: bytes, content_key: bytes) -> bytes:
        """Return ``content_key`` (32 bytes) wrapped, bound to ``context``: 1,228 bytes."""
        if len(content_key) != CONTENT_KEY_BYTES:
            raise ValueError(f"a content key has {CONTENT_KEY_BYTES} bytes")
        nonce = self._entropy(NONCE_BYTES)
        return self._wrapped + nonce + self._aead.encrypt(nonce, content_key, context)


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


def _unwrap(private: hpke.MLKEM768X25519PrivateKey, info: bytes, wrapped: bytes) -> bytes:
    try:
        return _SUITE.decrypt(wrapped, private, info)
    except (InvalidTag, ValueError) as fault:
        raise RejectedError("stanza_invalid", "the stanza does not unwrap") from fault


def _unwrap_session(private: hpke.MLKEM768X25519PrivateKey, info: bytes, wrapped: bytes) -> AESGCM:
    return AESGCM(_unwrap(private, info, wrapped))


@lru_cache(maxsize=1024)
def _parse_public_key(public_key: bytes) -> hpke.MLKEM768X25519PublicKey:
    if len(public_key) != SEAL_KEY_BYTES:
        raise ValueError(f"a sealing key has {SEAL_KEY_BYTES} bytes")
    return hpke.MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(public_key[:_MLKEM_PUBLIC_BYTES]),
        X25519PublicKey.from_public_bytes(public_key[_MLKEM_PUBLIC_BYTES:]),
    )
