"""Follow the registry and answer from the mirror; on the registrar's node, append to it.

The mirror is the verified prefix of the log; the view is what it says now. Statements, checkpoint
and view advance together, in one transaction, or not at all, and never backwards.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from gateway.clock import Clock
from gateway.errors import (
    ConflictError,
    ForbiddenError,
    LiaisonError,
    RejectedError,
    UnavailableError,
)
from gateway.peer import Peer, Peers
from gateway.protocol.audit import EntryKind
from gateway.services import witnesses
from gateway.services.ledger import Ledger
from gateway.store import audit
from gateway.store import registry as mirror
from gateway.store.database import Database, Transaction
from keys.registry.statement import REGISTRY
from keys.registry.view import View, advance, found
from keys.suite import digest
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint, verify_checkpoint
from keys.tlog.cosignature import add_cosignatures
from keys.tlog.note import NoteSignature, NoteSigner

ENTRIES_PER_READ = 256
MAX_STATEMENTS_PER_FOLLOW = 1_000_000


class RegistryMirror:
    """The registry as this node has verified it."""

    def __init__(
        self, database: Database, peers: Peers, ledger: Ledger, clock: Clock, *, anchor: bytes
    ) -> None:
        self._database = database
        self._peers = peers
        self._ledger = ledger
        self._clock = clock
        self._anchor = anchor
        self._view: View | None = None
        self._advancing = asyncio.Lock()
        self._watchers: list[Callable[[View], None]] = []
        self.checked_at = 0
        """Until when this view is known to be the newest, UTC seconds; 0 for never.

        The witnesses say so, where the registry names a quorum of them, else the registrar."""
        self.read_at = 0
        """When it was last read from somebody, whatever that confirms."""
        self.witnessed_at: int | None = None
        """The time for which a quorum of witnesses cosigned the newest head, None without one."""
        self.behind = asyncio.Event()
        """Set when a message named a newer registry than ours; the follower clears it."""

    @property
    def known(self) -> View | None:
        """The view, or None before the first contact with the registry."""
        return self._view

    @property
    def view(self) -> View:
        """The view. Raises UnavailableError ``registry_unknown`` before the first contact."""
        if self._view is None:
            raise UnavailableError(
                "registry_unknown",
                "this node has not reached the registry yet: check registry.url and the line",
                retry_after_s=5,
            )
        return self._view

    @property
    def size(self) -> int:
        """How many statements are verified."""
        return 0 if self._view is None else self._view.head.size

    def watch(self, watcher: Callable[[View], None]) -> None:
        """Call ``watcher`` with each new view, on the event loop, after it is durable."""
        self._watchers.append(watcher)

    async def load(self) -> None:
        """Replay the stored mirror from the anchor.

        Raises RejectedError ``registry_mirror_altered`` when what is stored does not verify.
        """
        notes, head, checked_at = await self._database.read(
            lambda tx: (mirror.all_statements(tx), mirror.head(tx), mirror.checked_at(tx))
        )
        if not notes:
            return
        try:
            view = advance(found(notes[0], self._anchor), notes[1:])
            _check_head(view, head or b"")
            self.witnessed_at = witnesses.witnessed_at(view, head or b"")
        except (LiaisonError, TypeError) as fault:  # SQLite lets an editor put text among bytes
            raise RejectedError(
                "registry_mirror_altered",
                f"the registry mirror in the database does not verify ({fault}): it was "
                "edited or damaged; restore the database from a backup",
            ) from fault
        self.checked_at = checked_at
        self._show(view)

    async def follow(self, source: Peer | None = None) -> bool:
        """Fetch, verify and keep what the registry has beyond ours; tell whether it grew.

        The registrar's answer confirms that this is the newest, if it shows a certificate that the
        registry lists: content verifies itself, but anybody on the way can repeat what is old.

        Raises UnavailableError when the source cannot be reached, or ``registry_unwitnessed``;
        RejectedError when what it shows does not verify: ``registry_rollback``,
        ``registry_split_view`` or a statement's own.
        """
        if source is None:
            grown = await self._follow_registrar()
        else:
            grown = await self._follow(source, confirmed=True)
        self.read_at = self._clock.now()
        return grown

    async def _follow_registrar(self) -> bool:
        if self._view is None:  # nothing pins the registrar yet
            await self._follow(self._peers.registrar(pinned=False), confirmed=False)
            await self._follow(self._peers.registrar(), confirmed=True)
            return True
        try:
            return await self._follow(self._peers.registrar(), confirmed=True)
        except UnavailableError as fault:
            if fault.code != "tls_failed":
                raise
        return await self._follow(self._peers.registrar(pinned=False), confirmed=False)

    async def _follow(self, source: Peer, *, confirmed: bool) -> bool:
        async with self._advancing:
            head = await source.registry_checkpoint()
            size = parse_checkpoint(head).size
            if size < self.size:
                raise RejectedError(
                    "registry_rollback",
                    f"the registry was shown with {size} statements after {self.size} were "
                    "verified: refused, nothing changed",
                )
            if size > self.size + MAX_STATEMENTS_PER_FOLLOW:
                raise RejectedError("registry_too_large", "the registry claims an absurd size")
            notes = await _read_entries(source, self.size, size)
            grown = await asyncio.to_thread(self._extended, notes)
            _check_head(grown, head)
            witnesses.check_witnessed(grown, notes, head)
            try:
                await self._keep(grown, notes, head, confirmed=confirmed)
            except ConflictError:  # another daemon of ours on this database was faster
                return await self._catch_up()
            return bool(notes)

    async def learn(self, head: bytes, first: int, notes: Sequence[bytes]) -> int:
        """Keep what somebody brought of the registry beyond ours: statements from ``first`` on.

        Verified as if the registrar showed it, but not by the registrar and not now: a shorter one
        is no rollback, and ``checked_at`` stays. Return how many statements were new.

        Raises UnavailableError ``registry_incomplete``; RejectedError ``registry_split_view`` or a
        statement's own.
        """
        async with self._advancing:
            known, size = self.size, parse_checkpoint(head).size
            if size < known:
                return 0
            fresh = notes[known - first : size - first] if first <= known else []
            if known + len(fresh) != size:
                raise UnavailableError(
                    "registry_incomplete", "statements are missing between ours and the head shown"
                )
            grown = await asyncio.to_thread(self._extended, fresh)
            _check_head(grown, head)
            witnesses.check_witnessed(grown, fresh, head)
            if fresh:
                try:
                    await self._keep(grown, fresh, head, confirmed=False)
                except ConflictError:  # another daemon of ours on this database was faster
                    await self._catch_up()
            return self.size - known

    async def append(self, note: bytes, signer: NoteSigner) -> int:
        """Append a complete statement and sign the new head; return the statement's number.

        A statement that is the newest already is not appended twice.
        """
        async with self._advancing:
            newest = await self.entries(max(0, self.size - 1), self.size)
            if note in newest:
                return self.size - 1
            grown = self._extended([note])
            shown = Checkpoint(grown.origin, grown.head.size, grown.head.root)
            signed = sign_checkpoint(shown, signer)
            await self._keep(grown, [note], signed, confirmed=True)
            return self.size - 1

    async def add_cosignatures(self, head: bytes, lines: Sequence[NoteSignature]) -> None:
        """Keep verified cosignatures of ``head`` with it, unless the registry has grown since."""
        async with self._advancing:
            if parse_checkpoint(head).size == self.size:
                cosigned = add_cosignatures(head, lines)
                with contextlib.suppress(ConflictError):  # another daemon of ours saw it grow
                    await self._keep(self.view, [], cosigned, confirmed=False)

    async def refresh(self) -> None:
        """Take over what another daemon of this member learnt of our newest head."""
        if not self._database.is_shared or self._view is None:
            return
        head, checked_at = await self._database.read(
            lambda tx: (mirror.head(tx) or b"", mirror.checked_at(tx))
        )
        if parse_checkpoint(head).size == self.size:
            self.checked_at = max(self.checked_at, checked_at)
            self.witnessed_at = witnesses.witnessed_at(self._view, head)

    def confirm(self) -> None:
        """Note that this node, as the registrar's, keeps the newest; witnesses speak for all."""
        if self._view is not None and not self._view.witnesses.quorum:
            self.checked_at = self._clock.now()

    async def checkpoint(self) -> bytes:
        """Return the newest registry checkpoint, as its registrar signed it."""
        head = await self._database.read(mirror.head)
        if head is None:
            raise UnavailableError("registry_unknown", "nothing is mirrored here yet")
        return head

    async def entries(self, start: int, end: int) -> Sequence[bytes]:
        """Return the statements ``start`` to ``end`` (exclusive), at most 256, byte for byte."""
        end = min(end, start + ENTRIES_PER_READ)
        return await self._database.read(lambda tx: mirror.statements(tx, start, end))

    def check_fresh(self, refuse_after_s: int) -> None:
        """Let work pass that needs a registry of today.

        Raises UnavailableError ``registry_stale``.
        """
        age_s = self._clock.now() - self.checked_at
        if age_s > refuse_after_s:
            raise UnavailableError(
                "registry_stale",
                f"the registry has not been confirmed for {age_s} s, by its witnesses or the "
                "registrar; nothing is sent until it is (registry.refuse_after_s)",
                retry_after_s=60,
            )

    def _extended(self, notes: Sequence[bytes]) -> View:
        if self._view is not None:
            return advance(self._view, notes)
        if not notes:
            raise UnavailableError("registry_unknown", "the registry shows no statement yet")
        return advance(found(notes[0], self._anchor), notes[1:])

    async def _keep(
        self, grown: View, notes: Sequence[bytes], head: bytes, *, confirmed: bool
    ) -> None:
        first = self.size
        entry = self._ledger.entry(
            EntryKind.REGISTRY_ADVANCED, peer=REGISTRY, digests=(grown.head.root, digest(head))
        )
        shown = await asyncio.to_thread(witnesses.settled, grown, head)

        def commit(tx: Transaction) -> tuple[int, int | None]:
            kept = mirror.with_cosignatures_held(tx, shown)
            if kept != shown:
                kept = witnesses.settled(grown, kept)
            witnessed_at = witnesses.witnessed_at(grown, kept)
            checked_at = self._known_until(grown, witnessed_at, confirmed=confirmed)
            mirror.grow(tx, first, notes, kept, checked_at)
            if notes:
                audit.append(tx, [entry])
            return checked_at, witnessed_at

        self.checked_at, self.witnessed_at = await self._database.write(commit)
        if notes:
            self._show(grown)

    def _known_until(self, grown: View, witnessed_at: int | None, *, confirmed: bool) -> int:
        """Return until when this head is known to be the newest: never earlier than before.

        A quorum of witnesses alone can say so where one is named; then an old head that somebody
        repeats for ever grows old, whoever repeats it.
        """
        now = self._clock.now()
        if grown.witnesses.quorum:
            return min(now, max(self.checked_at, witnessed_at or 0))
        return now if confirmed else self.checked_at

    async def _catch_up(self) -> bool:
        """Take over what another daemon of this member verified; tell whether the view grew."""
        first = self.size
        notes, head, checked_at = await self._database.read(
            lambda tx: (
                mirror.statements(tx, first, mirror.size(tx)),
                mirror.head(tx),
                mirror.checked_at(tx),
            )
        )
        grown = await asyncio.to_thread(self._extended, notes)
        _check_head(grown, head or b"")
        self.checked_at = checked_at
        self.witnessed_at = witnesses.witnessed_at(grown, head or b"")
        if notes:
            self._show(grown)
        return bool(notes)

    def _show(self, view: View) -> None:
        self._view = view
        for watcher in self._watchers:
            watcher(view)


class Registrar:
    """Takes statements in: on the registrar's node for the log, elsewhere for the registrar."""

    def __init__(
        self, mirror: RegistryMirror, peers: Peers, signer: Callable[[], NoteSigner] | None
    ) -> None:
        self._mirror = mirror
        self._peers = peers
        self._signer = signer

    async def publish(self, note: bytes) -> int:
        """Append a statement that a peer or a caller handed in; return its number.

        Raises ForbiddenError ``not_the_registrar`` elsewhere; RejectedError as the fold judges.
        """
        if self._signer is None:
            raise ForbiddenError("not_the_registrar", "this node does not keep the registry")
        return await self._mirror.append(note, self._signer())

    async def submit(self, note: bytes) -> int:
        """Get a statement into the registry, and our view up to it; return its number at most."""
        if self._signer is not None:
            return await self.publish(note)
        await self._peers.registrar(pinned=False).post_statement(note)
        await self._mirror.follow()
        return self._mirror.size - 1


async def _read_entries(source: Peer, start: int, end: int) -> list[bytes]:
    notes: list[bytes] = []
    while start + len(notes) < end:
        read = await source.registry_entries(start + len(notes), end)
        if not read:
            raise UnavailableError("registry_incomplete", "the source shows fewer than it claims")
        notes += read
    return notes[: end - start]


def _check_head(view: View, head: bytes) -> None:
    last: LiaisonError | None = None
    for key in view.log_keys():
        try:
            checkpoint = verify_checkpoint(head, view.origin, key)
        except RejectedError as fault:
            last = fault
            continue
        if (checkpoint.size, checkpoint.root) != (view.head.size, view.head.root):
            raise RejectedError(
                "registry_split_view", "the registry's statements do not add up to its signed head"
            )
        return
    raise last or RejectedError("signature_missing", "the registry has no log key")
