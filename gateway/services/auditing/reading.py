"""Read the node's own audit log: heads, entries, tiles, and proofs from stored hashes.

A proof is a function of what the database holds at that moment, read in one snapshot; nothing here
is remembered from one call to the next.
"""

from collections.abc import Collection, Sequence

import msgspec

from gateway.errors import RejectedError
from gateway.protocol.audit import AuditEntry, EntryKind, ProvenEntry, parse_entry
from gateway.services.caller import Caller, require
from gateway.settings import Role
from gateway.store import audit, audit_reading, cosigned
from gateway.store.audit import AuditHead, AuditShard
from gateway.store.audit_reading import StoredEntry
from gateway.store.cosigned import CosignedHead
from gateway.store.database import Database, Transaction
from keys.registry.origins import AuditOrigin
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.merkle import consistency_proof, inclusion_proof
from keys.tlog.nodes import TiledHashes
from keys.tlog.proof import InclusionProof, encode_proof
from keys.tlog.tiles import BUNDLE_ENTRIES, encode_bundle, encode_tile, tile_width

ENTRIES_PER_READ = 1000
SLACK_S = 600
"""How far from its act an entry is looked for: a clock may have been set meanwhile."""


class ShardView(msgspec.Struct, frozen=True, kw_only=True):
    """A shard of the audit log: how far it is signed, and how far a quorum witnessed it."""

    shard: str
    origin: str
    opened_at: int
    size: int
    witnessed_size: int
    witnessed_at: int | None


class AuditReading:
    """The node's own transparency log: its reading end."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest_head(self) -> AuditHead | None:
        """Return the newest signed head; None before the first entry."""
        return await self._database.read(audit.head)

    async def newest_cosigned(self) -> CosignedHead | None:
        """Return the newest head of the newest shard that a quorum cosigned."""

        def newest(tx: Transaction) -> CosignedHead | None:
            head = audit.head(tx)
            return None if head is None else cosigned.newest(tx, head.shard)

        return await self._database.read(newest)

    async def shown_checkpoint(self) -> bytes:
        """Return what other members are shown: the newest cosigned head, or the newest signed one.

        Raises RejectedError ``audit_empty``.
        """

        def newest(tx: Transaction) -> bytes:
            head = audit.head(tx)
            if head is None:
                raise RejectedError("audit_empty", "the audit log has no head yet")
            witnessed = cosigned.newest(tx, head.shard)
            return head.checkpoint if witnessed is None else witnessed.checkpoint

        return await self._database.read(newest)

    async def checkpoint(
        self, caller: Caller, shard: str = "", *, witnessed: bool = False
    ) -> bytes:
        """Return the newest signed checkpoint of a shard, by default the newest; else empty.

        With the cosignatures that it has by now; ``witnessed`` asks for the newest one with a
        quorum of them, where there is any. Raises RejectedError ``shard_unknown``.
        """
        require(caller, Role.AUDITOR, Role.OPERATOR)
        return await self._database.read(lambda tx: _checkpoint(tx, shard, witnessed=witnessed))

    async def shards(self, caller: Caller) -> list[ShardView]:
        """Return the shards, the oldest first."""
        require(caller, Role.AUDITOR, Role.OPERATOR)
        return await self._database.read(
            lambda tx: [_shard_view(tx, shard) for shard in audit.shards(tx)]
        )

    async def tile(self, shard: str, place: tuple[int, int, int], caller: Caller) -> bytes:
        """Return the tile at (level, index, width). Raises RejectedError ``tile_unknown``."""
        require(caller, Role.AUDITOR)
        level, index, width = place

        def read(tx: Transaction) -> bytes:
            head = shard_head(tx, _number(tx, shard))
            if width > tile_width(level, index, head.size):
                raise _no_tile()
            start = index * BUNDLE_ENTRIES
            return encode_tile(audit_reading.hashes(tx, head.shard, level, start, width))

        return await self._database.read(read)

    async def bundle(self, shard: str, place: tuple[int, int], caller: Caller) -> bytes:
        """Return the entry bundle at (index, width); an erased entry has no bytes in it.

        Raises RejectedError ``tile_unknown``.
        """
        require(caller, Role.AUDITOR)
        index, width = place

        def read(tx: Transaction) -> bytes:
            head = shard_head(tx, _number(tx, shard))
            if width > tile_width(0, index, head.size):
                raise _no_tile()
            start = index * BUNDLE_ENTRIES
            rows = audit_reading.entries(tx, head.shard, start, start + width)
            return encode_bundle([row.entry or b"" for row in rows])

        return await self._database.read(read)

    async def consistency(self, origin: str, old: int, new: int) -> Sequence[bytes]:
        """Return the proof that a shard's tree of ``new`` leaves extends that of ``old`` ones.

        Raises RejectedError ``shard_unknown``, ``size_unknown`` or ``audit_damaged``.
        """

        def read(tx: Transaction) -> Sequence[bytes]:
            shard = next((item for item in audit.shards(tx) if item.origin == origin), None)
            if shard is None:
                raise _no_shard(origin)
            if not 0 <= old <= new <= shard_head(tx, shard.number).size:
                raise RejectedError("size_unknown", "the log has not had such a size")
            return consistency_proof(old, new, tiled(tx, shard.number, new))

        return await self._database.read(read)

    async def proofs_of(
        self, subject: bytes, kinds: Collection[EntryKind], *, since: int, until: int
    ) -> list[ProvenEntry]:
        """Return the entries of ``kinds`` that name ``subject`` (32 bytes), each with its proof.

        They are looked for among those of ``since`` to ``until`` (UTC seconds). The proof is under
        the first head over it that a quorum cosigned; the newest one where there is none.
        """

        def read(tx: Transaction) -> list[ProvenEntry]:
            return [
                _proven(tx, row)
                for shard in audit.shards(tx)
                for row, entry in near(tx, shard.number, since - SLACK_S, until + SLACK_S)
                if entry.kind in kinds and subject in entry.digests
            ]

        return await self._database.read(read)


def near(
    tx: Transaction, shard: int, since: int, until: int
) -> list[tuple[StoredEntry, AuditEntry]]:
    """Return the entries of a shard that were made from ``since`` to ``until``, erased ones not.

    Entries stand in the order of their commits, all but the order of their times.
    """
    size = shard_head(tx, shard).size
    found: list[tuple[StoredEntry, AuditEntry]] = []
    for start in range(first_since(tx, shard, size, since), size, ENTRIES_PER_READ):
        for row in audit_reading.entries(tx, shard, start, start + ENTRIES_PER_READ):
            if row.entry is not None:
                entry = parse_entry(row.entry)
                if entry.at > until:
                    return found
                found.append((row, entry))
    return found


def first_since(tx: Transaction, shard: int, size: int, at: int) -> int:
    """Return the number of the first entry of a shard that was made at ``at`` or later."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        made_at = _made_at(tx, shard, middle, high)
        if made_at is None or made_at >= at:
            high = middle
        else:
            low = middle + 1
    return low


def shard_head(tx: Transaction, shard: int) -> AuditHead:
    """Return the newest head of a shard."""
    return audit.heads(tx, shard)[-1]


def tiled(tx: Transaction, shard: int, size: int) -> TiledHashes:
    """Return the hashes of a shard's tree of ``size`` leaves, as proofs ask for them."""

    def read(level: int, index: int, width: int) -> Sequence[bytes]:
        return audit_reading.hashes(tx, shard, level, index * BUNDLE_ENTRIES, width)

    return TiledHashes(size, read)


def shard_name(shard: AuditShard) -> str:
    """Return the name of a shard: the last part of its origin."""
    return str(AuditOrigin.parse(shard.origin).shard)


def _proven(tx: Transaction, row: StoredEntry) -> ProvenEntry:
    witnessed = cosigned.covering(tx, row.shard, row.number)
    checkpoint = shard_head(tx, row.shard).checkpoint if witnessed is None else witnessed.checkpoint
    size = parse_checkpoint(checkpoint).size
    hashes = inclusion_proof(row.number, size, tiled(tx, row.shard, size))
    proof = InclusionProof(row.number, tuple(hashes), checkpoint)
    return ProvenEntry(row.entry or b"", encode_proof(proof))


def _made_at(tx: Transaction, shard: int, start: int, end: int) -> int | None:
    """Return when the first entry from ``start`` on was made that is not erased."""
    for first in range(start, end, BUNDLE_ENTRIES):
        for row in audit_reading.entries(tx, shard, first, min(first + BUNDLE_ENTRIES, end)):
            if row.entry is not None:
                return parse_entry(row.entry).at
    return None


def _checkpoint(tx: Transaction, shard: str, *, witnessed: bool) -> bytes:
    head = shard_head(tx, _number(tx, shard)) if shard else audit.head(tx)
    if head is None:
        return b""
    seen = cosigned.newest(tx, head.shard) if witnessed else None
    seen = seen or cosigned.at_size(tx, head.shard, head.size)
    return head.checkpoint if seen is None else seen.checkpoint


def _shard_view(tx: Transaction, shard: AuditShard) -> ShardView:
    witnessed = cosigned.newest(tx, shard.number)
    return ShardView(
        shard=shard_name(shard),
        origin=shard.origin,
        opened_at=shard.opened_at,
        size=shard_head(tx, shard.number).size,
        witnessed_size=0 if witnessed is None else witnessed.size,
        witnessed_at=None if witnessed is None else witnessed.witnessed_at,
    )


def _number(tx: Transaction, shard: str) -> int:
    for known in audit.shards(tx):
        if shard_name(known) == shard:
            return known.number
    raise _no_shard(shard)


def _no_shard(shard: str) -> RejectedError:
    return RejectedError("shard_unknown", f"the audit log has no shard {shard}")


def _no_tile() -> RejectedError:
    return RejectedError("tile_unknown", "the audit log has no such tile, or not so wide a one yet")
