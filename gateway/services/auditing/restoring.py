"""After a restore: tell the members what was lost, so that they offer their mail again.

Sent once for each shard of the audit log that had to be begun anew, in the outbox like any message:
what a member cannot be reached for is tried for as long as a message lives.
"""

from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from gateway.clock import Clock, happens
from gateway.errors import ConflictError, LiaisonError
from gateway.logs import logger
from gateway.services.auditing.log import AuditLog
from gateway.services.auditing.reading import shard_name
from gateway.services.caller import NODE
from gateway.services.federation.registry import RegistryMirror
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.reoffering import RESTORED
from gateway.services.sending.submission import Submission
from gateway.settings import PolicySettings
from gateway.store import audit
from gateway.store.audit import AuditShard
from gateway.store.database import Database, Transaction
from keys.registry.statement import REGISTRY
from keys.suite import MemberId

RECIPIENTS_EACH = 256
_LOOK_S = 60.0
_log = logger()


class Restoring:
    """Announces what this node lost."""

    def __init__(
        self,
        me: MemberId,
        database: Database,
        mirror: RegistryMirror,
        exchange: Exchange,
        audit_log: AuditLog,
        *,
        clock: Clock,
        policy: PolicySettings,
    ) -> None:
        self._me = me
        self._database = database
        self._mirror = mirror
        self._exchange = exchange
        self._audit_log = audit_log
        self._clock = clock
        self._policy = policy

    async def run(self) -> NoReturn:
        """Announce what is to be announced, until cancelled."""
        while True:
            self._audit_log.restarted.clear()
            try:
                await self.announce()
            except LiaisonError as fault:
                _log.warning("restore.unannounced", code=fault.code, detail=fault.detail)
            await happens(self._audit_log.restarted.wait(), _LOOK_S)

    async def announce(self) -> None:
        """Tell the members of each shard that was begun anew and not announced yet.

        A crash before it is noted repeats the messages under their keys: they are sent once.
        """
        for shard, size in await self._database.read(_unannounced):
            others = self._others()
            for start in range(0, len(others), RECIPIENTS_EACH):
                names = others[start : start + RECIPIENTS_EACH]
                await self._tell(shard, size, names, f"restored {shard_name(shard)} {start}")
            noted = partial(audit.announced, number=shard.number, now=self._clock.now())
            await self._database.write(noted)
            _log.warning("restore.announced", code=shard_name(shard))

    async def _tell(
        self, shard: AuditShard, size: int, names: Sequence[MemberId], key: str
    ) -> None:
        submission = Submission(
            to=list(names),
            kind=RESTORED,
            content={
                "since": shard.lost_since or 0,
                "until": shard.opened_at,
                "shard": shard_name(shard),
                "size": size,
            },
            expires_in_s=self._policy.max_lifetime_s,
        )
        try:
            (answer,) = await self._exchange.submit([submission], NODE, idempotency_key=key)
        except ConflictError as fault:
            if fault.code != "idempotency_key_reused":  # told before; who is a member has changed
                raise
            return
        if isinstance(answer, LiaisonError):
            raise answer

    def _others(self) -> list[MemberId]:
        """Return whom messages may go to. A member that is suspended now is not told."""
        members = self._mirror.view.members.values()
        names = [item.member for item in members if not item.suspended]
        return sorted(name for name in names if name not in (self._me, REGISTRY))


def _unannounced(tx: Transaction) -> list[tuple[AuditShard, int]]:
    """Return the shards to announce, each with how many entries the one before it had."""
    found = []
    for shard in audit.shards(tx):
        if shard.lost_since is not None and shard.announced_at is None:
            before = audit.heads(tx, shard.number - 1) if shard.number else []
            found.append((shard, before[-1].size if before else 0))
    return found
