"""Cosign other logs' heads, as a witness: each at most once on top of what was cosigned before.

A head is stored before it is signed, and the one it was compared with is compared again in
that transaction: no rollback and no race can get two histories cosigned. It is stored with the
lines of its log's keys alone: what else came with it is not judged here.
Source: c2sp.org/tlog-witness; SPEC "Witnesses".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import ConflictError, ForbiddenError, RejectedError
from gateway.protocol.witness import AddCheckpoint, SizeDiffersError, check_growth
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.signed_heads import SignedHead, audit_of, read_head
from gateway.services.federation.statements import Statements
from gateway.services.keys import NodeKeys
from gateway.services.witness.log_alarms import LogAlarms, LogVerdict, Raised, begins_with_the_year
from gateway.store import log_heads, witnessed
from gateway.store.database import Database, Transaction
from gateway.store.witnessed import CosignedLog, WitnessedHead
from keys.registry.origins import AuditOrigin, Shard
from keys.registry.statement import REGISTRY
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint
from keys.tlog.cosignature import add_cosignatures
from keys.tlog.note import NoteSignature


@dataclass(frozen=True, slots=True)
class _Known:
    """What this node knew before."""

    newest: WitnessedHead | None
    """The newest head of that log that it cosigned."""
    same: Sequence[bytes]
    """The heads of that log and size that it has seen, as a witness or as a peer."""
    logs: Sequence[CosignedLog]
    """All audit logs of that member of which it cosigned heads."""


class Witnessing:
    """This node as a witness."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        *,
        statements: Statements,
        alarms: LogAlarms,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._statements = statements
        self._alarms = alarms
        self._clock = clock

    async def add_checkpoint(self, asked: AddCheckpoint, found_by: str = "") -> bytes:
        """Return this witness's signature lines on a head that extends all it has cosigned.

        Raises RejectedError ``log_unknown``, ``old_size_too_large`` or ``consistency_invalid``;
        ForbiddenError ``checkpoint_not_signed``, ``statements_refused`` or ``recovery_vetoed``;
        SizeDiffersError; UnavailableError ``not_admitted`` without a registered witness key, or
        ``registry_behind``.
        """
        shown = self._read(asked.checkpoint, found_by)
        if shown.audit is None and shown.head.size > self._mirror.size:
            self._mirror.behind.set()  # signed by the registrars, and newer than ours
        known = await self._database.read(lambda tx: _known(tx, shown))
        await self._look_for_another(shown, known.same, found_by)
        try:
            check_growth(asked.old_size, asked.proof, shown.head, _head_of(known.newest))
        except RejectedError as fault:
            if fault.code == LogVerdict.NOT_CONTINUED:
                await self._doubt(asked, shown, known, found_by)
            raise
        view = self._mirror.view
        cosigner = self._keys.cosigner(view, self._clock.now())
        if shown.audit is None:
            await self._statements.check(view, shown.head)
        at = await self._store(shown, known, found_by)
        lines = cosigner.cosign(shown.note, at)
        await self._keep(shown, lines, at)
        return "".join(line.line() + "\n" for line in lines).encode()

    async def checkpoint(self, origin_digest: bytes) -> bytes:
        """Return the newest head of a log with the lines that this witness returned on it.

        The log is named by the SHA-256 of its origin. Raises RejectedError ``not_witnessed``.
        """
        found = await self._database.read(lambda tx: witnessed.cosigned(tx, origin_digest))
        if found is None:
            raise RejectedError("not_witnessed", "no head of this log was cosigned here")
        return found

    def _read(self, note: bytes, found_by: str) -> SignedHead:
        try:
            return read_head(self._mirror.known, note)
        except ForbiddenError:
            audit = audit_of(parse_checkpoint(note).origin)
            if audit is not None and audit.member == found_by:
                self._mirror.behind.set()  # it may sign with a key that we have not heard of
            raise

    async def _store(self, shown: SignedHead, known: _Known, found_by: str) -> int:
        """Keep the head unless another was cosigned meanwhile; return the time it is signed with.

        Raises SizeDiffersError.
        """
        now = self._clock.now()
        head = WitnessedHead(
            origin=shown.head.origin,
            size=shown.head.size,
            root=shown.head.root,
            checkpoint=shown.note,
            stored_at=now,
        )
        strange = list(self._strange(shown, known, found_by, now))

        def commit(tx: Transaction) -> list[Raised]:
            witnessed.store(tx, head, expected=known.newest)
            return [raised for raised in strange if raised.commit(tx)]

        try:
            new = await self._database.write(commit)
        except ConflictError as fault:
            newest = await self._database.read(lambda tx: witnessed.newest(tx, head.origin))
            raise SizeDiffersError(0 if newest is None else newest.size) from fault
        for raised in new:
            raised.tell()
        return now

    async def _keep(self, shown: SignedHead, lines: Sequence[NoteSignature], at: int) -> None:
        """Keep the lines that are about to be returned, for whoever asks for them later.

        A crash before this leaves a head without them: whoever asked asks again.
        """
        log = CosignedLog(
            origin=shown.head.origin,
            member=REGISTRY if shown.audit is None else shown.audit.member,
            size=shown.head.size,
            checkpoint=add_cosignatures(shown.note, lines),
            began_at=at,
        )
        await self._database.write(lambda tx: witnessed.keep_cosigned(tx, log))

    def _strange(
        self, shown: SignedHead, known: _Known, found_by: str, now: int
    ) -> Iterator[Raised]:
        """Yield the alarms that a head raises which is cosigned all the same: its log may grow so.

        One head of a closed shard may come late, its last one; a second says that somebody goes on.
        """
        if shown.audit is None:
            return
        shard, newest = shown.audit.shard, known.newest
        if newest is None and not begins_with_the_year(shard, now):
            yield self._alarms.raised(LogVerdict.RESTARTED, shown.note, None, found_by)
        if newest is not None and newest.size < shown.head.size:
            later = [log.began_at for log in known.logs if _shard(log.origin) > shard]
            if later and newest.stored_at > min(later):
                grew = LogVerdict.CLOSED_GREW
                yield self._alarms.raised(grew, shown.note, None, found_by)

    async def _doubt(
        self, asked: AddCheckpoint, shown: SignedHead, known: _Known, found_by: str
    ) -> None:
        """Look what a head says that continues nothing known.

        Brought by its own member it is an alarm. From anybody else a wrong proof says nothing, but
        where it leads to another history.
        """
        newest = known.newest
        if newest is None or not 0 < newest.size < shown.head.size:
            return
        brought = shown.audit is not None and shown.audit.member == found_by
        verdict = LogVerdict.NOT_CONTINUED if brought else None
        await self._alarms.unproven(verdict, newest.checkpoint, shown.note, asked.proof, found_by)

    async def _look_for_another(
        self, shown: SignedHead, same: Sequence[bytes], found_by: str
    ) -> None:
        """Keep the proof where a head of this size was seen that has another root."""
        head, view, seen = shown.head, self._mirror.view, [*same]
        if (head.origin, head.size) == (view.origin, view.head.size):
            seen.append(await self._mirror.checkpoint())
        for note in seen:
            known = parse_checkpoint(note)
            if known.size == head.size and known.root != head.root:
                await self._alarms.prove(note, shown.note, found_by, None)
                return


def _known(tx: Transaction, shown: SignedHead) -> _Known:
    origin, size = shown.head.origin, shown.head.size
    same = witnessed.at_size(tx, origin, size), log_heads.at_size(tx, origin, size)
    logs = [] if shown.audit is None else witnessed.logs_of(tx, shown.audit.member)
    return _Known(
        newest=witnessed.newest(tx, origin),
        same=[item.checkpoint for item in same if item is not None],
        logs=[log for log in logs if audit_of(log.origin)],  # the registrar has the registry too
    )


def _shard(origin: str) -> Shard:
    return AuditOrigin.parse(origin).shard


def _head_of(known: WitnessedHead | None) -> Checkpoint | None:
    return None if known is None else Checkpoint(known.origin, known.size, known.root)
