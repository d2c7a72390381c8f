"""Check a node's whole audit log, and the messages it speaks of, from what is stored.

Works beside a running daemon or without one; needs no key, only the registry mirror.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.errors import LiaisonError, RejectedError
from gateway.protocol.audit import EntryKind, parse_entry
from gateway.protocol.envelope import envelope_id
from gateway.services.audit_reading import shard_name
from gateway.store import audit, audit_reading, cosigned, messages
from gateway.store.audit import AuditShard
from gateway.store.audit_reading import StoredEntry
from gateway.store.database import Transaction
from keys.registry.origins import registered_log_keys
from keys.registry.view import View
from keys.suite import MemberId
from keys.tlog.checkpoint import VerifiedCheckpoint, verify_checkpoint
from keys.tlog.merkle import Frontier, leaf_hash
from keys.tlog.nodes import Node, completed_nodes
from keys.tlog.tiles import BUNDLE_ENTRIES

ROWS_PER_READ = 1_000
_NAMED = (
    EntryKind.MESSAGE_ACCEPTED,
    EntryKind.MESSAGE_RECEIVED,
    EntryKind.MESSAGE_SIGNED_AGAIN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was altered: where, and what differs."""

    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What was checked and what was found."""

    entries: int
    checkpoints: int
    messages: int
    waiting: int
    findings: tuple[Finding, ...]


def check_audit_log(tx: Transaction, view: View, member: MemberId) -> AuditReport:
    """Recompute every leaf, root and envelope id, and verify every checkpoint's signature."""
    named: set[bytes] = set()
    findings: list[Finding] = []
    entries = checkpoints = 0
    for shard in audit.shards(tx):
        heads = audit.heads(tx, shard.number)
        signed = _signed_heads(tx, shard.number, heads)
        size = max((head.size for head in heads), default=0)
        findings += _check_entries(tx, shard, size, named)
        findings += _check_heads(tx, shard, signed, view, member)
        entries, checkpoints = entries + size, checkpoints + len(signed)
    count = 0
    waiting = audit.waiting(tx)
    for finding in _check_messages(tx, named, whole=waiting == 0):
        if finding is None:
            count += 1
        else:
            findings.append(finding)
    return AuditReport(
        entries=entries,
        checkpoints=checkpoints,
        messages=count,
        waiting=waiting,
        findings=tuple(findings),
    )


def _signed_heads(
    tx: Transaction, shard: int, heads: Sequence[audit.AuditHead]
) -> list[tuple[int, bytes]]:
    """Return (size, checkpoint) of every head that is kept, the smallest first."""
    kept = {head.size: head.checkpoint for head in cosigned.all_of(tx, shard)}
    return sorted(({head.size: head.checkpoint for head in heads} | kept).items())


def _check_entries(
    tx: Transaction, shard: AuditShard, size: int, named: set[bytes]
) -> Iterator[Finding]:
    expected = 0
    for start in range(0, size, ROWS_PER_READ):
        end = min(start + ROWS_PER_READ, size)
        for row in audit_reading.entries(tx, shard.number, start, end):
            if row.number != expected:
                yield Finding(where=_place(shard, expected), what="it is missing")
            expected = row.number + 1
            if row.entry is None:  # erased: its leaf stays
                continue
            what = _fault_of(row, row.entry, named)
            if what:
                yield Finding(where=_place(shard, row.number), what=what)
    if expected < size:
        yield Finding(where=_place(shard, expected), what="it and those after it are missing")


def _fault_of(row: StoredEntry, encoded: bytes, named: set[bytes]) -> str:
    if leaf_hash(encoded) != row.leaf_hash:
        return "its bytes do not hash to its leaf"
    try:
        entry = parse_entry(encoded)
    except RejectedError:
        return "it is no entry"
    if entry.kind in _NAMED:
        named.add(entry.digests[0])
    return ""


def _place(shard: AuditShard, number: int) -> str:
    return f"audit entry {number} of {shard_name(shard)}"


def _check_heads(
    tx: Transaction,
    shard: AuditShard,
    heads: Sequence[tuple[int, bytes]],
    view: View,
    member: MemberId,
) -> Iterator[Finding]:
    frontier = Frontier()
    nodes: list[Node] = []
    for size, checkpoint in heads:
        where = f"the checkpoint at {size} entries of {shard_name(shard)}"
        newest_at = 0
        while frontier.size < size:
            end = min(frontier.size + ROWS_PER_READ, size)
            rows = audit_reading.entries(tx, shard.number, frontier.size, end)
            if not rows:
                break
            frontier, completed = completed_nodes(frontier, [row.leaf_hash for row in rows])
            nodes += completed
            newest_at = max(newest_at, _newest_at(rows))
        try:
            signed = _verified(checkpoint, shard.origin, view, member, newest_at)
        except LiaisonError as fault:
            yield Finding(where=where, what=f"it does not verify: {fault.detail}")
            continue
        if (signed.size, signed.root) != (frontier.size, frontier.root()):
            yield Finding(where=where, what="the entries before it do not add up to its root")
            return
    yield from _check_nodes(tx, shard, nodes)


def _check_nodes(tx: Transaction, shard: AuditShard, nodes: Sequence[Node]) -> Iterator[Finding]:
    """Compare the stored inner hashes, from which proofs are made, with those of the entries."""
    for node in nodes:
        stored = audit_reading.node(tx, shard.number, node.level, node.number)
        if stored != node.hash:
            width = BUNDLE_ENTRIES**node.level
            first = node.number * width
            where = (
                f"the hash over the entries {first} to {first + width - 1} of {shard_name(shard)}"
            )
            yield Finding(where=where, what="it is not what they hash to")


def _newest_at(rows: Sequence[StoredEntry]) -> int:
    """Return when the newest of a checkpoint's own entries was made; 0 if that cannot be read."""
    try:
        return max((parse_entry(row.entry).at for row in rows if row.entry is not None), default=0)
    except RejectedError:  # told where the entries themselves are checked
        return 0


def _verified(
    checkpoint: bytes, origin: str, view: View, member: MemberId, newest_at: int
) -> VerifiedCheckpoint:
    """Verify a checkpoint under the key of its time: one that was not over before its entries."""
    if not origin.startswith(f"{view.federation}/{member}/audit/"):
        raise RejectedError("checkpoint_of_another_log", "it is not of this node's audit log")
    fault: LiaisonError | None = None
    for verifier, key in registered_log_keys(view, origin).items():
        if key.end <= newest_at:
            continue
        try:
            return verify_checkpoint(checkpoint, origin, verifier)
        except RejectedError as raised:
            fault = raised
    raise fault or RejectedError("signature_missing", "the registry lists no log key")


def _check_messages(tx: Transaction, named: set[bytes], *, whole: bool) -> Iterator[Finding | None]:
    after = 0
    while rows := messages.envelopes(tx, after, 100):
        for row in rows:
            after = row.row_id
            where = f"message {row.sender}-{row.message_id.hex()}"
            if envelope_id(row.header, row.body) != row.envelope_id:
                yield Finding(where=where, what="its stored bytes were altered")
            elif whole and row.envelope_id not in named:
                yield Finding(where=where, what="the audit log knows nothing of it")
            else:
                yield None
