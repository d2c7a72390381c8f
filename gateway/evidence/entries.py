"""An entry of an audit log in evidence: in its place under a head of its member's log.

Source: SPEC "Evidence", step 6.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gateway.errors import RejectedError
from gateway.evidence.heads import Head, verified_head
from gateway.evidence.history import History, Witnessed
from gateway.protocol.audit import AuditEntry, EntryKind, ProvenEntry, parse_entry
from keys.registry.origins import AuditOrigin, registered_log_keys
from keys.suite import MemberId
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.merkle import leaf_hash, verify_inclusion
from keys.tlog.proof import parse_proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an entry must say, and in whose log it must stand."""

    member: MemberId
    kinds: Collection[EntryKind]
    peer: str
    tbs_digest: bytes
    more: Sequence[bytes] = ()
    """What follows H(TBS) among its digests."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry that stands in its member's log."""

    entry: AuditEntry
    index: int
    head: Head
    witnessed: Witnessed | None

    @property
    def at(self) -> int | None:
        """By when a quorum of witnesses had seen it, UTC seconds."""
        return None if self.witnessed is None else self.witnessed.at

    @property
    def envelope_id(self) -> bytes:
        """The envelope that it speaks of."""
        return self.entry.digests[0]


def check_entry(proven: ProvenEntry, expected: Expected, history: History) -> Logged:
    """Return an entry that says what is expected, in the log of the member expected.

    Raises RejectedError ``entry_mismatch``, ``proof_malformed``, ``inclusion_invalid``,
    ``encoding_invalid``, or as ``verified_head``.
    """
    entry = parse_entry(proven.entry)
    _check_says(entry, expected)
    proof = parse_proof(proven.proof)
    if proof.extra:
        raise RejectedError("proof_malformed", "a proof in evidence holds nothing extra")
    claimed = parse_checkpoint(proof.checkpoint).origin
    origin = _origin(claimed, expected.member, history)
    keys = registered_log_keys(history.view, origin)
    head = verified_head(proof.checkpoint, origin, keys, history)
    checkpoint = head.checkpoint
    leaf = leaf_hash(proven.entry)
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return Logged(entry, proof.index, head, history.witnessed_by(head.seen))


def _check_says(entry: AuditEntry, expected: Expected) -> None:
    if entry.kind not in expected.kinds:
        raise RejectedError("entry_mismatch", f"an entry {entry.kind} shows nothing of the kind")
    wanted = (expected.tbs_digest, *expected.more)
    # An entry of what was signed again names the envelope before it as well.
    if len(entry.digests) < 1 + len(wanted) or entry.digests[1 : 1 + len(wanted)] != wanted:
        raise RejectedError("entry_mismatch", "the entry speaks of something else")
    if entry.peer != expected.peer:
        raise RejectedError("entry_mismatch", f"the entry names {entry.peer or 'nobody'}")


def _origin(claimed: str, member: MemberId, history: History) -> str:
    """Return the name of a shard of a member's log, which is all that a file may choose."""
    named = AuditOrigin.parse(claimed)
    if (named.federation, named.member) != (history.view.federation, member):
        raise RejectedError(
            "checkpoint_of_another_log", f"this is a head of {claimed}, not of {member}'s log"
        )
    return str(named)
