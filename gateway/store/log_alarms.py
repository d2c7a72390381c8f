"""What is wrong with a member's log by its own signed heads, short of a proof: each thing once."""

from dataclasses import dataclass

from sqlalchemy import func, select

from gateway.store.database import Transaction
from gateway.store.engine import InsertNew
from gateway.store.schema import log_alarms
from keys.suite import digest
from keys.tlog.note import parse_note

KEPT_EACH = 100
"""For each member: whoever signs one strange head may sign thousands."""
_RECORD = InsertNew(log_alarms, ("alarm_digest",), returning=(log_alarms.c.row_id,))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAlarm:
    """The verdict, the head that raised it, and the one that it was compared with, as signed."""

    member: str
    """Whose log it is."""
    origin: str
    verdict: str
    size: int
    """Of the head that raised it."""
    known: bytes | None
    shown: bytes
    seen_at: int
    found_by: str
    """The member that showed it; empty for a stranger."""


def record(tx: Transaction, seen: LogAlarm) -> bool:
    """Keep an alarm; tell whether it is new.

    It is not where the same verdict was given of the same log against the same known head.
    """
    kept = select(func.count()).select_from(log_alarms).where(log_alarms.c.member == seen.member)
    if tx.execute(kept).scalar_one() >= KEPT_EACH:
        return False
    known = b"" if seen.known is None else parse_note(seen.known).text
    row = {item: getattr(seen, item) for item in LogAlarm.__slots__}
    row["alarm_digest"] = digest(f"{seen.verdict}\n{seen.origin}\n".encode(), known)
    return tx.execute(_RECORD.on(tx), row).first() is not None


def since(tx: Transaction, at: int, member: str | None = None) -> list[LogAlarm]:
    """Return the alarms since a time, of one member or of all, the oldest first."""
    columns = [column for column in log_alarms.c if column.name not in ("row_id", "alarm_digest")]
    statement = select(*columns).where(log_alarms.c.seen_at >= at).order_by(log_alarms.c.row_id)
    if member is not None:
        statement = statement.where(log_alarms.c.member == member)
    return [LogAlarm(**row) for row in tx.execute(statement).mappings()]
