"""Check a node's whole audit log, and the messages it speaks of, from what is stored.

Works beside a running daemon or without one; needs no key, only the registry mirror. The rows of a
shard are read once: what they hash to is held against each head that is kept, or that others show,
as the tree reaches its size.
"""

from collections.abc import Callable, Iterator, Sequence

from gateway.errors import RejectedError
from gateway.protocol.audit import EntryKind, parse_entry
from gateway.protocol.envelope import envelope_id
from gateway.protocol.message import message_ref
from gateway.services.auditing.findings import AuditReport, Compared, Finding, FindingCode, HeldHead
from gateway.services.auditing.heads import (
    Head,
    Signatures,
    Verdicts,
    held_heads,
    is_opening,
    kept_heads,
)
from gateway.services.auditing.reading import shard_name
from gateway.services.auditing.rows import FINDINGS_TOLD, Rows
from gateway.services.auditing.tree import Tree
from gateway.store import audit, audit_reading, messages
from gateway.store.audit import AuditShard
from gateway.store.database import Transaction
from gateway.store.messages import StoredMessage
from keys.registry.origins import AuditOrigin
from keys.registry.view import View
from keys.suite import MemberId
from keys.tlog.tiles import TILE_WIDTH

ROWS_PER_READ = 16 * TILE_WIDTH
MESSAGES_PER_READ = 100

Progress = Callable[[int], None]
"""Told how many entries and messages more were looked at."""


def check_audit_log(
    tx: Transaction,
    view: View,
    member: MemberId,
    *,
    held: Sequence[HeldHead] = (),
    progress: Progress = lambda _: None,
) -> AuditReport:
    """Recompute every leaf, root and envelope id, and verify every head's signature.

    ``held`` are heads of this log that others show, read before: they are held against it too.
    """
    check = _Check(tx, Signatures(tx, view, member), held, progress)
    shards = check.shards()
    for before, shard, after in zip([None, *shards], shards, [*shards[1:], None], strict=False):
        check.shard(shard, before, after)
    check.places(shards)
    check.waiting()
    check.messages()
    return check.report()


def total(tx: Transaction) -> int:
    """Return how many entries and messages there are to look at."""
    return audit.total(tx) + sum(messages.counts(tx).values())


class _Check:
    """One look at a whole log."""

    def __init__(
        self,
        tx: Transaction,
        signatures: Signatures,
        held: Sequence[HeldHead],
        progress: Progress,
    ) -> None:
        self._tx = tx
        self._signatures = signatures
        self._held = held
        self._progress = progress
        self._rows = Rows()
        self._findings: list[Finding] = []
        self._compared: list[Compared] = []
        self._sizes: dict[int, int] = {}
        self._checkpoints = self._witnessed = self._messages = self._waiting = 0

    def report(self) -> AuditReport:
        """Return what was found."""
        found = [*self._findings, *self._rows.unrecorded()]
        return AuditReport(
            entries=sum(self._sizes.values()),
            erased=self._rows.erased,
            checkpoints=self._checkpoints,
            witnessed=self._witnessed,
            messages=self._messages,
            waiting=self._waiting,
            findings=tuple(found[:FINDINGS_TOLD]),
            compared=tuple(self._compared),
        )

    def shards(self) -> list[AuditShard]:
        """Return the shards of which the name can be read; others and lost ones are told."""
        shards = []
        for shard in audit.shards(self._tx):
            try:
                AuditOrigin.parse(shard.origin)
            except RejectedError as fault:
                misfit = FindingCode.SHARD_MISFIT
                self._findings.append(Finding(code=misfit, at=shard.opened_at, detail=fault.code))
            else:
                shards.append(shard)
        known = {shard.origin for shard in shards}
        for origin in sorted({item.origin for item in self._held} - known):
            heads = held_heads(self._held, origin)
            name = str(AuditOrigin.parse(origin).shard)
            self._findings += self._cut(name, heads, 0, None)
        return shards

    def shard(self, shard: AuditShard, before: AuditShard | None, after: AuditShard | None) -> None:
        """Look at every entry of a shard, its stored hashes, and the heads over them."""
        name = shard_name(shard)
        kept, broken = kept_heads(self._tx, shard)
        size = max((item.head.size for item in kept if item.is_own), default=0)
        heads = sorted(
            kept + held_heads(self._held, shard.origin),
            key=lambda item: (item.head.size, not item.witnessed),
        )
        found = [_of_head(FindingCode.HEAD_INVALID, name, at, code) for at, code in broken]
        found += self._opening(shard, before)
        found += self._cut(name, [item for item in heads if item.head.size > size], size, after)
        found += self._grow(shard, size, [item for item in heads if item.head.size <= size])
        self._sizes[shard.number] = size
        self._checkpoints += len(kept)
        self._findings += _joined(sorted(found, key=_place))

    def places(self, shards: Sequence[AuditShard]) -> None:
        """Look for entries in places that no head gave them."""
        names = {shard.number: shard_name(shard) for shard in shards}
        for taken in audit_reading.occupied(self._tx):
            shard, first, last = -1 if taken.shard is None else taken.shard, *taken[1:]
            size = self._sizes.get(shard, 0)
            if first is not None and last is not None and first >= 0:
                if last < size:
                    continue
                first = audit_reading.number_from(self._tx, shard, size) or first
            self._findings.append(
                Finding(
                    code=FindingCode.ENTRY_UNCOVERED,
                    shard=names.get(shard, ""),
                    first=first,
                    last=None if last == first else last,
                )
            )

    def waiting(self) -> None:
        """Look at the entries that have no place yet."""
        after = 0
        while rows := audit_reading.waiting(self._tx, after, ROWS_PER_READ):
            after = rows[-1].number
            self._waiting += len(rows)
            self._findings += self._rows.look(rows)

    def messages(self) -> None:
        """Look at every stored message: its bytes, and that an entry names it."""
        after = 0
        while rows := messages.envelopes(self._tx, after, MESSAGES_PER_READ):
            after = rows[-1].row_id
            for row in rows:
                code = FindingCode.MESSAGE_ALTERED
                if self._is_whole(row):
                    if self._rows.names(row.envelope_id):
                        self._messages += 1
                        continue
                    code = FindingCode.MESSAGE_UNRECORDED
                name = message_ref(row.sender, row.message_id)
                self._findings.append(Finding(code=code, subject=name, at=row.stored_at))
            self._progress(len(rows))

    def _is_whole(self, row: StoredMessage) -> bool:
        """Tell whether a message's bytes are those that were stored, or the log says they went."""
        if row.purged_at is not None:
            return self._rows.says_purged(row.envelope_id)
        return envelope_id(row.header, row.body) == row.envelope_id

    def _grow(self, shard: AuditShard, size: int, heads: Sequence[Head]) -> list[Finding]:
        """Let the tree grow by every entry, and hold it against each head at its size."""
        name, number = shard_name(shard), shard.number
        found: list[Finding] = []
        tree = Tree(name, lambda level, at: audit_reading.node(self._tx, number, level, at))
        verdicts = Verdicts(self._signatures, heads)
        due = 0
        for start in range(0, size, ROWS_PER_READ):
            end = min(start + ROWS_PER_READ, size)
            rows = audit_reading.rows(self._tx, number, start, end)
            blocks = start // TILE_WIDTH, end // TILE_WIDTH
            stored = audit_reading.nodes(self._tx, number, 1, *blocks)
            scanned, wrong = self._rows.scan(rows, start, end, name)
            found += wrong
            at = start
            while at < end:
                stop = min(end, (at // TILE_WIDTH + 1) * TILE_WIDTH)
                if due < len(heads):
                    stop = min(stop, max(at, heads[due].head.size))
                tree.take(scanned.leaves[at - start : stop - start], stored)
                verdicts.passed(scanned.times[at - start : stop - start])
                at = stop
                while due < len(heads) and heads[due].head.size == at:
                    found += self._compare(tree, heads[due], verdicts, name)
                    due += 1
            self._progress(len(rows))
        tree.close(resigned=verdicts.newest_fits)
        self._witnessed += verdicts.proven
        return found + tree.findings

    def _compare(self, tree: Tree, head: Head, verdicts: Verdicts, name: str) -> Iterator[Finding]:
        fault = verdicts.fault_of(head)
        fits = None if fault else tree.compare(head)
        verdicts.saw(head, fits=fits)
        if head.by:
            self._note(head, name, "unsigned" if fault else "agrees" if fits else "differs")
            return
        if fault:
            yield _of_head(FindingCode.HEAD_INVALID, name, head, fault)
        elif not head.frontier_fits:
            yield _of_head(FindingCode.FRONTIER_ALTERED, name, head)
        if not verdicts.proves(head):
            yield _of_head(FindingCode.QUORUM_UNPROVEN, name, head)

    def _cut(
        self, name: str, beyond: Sequence[Head], size: int, after: AuditShard | None
    ) -> Iterator[Finding]:
        """Look at heads over more entries than there are: lost by a restore, or cut off."""
        restarted = after is not None and AuditOrigin.parse(after.origin).shard.restart > 0
        for head in beyond:
            signed = not self._signatures.fault_of(head, 0)
            if head.by:
                lost = "restarted" if restarted else "differs"
                self._note(head, name, lost if signed else "unsigned")
            if signed and not restarted:
                yield Finding(
                    code=FindingCode.HISTORY_CUT,
                    shard=name,
                    first=size,
                    last=head.head.size - 1,
                    at=head.at,
                    subject=head.by,
                )

    def _opening(self, shard: AuditShard, before: AuditShard | None) -> Iterator[Finding]:
        """Look at whether a shard begins by naming the one before it."""
        rows = audit_reading.rows(self._tx, shard.number, 0, 1)
        try:
            entry = parse_entry(rows[0].entry or b"")
        except (IndexError, RejectedError):  # told where the entries are read
            return
        if before is None:
            # The first one may be older than shards are.
            fits = entry.kind is not EntryKind.SHARD_OPENED or not entry.digests
        else:
            heads = kept_heads(self._tx, before)[0]
            fits = is_opening(entry, AuditOrigin.parse(shard.origin), shard_name(before), heads)
        if not fits:
            name = shard_name(shard)
            yield Finding(
                code=FindingCode.SHARD_MISFIT, shard=name, first=0, at=entry.at, detail=entry.code
            )

    def _note(self, head: Head, name: str, verdict: str) -> None:
        self._compared.append(
            Compared(by=head.by, shard=name, size=head.head.size, verdict=verdict)
        )


def _of_head(code: FindingCode, name: str, head: Head | int, detail: str = "") -> Finding:
    size, at = (head, 0) if isinstance(head, int) else (head.head.size, head.at)
    return Finding(code=code, shard=name, first=size, at=at, detail=detail)


def _place(item: Finding) -> tuple[int, int]:
    first = -1 if item.first is None else item.first
    return first, first if item.last is None else item.last


def _joined(findings: Sequence[Finding]) -> list[Finding]:
    """Make one of missing entries that were told read by read."""
    joined: list[Finding] = []
    for item in findings:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.code == item.code == FindingCode.ENTRY_MISSING
            and _place(before)[1] + 1 == item.first
        ):
            joined[-1] = Finding(
                code=item.code, shard=item.shard, first=before.first, last=_place(item)[1]
            )
        else:
            joined.append(item)
    return joined
