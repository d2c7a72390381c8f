"""Cosign other logs' heads, as a witness: each at most once on top of what was cosigned before.

A head is stored, whole, before it is signed, and the one it was compared with is compared again in
that transaction: no rollback and no race can get two histories cosigned.
Source: c2sp.org/tlog-witness; SPEC "Witnesses".
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import (
    ConflictError,
    ForbiddenError,
    LiaisonError,
    RejectedError,
    UnavailableError,
)
from gateway.logs import logger
from gateway.peer import Peer, Peers
from gateway.protocol.audit import EntryKind
from gateway.protocol.witness import AddCheckpoint, SizeDiffersError, check_growth
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.registry import RegistryMirror
from gateway.services.vetoes import Vetoes
from gateway.store import audit, split_views, witnessed
from gateway.store.database import Database, Transaction
from gateway.store.witnessed import WitnessedHead
from keys.registry.statement import REGISTRY
from keys.registry.view import View, advance
from keys.suite import digest
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint
from keys.tlog.note import VerifierKey, parse_note, verify_note

READ_S = 60.0
"""How long the registrar may take to show what its head brings."""
_log = logger()


@dataclass(frozen=True, slots=True)
class _Shown:
    """A head that its log signed, with the note it came in."""

    head: Checkpoint
    note: bytes


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
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._peers = peers
        self._vetoes = vetoes
        self._ledger = ledger
        self._clock = clock

    async def add_checkpoint(self, asked: AddCheckpoint, found_by: str = "") -> bytes:
        """Return this witness's signature lines on a head that extends all it has cosigned.

        Raises RejectedError ``log_unknown``, ``old_size_too_large`` or ``consistency_invalid``;
        ForbiddenError ``checkpoint_not_signed``, ``statements_refused`` or ``recovery_vetoed``;
        SizeDiffersError; UnavailableError ``not_admitted`` without a registered witness key, or
        ``registry_behind``.
        """
        shown = self._verified(asked.checkpoint)
        origin = shown.head.origin
        if origin == self._mirror.view.origin and shown.head.size > self._mirror.size:
            self._mirror.behind.set()  # signed by the registrars, and newer than ours
        known = await self._database.read(lambda tx: witnessed.newest(tx, origin))
        try:
            check_growth(asked.old_size, asked.proof, shown.head, _head_of(known))
        except (RejectedError, ConflictError):
            await self._look_for_another(shown, found_by)
            raise
        view = self._mirror.view
        cosigner = self._keys.cosigner(view, self._clock.now())
        if origin == view.origin:
            await self._check_statements(view, shown.head)
        at = await self._store(shown, known)
        lines = cosigner.cosign(shown.note, at)
        return "".join(line.line() + "\n" for line in lines).encode()

    def _verified(self, note: bytes) -> _Shown:
        head = parse_checkpoint(note)
        keys = () if self._mirror.known is None else log_keys(self._mirror.known, head.origin)
        if not keys:
            raise RejectedError("log_unknown", f"no key of the log {head.origin} is known here")
        try:
            verify_note(parse_note(note), keys)
        except RejectedError as fault:
            raise ForbiddenError(
                "checkpoint_not_signed", f"the checkpoint is not signed by {head.origin}"
            ) from fault
        return _Shown(head, note)

    async def _store(self, shown: _Shown, known: WitnessedHead | None) -> int:
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
        try:
            await self._database.write(lambda tx: witnessed.store(tx, head, expected=known))
        except ConflictError as fault:
            newest = await self._database.read(lambda tx: witnessed.newest(tx, head.origin))
            raise SizeDiffersError(0 if newest is None else newest.size) from fault
        return now

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

    async def _look_for_another(self, shown: _Shown, found_by: str) -> None:
        """Keep the proof where a head of this size was seen that has another root."""
        head = shown.head
        same = await self._database.read(lambda tx: witnessed.at_size(tx, head.origin, head.size))
        seen = [] if same is None else [same.checkpoint]
        view = self._mirror.view
        if (head.origin, head.size) == (view.origin, view.head.size):
            seen.append(await self._mirror.checkpoint())
        for note in seen:
            known = parse_checkpoint(note)
            if known.size == head.size and known.root != head.root:
                await self._keep_proof(head, note, shown.note, found_by)
                return

    async def _keep_proof(self, head: Checkpoint, one: bytes, other: bytes, found_by: str) -> None:
        seen = split_views.SplitView(
            origin=head.origin,
            size=head.size,
            head_a=one,
            head_b=other,
            seen_at=self._clock.now(),
            found_by=found_by,
        )
        entry = self._ledger.entry(
            EntryKind.SPLIT_VIEW_SEEN,
            peer=found_by or REGISTRY,
            digests=(digest(one), digest(other)),
            code="consistency_invalid",
        )

        def commit(tx: Transaction) -> bool:
            new = split_views.record(tx, seen)
            if new:
                audit.append(tx, [entry])
            return new

        if await self._database.write(commit):
            _log.error("split_view.seen", peer=found_by, tree_size=head.size)


def log_keys(view: View, origin: str) -> Sequence[VerifierKey]:
    """Return the keys with which a log of this origin signs its heads; none of an unknown one."""
    return view.log_keys() if origin == view.origin else ()


async def _entries(source: Peer, start: int, end: int) -> list[bytes]:
    notes: list[bytes] = []
    while start + len(notes) < end:
        read = await source.registry_entries(start + len(notes), end)
        if not read:
            raise UnavailableError("registry_incomplete", "the source shows fewer than it claims")
        notes += read
    return notes[: end - start]


def _head_of(known: WitnessedHead | None) -> Checkpoint | None:
    return None if known is None else Checkpoint(known.origin, known.size, known.root)
