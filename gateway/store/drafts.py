"""Drafts that wait for a second person: kept sealed, and no messages until they are released.

What became of one stays: who drafted it, by which rule it waited, who decided and when. Of a
released one the content is in the message of the same id; that of any other goes after a month.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from gateway.store import news, storage_keys
from gateway.store.database import Transaction
from gateway.store.engine import MESSAGES, lock
from gateway.store.messages import OUT
from gateway.store.news import Topic
from gateway.store.schema import blobs, draft_blobs, drafts, messages

KEPT_S: Final = 30 * 86_400
"""How long a draft that was not released is kept after its end."""
EXPIRED_AT_ONCE: Final = 1000


class DraftState(StrEnum):
    """Where a draft stands. All but the first are final; a crash leaves each as it is."""

    AWAITING_RELEASE = "awaiting_release"
    """A second person releases it or turns it down, somebody takes it back, or its time passes."""
    RELEASED = "released"
    """It is the message of the same id; both came in one transaction."""
    DECLINED = "declined"
    """A second person turned it down, and said why."""
    WITHDRAWN = "withdrawn"
    """It was taken back."""
    EXPIRED = "expired"
    """Nobody decided in time."""


UNSENT = (DraftState.DECLINED, DraftState.WITHDRAWN, DraftState.EXPIRED)
"""The states of what ended and never became a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDraft:
    """A draft to keep."""

    message_id: bytes
    """The id of the message that it is to become."""
    case_id: bytes
    kind: str
    drafter: str
    rule: str
    """The name of the rule that asks for a second person."""
    drafted_at: int
    release_until: int
    draft_digest: bytes
    """Of the salted record: what the audit log names it by."""
    storage_key_id: bytes
    record: bytes
    """What was drafted, sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFacts:
    """What can be said of a draft without opening it."""

    row_id: int
    message_id: bytes
    case_id: bytes
    kind: str
    drafter: str
    rule: str
    state: DraftState
    drafted_at: int
    release_until: int
    decided_by: str
    decided_at: int | None
    draft_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDraft(DraftFacts):
    """A draft with what it takes to open it; a released one has nothing left to open."""

    storage_key_id: bytes | None
    record: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFilter:
    """Which drafts a list shows; None for any."""

    states: Collection[DraftState]
    case_id: bytes | None = None
    kind: str | None = None


class Named(NamedTuple):
    """By what the audit log names a draft."""

    message_id: bytes
    draft_digest: bytes
    drafted_at: int


_FACTS = [drafts.c[name] for name in DraftFacts.__dataclass_fields__]
_WHOLE = [drafts.c[name] for name in StoredDraft.__dataclass_fields__]
_WAITING = drafts.c.state == DraftState.AWAITING_RELEASE


def record(tx: Transaction, made: Sequence[tuple[NewDraft, Collection[bytes]]]) -> None:
    """Keep drafts, each with the blobs that it names: they stay as long as it does.

    Raises UnavailableError ``storage_key_ended``.
    """
    if not made:
        return
    lock(tx, MESSAGES)
    storage_keys.check_open(tx, {item.storage_key_id for item, _ in made})
    waiting = {"state": DraftState.AWAITING_RELEASE.value, "decided_by": ""}
    tx.execute(insert(drafts), [asdict(item) | waiting for item, _ in made])
    for item, blob_ids in made:
        if blob_ids:
            own = select(drafts.c.row_id).where(drafts.c.message_id == item.message_id)
            links = select(own.scalar_subquery(), blobs.c.row_id).where(
                blobs.c.blob_id.in_(blob_ids), blobs.c.upload_id.is_not(None)
            )
            tx.execute(insert(draft_blobs).from_select(["draft_row", "blob_row"], links))
    news.tell(tx, Topic.MESSAGES)


def find(tx: Transaction, message_id: bytes) -> StoredDraft | None:
    """Return a draft by the id of the message that it is, or was, to become."""
    return _first(tx, select(*_WHOLE).where(drafts.c.message_id == message_id))


def decide(
    tx: Transaction,
    row_id: int,
    state: DraftState,
    *,
    by: str,
    at: int,
    sealed: tuple[bytes, bytes] | None = None,
) -> bool:
    """End a draft that waits; tell whether it did.

    ``sealed`` is the storage key and the record in place of what it was, with why it was turned
    down. Of a draft that is released no record stays. Raises UnavailableError
    ``storage_key_ended``.
    """
    values: dict[str, object] = {"state": state.value, "decided_by": by, "decided_at": at}
    if state is DraftState.RELEASED:
        values |= {"record": None, "storage_key_id": None}
    lock(tx, MESSAGES)  # first, as who stores a message does: nobody waits for each other's row
    if sealed is not None:
        storage_keys.check_open(tx, [sealed[0]])
        values |= {"storage_key_id": sealed[0], "record": sealed[1]}
    statement = update(drafts).where(drafts.c.row_id == row_id, _WAITING)
    if tx.execute(statement.values(**values)).rowcount != 1:
        return False
    if state is DraftState.RELEASED:  # the message names its attachments by now
        tx.execute(delete(draft_blobs).where(draft_blobs.c.draft_row == row_id))
    news.tell(tx, Topic.MESSAGES)
    return True


def expire(tx: Transaction, now: int) -> list[DraftFacts]:
    """End the drafts that nobody decided on in time; return them."""
    late = select(*_FACTS).where(_WAITING, drafts.c.release_until <= now)
    found = [_facts(row) for row in tx.execute(late.limit(EXPIRED_AT_ONCE)).mappings()]
    return [item for item in found if decide(tx, item.row_id, DraftState.EXPIRED, by="", at=now)]


def page(tx: Transaction, wanted: DraftFilter, *, after: int, limit: int) -> list[StoredDraft]:
    """Return drafts in the order in which they were stored, those after row ``after`` first."""
    statement = select(*_WHOLE).where(drafts.c.row_id > after, drafts.c.state.in_(wanted.states))
    if wanted.case_id is not None:
        statement = statement.where(drafts.c.case_id == wanted.case_id)
    if wanted.kind is not None:
        statement = statement.where(drafts.c.kind == wanted.kind)
    return _all(tx, statement.order_by(drafts.c.row_id).limit(limit))


def waiting_in(tx: Transaction, case_id: bytes) -> list[StoredDraft]:
    """Return what waits in a case."""
    statement = select(*_WHOLE).where(drafts.c.case_id == case_id, _WAITING)
    return _all(tx, statement.order_by(drafts.c.row_id))


def named(
    tx: Transaction,
    *,
    message_id: bytes = b"",
    case_id: bytes = b"",
    digests: Collection[bytes] = (),
) -> list[Named]:
    """Return drafts by the id of their message, by their case, or by what names them in the log."""
    wanted: ColumnElement[bool] = drafts.c.draft_digest.in_(digests)
    if message_id:
        wanted = drafts.c.message_id == message_id
    elif case_id:
        wanted = drafts.c.case_id == case_id
    columns = [drafts.c[name] for name in Named._fields]
    return [Named(*row) for row in tx.execute(select(*columns).where(wanted))]


def count_waiting(tx: Transaction) -> int:
    """Return how many drafts wait."""
    return tx.execute(select(func.count()).where(_WAITING)).scalar() or 0


def first_waiting(tx: Transaction) -> DraftFacts | None:
    """Return the draft that waits longest."""
    statement = select(*_FACTS).where(_WAITING).order_by(drafts.c.row_id).limit(1)
    row = tx.execute(statement).mappings().first()
    return None if row is None else _facts(row)


def forget(tx: Transaction, now: int) -> None:
    """Forget drafts that ended unsent a month ago, and those whose message is forgotten."""
    gone = ~exists().where(
        messages.c.message_id == drafts.c.message_id, messages.c.direction == OUT
    )
    unsent = drafts.c.state.in_(UNSENT) & (drafts.c.decided_at <= now - KEPT_S)
    sent = (drafts.c.state == DraftState.RELEASED) & gone
    rows = list(tx.execute(select(drafts.c.row_id).where(unsent | sent).limit(1000)).scalars())
    if rows:
        tx.execute(delete(draft_blobs).where(draft_blobs.c.draft_row.in_(rows)))
        tx.execute(delete(drafts).where(drafts.c.row_id.in_(rows)))


def forget_unsent(tx: Transaction, case_id: bytes) -> None:
    """Forget at once the drafts of a case that ended unsent."""
    ended = drafts.c.case_id == case_id, drafts.c.state.in_(UNSENT)
    rows = list(tx.execute(select(drafts.c.row_id).where(*ended)).scalars())
    tx.execute(delete(draft_blobs).where(draft_blobs.c.draft_row.in_(rows)))
    tx.execute(delete(drafts).where(drafts.c.row_id.in_(rows)))


def _all(tx: Transaction, statement: Select[Any]) -> list[StoredDraft]:
    return [StoredDraft(**_typed(row)) for row in tx.execute(statement).mappings()]


def _first(tx: Transaction, statement: Select[Any]) -> StoredDraft | None:
    return next(iter(_all(tx, statement)), None)


def _facts(row: RowMapping) -> DraftFacts:
    return DraftFacts(**_typed(row))


def _typed(row: RowMapping) -> dict[str, Any]:
    return {**row, "state": DraftState(row["state"])}
