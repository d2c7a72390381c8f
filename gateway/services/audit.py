"""Sequence the audit log: give entries their place, and sign the head over them.

One sequencer. Entries are committed with their acts, without a number; here they get one, the root
is computed from stored hashes, signed, and compared-and-set against the head it grew from.
"""

import asyncio
from datetime import UTC, datetime

import msgspec

from gateway.clock import Clock
from gateway.protocol.audit import parse_entry
from gateway.services.caller import Caller, require
from gateway.services.keys import NodeKeys
from gateway.services.registry import RegistryMirror
from gateway.settings import Role
from gateway.store import audit
from gateway.store.database import Database, Transaction
from keys.suite import KeyUse
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from keys.tlog.merkle import Frontier

ENTRIES_PER_CHECKPOINT = 256
ENTRIES_PER_READ = 1000


class AuditEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the audit log as the local API shows it."""

    index: int
    kind: str
    at: int
    peer: str
    code: str
    digests: list[str]
    registry_size: int
    leaf: str


class AuditLog:
    """The node's own transparency log."""

    def __init__(
        self, database: Database, keys: NodeKeys, mirror: RegistryMirror, clock: Clock
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._clock = clock
        self._sequencing = asyncio.Lock()

    async def sequence(self) -> int:
        """Bring every committed entry under a signed checkpoint; return how many were new.

        Raises UnavailableError ``not_admitted`` while the registry lists no log key of ours: the
        entries wait.
        """
        async with self._sequencing:
            total = 0
            while taken := await self._sequence_some():
                total += taken
            return total

    async def checkpoint(self, caller: Caller) -> bytes:
        """Return the newest signed checkpoint; empty before the first entry."""
        require(caller, Role.AUDITOR, Role.OPERATOR)
        head = await self._database.read(audit.head)
        return b"" if head is None else head.checkpoint

    async def entries(self, start: int, end: int, caller: Caller) -> list[AuditEntryView]:
        """Return the entries ``start`` to ``end`` (exclusive), at most 1,000."""
        require(caller, Role.AUDITOR)
        end = min(end, start + ENTRIES_PER_READ)
        rows = await self._database.read(lambda tx: audit.entries(tx, start, end))
        return [_shown(row) for row in rows]

    async def _sequence_some(self) -> int:
        head, pending = await self._database.read(
            lambda tx: (audit.head(tx), audit.unsequenced(tx, ENTRIES_PER_CHECKPOINT))
        )
        if not pending:
            return 0
        now = self._clock.now()
        view = self._mirror.view
        signer = self._keys.note_signer(KeyUse.LOG, view, now)
        frontier = Frontier() if head is None else Frontier.parse(head.frontier)
        grown = frontier.extend([leaf_hash for _, leaf_hash in pending])
        if head is None:
            year = datetime.fromtimestamp(now, UTC).year
            origin = f"{view.federation}/{self._keys.member}/audit/{year}"
        else:
            origin = parse_checkpoint(head.checkpoint).origin
        note = sign_checkpoint(Checkpoint(origin, grown.size, grown.root()), signer)
        grown_head = audit.AuditHead(size=grown.size, frontier=grown.encode(), checkpoint=note)
        row_ids = [row_id for row_id, _ in pending]

        def commit(tx: Transaction) -> None:
            audit.advance(tx, expected_size=frontier.size, row_ids=row_ids, grown=grown_head)

        await self._database.write_unit(commit)
        return len(pending)


def _shown(row: audit.StoredEntry) -> AuditEntryView:
    entry = parse_entry(row.entry)
    return AuditEntryView(
        index=row.number or 0,
        kind=entry.kind.value,
        at=entry.at,
        peer=entry.peer,
        code=entry.code,
        digests=[item.hex() for item in entry.digests],
        registry_size=entry.registry_size,
        leaf=row.leaf_hash.hex(),
    )
