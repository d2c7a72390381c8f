"""Audit logs as a test writes them: with a member's own key, honest or not."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.errors import RejectedError
from gateway.protocol.witness import AddCheckpoint
from keys.keyring import Keyring
from keys.registry.origins import AuditOrigin, Shard
from keys.signing import SigningKey
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.merkle import consistency_proof, leaf_hash, range_hash, root_of
from keys.tlog.note import ClassicalSigner
from tests.scenarios.federation import FEDERATION, Federation


@dataclass
class Written:
    """A shard of a member's log, and the hand that signs it."""

    fed: Federation
    member: MemberId
    shard: str
    leaves: list[bytes] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """Return its name."""
        return str(AuditOrigin(FEDERATION, self.member, Shard.parse(self.shard)))

    def grown(self, *entries: str) -> "Written":
        """Return the log with more entries; the one before stays as it is."""
        added = [leaf_hash(entry.encode()) for entry in entries]
        return Written(self.fed, self.member, self.shard, [*self.leaves, *added])

    def signed(self, size: int, root: bytes) -> bytes:
        """Return a head over whatever is asked, as the member's key signs it."""
        (record,) = Keyring.parse(self.fed.unlock(self.member).body).records(KeyUse.LOG)
        signer = ClassicalSigner(self.origin, SigningKey(KeyUse.LOG, record.seed))
        return sign_checkpoint(Checkpoint(self.origin, size, root), signer)

    def head(self, size: int | None = None) -> bytes:
        """Return its head at a size, by default the newest."""
        size = len(self.leaves) if size is None else size
        return self.signed(size, root_of(self.leaves[:size]))

    def asked(self, old: int, size: int | None = None) -> AddCheckpoint:
        """Return what its node would ask of a witness that knows the head of size ``old``."""
        size = len(self.leaves) if size is None else size
        proof = consistency_proof(old, size, range_hash(self.leaves))
        return AddCheckpoint(old_size=old, proof=tuple(proof), checkpoint=self.head(size))

    async def audit_checkpoint(self) -> bytes:
        """Show the newest head, as a node does."""
        return self.head()

    async def audit_consistency(self, origin: str, old: int, new: int) -> Sequence[bytes]:
        """Show how it grew, as a node does."""
        if origin != self.origin:
            raise RejectedError("shard_unknown", f"the audit log has no shard {origin}")
        if not 0 <= old <= new <= len(self.leaves):
            raise RejectedError("size_unknown", "the log has not had such a size")
        return consistency_proof(old, new, range_hash(self.leaves))


@dataclass
class Lags(Written):
    """A log of which an older head is shown than it has."""

    shown: int = 0

    async def audit_checkpoint(self) -> bytes:
        """Show an older head."""
        return self.head(self.shown)


def log_of(fed: Federation, member: str, shard: str = "", *entries: str) -> Written:
    """Return a member's log of this year with some entries."""
    if not shard:
        now = fed.clocks[MemberId(member)].now()
        shard = str(1970 + now // 31_556_952)
    return Written(fed, MemberId(member), shard).grown(*(entries or ("a", "b", "c")))
