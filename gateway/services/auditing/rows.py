"""Entries of an audit log as they lie there: what is wrong with each, and what they name.

Memory does not grow with the log but for eight bytes a message.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.errors import RejectedError
from gateway.protocol.audit import AuditEntry, EntryKind, parse_entry
from gateway.services.auditing.findings import Finding, FindingCode
from gateway.store.audit_reading import Row
from keys.tlog.merkle import leaf_hash

FINDINGS_TOLD = 100
"""Where everything was altered, the first ones say it."""
_MESSAGES = frozenset(
    {
        EntryKind.MESSAGE_ACCEPTED,
        EntryKind.MESSAGE_RECEIVED,
        EntryKind.MESSAGE_SIGNED_AGAIN,
    }
)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one read of rows holds: leaf hashes (None for a missing entry), and times."""

    leaves: list[bytes | None]
    times: list[int]


class Rows:
    """Looks at rows; remembers which messages they name, and whose bytes are gone."""

    def __init__(self) -> None:
        self._named = _Digests()
        self._purged = _Digests()
        self._recorded: set[bytes] = set()
        self._gone: dict[bytes, tuple[str, int | None]] = {}
        self._told = 0

    @property
    def erased(self) -> int:
        """How many entries have no bytes any more."""
        return len(self._gone)

    def names(self, envelope_id: bytes) -> bool:
        """Tell whether an entry says that this message was accepted or received."""
        return envelope_id in self._named

    def says_purged(self, envelope_id: bytes) -> bool:
        """Tell whether an entry says that this message was purged."""
        return envelope_id in self._purged

    def scan(
        self, rows: Sequence[Row], start: int, end: int, shard: str
    ) -> tuple[Scanned, list[Finding]]:
        """Read rows into the places ``start`` to ``end`` (exclusive); say what is wrong."""
        scanned = Scanned([None] * (end - start), [0] * (end - start))
        found: list[Finding] = []
        expected = start
        for row in rows:
            if row.number != expected:
                found.append(_missing(shard, expected, row.number - 1))
            expected = row.number + 1
            scanned.leaves[row.number - start] = row.leaf_hash
            entry, code = self._read(row, shard, row.number)
            if entry is not None:
                scanned.times[row.number - start] = entry.at
            found += self._finding(code, entry, shard, row.number)
        if expected < end:
            found.append(_missing(shard, expected, end - 1))
        return scanned, found

    def look(self, rows: Sequence[Row]) -> Iterator[Finding]:
        """Look at entries that have no place yet; yield what is wrong."""
        for row in rows:
            entry, code = self._read(row, "", None)
            yield from self._finding(code, entry, "", None)

    def unrecorded(self) -> Iterator[Finding]:
        """Yield the entries without bytes of which nothing says that they were erased."""
        for leaf, (shard, number) in self._gone.items():
            if leaf not in self._recorded:
                yield Finding(code=FindingCode.ERASURE_UNRECORDED, shard=shard, first=number)

    def _read(
        self, row: Row, shard: str, number: int | None
    ) -> tuple[AuditEntry | None, FindingCode | None]:
        """Return what an entry is, as far as it can be read, and what is wrong with it."""
        if row.entry is None:
            self._gone[row.leaf_hash] = shard, number
            return None, None
        fits = leaf_hash(row.entry) == row.leaf_hash
        try:
            entry = parse_entry(row.entry)
            if fits:
                self._note(entry)
        except (RejectedError, IndexError):
            return None, FindingCode.ENTRY_MALFORMED if fits else FindingCode.ENTRY_ALTERED
        return entry, None if fits else FindingCode.ENTRY_ALTERED

    def _note(self, entry: AuditEntry) -> None:
        if entry.kind in _MESSAGES:
            self._named.add(entry.digests[0])
        elif entry.kind is EntryKind.CASE_PURGED:
            for envelope_id in entry.digests:
                self._purged.add(envelope_id)
        elif entry.kind is EntryKind.ENTRY_ERASED:
            self._recorded.add(entry.digests[0])

    def _finding(
        self, code: FindingCode | None, entry: AuditEntry | None, shard: str, number: int | None
    ) -> Iterator[Finding]:
        if code is None or self._told >= FINDINGS_TOLD:
            return
        self._told += 1
        kind, at = ("", 0) if entry is None else (entry.kind.value, entry.at)
        yield Finding(code=code, shard=shard, first=number, kind=kind, at=at)


class _Digests:
    """Digests by a keyed hash of eight bytes each, sorted once they are asked for."""

    def __init__(self) -> None:
        self._parts = [array("q") for _ in range(256)]
        self._sorted = False

    def add(self, name: bytes) -> None:
        """Take a digest."""
        self._parts[name[0]].append(hash(name))  # keyed anew in every process
        self._sorted = False

    def __contains__(self, name: bytes) -> bool:
        if not self._sorted:
            self._parts = [array("q", sorted(part)) for part in self._parts]
            self._sorted = True
        part, wanted = self._parts[name[0]], hash(name)
        at = bisect_left(part, wanted)
        return at < len(part) and part[at] == wanted


def _missing(shard: str, first: int, last: int) -> Finding:
    return Finding(
        code=FindingCode.ENTRY_MISSING,
        shard=shard,
        first=first,
        last=None if last == first else last,
    )
