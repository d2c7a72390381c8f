"""Sequence the audit log: give entries their place, and sign the head over them.

One sequencer. Entries are committed with their acts, without a place; here they get one, the root
is computed from stored hashes, signed, and compared-and-set against the head it grew from. Nothing
is carried in memory from one head to the next: each begins with what the database holds, checked.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from gateway.clock import Clock
from gateway.errors import ConflictError, LiaisonError, RejectedError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.store import audit
from gateway.store.audit import AuditHead, AuditShard, NewEntry, Opening
from gateway.store.commits import Commits
from gateway.store.database import Database, Transaction
from keys.registry.origins import AuditOrigin, Shard
from keys.suite import digest
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from keys.tlog.merkle import Frontier
from keys.tlog.nodes import completed_nodes
from keys.tlog.note import parse_note

ENTRIES_PER_CHECKPOINT = 256
EXPECTED = frozenset({"not_admitted", "registry_unknown"})
"""Why entries wait before a node is admitted: nothing is wrong."""
UNHEARD = "witnesses_unheard"
"""Why they wait while too few witnesses have said how far they know the log."""
_log = logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """A shard to begin, and the newest head known of the log before it: empty for the first one."""

    shard: Shard
    last: bytes
    lost_since: int | None = None
    """Where entries after ``last`` may be lost: the time of the newest one held, UTC seconds."""


class Continuity(Protocol):
    """Says whether the log may go on where the database says that it ended."""

    async def next_shard(
        self, head: AuditHead | None, year: int, signed: bytes = b""
    ) -> Continued | None:
        """Return the shard to begin now, or None to go on in that of ``head``.

        ``signed`` is the newest head that this process signed, empty for none.

        Asked before the first signature of a process, when a year begins, and when a doubt came up.
        Raises UnavailableError while nobody knows.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """Where the next entries go."""

    shard: int
    origin: str
    frontier: Frontier
    opening: Opening | None = None


class AuditLog:
    """The node's own transparency log: its writing end."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        *,
        ledger: Ledger,
        continuity: Continuity,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._ledger = ledger
        self._continuity = continuity
        self._clock = clock
        self._sequencing = asyncio.Lock()
        self._continues = False
        self._signed: AuditHead | None = None
        self._commits = Commits(database)
        self.grown = asyncio.Event()
        """Set when there is a new head."""
        self.restarted = asyncio.Event()
        """Set when a shard was begun after entries were lost."""
        self.trouble: LiaisonError | None = None
        """Why entries wait for their place; None when they do not."""

    async def keep_up(self) -> int:
        """Do the same, but look only where this process, or another, may have committed."""
        if not self._commits.are_new():
            return 0
        with self._commits.looked_at():
            return await self.sequence()

    async def sequence(self) -> int:
        """Bring every committed entry under a signed checkpoint; return how many were new.

        Raises UnavailableError ``not_admitted`` while the registry lists no log key of ours, and
        while the witnesses that have to be asked do not answer: the entries wait. RejectedError
        ``audit_damaged`` where the database does not hold what was signed.
        """
        async with self._sequencing:
            total, more = 0, True
            try:
                while more:
                    taken = await self._sequence_some()
                    total += taken
                    more = taken == ENTRIES_PER_CHECKPOINT  # else it can wait for the next time
            except ConflictError:  # another daemon of this member was faster
                raise
            except LiaisonError as fault:
                self._note(fault)
                raise
            self._note(None)
            return total

    def doubt(self) -> None:
        """Look again, before the next signature, whether this log may go on: a witness says no."""
        self._continues = False
        self._commits.forget()

    def _note(self, fault: LiaisonError | None) -> None:
        """Say in the log when entries begin to wait for another reason, and when no more do."""
        before = "" if self.trouble is None else self.trouble.code
        after = "" if fault is None else fault.code
        self.trouble = fault
        if fault is not None and after != before and after not in EXPECTED:
            _log.error("audit.waits", code=after, detail=fault.detail)
        elif fault is None and before and before not in EXPECTED:
            _log.info("audit.resumed", code=before)

    async def _sequence_some(self) -> int:
        head, pending = await self._database.read(
            lambda tx: (audit.head(tx), audit.unsequenced(tx, ENTRIES_PER_CHECKPOINT))
        )
        if not pending and (self._continues or head is None):
            return 0
        now = self._clock.now()
        start = await self._start(head, now)
        if not pending and start.opening is None:
            self._continues = True
            return 0
        view = self._mirror.view
        signer = self._keys.log_signer(start.origin, view, now)
        leaves = [leaf_hash for _, leaf_hash in pending]
        if start.opening is not None:
            leaves.insert(0, start.opening.entry.leaf_hash)
        grown, nodes = completed_nodes(start.frontier, leaves)
        note = sign_checkpoint(Checkpoint(start.origin, grown.size, grown.root()), signer)
        grown_head = AuditHead(
            shard=start.shard,
            size=grown.size,
            frontier=grown.encode(),
            checkpoint=note,
            signed_at=now,
        )
        row_ids = [row_id for row_id, _ in pending]

        def commit(tx: Transaction) -> None:
            audit.advance(
                tx,
                expected=head,
                row_ids=row_ids,
                nodes=nodes,
                grown=grown_head,
                opening=start.opening,
            )

        await self._database.write_unit(commit)
        self._signed, self._continues = grown_head, True
        self.grown.set()
        if start.opening is not None and start.opening.shard.lost_since is not None:
            self.restarted.set()
        return len(pending)

    async def _start(self, head: AuditHead | None, now: int) -> _Start:
        """Return where the next entries go: on from the head, or in a shard that begins now."""
        frontier = Frontier() if head is None else checked_frontier(head)
        origin = "" if head is None else parse_checkpoint(head.checkpoint).origin
        year = datetime.fromtimestamp(now, UTC).year
        over = head is None or year > AuditOrigin.parse(origin).shard.year
        if _is_before(head, self._signed):  # the database went back beneath a running process
            self._continues = False
        if over or not self._continues:
            signed = b"" if self._signed is None else self._signed.checkpoint
            self._keys.log_signer(origin, self._mirror.view, now)  # or nobody need be asked
            continued = await self._continuity.next_shard(head, year, signed)
            if continued is not None:
                return self._opened(head, continued, now)
        if head is None:
            raise ValueError("a log begins with a shard")
        return _Start(shard=head.shard, origin=origin, frontier=frontier)

    def _opened(self, head: AuditHead | None, continued: Continued, now: int) -> _Start:
        federation = self._mirror.view.federation
        origin = str(AuditOrigin(federation, self._keys.member, continued.shard))
        number = 0 if head is None else head.shard + 1
        entry = self._opening_entry(continued.last)
        shard = AuditShard(
            number=number, origin=origin, opened_at=now, lost_since=continued.lost_since
        )
        return _Start(
            shard=number,
            origin=origin,
            frontier=Frontier(),
            opening=Opening(shard=shard, entry=entry),
        )

    def _opening_entry(self, last: bytes) -> NewEntry:
        """Return the first entry of a shard: it names the newest head of the log before it."""
        if not last:
            return self._ledger.entry(EntryKind.SHARD_OPENED)
        head = parse_checkpoint(last)
        return self._ledger.entry(
            EntryKind.SHARD_OPENED,
            digests=(head.root, digest(parse_note(last).text)),
            code=str(AuditOrigin.parse(head.origin).shard),
        )


def _is_before(head: AuditHead | None, signed: AuditHead | None) -> bool:
    """Tell whether a head lies before one that this process signed."""
    if signed is None:
        return False
    return head is None or (head.shard, head.size) < (signed.shard, signed.size)


def checked_frontier(head: AuditHead) -> Frontier:
    """Return the frontier that a head grows from, once it adds up to what was signed.

    Raises RejectedError ``audit_damaged``.
    """
    frontier = Frontier.parse(head.frontier)
    signed = parse_checkpoint(head.checkpoint)
    if (frontier.size, frontier.root()) != (signed.size, signed.root) or head.size != signed.size:
        raise RejectedError(
            "audit_damaged",
            "the audit log in the database is not what its head was signed over: "
            "liaison audit verify",
        )
    return frontier
