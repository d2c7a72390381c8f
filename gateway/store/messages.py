"""Messages, sent and received: sealed bodies, wrapped keys, and the metadata that may be clear."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter

from sqlalchemy import Select, bindparam, exists, func, select, update

from gateway.store import news, storage_keys
from gateway.store.database import Transaction
from gateway.store.engine import MESSAGES, lock
from gateway.store.news import Topic
from gateway.store.rows import InsertRows
from gateway.store.schema import blobs, message_blobs, messages, outbox

IN = "in"
OUT = "out"
SERVICE = "svc"
"""Received for the node alone: kept for its repeats, neither listed nor counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message to keep."""

    direction: str
    sender: str
    on_behalf_of: str
    message_id: bytes
    kind: str
    case_id: bytes
    seq: int
    in_reply_to: str
    created_at: int
    stored_at: int
    expires_at: int
    priority: int
    attachments: int
    envelope_id: bytes
    tbs_digest: bytes
    header: bytes
    body: bytes
    storage_key_id: bytes
    wrapped_key: bytes
    receipt: bytes | None = None
    """The delivery receipt that was given for a received message: every repeat gets it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSummary:
    """What can be said of a message without opening it."""

    row_id: int
    direction: str
    sender: str
    on_behalf_of: str
    message_id: bytes
    kind: str
    case_id: bytes
    seq: int
    in_reply_to: str
    created_at: int
    stored_at: int
    expires_at: int
    priority: int
    attachments: int
    envelope_id: bytes
    tbs_digest: bytes
    header: bytes
    acknowledged_at: int | None
    purged_at: int | None
    """Since when there is nothing left of it but its tombstone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage(MessageSummary):
    """A message with what it takes to open it."""

    body: bytes
    storage_key_id: bytes
    wrapped_key: bytes
    receipt: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAgain:
    """What changes of a message that is signed again; header and payload do not."""

    envelope_id: bytes
    tbs_digest: bytes
    body: bytes
    storage_key_id: bytes
    wrapped_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list shows; None for any."""

    direction: str | None = None
    case_id: bytes | None = None
    kind: str | None = None
    state: str | None = None


SUMMARY = [messages.c[name] for name in MessageSummary.__dataclass_fields__]
_WHOLE = [messages.c[name] for name in StoredMessage.__dataclass_fields__]
_OF_CASES = (
    select(*SUMMARY)
    .where(
        messages.c.case_id.in_(bindparam("case_ids", expanding=True)),
        messages.c.direction != SERVICE,
    )
    .order_by(messages.c.row_id)
)
_OF_CASE = (
    select(*SUMMARY)
    .where(messages.c.case_id == bindparam("case_id"), messages.c.row_id > bindparam("after"))
    .order_by(messages.c.row_id)
)
_IN_CASE = select(func.count()).where(messages.c.case_id == bindparam("case_id"))
# Statements of the fast path are built once: building costs more than running them.
_NAMES = tuple(NewMessage.__dataclass_fields__)
_columns = attrgetter(*_NAMES)
_INSERT = InsertRows(messages, _NAMES, returning=[messages.c.row_id, messages.c.message_id])
_INSERT_NEW = InsertRows(
    messages,
    _NAMES,
    returning=[messages.c.sender, messages.c.message_id],
    unless=["message_id", "sender"],
)


def record_outgoing(tx: Transaction, batch: Sequence[NewMessage]) -> list[int]:
    """Keep messages of our own; return their rows, in order.

    Raises UnavailableError ``storage_key_ended``.
    """
    lock(tx, MESSAGES)
    storage_keys.check_open(tx, {message.storage_key_id for message in batch})
    found = _INSERT.run(tx, map(_columns, batch))
    rows = {bytes(message_id): int(row_id) for row_id, message_id in found}
    return [rows[message.message_id] for message in batch]


def record_incoming(tx: Transaction, batch: Sequence[NewMessage]) -> set[tuple[str, bytes]]:
    """Keep the messages whose (sender, message id) is new; return which ones went in.

    Raises UnavailableError ``storage_key_ended``.
    """
    if not batch:
        return set()
    lock(tx, MESSAGES)
    storage_keys.check_open(tx, {message.storage_key_id for message in batch})
    found = _INSERT_NEW.run(tx, map(_columns, batch))
    if found:
        news.tell(tx, Topic.MESSAGES)
    return {(sender, bytes(message_id)) for sender, message_id in found}


def find(tx: Transaction, sender: str, message_id: bytes) -> StoredMessage | None:
    """Return a message by its name."""
    statement = select(*_WHOLE).where(
        messages.c.sender == sender, messages.c.message_id == message_id
    )
    row = tx.execute(statement).mappings().first()
    return None if row is None else StoredMessage(**row)


def by_id(tx: Transaction, message_id: bytes) -> list[StoredMessage]:
    """Return the messages under an id, sent and received, whoever sent them."""
    statement = select(*_WHOLE).where(messages.c.message_id == message_id)
    return [StoredMessage(**row) for row in tx.execute(statement).mappings()]


def known(tx: Transaction, names: Collection[tuple[bytes, bytes]]) -> dict[bytes, StoredMessage]:
    """Return the received messages among these (message id, envelope id), by envelope id."""
    wanted = dict(names)
    # Not by direction, of which there are two: the planner would take that index and read it all.
    statement = select(*_WHOLE).where(messages.c.message_id.in_(wanted))
    found = [StoredMessage(**row) for row in tx.execute(statement).mappings()]
    return {
        item.envelope_id: item
        for item in found
        if item.direction != OUT and item.envelope_id in set(wanted.values())
    }


def by_rows(tx: Transaction, rows: Collection[int]) -> list[StoredMessage]:
    """Return whole messages by their rows."""
    statement = select(*_WHOLE).where(messages.c.row_id.in_(rows)).order_by(messages.c.row_id)
    return [StoredMessage(**row) for row in tx.execute(statement).mappings()]


def of_cases(tx: Transaction, case_ids: Collection[bytes]) -> list[MessageSummary]:
    """Return the messages of cases, in the order in which they were stored, without their bodies.

    Somebody may have filled a case with large ones.
    """
    found = tx.execute(_OF_CASES, {"case_ids": list(case_ids)}).mappings()
    return [MessageSummary(**row) for row in found]


def of_case_after(tx: Transaction, case_id: bytes, row: int) -> tuple[list[MessageSummary], int]:
    """Return the messages of a case that were stored after a row, and how many there are in all."""
    found = tx.execute(_OF_CASE, {"case_id": case_id, "after": row}).mappings()
    total = tx.execute(_IN_CASE, {"case_id": case_id}).scalar_one()
    return [MessageSummary(**row) for row in found], total


def with_blobs_of(tx: Transaction, sealed_bytes: Collection[int]) -> list[tuple[int, str]]:
    """Return (row, direction) of the messages with an attachment of such a length, the first first.

    The length as ciphertext: the same file has the same, whoever sealed it.
    """
    statement = (
        select(messages.c.row_id, messages.c.direction)
        .join(message_blobs, message_blobs.c.message_row == messages.c.row_id)
        .join(blobs, blobs.c.row_id == message_blobs.c.blob_row)
        .where(blobs.c.sealed_bytes.in_(sealed_bytes))
    )
    found = tx.execute(statement.distinct().order_by(messages.c.row_id))
    return [(int(row_id), direction) for row_id, direction in found]


def received(tx: Transaction, message_ids: Collection[bytes]) -> list[StoredMessage]:
    """Return the received messages under these ids, whoever sent them."""
    statement = select(*_WHOLE).where(messages.c.message_id.in_(message_ids))
    found = [StoredMessage(**row) for row in tx.execute(statement).mappings()]
    return [item for item in found if item.direction != OUT]


def sign_again(tx: Transaction, before: StoredMessage, signed: SignedAgain) -> bool:
    """Put a message signed again in place of what it was; tell whether that was still there."""
    statement = update(messages).where(
        messages.c.row_id == before.row_id, messages.c.envelope_id == before.envelope_id
    )
    return tx.execute(statement.values(**asdict(signed))).rowcount == 1


def renew_receipt(tx: Transaction, row_id: int, receipt: bytes) -> None:
    """Keep the receipt that attests the same under a key that is not revoked."""
    statement = update(messages).where(messages.c.row_id == row_id)
    tx.execute(statement.values(receipt=receipt))


def give_receipt(tx: Transaction, row_id: int, receipt: bytes) -> None:
    """Keep the receipt of a message that was stored before its attachments were whole."""
    statement = update(messages).where(messages.c.row_id == row_id, messages.c.receipt.is_(None))
    tx.execute(statement.values(receipt=receipt))


def page(tx: Transaction, wanted: MessageFilter, *, after: int, limit: int) -> list[MessageSummary]:
    """Return messages in the order they were stored, those after row ``after`` first."""
    statement = select(*SUMMARY).where(messages.c.row_id > after)
    statement = _narrowed(statement, wanted).order_by(messages.c.row_id).limit(limit)
    return [MessageSummary(**row) for row in tx.execute(statement).mappings()]


def acknowledge(tx: Transaction, row_id: int, at: int) -> bool:
    """Mark a received message as taken; tell whether it was not so before."""
    statement = (
        update(messages)
        .where(
            messages.c.row_id == row_id,
            messages.c.direction == IN,
            messages.c.acknowledged_at.is_(None),
        )
        .values(acknowledged_at=at)
    )
    return tx.execute(statement).rowcount == 1


def newest_row(tx: Transaction) -> int:
    """Return the row that was stored last; 0 for none."""
    return tx.execute(select(func.max(messages.c.row_id))).scalar() or 0


def last_seq(tx: Transaction, case_id: bytes, sender: str) -> int:
    """Return the highest number that ``sender`` used in a case; 0 for none."""
    statement = select(func.max(messages.c.seq)).where(
        messages.c.case_id == case_id, messages.c.sender == sender
    )
    return tx.execute(statement).scalar() or 0


def newest_seqs(tx: Transaction, sender: str, case_ids: Collection[bytes]) -> dict[bytes, int]:
    """Return the highest number that ``sender`` used in each of some cases, where it used any.

    Until the commit no other daemon adds one.
    """
    lock(tx, MESSAGES)
    statement = (
        select(messages.c.case_id, func.max(messages.c.seq))
        .where(messages.c.case_id.in_(list(case_ids)), messages.c.sender == sender)
        .group_by(messages.c.case_id)
    )
    return {bytes(case_id): seq for case_id, seq in tx.execute(statement)}


def kinds_about(
    tx: Transaction, case_id: bytes, answered: tuple[str, bytes] | None
) -> tuple[str, ...]:
    """Return the kinds of the first message of a case, and of the one answered, as far as here."""
    first = select(messages.c.kind).where(
        messages.c.case_id == case_id, messages.c.direction != SERVICE
    )
    found = [tx.execute(first.order_by(messages.c.row_id).limit(1)).scalar()]
    if answered is not None:
        sender, message_id = answered
        named = select(messages.c.kind).where(
            messages.c.sender == sender, messages.c.message_id == message_id
        )
        found.append(tx.execute(named).scalar())
    return tuple(kind for kind in found if kind is not None)


def counts(tx: Transaction) -> dict[str, int]:
    """Return how many messages are stored, by direction."""
    shown = messages.c.direction.in_((IN, OUT))
    statement = select(messages.c.direction, func.count()).where(shown)
    statement = statement.group_by(messages.c.direction)
    return {row[0]: row[1] for row in tx.execute(statement)}


def envelopes(tx: Transaction, after: int, limit: int) -> list[StoredMessage]:
    """Return whole messages after row ``after``: for verification."""
    statement = select(*_WHOLE).where(messages.c.row_id > after).order_by(messages.c.row_id)
    return [StoredMessage(**row) for row in tx.execute(statement.limit(limit)).mappings()]


def _narrowed(
    statement: Select[tuple[object, ...]], wanted: MessageFilter
) -> Select[tuple[object, ...]]:
    if wanted.direction is not None:
        statement = statement.where(messages.c.direction == wanted.direction)
    else:
        statement = statement.where(messages.c.direction != SERVICE)
    if wanted.case_id is not None:
        statement = statement.where(messages.c.case_id == wanted.case_id)
    if wanted.kind is not None:
        statement = statement.where(messages.c.kind == wanted.kind)
    match wanted.state:
        case None:
            return statement
        case "received":
            return statement.where(messages.c.direction == IN, messages.c.acknowledged_at.is_(None))
        case "acknowledged":
            return statement.where(messages.c.acknowledged_at.is_not(None))
        case state:
            # Of each message in its turn: a list of all such rows would be made at every look.
            row = exists().where(outbox.c.message_row == messages.c.row_id, outbox.c.state == state)
            return statement.where(row)
