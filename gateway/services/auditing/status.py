"""How the audit log does, in numbers and words: signed, witnessed, waiting, refused."""

import msgspec

from gateway.services.auditing.anchoring import Anchored, Anchoring
from gateway.services.auditing.log import EXPECTED, UNHEARD, AuditLog
from gateway.services.auditing.reading import shard_name
from gateway.store import audit
from gateway.store.audit import AuditShard
from gateway.store.database import Transaction


class AuditStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The audit log of this node."""

    shard: str
    """The shard that entries go to now; empty before the first."""
    size: int
    """How many entries of it are signed."""
    witnessed_size: int
    """For how many of them a quorum of the witnesses vouches."""
    witnessed_at: int | None
    unwitnessed_s: int
    """For how long the others have lacked their quorum, in seconds; an hour of it is an alarm."""
    refused_by: list[str]
    """The witnesses that hold another history of it, or more of it, than this node."""
    trouble: str
    """Why entries wait for their place: the code and the sentence; empty where nothing is wrong."""
    restarted_at: int | None
    """When this shard was begun because entries before it were lost; None where none were."""
    announced_at: int | None
    """When the members were told of that."""


class AuditState:
    """Tells how the audit log does."""

    def __init__(self, audit_log: AuditLog, anchoring: Anchoring) -> None:
        self._audit_log = audit_log
        self._anchoring = anchoring

    @property
    def trouble(self) -> str:
        """Why entries wait for their place; empty where nothing is wrong."""
        fault = self._audit_log.trouble
        return "" if fault is None or fault.code in EXPECTED else f"{fault.code}: {fault.detail}"

    @property
    def is_sound(self) -> bool:
        """Whether the log is, or will be once witnesses answer: that stops nothing else."""
        fault = self._audit_log.trouble
        return fault is None or fault.code in EXPECTED or fault.code == UNHEARD

    def told(self, tx: Transaction) -> AuditStatus:
        """Return all of it."""
        anchored = self._anchoring.anchored(tx) or Anchored()
        shards = audit.shards(tx)
        newest = shards[-1] if shards else AuditShard(number=0, origin="", opened_at=0)
        return AuditStatus(
            shard=shard_name(newest) if newest.origin else "",
            size=anchored.size,
            witnessed_size=anchored.witnessed_size,
            witnessed_at=anchored.witnessed_at,
            unwitnessed_s=anchored.late_s,
            refused_by=[f"{name}: {why}" for name, why in sorted(self._anchoring.refused.items())],
            trouble=self.trouble,
            restarted_at=None if newest.lost_since is None else newest.opened_at,
            announced_at=newest.announced_at,
        )
