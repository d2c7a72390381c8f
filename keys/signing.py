"""Sign and verify with Ed25519, always under a context label, through PyNaCl alone.

``cryptography`` accepts universal forgeries under malicious keys; PyNaCl refuses them. A C2SP note
is signed as its text stands: it begins with its origin and holds no NUL, so no labelled message
can be confused with one.
Source: RFC 8032; SPEC "Signatures"; c2sp.org/signed-note.
"""

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


class SigningKey:
    """A private Ed25519 key of one use. Shows nothing of its seed."""

    __slots__ = ("_secret", "key_id", "public_key", "use")

    def __init__(self, use: KeyUse, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        self.use = use
        self.public_key, self._secret = crypto_sign_seed_keypair(seed)
        self.key_id: KeyId = key_id(use, self.public_key)

    def __repr__(self) -> str:
        return f"SigningKey({self.use}, {self.key_id.hex()[:16]})"

    def sign(self, name: str, message: bytes) -> bytes:
        """Return the signature (64 bytes) over ``L(name) ‖ message``."""
        return crypto_sign(label(name) + message, self._secret)[:SIGNATURE_BYTES]

    def sign_note(self, text: bytes) -> bytes:
        """Return the signature (64 bytes) over a note's text, which must hold no NUL."""
        if b"\x00" in text:
            raise ValueError("a note's text holds no NUL")
        return crypto_sign(text, self._secret)[:SIGNATURE_BYTES]


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
