"""This node's unlocked keys: an immutable value; a change makes a new one.

A record is kept for as long as something under its key may still arrive or be read. Root keys are
never here: they stay in files of their own, offline (``keys.rootfile``).
Source: keys/README.md, "A key's life".
"""

from collections.abc import Sequence
from functools import cached_property

import msgspec

from keys.certificate import SERIAL_BYTES, issue
from keys.errors import RejectedError, UnavailableError
from keys.sealing import SealKey
from keys.signing import Signer, SigningKey
from keys.storage import StorageKey
from keys.suite import SEED_BYTES, Entropy, KeyId, KeyUse, key_id
from keys.tlog.cosignature import CosigningKey
from keys.token import Token, TokenKey

FORMAT = 2
_FORMATS = (1, FORMAT)
"""A record of format 1 names no token: nothing is to be converted."""
_OBJECT_ID_BYTES = 16
NODE_USES = (KeyUse.SIGN, KeyUse.LOG, KeyUse.WITNESS, KeyUse.TLS)
"""The uses whose keys the registry lists for a node."""


class TokenObject(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a private key lies that no keystore holds: one object in one token."""

    token: str
    """The token's label."""
    object_id: bytes
    """What the token knows the key by (``CKA_ID``)."""
    public_key: bytes


class KeyRecord(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, kw_only=True
):
    """One private key and the span in which it is used: ``start`` to ``end``, UTC seconds."""

    use: KeyUse
    key_id: bytes
    seed: bytes
    start: int
    end: int
    certificate: bytes = b""
    """DER, for ``tls`` alone."""
    held: TokenObject | None = None
    """Where the key is instead; the seed is empty then."""
    reserved: bool = False
    """Whether a statement of the roots, which goes round, is to bring it: no rotation may."""

    def __repr__(self) -> str:
        return f"KeyRecord({self.use}, {self.key_id.hex()[:16]})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("use", self.use.value), ("key_id", self.key_id.hex()[:16])]

    @property
    def public_key(self) -> bytes:
        """The Ed25519 public key (32 bytes) of a use that signs."""
        if self.held is not None:
            return self.held.public_key
        return SigningKey(self.use, self.seed).public_key


class _Head(msgspec.Struct, frozen=True, array_like=True):
    format: int


class _Body(_Head, frozen=True, array_like=True, forbid_unknown_fields=True):
    records: tuple[KeyRecord, ...]


def new_record(
    use: KeyUse, *, start: int, end: int, entropy: Entropy, common_name: str = ""
) -> KeyRecord:
    """Draw a fresh key. ``common_name`` is for the certificate of a ``tls`` key.

    A witness's seed gives two keys; the Ed25519 one names it.
    """
    seed = entropy(SEED_BYTES)
    certificate = b""
    match use:
        case KeyUse.SEAL:
            key_id = SealKey(seed).key_id
        case KeyUse.STORAGE:
            key_id = StorageKey(seed).key_id
        case KeyUse.WITNESS:
            key_id = CosigningKey.from_seed(common_name, seed).classical.key_id
        case _:
            key_id = SigningKey(use, seed).key_id
    if use is KeyUse.TLS:
        certificate = issue(seed, common_name, entropy(SERIAL_BYTES))
    return KeyRecord(
        use=use, key_id=key_id, seed=seed, start=start, end=end, certificate=certificate
    )


def new_token_record(
    token: Token, use: KeyUse, *, start: int, end: int, entropy: Entropy, common_name: str
) -> KeyRecord:
    """Draw a fresh key inside a token, where ``common_name`` is shown as its label.

    A crash after this leaves a key in the token that nobody names. Raises UnavailableError as
    ``Token.draw``.
    """
    object_id = entropy(_OBJECT_ID_BYTES)
    public_key = token.draw(common_name, object_id)
    return KeyRecord(
        use=use,
        key_id=key_id(use, public_key),
        seed=b"",
        start=start,
        end=end,
        held=TokenObject(token.label, object_id, public_key),
    )


class Keyring:
    """All private keys of this node but its roots."""

    def __init__(self, records: Sequence[KeyRecord] = ()) -> None:
        self._records = tuple(records)
        self._seal_keys: dict[bytes, SealKey] = {}
        """Those that were needed: expanding one costs as much as opening a message."""

    def __repr__(self) -> str:
        return f"Keyring({len(self._records)} keys)"

    def encode(self) -> bytes:
        """Return the body of a keyfile."""
        return msgspec.msgpack.encode(_Body(FORMAT, self._records))

    @classmethod
    def parse(cls, body: bytes) -> "Keyring":
        """Read the body of a keyfile. Raises RejectedError ``keyring_malformed``."""
        try:
            if msgspec.msgpack.decode(body, type=_Head).format not in _FORMATS:
                raise RejectedError(
                    "keyring_malformed", "the keystore was written by a newer version of Liaison"
                )
            return cls(msgspec.msgpack.decode(body, type=_Body).records)
        except msgspec.MsgspecError:  # its text could show what stands there
            raise RejectedError("keyring_malformed", "the keystore's body is damaged") from None

    def add(self, *records: KeyRecord) -> "Keyring":
        """Return a keyring that holds ``records`` too."""
        return Keyring((*self._records, *records))

    def without(self, *key_ids: bytes) -> "Keyring":
        """Return a keyring in which the named keys are destroyed."""
        return Keyring([record for record in self._records if record.key_id not in key_ids])

    def expire(self, now: int, *, lifetime_s: int) -> "Keyring":
        """Return a keyring without the sealing keys under which nothing can arrive any more.

        A message sealed at the last second of an epoch lives ``lifetime_s`` at most.
        """
        gone = [
            record.key_id for record in self.records(KeyUse.SEAL) if record.end + lifetime_s <= now
        ]
        return self.without(*gone) if gone else self

    def records(self, use: KeyUse) -> tuple[KeyRecord, ...]:
        """Return the keys of one use, the oldest first."""
        return self._by_use.get(use, ())

    def signer(self, record: KeyRecord, token: Token | None = None) -> Signer:
        """Return the signing key of a record of this keyring, which may lie in ``token``.

        Raises UnavailableError ``token_missing`` where it lies in another, or in one that is not
        configured.
        """
        if record.held is None:
            return SigningKey(record.use, record.seed)
        if token is None or token.label != record.held.token:
            raise UnavailableError(
                "token_missing",
                f"the {record.use} key {record.key_id.hex()[:16]} lies in the token "
                f"{record.held.token}: name it in keys.pkcs11_token, and its module",
                retry_after_s=60,
            )
        return TokenKey(record.use, record.held.public_key, token, record.held.object_id)

    def seals(self, key_id: bytes) -> bool:
        """Tell whether this node holds a sealing key (still)."""
        return key_id in self._seal_records

    def seal_key(self, key_id: KeyId) -> SealKey | None:
        """Return the sealing key named, if this node holds it (still)."""
        if key_id not in self._seal_keys and key_id in self._seal_records:
            self._seal_keys[key_id] = SealKey(self._seal_records[key_id].seed)
        return self._seal_keys.get(key_id)

    def storage(self, now: int) -> StorageKey:
        """Return the storage key to wrap under now.

        Raises UnavailableError ``storage_key_missing``.
        """
        for record in reversed(self.records(KeyUse.STORAGE)):
            if record.start <= now:
                return self._storage_keys[record.key_id]
        raise UnavailableError("storage_key_missing", "the keystore holds no storage key")

    def storage_key(self, key_id: bytes) -> StorageKey:
        """Return the storage key that a stored item names.

        Raises UnavailableError ``storage_key_missing``.
        """
        try:
            return self._storage_keys[key_id]
        except KeyError:
            raise UnavailableError(
                "storage_key_missing",
                "the storage key of this item is gone: its month was purged, or the keystore is "
                "older than the database",
            ) from None

    @cached_property
    def _by_use(self) -> dict[KeyUse, tuple[KeyRecord, ...]]:
        found: dict[KeyUse, list[KeyRecord]] = {}
        for record in sorted(self._records, key=lambda record: record.start):
            found.setdefault(record.use, []).append(record)
        return {use: tuple(records) for use, records in found.items()}

    @cached_property
    def _seal_records(self) -> dict[bytes, KeyRecord]:
        return {record.key_id: record for record in self.records(KeyUse.SEAL)}

    @cached_property
    def _storage_keys(self) -> dict[bytes, StorageKey]:
        return {record.key_id: StorageKey(record.seed) for record in self.records(KeyUse.STORAGE)}
