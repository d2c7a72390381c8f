"""Sign and verify with Ed25519, always under a context label, through PyNaCl alone.

``cryptography`` accepts universal forgeries under malicious keys; PyNaCl refuses them. A C2SP note
is signed as its text stands: it begins with its origin and holds no NUL, so no labelled message
can be confused with one.
Source: RFC 8032; SPEC "Signatures"; c2sp.org/signed-note.
"""

from abc import ABC, abstractmethod

from nacl.bindings import (
    crypto_core_ed25519_is_valid_point,
    crypto_sign,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import CryptoError

from keys.errors import RejectedError
from keys.suite import (
    SEED_BYTES,
    SIGNATURE_BYTES,
    VERIFY_KEY_BYTES,
    KeyId,
    KeyUse,
    key_id,
    label,
)


class Signer(ABC):
    """A private Ed25519 key of one use, wherever it lies: it signs, and is never shown."""

    __slots__ = ("key_id", "public_key", "use")

    def __init__(self, use: KeyUse, public_key: bytes) -> None:
        self.use = use
        self.public_key = public_key
        self.key_id: KeyId = key_id(use, public_key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.use}, {self.key_id.hex()[:16]})"

    def sign(self, name: str, message: bytes) -> bytes:
        """Return the signature (64 bytes) over ``L(name) ‖ message``.

        Raises UnavailableError where the key cannot be reached.
        """
        return self._sign_bytes(label(name) + message)

    def sign_note(self, text: bytes) -> bytes:
        """Return the signature (64 bytes) over a note's text, which must hold no NUL.

        Raises UnavailableError where the key cannot be reached.
        """
        if b"\x00" in text:
            raise ValueError("a note's text holds no NUL")
        return self._sign_bytes(text)

    @abstractmethod
    def _sign_bytes(self, signed: bytes) -> bytes:
        """Return the plain Ed25519 signature over ``signed``, whose label is in it."""


class SigningKey(Signer):
    """A private key in memory, expanded from a seed."""

    __slots__ = ("_secret",)

    def __init__(self, use: KeyUse, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        public_key, self._secret = crypto_sign_seed_keypair(seed)
        super().__init__(use, public_key)

    def _sign_bytes(self, signed: bytes) -> bytes:
        return crypto_sign(signed, self._secret)[:SIGNATURE_BYTES]


def check_public_key(public_key: bytes) -> None:
    """Let a public key pass that may enter the registry.

    Raises RejectedError ``key_not_on_curve`` for small-order, mixed-order and malformed keys.
    """
    if len(public_key) != VERIFY_KEY_BYTES or not crypto_core_ed25519_is_valid_point(public_key):
        raise RejectedError(
            "key_not_on_curve", "this is no Ed25519 public key of the prime-order group"
        )


def verify(public_key: bytes, name: str, message: bytes, signature: bytes) -> None:
    """Verify ``signature`` over ``L(name) ‖ message``.

    Raises RejectedError ``signature_invalid``.
    """
    _verify_bytes(public_key, label(name) + message, signature)


def verify_note_signature(public_key: bytes, text: bytes, signature: bytes) -> None:
    """Verify ``signature`` over a note's text.

    Raises RejectedError ``signature_invalid``.
    """
    if b"\x00" in text:
        raise RejectedError("signature_invalid", "a note's text holds no NUL")
    _verify_bytes(public_key, text, signature)


def _verify_bytes(public_key: bytes, signed: bytes, signature: bytes) -> None:
    if len(signature) != SIGNATURE_BYTES or len(public_key) != VERIFY_KEY_BYTES:
        raise RejectedError("signature_invalid", "the signature does not verify")
    try:
        crypto_sign_open(signature + signed, public_key)
    except CryptoError as fault:
        raise RejectedError("signature_invalid", "the signature does not verify") from fault
