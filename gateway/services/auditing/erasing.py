"""Erase what an entry of the audit log says of a person: its text goes, its leaf stays.

The tree, every head and every proof stand as they were. Who erased what, and why, is an entry of
its own, in the same transaction. Only what nothing else rests on is erased: no message, receipt,
key or shard depends on an entry that names a person of the house.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.errors import ConflictError, ForbiddenError, RejectedError
from gateway.protocol.audit import EntryKind, parse_entry
from gateway.services.auditing.reading import shard_name
from gateway.services.caller import Caller, require
from gateway.services.ledger import Ledger
from gateway.settings import Role
from gateway.store import audit, audit_reading
from gateway.store.database import Database, Transaction

ERASABLE = frozenset(
    {
        EntryKind.MESSAGE_READ,
        EntryKind.READ_REFUSED,
        EntryKind.MESSAGE_ACKNOWLEDGED,
        EntryKind.EVIDENCE_EXPORTED,
        EntryKind.ADMINISTRATOR_ACTED,
    }
)
"""The kinds that name a person of the house, and on which nothing rests."""


class ErasureReason(StrEnum):
    """Why an entry's text is erased."""

    REQUESTED = "requested"
    """The person whom it names asked for it."""
    ORDERED = "ordered"
    """An authority or a court ordered it."""
    RETENTION = "retention"
    """The time for which it may be kept is over."""
    MISTAKEN = "mistaken"
    """It should never have been recorded."""


class Erasure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entry to erase, and why."""

    shard: Annotated[str, msgspec.Meta(max_length=16)]
    index: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    reason: ErasureReason


class ErasedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was erased; its leaf stays for ever."""

    shard: str
    index: int
    kind: str
    leaf: str


class Erasing:
    """Erases entries of the node's own audit log."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def erase(self, asked: Erasure, caller: Caller) -> ErasedEntry:
        """Delete an entry's text, and record that.

        Raises ForbiddenError ``role_missing`` or ``entry_kept`` for a kind that others rest on;
        RejectedError ``entry_unknown``; ConflictError ``entry_erased``.
        """
        require(caller, Role.OPERATOR)

        def commit(tx: Transaction) -> ErasedEntry:
            row, kind = _erasable(tx, asked)
            entry = self._ledger.entry(
                EntryKind.ENTRY_ERASED,
                peer=caller.name,
                digests=(row.leaf_hash,),
                code=asked.reason.value,
            )
            audit.erase(tx, row.row_id)
            audit.append(tx, [entry])
            return ErasedEntry(
                shard=asked.shard, index=row.number, kind=kind.value, leaf=row.leaf_hash.hex()
            )

        return await self._database.write(commit)


def _erasable(tx: Transaction, asked: Erasure) -> tuple[audit_reading.StoredEntry, EntryKind]:
    """Return the entry asked for, if it may be erased. Raises as ``Erasing.erase``."""
    where = f"entry {asked.index} of {asked.shard}"
    numbers = [item.number for item in audit.shards(tx) if shard_name(item) == asked.shard]
    for number in numbers:
        for row in audit_reading.entries(tx, number, asked.index, asked.index + 1):
            if row.entry is None:
                raise ConflictError("entry_erased", f"{where} is erased already")
            kind = parse_entry(row.entry).kind
            if kind not in ERASABLE:
                raise ForbiddenError(
                    "entry_kept",
                    f"{where} is {kind}: it names nobody of the house, or others rest on it",
                )
            return row, kind
    raise RejectedError("entry_unknown", f"the audit log has no {where}")
