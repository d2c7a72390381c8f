"""Keep the registry as verified here, and answer from it; on the registrar's node, append to it.

The mirror is the verified prefix of the log; the view is what it says now. Statements, checkpoint
and view advance together, in one transaction, or not at all, and never backwards. Whoever shows
statements is verified the same way; the registrar's answer alone confirms that they are the newest.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from gateway.clock import Clock
from gateway.errors import (
    ConflictError,
    LiaisonError,
    RejectedError,
    UnavailableError,
)
from gateway.peer import Peer, Peers
from gateway.protocol.audit import EntryKind
from gateway.services.federation import witnesses
from gateway.services.federation.growth import Verified, extended, replayed
from gateway.services.federation.reading import (
    ENTRIES_PER_READ,
    Shown,
    read_beyond,
    read_checkpoint,
)
from gateway.services.federation.registry_heads import (
    check_head,
    check_head_of_now,
    check_signed,
    is_signed_by,
)
from gateway.services.federation.snapshot import Snapshot
from gateway.services.ledger import Ledger
from gateway.store import audit
from gateway.store import registry as mirror
from gateway.store.database import Database, Transaction
from keys.registry.grammar import parse_statement
from keys.registry.statement import REGISTRY
from keys.registry.view import View
from keys.suite import KeyUse, digest
from keys.tlog.checkpoint import (
    Checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from keys.tlog.cosignature import add_cosignatures
from keys.tlog.history import TreeHistory
from keys.tlog.note import NoteSignature, NoteSigner

Recorder = Callable[[View | None, View], Sequence[audit.NewEntry]]
"""Returns the audit entries that belong to a step from one view (None for none) to another."""

CLOCK_SKEW_S = 300


class RollbackError(RejectedError):
    """The registrar itself shows less than was verified before: found here, not said by a peer."""

    def __init__(self, shown: int, verified: int) -> None:
        super().__init__(
            "registry_rollback",
            f"the registry was shown with {shown} statements after {verified} were verified: "
            "refused, nothing changed",
        )


class RegistryMirror:
    """The registry as this node has verified it."""

    def __init__(
        self,
        database: Database,
        peers: Peers,
        ledger: Ledger,
        clock: Clock,
        *,
        snapshot: Snapshot,
        anchor: bytes,
    ) -> None:
        self._database = database
        self._peers = peers
        self._ledger = ledger
        self._clock = clock
        self._snapshot = snapshot
        self._anchor = anchor
        self._view: View | None = None
        self._history = TreeHistory()
        self._advancing = asyncio.Lock()
        self._watchers: list[Callable[[View], None]] = []
        self._recorders: list[Recorder] = []
        self.checked_at = 0
        """Until when this view is known to be the newest, UTC seconds; 0 for never.

        The witnesses say so, where the registry names a quorum of them, else the registrar."""
        self.read_at = 0
        """When it was last read from somebody, whatever that confirms."""
        self.witnessed_at: int | None = None
        """The time for which a quorum of witnesses cosigned the newest head, None without one."""
        self.signed_size = 0
        """The size of the largest head seen anywhere that the registrars' log key signed."""
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
        return self._history.frontier.size

    def root_at(self, size: int) -> bytes:
        """Return the root (32 bytes) that the registry had at ``size``, which ours has reached."""
        return self._history.root_at(size)

    def watch(self, watcher: Callable[[View], None]) -> None:
        """Call ``watcher`` with each new view, on the event loop, after it is durable."""
        self._watchers.append(watcher)

    def record(self, recorder: Recorder) -> None:
        """Let ``recorder`` add audit entries to the transaction in which the view advances."""
        self._recorders.append(recorder)

    async def load(self) -> None:
        """Replay the stored mirror: from the view that was kept of it, or from the anchor.

        Raises RejectedError ``registry_mirror_altered`` when what is stored does not verify.
        """
        notes, head, checked_at = await self._database.read(
            lambda tx: (mirror.all_statements(tx), mirror.head(tx), mirror.checked_at(tx))
        )
        if not notes:
            return
        try:
            loaded = await asyncio.to_thread(replayed, notes, self._snapshot, self._anchor)
            check_head(loaded.view, head or b"")
            self.witnessed_at = witnesses.witnessed_at(loaded.view, head or b"")
        except (LiaisonError, TypeError) as fault:  # SQLite lets an editor put text among bytes
            raise RejectedError(
                "registry_mirror_altered",
                f"the registry mirror in the database does not verify ({fault}): it was "
                "edited or damaged; restore the database from a backup",
            ) from fault
        self.checked_at = checked_at
        self._advance(loaded)
        await asyncio.to_thread(self._snapshot.keep, loaded.view)

    async def follow(self, source: Peer | None = None) -> bool:
        """Keep what the registrar has beyond ours, or that it has nothing; tell whether we grew.

        Its answer confirms that this is the newest, if it shows a certificate that the registry
        lists: content verifies itself, but anybody on the way can repeat what is old.

        Raises UnavailableError when it cannot be reached, or ``registry_unwitnessed``;
        RejectedError when what it shows does not verify: ``registry_rollback``,
        ``registry_split_view``, ``registry_mismatch`` or a statement's own.
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
        return await self.learn_from(self._peers.registrar(pinned=False))

    async def _follow(self, source: Peer, *, confirmed: bool) -> bool:
        shown = await self._read(source)
        if shown.size < shown.first:
            raise RollbackError(shown.size, shown.first)
        await self._take(shown, confirmed=confirmed)
        return self.size > shown.first

    async def learn_from(self, source: Peer) -> bool:
        """Keep what a member's node has beyond ours; tell whether we grew.

        Verified as if the registrar showed it, but its word confirms nothing, and a shorter one is
        merely behind. Raises as ``follow``, but for ``registry_rollback``.
        """
        shown = await self._read(source)
        if shown.size < shown.first:
            return False
        grown = await self._take(shown, confirmed=False)
        self.read_at = self._clock.now()
        return grown

    async def learn(self, head: bytes, first: int, notes: Sequence[bytes]) -> int:
        """Keep what somebody brought of the registry beyond ours: statements from ``first`` on.

        Verified as if the registrar showed it, but not by the registrar and not now: a shorter one
        is no rollback, and ``checked_at`` stays. Return how many statements were new.

        Raises UnavailableError ``registry_incomplete``; RejectedError ``registry_split_view`` or a
        statement's own.
        """
        known, size = self.size, parse_checkpoint(head).size
        if size < known:
            return 0
        fresh = notes[known - first : size - first] if first <= known else []
        if known + len(fresh) != size:
            raise UnavailableError(
                "registry_incomplete", "statements are missing between ours and the head shown"
            )
        grown = await asyncio.to_thread(extended, self._verified(), fresh, self._anchor)
        shown = Shown(first=known, notes=fresh, grown=grown, head=head, size=size)
        await self._take(shown, confirmed=False)
        self.read_at = self._clock.now()
        return self.size - known

    async def take_over(self) -> bool:
        """Take over what another daemon of this member verified; tell whether the view grew."""
        async with self._advancing:
            return await self._catch_up()

    async def append(self, note: bytes, signer: Callable[[View], NoteSigner]) -> int:
        """Append a complete statement and sign the new head; return the statement's number.

        A statement that is the newest already is not appended twice. The head is signed with the
        key of the view that it shows: the statement may have revoked the one before. Raises
        RejectedError ``registry_rollback`` where our own key signed more than is here, and
        ``statement_in_future``.
        """
        # Who asks may go away, and take its request along: not between the commit and our view.
        return await asyncio.shield(self._append(note, signer))

    async def _append(self, note: bytes, signer: Callable[[View], NoteSigner]) -> int:
        async with self._advancing:
            newest = await self.entries(max(0, self.size - 1), self.size)
            if note in newest:
                return self.size - 1
            _check_date(note, self._clock.now())
            if self.signed_size > self.size:
                raise RejectedError(
                    "registry_rollback",
                    f"members hold {self.signed_size} statements under the registrars' own "
                    f"signature, and here are {self.size}: this node went back, and appends "
                    "nothing before it has the others again",
                )
            grown = extended(self._verified(), [note], self._anchor)
            head = grown.view.head
            signed = sign_checkpoint(
                Checkpoint(grown.view.origin, head.size, head.root), signer(grown.view)
            )
            await self._keep(grown, [note], signed, confirmed=True)
            return self.size - 1

    async def sign_again(self, signer: Callable[[View], NoteSigner]) -> None:
        """Sign our head with the log key in use now too, where an older one did."""
        async with self._advancing:
            view, head = self.view, await self.checkpoint()
            current = view.member(REGISTRY).current(KeyUse.LOG, self._clock.now())
            if current is not None and not is_signed_by(view, head, current):
                shown = Checkpoint(view.origin, view.head.size, view.head.root)
                signed = sign_checkpoint(shown, signer(view))
                verified = self._verified()
                assert verified is not None  # noqa: S101 - there is a view
                await self._keep(verified, [], signed, confirmed=True)

    async def add_cosignatures(self, head: bytes, lines: Sequence[NoteSignature]) -> None:
        """Keep verified cosignatures of ``head`` with it, unless the registry has grown since."""
        async with self._advancing:
            verified = self._verified()
            if verified is not None and parse_checkpoint(head).size == self.size:
                cosigned = add_cosignatures(head, lines)
                with contextlib.suppress(ConflictError):  # another daemon of ours saw it grow
                    await self._keep(verified, [], cosigned, confirmed=False)

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

    async def _read(self, source: Peer) -> Shown:
        """Read what ``source`` has beyond ours."""
        grown, head = self._verified(), await read_checkpoint(source)
        self._note_signed(head)
        return await read_beyond(source, head, grown, self._anchor)

    def _note_signed(self, head: bytes) -> None:
        if self._view is not None:
            try:
                signed = check_signed(self._view, head)
            except RejectedError:  # by a log key that is yet to come, or by nobody who may
                return
            self.signed_size = max(self.signed_size, signed.size)

    async def _take(self, shown: Shown, *, confirmed: bool) -> bool:
        """Keep what was shown, once the head over it verifies; tell whether we grew by it."""
        if shown.grown is None:
            raise UnavailableError("registry_unknown", "the registry shows no statement yet")
        check_head(shown.grown.view, shown.head, continued=bool(shown.notes))
        witnesses.check_witnessed(shown.grown.view, shown.notes, shown.head)
        check_head_of_now(shown.grown.view, shown.head, self._clock.now())
        async with self._advancing:
            if self.size != shown.first:  # another source was faster
                return False
            if not shown.notes and not confirmed and not await self._is_fresher(shown.head):
                return False
            try:
                await self._keep(shown.grown, shown.notes, shown.head, confirmed=confirmed)
            except ConflictError:  # another daemon of ours on this database was faster
                return await self._catch_up()
            return bool(shown.notes)

    async def _is_fresher(self, head: bytes) -> bool:
        """Tell whether somebody brings newer cosignatures of our own head: witnesses' word."""
        at = await asyncio.to_thread(witnesses.witnessed_at, self.view, head)
        return at is not None and at > (self.witnessed_at or 0)

    def _verified(self) -> Verified | None:
        return None if self._view is None else Verified(self._view, self._history)

    async def _keep(
        self, grown: Verified, notes: Sequence[bytes], head: bytes, *, confirmed: bool
    ) -> None:
        first, view = self.size, grown.view
        root = grown.history.root_at(first + len(notes))
        entry = self._ledger.entry(
            EntryKind.REGISTRY_ADVANCED, peer=REGISTRY, digests=(root, digest(head))
        )
        shown = await asyncio.to_thread(witnesses.settled, view, head)
        entries = [entry]
        for recorder in self._recorders:
            entries += recorder(self._view, view)

        def commit(tx: Transaction) -> tuple[int, int | None]:
            kept = mirror.with_cosignatures_held(tx, shown)
            if kept != shown:
                kept = witnesses.settled(view, kept)
            witnessed_at = witnesses.witnessed_at(view, kept)
            checked_at = self._known_until(view, witnessed_at, confirmed=confirmed)
            mirror.grow(tx, first, notes, kept, checked_at)
            if notes:
                audit.append(tx, entries)
            return checked_at, witnessed_at

        self.checked_at, self.witnessed_at = await self._database.write(commit)
        if notes:
            self._advance(grown)
            await asyncio.to_thread(self._snapshot.keep, grown.view)

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
        grown = await asyncio.to_thread(extended, self._verified(), notes, self._anchor)
        check_head(grown.view, head or b"")
        self.checked_at = checked_at
        self.witnessed_at = witnesses.witnessed_at(grown.view, head or b"")
        if notes:
            self._advance(grown)
        return bool(notes)

    def _advance(self, grown: Verified) -> None:
        self._history = grown.history
        self.signed_size = max(self.signed_size, self.size)
        self._show(grown.view)

    def _show(self, view: View) -> None:
        self._view = view
        for watcher in self._watchers:
            watcher(view)


def _check_date(note: bytes, now: int) -> None:
    """Let a statement pass that is not dated in the future.

    The fold has no clock; and nobody could follow in a chain whose last date is far ahead.
    """
    ahead_s = parse_statement(note).statement.at - now
    if ahead_s > CLOCK_SKEW_S:
        raise RejectedError(
            "statement_in_future",
            f"the statement is dated {ahead_s} s in the future: check the clock of the machine "
            "on which it was drafted",
        )
