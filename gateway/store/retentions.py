"""What was decided about cases that are over: kept until when, restricted, purged; by whom and why.

A case without a row is open, and nothing was decided. Codes and file numbers, no content.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import ColumnElement, RowMapping, func, select, tuple_

from gateway.cases.threads.retention import Standing
from gateway.store import drafts
from gateway.store.database import Transaction
from gateway.store.engine import put
from gateway.store.messages import IN, SERVICE
from gateway.store.schema import marks, messages, outbox, retentions

DecisionTime = Literal["stands_since", "kept_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Where a case stands. Times are UTC seconds; who decides is a caller; empty for the node."""

    case_id: bytes
    unit: str
    """The unit that the case is of; empty for the whole member."""
    standing: Standing = Standing.OPEN
    stands_by: str = ""
    """Who let it stand so."""
    stands_since: int = 0
    reason: str = ""
    reference: str = ""
    """A file number, by which the reason is found elsewhere; empty for none."""
    keep_until: int = 0
    """Until when nothing is let go by itself; 0 for no such word."""
    kept_by: str = ""
    kept_at: int = 0
    kept_reason: str = ""
    kept_reference: str = ""

    def closes(self, stored_at: int) -> bool:
        """Tell whether what was stored at a time is closed: not what is said since, as a recall."""
        return self.standing is Standing.RESTRICTED and stored_at <= self.stands_since


_WHOLE = [retentions.c[name] for name in Retention.__dataclass_fields__]


def find(tx: Transaction, case_id: bytes) -> Retention | None:
    """Return what was decided about a case; None for nothing."""
    return of_cases(tx, [case_id]).get(case_id)


def of_cases(tx: Transaction, case_ids: Collection[bytes]) -> dict[bytes, Retention]:
    """Return what was decided about cases, for those of which something was."""
    if not case_ids:
        return {}
    statement = select(*_WHOLE).where(retentions.c.case_id.in_(case_ids))
    found = map(_retention, tx.execute(statement).mappings())
    return {item.case_id: item for item in found}


def standing_of(tx: Transaction, case_id: bytes) -> Standing:
    """Return how far a case is open."""
    found = find(tx, case_id)
    return Standing.OPEN if found is None else found.standing


def record(tx: Transaction, decided: Retention) -> None:
    """Keep what was decided about a case, in place of what was before."""
    put(tx, retentions, asdict(decided) | {"standing": decided.standing.value}, "case_id")


def standing(tx: Transaction, wanted: Standing, after: bytes, limit: int) -> list[Retention]:
    """Return the next cases after one that stand so."""
    statement = select(*_WHOLE).where(retentions.c.standing == wanted, retentions.c.case_id > after)
    found = tx.execute(statement.order_by(retentions.c.case_id).limit(limit)).mappings()
    return [_retention(row) for row in found]


def decided(
    tx: Transaction, name: DecisionTime, after: tuple[int, bytes], limit: int
) -> list[Retention]:
    """Return cases by when they came to stand so, or were kept, after (time, case); in order."""
    at: ColumnElement[int] = retentions.c[name]
    place = tuple_(at, retentions.c.case_id)
    statement = select(*_WHOLE).where(at > 0, at >= after[0], place > after)
    found = tx.execute(statement.order_by(at, retentions.c.case_id).limit(limit)).mappings()
    return [_retention(row) for row in found]


def under_way(tx: Transaction, case_id: bytes, *, repeats_s: int) -> tuple[str, int]:
    """Return why nothing of a case can be let go yet, and until when.

    ``draft``, ``unsettled``, ``unacknowledged`` and ``recall`` have no time. Where all is done, it
    is ``repeats``: until ``repeats_s`` after its expiry a message may come again.
    """
    if drafts.waiting_in(tx, case_id):
        return "draft", 0
    mine = messages.c.case_id == case_id, messages.c.direction != SERVICE
    rows = select(messages.c.row_id).where(*mine)
    waits = select(outbox.c.row_id).where(
        outbox.c.message_row.in_(rows), outbox.c.settled_at.is_(None)
    )
    if tx.execute(waits.limit(1)).first() is not None:
        return "unsettled", 0
    open_ = select(messages.c.row_id).where(
        *mine, messages.c.direction == IN, messages.c.acknowledged_at.is_(None)
    )
    if tx.execute(open_.limit(1)).first() is not None:
        return "unacknowledged", 0
    recalled = (
        select(marks.c.row_id)
        .join(messages, messages.c.message_id == marks.c.message_id)
        .where(*mine, messages.c.sender == marks.c.sender, marks.c.due_at.is_not(None))
    )
    if tx.execute(recalled.limit(1)).first() is not None:
        return "recall", 0
    last = tx.execute(select(func.max(messages.c.expires_at)).where(*mine)).scalar() or 0
    return "repeats", last + repeats_s


def _retention(row: RowMapping) -> Retention:
    found = {"case_id": bytes(row["case_id"]), "standing": Standing(row["standing"])}
    return Retention(**{**row, **found})
