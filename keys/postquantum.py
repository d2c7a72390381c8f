"""ML-DSA-44 beside Ed25519, where a signature must outlive quantum computers: root keys.

Source: FIPS 204; the context string is ML-DSA's own.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from keys.errors import RejectedError

PUBLIC_KEY_BYTES = 1312
SIGNATURE_BYTES = 2420


class PostQuantumSigningKey:
    """A private ML-DSA-44 key, expanded from a 32-byte seed."""

    __slots__ = ("_private", "public_key")

    def __init__(self, seed: bytes) -> None:
        self._private = MLDSA44PrivateKey.from_seed_bytes(seed)
        self.public_key = self._private.public_key().public_bytes_raw()

    def sign(self, context: bytes, message: bytes) -> bytes:
        """Return the signature (2,420 bytes) over ``message`` under ``context``."""
        return self._private.sign(message, context)


def verify_post_quantum(
    public_key: bytes, context: bytes, message: bytes, signature: bytes
) -> None:
    """Verify an ML-DSA-44 signature.

    Raises RejectedError ``signature_invalid``.
    """
    try:
        MLDSA44PublicKey.from_public_bytes(public_key).verify(signature, message, context)
    except (InvalidSignature, ValueError) as fault:
        raise RejectedError("signature_invalid", "the ML-DSA signature does not verify") from fault
