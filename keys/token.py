"""A ``sign`` key in a token: a smart card or an HSM signs, and never gives the key out.

What is signed is what a key in memory signs: Ed25519 over the same labelled bytes. Verifying stays
with libsodium. Source: keys/README.md, "A key in a token".
"""

from typing import Protocol

from keys.signing import Signer
from keys.suite import KeyUse


class Token(Protocol):
    """What a node asks of a token. All of it raises UnavailableError and nothing else.

    Nothing is wrong with what was to be signed when a token fails: it can be signed later.
    """

    @property
    def label(self) -> str:
        """The token's name, which the records of its keys carry."""

    def draw(self, name: str, object_id: bytes) -> bytes:
        """Draw an Ed25519 key that never leaves the token; return its public key (32 bytes)."""

    def sign(self, object_id: bytes, public_key: bytes, signed: bytes) -> bytes:
        """Return the signature (64 bytes) of the key that ``draw`` made under ``object_id``."""


class TokenKey(Signer):
    """A private key in a token."""

    __slots__ = ("_object_id", "_token")

    def __init__(self, use: KeyUse, public_key: bytes, token: Token, object_id: bytes) -> None:
        super().__init__(use, public_key)
        self._token = token
        self._object_id = object_id

    def _sign_bytes(self, signed: bytes) -> bytes:
        return self._token.sign(self._object_id, self.public_key, signed)
