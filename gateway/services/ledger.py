"""Make the audit entries that services commit together with the acts they record."""

from collections.abc import Callable, Sequence

from gateway.clock import Clock
from gateway.protocol.audit import ENTRY_VERSION, AuditEntry, EntryKind, encode_entry
from gateway.store.audit import NewEntry
from keys.suite import Entropy
from keys.tlog.merkle import leaf_hash


class Ledger:
    """Salts, times and encodes entries; the caller appends them in its own transaction."""

    def __init__(self, clock: Clock, entropy: Entropy, registry_size: Callable[[], int]) -> None:
        self._clock = clock
        self._entropy = entropy
        self._registry_size = registry_size

    def entry(
        self,
        kind: EntryKind,
        *,
        peer: str = "",
        digests: Sequence[bytes] = (),
        code: str = "",
    ) -> NewEntry:
        """Return one encoded entry with its leaf hash; ``digests`` are of 32 bytes each."""
        encoded = encode_entry(
            AuditEntry(
                version=ENTRY_VERSION,
                kind=kind,
                at=self._clock.now(),
                salt=self._entropy(16),
                registry_size=self._registry_size(),
                peer=peer,
                digests=tuple(digests),
                code=code,
            )
        )
        return NewEntry(entry=encoded, leaf_hash=leaf_hash(encoded))
