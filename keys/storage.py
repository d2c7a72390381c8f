"""The node's own storage key of a month: content keys and small records at rest.

Both go through the committing stream, so a stored key opens under one storage key only.
Source: SPEC "At rest".
"""

import hashlib
import hmac

from keys.stream import SALT_BYTES, open_sealed, seal
from keys.suite import SEED_BYTES, Entropy, KeyId, KeyUse, key_id, label


class StorageKey:
    """A symmetric key that never leaves the node; shows nothing of itself."""

    __slots__ = ("_secret", "key_id")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SEED_BYTES:
            raise ValueError(f"a storage key has {SEED_BYTES} bytes")
        self._secret = secret
        fingerprint = hmac.digest(secret, label("storage-id"), hashlib.sha256)
        self.key_id: KeyId = key_id(KeyUse.STORAGE, fingerprint)

    def __repr__(self) -> str:
        return f"StorageKey({self.key_id.hex()[:16]})"

    def wrap(self, context: bytes, content_key: bytes, entropy: Entropy) -> bytes:
        """Return ``content_key`` wrapped for the database, bound to ``context``."""
        return seal(self._secret, label("stored-key") + context, entropy(SALT_BYTES), content_key)

    def unwrap(self, context: bytes, wrapped: bytes) -> bytes:
        """Return the content key. Raises RejectedError ``stream_invalid``."""
        return open_sealed(self._secret, label("stored-key") + context, wrapped)

    def seal_record(self, context: bytes, record: bytes, entropy: Entropy) -> bytes:
        """Return a small record (a file name, an index) sealed, bound to ``context``."""
        return seal(self._secret, label("record") + context, entropy(SALT_BYTES), record)

    def open_record(self, context: bytes, sealed: bytes) -> bytes:
        """Return the record. Raises RejectedError ``stream_invalid``."""
        return open_sealed(self._secret, label("record") + context, sealed)
