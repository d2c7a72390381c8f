"""The heads that are kept of an audit log, or that others show of it, and who signed them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.errors import RejectedError
from gateway.protocol.audit import AuditEntry, EntryKind
from gateway.services.auditing.findings import HeldHead
from gateway.store import audit, cosigned, registry
from gateway.store.audit import AuditShard
from gateway.store.database import Transaction
from keys.registry.grammar import parse_statement
from keys.registry.origins import AuditOrigin, registered_log_keys
from keys.registry.statement import Kind, WitnessSet
from keys.registry.view import View
from keys.registry.witnessed import witnessed_time
from keys.suite import MemberId, digest
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from keys.tlog.merkle import Frontier
from keys.tlog.note import parse_note

PROVEN_EVERY_S = 3600
"""Of the heads that witnesses cosigned in a span as long, one is proven: a signature of theirs
costs far more than an entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A head to compare with the tree that the entries make."""

    head: Checkpoint
    checkpoint: bytes
    at: int = 0
    """When it was signed or witnessed, as far as that is stored."""
    by: str = ""
    """Who shows it, if not this node."""
    frontier: bytes | None = None
    """What the log grows from, beside a head of the node's own."""
    claims_quorum: bool = False

    @property
    def is_own(self) -> bool:
        """Whether the node keeps it as its own word; else as that of witnesses too."""
        return self.frontier is not None

    @property
    def witnessed(self) -> bool:
        """Whether it is shown by somebody else, or kept as one that a quorum cosigned.

        What witnesses are only being asked for is the node's own word.
        """
        return self.claims_quorum or bool(self.by)

    @property
    def frontier_fits(self) -> bool:
        """Whether what the log grows from is what was signed."""
        if self.frontier is None:
            return True
        try:
            frontier = Frontier.parse(self.frontier)
        except RejectedError:
            return False
        return (frontier.size, frontier.root()) == (self.head.size, self.head.root)


class Signatures:
    """Who may have signed heads of this node's audit log, by the registry."""

    def __init__(self, tx: Transaction, view: View, member: MemberId) -> None:
        """Take the registry's view, and from the mirror the witnesses that it ever named."""
        self._view = view
        self._prefix = f"{view.federation}/{member}/audit/"
        said = (parse_statement(note).statement for note in registry.all_statements(tx))
        named = (item.witnesses for item in said if item.kind is Kind.WITNESSES)
        self._sets = [item for item in named if item is not None]

    def fault_of(self, item: Head, newest_at: int) -> str:
        """Return the code of what is wrong with our signature on a head; empty for nothing.

        A key that was over by ``newest_at`` does not count: then an entry that it covers was made.
        """
        origin = item.head.origin
        if not origin.startswith(self._prefix):
            return "checkpoint_of_another_log"
        code = "signature_missing"
        for verifier, key in registered_log_keys(self._view, origin).items():
            if key.end > newest_at:
                try:
                    verify_checkpoint(item.checkpoint, origin, verifier)
                except RejectedError as fault:
                    code = fault.code
                else:
                    return ""
        return code

    def has_quorum(self, item: Head) -> bool:
        """Tell whether so many cosigned as the registry, at any time, asked of its witnesses."""
        return any(self._cosigned(item, named) for named in self._sets)

    def _cosigned(self, item: Head, named: WitnessSet) -> bool:
        members = [self._view.members[name] for name in named.members]
        try:
            return witnessed_time(item.checkpoint, members, named.quorum) is not None
        except RejectedError:
            return False


class Verdicts:
    """What the signatures on a shard's heads are worth, in the order of their sizes."""

    def __init__(self, signatures: Signatures, heads: Sequence[Head]) -> None:
        self._signatures = signatures
        claims = [item for item in heads if item.claims_quorum]
        self._to_prove = {item.at // PROVEN_EVERY_S: item.head.size for item in claims}
        self._newest_at = 0
        self._covered = False
        self.newest_fits = False
        """Whether the newest head of our own is signed and fits the entries."""
        self.proven = 0
        """How many heads were found to have a quorum."""

    def passed(self, times: Sequence[int]) -> None:
        """Take the times of the entries that the next head covers, and those before do not."""
        self._newest_at = max([0 if self._covered else self._newest_at, *times])
        self._covered = False

    def fault_of(self, item: Head) -> str:
        """Return the code of what is wrong with our signature on a head; empty for nothing."""
        return self._signatures.fault_of(item, self._newest_at)

    def saw(self, item: Head, *, fits: bool | None) -> None:
        """Take what became of a head: ``fits`` is None where it could not be compared."""
        if item.is_own:
            self.newest_fits = fits is True
        if not item.by:
            self._covered = True

    def proves(self, item: Head) -> bool:
        """Tell whether a head has the quorum that it is kept with, where that is looked at."""
        span = item.at // PROVEN_EVERY_S
        if not item.claims_quorum or self._to_prove.get(span) != item.head.size:
            return True
        has = self._signatures.has_quorum(item)
        self.proven += has
        return has


def kept_heads(tx: Transaction, shard: AuditShard) -> tuple[list[Head], list[tuple[int, str]]]:
    """Return the heads kept of a shard; and of what is none, the size and what is wrong."""
    heads: list[Head] = []
    broken: list[tuple[int, str]] = []
    rows: list[tuple[int, bytes, int, bytes | None, bool]] = [
        (own.size, own.checkpoint, own.signed_at, own.frontier, False)
        for own in audit.heads(tx, shard.number)
    ]
    for seen in cosigned.all_of(tx, shard.number):
        at = seen.stored_at if seen.witnessed_at is None else seen.witnessed_at
        rows.append((seen.size, seen.checkpoint, at, None, seen.witnessed_at is not None))
    for size, checkpoint, at, frontier, claims in rows:
        try:
            head = _head(checkpoint, size, shard.origin)
        except RejectedError as fault:
            broken.append((size, fault.code))
        else:
            heads.append(replace(head, at=at, frontier=frontier, claims_quorum=claims))
    return heads, broken


def held_heads(held: Sequence[HeldHead], origin: str) -> list[Head]:
    """Return the heads of a shard that others show, as far as they are any."""
    heads: list[Head] = []
    for item in held:
        try:
            heads.append(replace(_head(item.checkpoint, None, origin), by=item.by))
        except RejectedError:
            continue
    return heads


def is_opening(entry: AuditEntry, origin: AuditOrigin, before: str, kept: Sequence[Head]) -> bool:
    """Tell whether an entry opens a shard after the one called ``before``.

    It names the largest of the heads ``kept`` of that; in a log that began anew it may name one
    that a restore lost, of a shard that was lost with it perhaps.
    """
    if entry.kind is not EntryKind.SHARD_OPENED or len(entry.digests) != 2:  # noqa: PLR2004 - root, text
        return False
    anew = origin.shard.restart > 0
    if entry.code != before:
        return anew
    root, text = entry.digests
    largest = max((item.head.size for item in kept), default=0)
    for item in kept:
        if digest(parse_note(item.checkpoint).text) == text:
            return item.head.root == root and (anew or item.head.size == largest)
    return anew


def _head(checkpoint: bytes, size: int | None, origin: str) -> Head:
    """Read a head. Raises RejectedError for what is none, of another size or another log."""
    head = parse_checkpoint(checkpoint)
    if size not in (None, head.size):
        raise RejectedError("checkpoint_malformed", "it has another size than it is kept under")
    if head.origin != origin:
        raise RejectedError("checkpoint_of_another_log", f"it is not of {origin}")
    return Head(head=head, checkpoint=checkpoint)
