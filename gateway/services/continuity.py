"""Whether our audit log may go on where the database says that it ended."""

from gateway.services.audit import Continued
from gateway.store.audit import AuditHead
from keys.registry.origins import AuditOrigin, Shard
from keys.registry.view import View
from keys.tlog.checkpoint import parse_checkpoint


class Yearly:
    """Begins a shard with every year, and believes the database."""

    async def next_shard(self, view: View, head: AuditHead | None, year: int) -> Continued | None:
        """See ``gateway.services.audit``."""
        del view
        if head is None:
            return Continued(shard=Shard(year), last=b"")
        if AuditOrigin.parse(parse_checkpoint(head.checkpoint).origin).shard.year < year:
            return Continued(shard=Shard(year), last=head.checkpoint)
        return None
