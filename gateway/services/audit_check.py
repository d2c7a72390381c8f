"""Check a node's whole audit log, and the messages it speaks of, from what is stored.

Works beside a running daemon or without one; needs no key, only the registry mirror.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.errors import LiaisonError, RejectedError
from gateway.protocol.audit import EntryKind, parse_entry
from gateway.protocol.envelope import envelope_id
from gateway.store import audit, messages
from gateway.store.database import Transaction
from keys.registry.view import View
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import VerifiedCheckpoint, verify_checkpoint
from keys.tlog.merkle import Frontier, leaf_hash

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
    heads = audit.heads(tx)
    size = heads[-1].size if heads else 0
    named: set[bytes] = set()
    findings = list(_check_entries(tx, size, named))
    findings += _check_heads(tx, heads, view, member)
    count = 0
    for finding in _check_messages(tx, named, whole=audit.waiting(tx) == 0):
        if finding is None:
            count += 1
        else:
            findings.append(finding)
    return AuditReport(
        entries=size,
        checkpoints=len(heads),
        messages=count,
        waiting=audit.waiting(tx),
        findings=tuple(findings),
    )


def _check_entries(tx: Transaction, size: int, named: set[bytes]) -> Iterator[Finding]:
    expected = 0
    for start in range(0, size, ROWS_PER_READ):
        for row in audit.entries(tx, start, min(start + ROWS_PER_READ, size)):
            where = f"audit entry {row.number}"
            if row.number != expected:
                yield Finding(where=f"audit entry {expected}", what="it is missing")
                expected = row.number or 0
            expected += 1
            if leaf_hash(row.entry) != row.leaf_hash:
                yield Finding(where=where, what="its bytes do not hash to its leaf")
                continue
            try:
                entry = parse_entry(row.entry)
            except RejectedError:
                yield Finding(where=where, what="it is no entry")
                continue
            if entry.kind in _NAMED:
                named.add(entry.digests[0])
    if expected < size:
        yield Finding(where=f"audit entry {expected}", what="it and those after it are missing")


def _check_heads(
    tx: Transaction, heads: list[audit.AuditHead], view: View, member: MemberId
) -> Iterator[Finding]:
    frontier = Frontier()
    for head in heads:
        where = f"the checkpoint at {head.size} entries"
        rows = audit.entries(tx, frontier.size, head.size)
        frontier = frontier.extend([row.leaf_hash for row in rows])
        try:
            signed = _verified(head.checkpoint, view, member, _newest_at(rows))
        except LiaisonError as fault:
            yield Finding(where=where, what=f"it does not verify: {fault.detail}")
            continue
        if (signed.size, signed.root) != (frontier.size, frontier.root()):
            yield Finding(where=where, what="the entries before it do not add up to its root")
            return


def _newest_at(rows: Sequence[audit.StoredEntry]) -> int:
    """Return when the newest of a checkpoint's own entries was made; 0 if that cannot be read."""
    try:
        return max((parse_entry(row.entry).at for row in rows), default=0)
    except RejectedError:  # told where the entries themselves are checked
        return 0


def _verified(
    checkpoint: bytes, view: View, member: MemberId, newest_at: int
) -> VerifiedCheckpoint:
    """Verify a checkpoint under the key of its time: one that was not over before its entries."""
    origin = checkpoint.split(b"\n", 1)[0].decode(errors="replace")
    if not origin.startswith(f"{view.federation}/{member}/audit/"):
        raise RejectedError("checkpoint_of_another_log", "it is not of this node's audit log")
    fault: LiaisonError | None = None
    for key in view.member(member).keys_for(KeyUse.LOG):
        if key.end <= newest_at:
            continue
        try:
            return verify_checkpoint(checkpoint, origin, key.verifier)
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
