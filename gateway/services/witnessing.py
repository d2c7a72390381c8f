"""Cosign other logs' heads, as a witness: each at most once on top of what was cosigned before.

A head is stored before it is signed, and the one it was compared with is compared again in
that transaction: no rollback and no race can get two histories cosigned. It is stored with the
lines of its log's keys alone: what else came with it is not judged here.
Source: c2sp.org/tlog-witness; SPEC "Witnesses".
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.clock import Clock
from gateway.errors import (
    ConflictError,
    ForbiddenError,
    LiaisonError,
    RejectedError,
    UnavailableError,
)
from gateway.peer import Peer, Peers
from gateway.protocol.witness import AddCheckpoint, SizeDiffersError, check_growth
from gateway.services.keys import NodeKeys
from gateway.services.log_alarms import LogAlarms, LogVerdict, Raised, audit_of
from gateway.services.registry import RegistryMirror
from gateway.services.vetoes import Vetoes
from gateway.store import log_heads, witnessed
from gateway.store.database import Database, Transaction
from gateway.store.witnessed import CosignedLog, WitnessedHead
from keys.registry.origins import AuditOrigin, Shard, log_keys_of
from keys.registry.statement import REGISTRY
from keys.registry.view import View, advance
from keys.suite import MemberId
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint
from keys.tlog.cosignature import add_cosignatures
from keys.tlog.note import NoteSignature, encode_note, parse_note, verify_note

READ_S = 60.0
"""How long the registrar may take to show what its head brings."""
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class _Shown:
    """A head that its log signed, with the note it came in, and who brought it."""

    head: Checkpoint
    note: bytes
    audit: AuditOrigin | None
    """Whose audit log it is, and which shard; None for the registry."""
    found_by: str

    @property
    def owner(self) -> MemberId:
        """The member whose log it is."""
        return REGISTRY if self.audit is None else self.audit.member


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
        peers: Peers,
        *,
        vetoes: Vetoes,
        alarms: LogAlarms,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._peers = peers
        self._vetoes = vetoes
        self._alarms = alarms
        self._clock = clock

    async def add_checkpoint(self, asked: AddCheckpoint, found_by: str = "") -> bytes:
        """Return this witness's signature lines on a head that extends all it has cosigned.

        Raises RejectedError ``log_unknown``, ``old_size_too_large`` or ``consistency_invalid``;
        ForbiddenError ``checkpoint_not_signed``, ``statements_refused`` or ``recovery_vetoed``;
        SizeDiffersError; UnavailableError ``not_admitted`` without a registered witness key, or
        ``registry_behind``.
        """
        shown = self._verified(asked.checkpoint, found_by)
        if shown.audit is None and shown.head.size > self._mirror.size:
            self._mirror.behind.set()  # signed by the registrars, and newer than ours
        known = await self._database.read(lambda tx: _known(tx, shown))
        await self._look_for_another(shown, known.same)
        try:
            check_growth(asked.old_size, asked.proof, shown.head, _head_of(known.newest))
        except RejectedError as fault:
            if fault.code == LogVerdict.NOT_CONTINUED:
                await self._doubt(shown, known)
            raise
        view = self._mirror.view
        cosigner = self._keys.cosigner(view, self._clock.now())
        if shown.audit is None:
            await self._check_statements(view, shown.head)
        at = await self._store(shown, known)
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

    def _verified(self, note: bytes, found_by: str) -> _Shown:
        parsed, head = parse_note(note), parse_checkpoint(note)
        keys = () if self._mirror.known is None else log_keys_of(self._mirror.known, head.origin)
        if not keys:
            raise RejectedError("log_unknown", f"no key of the log {head.origin} is known here")
        audit = audit_of(head.origin)
        try:
            signed_by = verify_note(parsed, keys).signed_by
        except RejectedError as fault:
            if audit is not None and audit.member == found_by:
                self._mirror.behind.set()  # it may sign with a key that we have not heard of
            raise ForbiddenError(
                "checkpoint_not_signed", f"the checkpoint is not signed by {head.origin}"
            ) from fault
        names = {(key.name, key.key_hash) for key in signed_by}
        lines = [line for line in parsed.signatures if (line.name, line.key_hash) in names]
        return _Shown(head, encode_note(parsed.text, lines), audit, found_by)

    async def _store(self, shown: _Shown, known: _Known) -> int:
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
        strange = list(self._strange(shown, known, now))

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

    async def _keep(self, shown: _Shown, lines: Sequence[NoteSignature], at: int) -> None:
        """Keep the lines that are about to be returned, for whoever asks for them later.

        A crash before this leaves a head without them: whoever asked asks again.
        """
        log = CosignedLog(
            origin=shown.head.origin,
            member=shown.owner,
            size=shown.head.size,
            checkpoint=add_cosignatures(shown.note, lines),
            began_at=at,
        )
        await self._database.write(lambda tx: witnessed.keep_cosigned(tx, log))

    def _strange(self, shown: _Shown, known: _Known, now: int) -> Iterator[Raised]:
        """Yield the alarms that a head raises which is cosigned all the same: its log may grow so.

        One head of a closed shard may come late, its last one; a second says that somebody goes on.
        """
        if shown.audit is None:
            return
        shard, newest = shown.audit.shard, known.newest
        if newest is None and not _begins_with_the_year(shard, now):
            yield self._alarms.raised(LogVerdict.RESTARTED, shown.note, None, shown.found_by)
        if newest is not None and newest.size < shown.head.size:
            later = [log.began_at for log in known.logs if _shard(log.origin) > shard]
            if later and newest.stored_at > min(later):
                grew = LogVerdict.CLOSED_GREW
                yield self._alarms.raised(grew, shown.note, None, shown.found_by)

    async def _doubt(self, shown: _Shown, known: _Known) -> None:
        """Raise the alarm where a log's own member brings a head that continues nothing known.

        From anybody else a wrong proof says nothing. The two heads do not exclude each other by
        themselves, so they are no proof to others.
        """
        newest = known.newest
        brought = shown.audit is not None and shown.audit.member == shown.found_by
        if brought and newest is not None and shown.head.size > newest.size:
            verdict = LogVerdict.NOT_CONTINUED
            await self._alarms.doubt(
                self._alarms.raised(verdict, shown.note, newest.checkpoint, shown.found_by)
            )

    async def _check_statements(self, view: View, head: Checkpoint) -> None:
        """Judge what a head of the registry brings beyond our mirror, where it can be read.

        Our mirror itself may wait for the cosignatures, so the statements are folded apart.
        """
        size = view.head.size
        if head.size <= size:
            return
        try:
            source = self._peers.registrar(pinned=False)
            async with asyncio.timeout(READ_S):
                notes = await _entries(source, size, head.size)
        except (LiaisonError, TimeoutError) as fault:
            if await self._vetoes.any_held():
                raise UnavailableError(
                    "registry_behind",
                    "a veto is held here, and what this head brings cannot be read yet",
                    retry_after_s=10,
                ) from fault
            return
        try:
            grown = await asyncio.to_thread(advance, view, notes)
        except RejectedError as fault:
            raise ForbiddenError(
                "statements_refused", f"the registry shows a statement that is refused: {fault}"
            ) from fault
        if (grown.head.size, grown.head.root) != (head.size, head.root):
            raise ForbiddenError("statements_refused", "the statements shown are not of this head")
        member = await self._vetoes.forbidding(view, notes)
        if member is not None:
            raise ForbiddenError("recovery_vetoed", f"a veto of {member} is held here")

    async def _look_for_another(self, shown: _Shown, same: Sequence[bytes]) -> None:
        """Keep the proof where a head of this size was seen that has another root."""
        head, view, seen = shown.head, self._mirror.view, [*same]
        if (head.origin, head.size) == (view.origin, view.head.size):
            seen.append(await self._mirror.checkpoint())
        for note in seen:
            known = parse_checkpoint(note)
            if known.size == head.size and known.root != head.root:
                await self._alarms.prove(note, shown.note, shown.found_by, None)
                return


async def _entries(source: Peer, start: int, end: int) -> list[bytes]:
    notes: list[bytes] = []
    while start + len(notes) < end:
        read = await source.registry_entries(start + len(notes), end)
        if not read:
            raise UnavailableError("registry_incomplete", "the source shows fewer than it claims")
        notes += read
    return notes[: end - start]


def _known(tx: Transaction, shown: _Shown) -> _Known:
    origin, size = shown.head.origin, shown.head.size
    same = witnessed.at_size(tx, origin, size), log_heads.at_size(tx, origin, size)
    return _Known(
        newest=witnessed.newest(tx, origin),
        same=[item.checkpoint for item in same if item is not None],
        logs=[] if shown.audit is None else witnessed.logs_of(tx, shown.audit.member),
    )


def _shard(origin: str) -> Shard:
    return AuditOrigin.parse(origin).shard


def _begins_with_the_year(shard: Shard, now: int) -> bool:
    """Tell whether a log may have begun this shard because a year began, by a clock that is off."""
    years = {datetime.fromtimestamp(now + off, UTC).year for off in (-DAY_S, 0, DAY_S)}
    return not shard.restart and shard.year in years


def _head_of(known: WitnessedHead | None) -> Checkpoint | None:
    return None if known is None else Checkpoint(known.origin, known.size, known.root)
