"""What is wrong with a log by the heads that it signed: kept, recorded and told, each thing once.

Two heads that exclude each other are a proof, for everybody and for ever. What falls short of one
(a head that nobody showed to continue the one before, a log that began anew) is an alarm of this
node: it is kept with the heads that raised it, and somebody has to ask that member.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

import msgspec

from gateway.clock import Clock
from gateway.errors import RejectedError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.services.federation.signed_heads import audit_of
from gateway.services.ledger import Ledger
from gateway.store import audit, log_alarms, split_views
from gateway.store.database import Database, Transaction
from gateway.store.log_alarms import LogAlarm
from gateway.store.split_views import SplitView
from keys.registry.origins import AuditOrigin, Shard
from keys.registry.statement import REGISTRY
from keys.suite import digest
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.merkle import root_before

DAY_S = 86_400
RECENT_S = 30 * DAY_S
PROOFS_EACH = 10
"""How many proofs of one log are kept: the first convicts as well as the last."""
_log = logger()


class LogVerdict(StrEnum):
    """What is wrong with a log."""

    PROVEN = "proven"
    """Two heads under its key exclude each other: it showed two histories, or the key is stolen."""
    NOT_CONTINUED = "consistency_invalid"
    """Its own member brought a longer head, and no proof that it continues the one known here."""
    SHORTER = "log_shorter"
    """Its own member shows a shorter log than it had, and no proof that it still has the rest."""
    CLOSED_GREW = "closed_shard_grew"
    """A shard goes on though a later one was begun: somebody still writes to it."""
    RESTARTED = "log_restarted"
    """It began anew otherwise than with the year: its node came back without its newest entries."""


_DETAILS: Mapping[LogVerdict, str] = MappingProxyType({
    LogVerdict.PROVEN: "a key of {member} signed two histories of {log}; both heads are kept, and "
    "prove it to anybody: liaison audit split-view list",
    LogVerdict.NOT_CONTINUED: "a head of {size} entries of {log} is signed, and {member} does not "
    "show that it continues the {known} that were seen before: a rewritten log, or a broken node",
    LogVerdict.SHORTER: "{member} shows {size} entries of {log}, and does not show that they begin "
    "what it had, {known} of {had}: a node restored from a backup, or a rewritten log",
    LogVerdict.CLOSED_GREW: "{log} grew to {size} entries though {member} had begun a later shard: "
    "two nodes write in its name, or somebody holds its log key",
    LogVerdict.RESTARTED: "{member} began {log}: its node came back without its newest entries, as "
    "after a restore; its first entry names the head that it continues",
})  # fmt: skip


class LogAlarmView(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a member's log."""

    member: str
    log: str
    """Its origin."""
    verdict: LogVerdict
    at: int
    size: int
    found_by: str
    """Who showed the head that raised it; empty for somebody without a certificate."""
    detail: str
    heads: list[str]
    """The signed heads that it is about, the one known before first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An alarm that is to be kept in the transaction of what raised it."""

    alarm: LogAlarm
    entry: audit.NewEntry

    def commit(self, tx: Transaction) -> bool:
        """Keep and record it; tell whether it is new."""
        new = log_alarms.record(tx, self.alarm)
        if new:
            audit.append(tx, [self.entry])
        return new

    def tell(self) -> None:
        """Say so in the log, after the commit."""
        event = "log.restarted" if self.alarm.verdict == LogVerdict.RESTARTED else "log.doubted"
        shown = _view_of(self.alarm)
        _log.error(event, peer=shown.member, code=shown.verdict, detail=shown.detail)


class LogAlarms:
    """Raises and shows alarms about logs."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock

    def raised(
        self, verdict: LogVerdict, shown: bytes, known: bytes | None, found_by: str
    ) -> Raised:
        """Return an alarm about an audit log, by the signed head that raised it."""
        head = parse_checkpoint(shown)
        origin = AuditOrigin.parse(head.origin)
        alarm = LogAlarm(
            member=origin.member,
            origin=head.origin,
            verdict=verdict,
            size=head.size,
            known=known,
            shown=shown,
            seen_at=self._clock.now(),
            found_by=found_by,
        )
        restarted = verdict is LogVerdict.RESTARTED
        entry = self._ledger.entry(
            EntryKind.LOG_RESTARTED if restarted else EntryKind.LOG_DOUBTED,
            peer=origin.member,
            digests=[digest(note) for note in (known, shown) if note is not None],
            code=str(origin.shard) if restarted else verdict,
        )
        return Raised(alarm=alarm, entry=entry)

    async def doubt(self, raised: Raised) -> None:
        """Keep an alarm by itself."""
        if await self._database.write(raised.commit):
            raised.tell()

    async def prove(self, one: bytes, other: bytes, found_by: str, proof: bytes | None) -> None:
        """Keep two signed heads that exclude each other; ``proof`` as in ``store.split_views``."""
        head = parse_checkpoint(other)
        audited = audit_of(head.origin)
        owner = found_by or REGISTRY if audited is None else audited.member
        seen = SplitView(
            origin=head.origin,
            size=head.size,
            head_a=one,
            head_b=other,
            seen_at=self._clock.now(),
            found_by=found_by,
            proof=proof,
        )
        entry = self._ledger.entry(
            EntryKind.SPLIT_VIEW_SEEN,
            peer=owner,
            digests=(digest(one), digest(other)),
            code="consistency_invalid",
        )

        def commit(tx: Transaction) -> bool:
            if split_views.count(tx, head.origin) >= PROOFS_EACH:
                return False
            new = split_views.record(tx, seen)
            if new:
                audit.append(tx, [entry])
            return new

        if await self._database.write(commit):
            _log.error("split_view.seen", member=owner, peer=found_by, tree_size=head.size)

    async def unproven(
        self,
        verdict: LogVerdict | None,
        smaller: bytes,
        larger: bytes,
        proof: Sequence[bytes],
        found_by: str,
    ) -> None:
        """Keep what it means that ``proof`` does not show two heads of a log to be one history.

        A log that was rewritten often proves it by itself: its proof leads to the larger head, and
        from another root than the smaller one's. Else there is an alarm, if it has a verdict.
        """
        old, new = parse_checkpoint(smaller), parse_checkpoint(larger)
        try:
            root = root_before(old.size, new.size, proof, new.root)
        except RejectedError:
            if verdict is not None:
                turned = verdict is LogVerdict.SHORTER
                shown, known = (smaller, larger) if turned else (larger, smaller)
                await self.doubt(self.raised(verdict, shown, known, found_by))
        else:
            if root != old.root:
                await self.prove(smaller, larger, found_by, b"".join((root, *proof)))

    async def recent(self, member: str | None = None) -> list[LogAlarmView]:
        """Return the alarms of the last 30 days about the audit logs of a member, or of all."""
        return await self._database.read(lambda tx: self.recent_in(tx, member))

    def recent_in(self, tx: Transaction, member: str | None = None) -> list[LogAlarmView]:
        """Return the same within a transaction, the oldest first."""
        at = self._clock.now() - RECENT_S
        shown = [_view_of(alarm) for alarm in log_alarms.since(tx, at, member)]
        for seen in split_views.listing(tx, at):
            audited = audit_of(seen.origin)
            if audited is not None and member in (None, audited.member):
                shown.append(_proven(seen, audited.member))
        return sorted(shown, key=lambda alarm: alarm.at)


def begins_with_the_year(shard: Shard, now: int) -> bool:
    """Tell whether a log may have begun this shard because a year began, by a clock that is off."""
    years = {datetime.fromtimestamp(now + off, UTC).year for off in (-DAY_S, 0, DAY_S)}
    return not shard.restart and shard.year in years


def _view_of(alarm: LogAlarm) -> LogAlarmView:
    verdict = LogVerdict(alarm.verdict)
    known = parse_checkpoint(alarm.known or alarm.shown)
    detail = _DETAILS[verdict].format(
        member=alarm.member,
        log=alarm.origin,
        size=alarm.size,
        known=known.size,
        had=known.origin,
    )
    return LogAlarmView(
        member=alarm.member,
        log=alarm.origin,
        verdict=verdict,
        at=alarm.seen_at,
        size=alarm.size,
        found_by=alarm.found_by,
        detail=detail,
        heads=[note.decode() for note in (alarm.known, alarm.shown) if note is not None],
    )


def _proven(seen: SplitView, owner: str) -> LogAlarmView:
    return LogAlarmView(
        member=owner,
        log=seen.origin,
        verdict=LogVerdict.PROVEN,
        at=seen.seen_at,
        size=seen.size,
        found_by=seen.found_by,
        detail=_DETAILS[LogVerdict.PROVEN].format(member=owner, log=seen.origin),
        heads=[seen.head_a.decode(), seen.head_b.decode()],
    )
