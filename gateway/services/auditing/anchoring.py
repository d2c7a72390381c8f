"""Have the heads of our audit log cosigned by the witnesses that the registry names.

In rounds: while there is something new, the newest signed head every few seconds, the same for all
witnesses, so that a quorum comes together on one head. The round stands in the database before
anybody is asked: daemons of one member ask for the same, and a crash changes nothing. What a
witness says is kept beside the log, never in it, and makes no head due; a day's newest witnessed
head is named by one entry. Traffic waits for none of this.
Source: SPEC "Witnesses"; c2sp.org/tlog-witness.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError, RejectedError
from gateway.logs import logger
from gateway.peer import Peers
from gateway.protocol.audit import EntryKind, parse_entry
from gateway.protocol.witness import AddCheckpoint, SizeDiffersError
from gateway.services.auditing.log import AuditLog
from gateway.services.auditing.reading import AuditReading
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.witnesses import witness_keys, witnessed_at
from gateway.services.ledger import Ledger
from gateway.services.witness.asking import QUORUM_LATE_S, Asked, Asking, cosigned_by
from gateway.settings import AuditSettings
from gateway.store import audit, audit_reading, cosigned
from gateway.store.audit import NewEntry
from gateway.store.cosigned import CosignedHead
from gateway.store.database import Database, Transaction
from keys.registry.member import Member
from keys.suite import Entropy, MemberId, digest
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.cosignature import add_cosignatures
from keys.tlog.note import NoteSignature, encode_note, parse_note

DAY_S = 86_400
NAMED_AFTER_S = 600
"""A head is named by an entry once it is so old: a late cosignature would change its digest."""
KEPT_ALL_S = 2 * DAY_S
KEPT_EVERY_S = 3600
"""Of older heads one an hour is kept: a proof under it says when its entries were there at latest.

With seven witnesses a year of them takes 200 MB; two days of all, if traffic never pauses, 400."""
_IDLE_S = 3600.0
_log = logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """How far our audit log is witnessed."""

    size: int = 0
    """How many entries its newest shard has."""
    witnessed_size: int = 0
    witnessed_at: int | None = None
    """For which time a quorum vouches for those, UTC seconds; None for none."""
    late_s: int = 0
    """For how long the witnesses have been asked for entries that no quorum vouches for; else 0."""


class Anchoring:
    """Gets our audit log witnessed. Implements ``asking.Errand``."""

    def __init__(
        self,
        database: Database,
        mirror: RegistryMirror,
        peers: Peers,
        reading: AuditReading,
        audit_log: AuditLog,
        *,
        ledger: Ledger,
        clock: Clock,
        entropy: Entropy,
        settings: AuditSettings,
    ) -> None:
        self._database = database
        self._mirror = mirror
        self._peers = peers
        self._reading = reading
        self._audit_log = audit_log
        self._ledger = ledger
        self._clock = clock
        self._round_s = settings.witness_s
        self._merging = asyncio.Lock()
        self._late_told_at = 0
        self._thinned_at = 0
        self._asking = Asking(mirror, entropy, self)
        self.refused: dict[MemberId, str] = {}
        """The witnesses that hold another history of our log than ours, and why that is so."""

    async def run(self) -> None:
        """Keep the witnesses asked, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._asking.run(), name="ask")
            group.create_task(self._begin_rounds(), name="rounds")

    async def begin_round(self) -> bool:
        """Begin to have the newest head cosigned, if it is new; tell whether it was."""
        view = self._mirror.known
        if view is None or not view.witnesses.quorum:
            return False
        if not await self._database.read(self._new_heads):
            return False

        def commit(tx: Transaction) -> bool:
            cosigned.take_turns(tx)
            heads = self._new_heads(tx)
            for head in heads:
                cosigned.store(tx, head)
            return bool(heads)

        begun = await self._database.write(commit)
        self._asking.tell()
        return begun

    async def due_in_s(self, name: MemberId, asked: Asked) -> float:
        """See ``asking.Errand``."""
        return 0.0 if await self._lacking(name, asked) else _IDLE_S

    async def ask(self, name: MemberId, asked: Asked) -> None:
        """See ``asking.Errand``: have each head of the round cosigned.

        Raises LiaisonError as the witness answers.
        """
        for head in await self._lacking(name, asked):
            origin = parse_checkpoint(head.checkpoint).origin
            try:
                lines = await self._lines(name, head, asked.sizes.get(origin, head.size))
            except SizeDiffersError as known:
                await self._look_behind(name, head, known.size)
                raise
            except RejectedError as fault:
                if fault.code == "consistency_invalid":
                    self._doubted(name, f"{name} holds another history of {origin} than ours")
                raise
            await self._keep(head, lines)
            asked.sizes[origin], asked.at = head.size, self._clock.now()
            self.refused.pop(name, None)

    def missing(self, name: MemberId, code: str, attempts: int) -> None:
        """See ``asking.Errand``."""
        _log.warning("audit_cosignature.missing", peer=name, code=code, attempts=attempts)

    def anchored(self, tx: Transaction) -> Anchored | None:
        """Return how far the log is witnessed; None before its first entry."""
        head = audit.head(tx)
        if head is None:
            return None
        newest = cosigned.newest(tx, head.shard)
        known = 0 if newest is None else newest.size
        view = self._mirror.known
        waits = [cosigned.waiting_since(tx, head.shard, known)] if head.size > known else []
        waits += [item.stored_at for item in _open(tx) if item.shard < head.shard]
        since = min((at for at in waits if at is not None), default=None)
        named = view is not None and view.witnesses.quorum
        return Anchored(
            size=head.size,
            witnessed_size=known,
            witnessed_at=None if newest is None else newest.witnessed_at,
            late_s=max(0, self._clock.now() - since) if named and since is not None else 0,
        )

    async def watch(self) -> None:
        """Once in a while: raise the alarm of a late quorum, name a day's head, thin old ones."""
        anchored = await self._database.read(self.anchored)
        if anchored is None:
            return
        now = self._clock.now()
        if anchored.late_s >= QUORUM_LATE_S and now - self._late_told_at >= QUORUM_LATE_S:
            self._late_told_at = now
            _log.error("audit.unwitnessed", tree_size=anchored.size, due_in_s=-anchored.late_s)
        if await self._database.read(lambda tx: _to_name(tx, now)) is not None:
            await self._database.write(lambda tx: self._name(tx, now))
        if now - self._thinned_at >= KEPT_EVERY_S:
            self._thinned_at, before = now, now - KEPT_ALL_S
            await self._database.write(
                lambda tx: cosigned.thin(tx, before=before, every_s=KEPT_EVERY_S)
            )

    async def _begin_rounds(self) -> NoReturn:
        while True:
            self._audit_log.grown.clear()
            try:
                await self.begin_round()
            except LiaisonError as fault:
                _log.warning("audit.unasked", code=fault.code, detail=fault.detail)
            await self._clock.sleep(self._round_s)
            await happens(self._audit_log.grown.wait(), self._round_s)  # or another daemon's grew

    def _new_heads(self, tx: Transaction) -> list[CosignedHead]:
        """Return what the next round is to ask for.

        That is the newest head, and the last of the shard before, which no later one will cover.
        """
        head, now = audit.head(tx), self._clock.now()
        last = cosigned.last(tx)
        if head is None or (last is not None and 0 <= now - last.stored_at < self._round_s):
            return []
        heads = [head]
        if head.shard and audit.shards(tx)[head.shard].lost_since is None:
            heads.insert(0, audit.heads(tx, head.shard - 1)[-1])
        return [
            CosignedHead(
                shard=item.shard,
                size=item.size,
                checkpoint=item.checkpoint,
                witnessed_at=None,
                stored_at=now,
            )
            for item in heads
            if cosigned.at_size(tx, item.shard, item.size) is None
        ]

    async def _lacking(self, name: MemberId, asked: Asked) -> Sequence[CosignedHead]:
        """Return the heads of this round that a witness has not cosigned, the oldest first."""
        witness = self._mirror.view.member(name)
        return [
            head
            for head in await self._database.read(_open)
            if asked.sizes.get(parse_checkpoint(head.checkpoint).origin, 0) < head.size
            and not _stands_on(head.checkpoint, witness)
        ]

    async def _lines(
        self, name: MemberId, head: CosignedHead, known: int
    ) -> Sequence[NoteSignature]:
        origin, bare = _bare(head.checkpoint)

        async def proven(old: int) -> AddCheckpoint:
            proof = await self._reading.consistency(origin, old, head.size)
            return AddCheckpoint(old_size=old, proof=tuple(proof), checkpoint=bare)

        witness = self._mirror.view.member(name)
        return await cosigned_by(self._peers.member(name), witness, bare, known, proven)

    async def _keep(self, head: CosignedHead, lines: Sequence[NoteSignature]) -> None:
        """Add a witness's lines to a head; verified in a thread, compared when stored."""
        view = self._mirror.view

        async with self._merging:
            while True:
                kept = await self._database.read(
                    lambda tx: cosigned.at_size(tx, head.shard, head.size)
                )
                if kept is None or kept.named_at is not None:  # thinned, or named by its digest
                    return
                merged = add_cosignatures(kept.checkpoint, lines)
                at = await asyncio.to_thread(witnessed_at, view, merged)
                grown = replace(kept, checkpoint=merged, witnessed_at=at)
                if await self._database.write(partial(_replace, before=kept, after=grown)):
                    break
        if at is not None and kept.witnessed_at is None:
            _log.info("audit.witnessed", tree_size=head.size)

    async def _look_behind(self, name: MemberId, head: CosignedHead, known: int) -> None:
        """Look why a witness knows a larger head: a daemon of ours was faster, or we went back."""
        size = await self._database.read(lambda tx: audit.heads(tx, head.shard)[-1].size)
        if known > size:
            self._doubted(name, f"{name} cosigned {known} entries of ours, and here are {size}")

    def _doubted(self, name: MemberId, detail: str) -> None:
        """Raise the alarm, and have every witness heard before the next head is signed."""
        if self.refused.get(name) != detail:
            _log.error("audit.refused", peer=name, detail=detail)
        self.refused[name] = detail
        self._audit_log.doubt()

    def _name(self, tx: Transaction, now: int) -> None:
        cosigned.take_turns(tx)
        head = _to_name(tx, now)
        if head is not None:
            cosigned.store(tx, replace(head, named_at=now))
            audit.append(tx, [self._named(head)])

    def _named(self, head: CosignedHead) -> NewEntry:
        return self._ledger.entry(EntryKind.LOG_WITNESSED, digests=(digest(head.checkpoint),))


def _open(tx: Transaction) -> list[CosignedHead]:
    """Return the heads that witnesses are asked for now, the oldest first."""
    last = cosigned.last(tx)
    if last is None:
        return []
    closed = None if not last.shard else cosigned.newest_asked(tx, last.shard - 1)
    continued = audit.shards(tx)[last.shard].lost_since is None
    return [*([closed] if closed and continued and closed.witnessed_at is None else []), last]


def _to_name(tx: Transaction, now: int) -> CosignedHead | None:
    """Return the head to be named by an entry: one a day, if it covers more than the last such."""
    named, last = cosigned.named(tx), cosigned.last(tx)
    if last is None or (named is not None and now - (named.named_at or 0) < DAY_S):
        return None
    newest = cosigned.newest(tx, last.shard, stored_by=now - NAMED_AFTER_S)
    if newest is None or named is None:
        return newest
    if (newest.shard, newest.size) <= (named.shard, named.size):
        return None
    if newest.shard == named.shard:  # the entry that named the last one alone is nothing new
        rows = audit_reading.entries(tx, named.shard, named.size, min(newest.size, named.size + 2))
        kinds = [parse_entry(row.entry).kind for row in rows if row.entry is not None]
        return None if kinds == [EntryKind.LOG_WITNESSED] else newest
    return newest


def _replace(tx: Transaction, before: CosignedHead, after: CosignedHead) -> bool:
    cosigned.take_turns(tx)
    if cosigned.at_size(tx, before.shard, before.size) != before:
        return False
    cosigned.store(tx, after)
    return True


def _stands_on(checkpoint: bytes, witness: Member) -> bool:
    """Tell whether a witness's lines are on a head of ours: what is stored was verified."""
    lines = {(line.name, line.key_hash) for line in parse_note(checkpoint).signatures}
    pairs = witness_keys(witness)
    return any({(key.name, key.key_hash) for key in pair} <= lines for pair in pairs)


def _bare(checkpoint: bytes) -> tuple[str, bytes]:
    """Return a head's origin, and the head with its log's own lines alone."""
    note = parse_note(checkpoint)
    origin = parse_checkpoint(checkpoint).origin
    return origin, encode_note(note.text, [item for item in note.signatures if item.name == origin])
