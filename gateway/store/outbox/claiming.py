"""How a lane gets the rows that are due, and keeps them while it works."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update

from gateway.protocol.envelope import MAX_PRIORITY
from gateway.store.claims import choose
from gateway.store.database import Transaction
from gateway.store.messages import NewMessage
from gateway.store.outbox.queueing import NewRow, Queueing
from gateway.store.outbox.states import OutboxState
from gateway.store.schema import messages, outbox

_DUE = (
    select(outbox.c.row_id, (func.length(messages.c.body) + func.length(messages.c.header)))
    .join_from(outbox, messages, messages.c.row_id == outbox.c.message_row)
    .where(
        outbox.c.recipient == bindparam("recipient"),
        outbox.c.state == OutboxState.QUEUED,
        outbox.c.due_at <= bindparam("now"),
        outbox.c.expires_at > bindparam("now"),
    )
    .order_by(outbox.c.rank, outbox.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(of=outbox, skip_locked=True)
)
_FIRST_DUE = select(func.min(outbox.c.due_at)).where(
    outbox.c.recipient == bindparam("recipient"),
    outbox.c.state == OutboxState.QUEUED,
    outbox.c.rank == bindparam("rank"),
)
_LEASE = (
    update(outbox)
    .where(outbox.c.row_id.in_(bindparam("rows", expanding=True)))
    .values(state=OutboxState.SENDING, due_at=bindparam("until"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A row under lease, with all that an attempt needs."""

    row_id: int
    message_row: int
    recipient: str
    rank: int
    attempts: int
    expires_at: int
    seal_kid: bytes | None
    wrapped: bytes | None
    custodian: str
    sender: str
    message_id: bytes
    created_at: int
    attachments: int
    envelope_id: bytes
    tbs_digest: bytes
    header: bytes
    body: bytes
    storage_key_id: bytes
    wrapped_key: bytes


def claimed(row_id: int, shared: Queueing, row: NewRow, message: NewMessage) -> Claimed:
    """Return a row that was just leased as a claim would return it."""
    return Claimed(
        row_id=row_id,
        message_row=shared.message_row,
        recipient=row.recipient,
        rank=MAX_PRIORITY - shared.priority,
        attempts=0,
        expires_at=shared.expires_at,
        seal_kid=row.seal_kid,
        wrapped=row.wrapped,
        custodian="",
        sender=message.sender,
        message_id=message.message_id,
        created_at=message.created_at,
        attachments=message.attachments,
        envelope_id=message.envelope_id,
        tbs_digest=message.tbs_digest,
        header=message.header,
        body=message.body,
        storage_key_id=message.storage_key_id,
        wrapped_key=message.wrapped_key,
    )


def claim(
    tx: Transaction,
    recipients: Iterable[str],
    *,
    now: int,
    lease_until: int,
    most: int = 64,
    most_bytes: int = 4 * 1024**2,
) -> list[Claimed]:
    """Lease what is due for these recipients: the most urgent of each first, then the oldest.

    Recipients come in the order given, each to its share while others wait.
    """
    chosen = choose(tx, _DUE, recipients, now=now, most=most, most_bytes=most_bytes)
    if not chosen:
        return []
    tx.execute(_LEASE, {"rows": chosen, "until": lease_until})
    return by_rows(tx, chosen)


def by_rows(tx: Transaction, row_ids: Sequence[int]) -> list[Claimed]:
    """Return rows with all that an attempt needs, the most urgent first; none is leased by it."""
    own = (
        "row_id", "message_row", "recipient", "attempts", "expires_at", "seal_kid", "wrapped",
        "custodian", "rank",
    )  # fmt: skip
    theirs = [name for name in Claimed.__dataclass_fields__ if name not in own]
    joined = outbox.join(messages, messages.c.row_id == outbox.c.message_row)
    columns = [*(outbox.c[name] for name in own), *(messages.c[name] for name in theirs)]
    statement = (
        select(*columns)
        .select_from(joined)
        .where(outbox.c.row_id.in_(row_ids))
        .order_by(outbox.c.rank, outbox.c.row_id)
    )
    return [Claimed(**row) for row in tx.execute(statement).mappings()]


def extend_leases(tx: Transaction, row_ids: Collection[int], lease_until: int) -> None:
    """Keep rows leased whose attempt takes long."""
    statement = update(outbox).where(
        outbox.c.row_id.in_(row_ids), outbox.c.state == OutboxState.SENDING
    )
    tx.execute(statement.values(due_at=lease_until))


def waiting_recipients(tx: Transaction, names: Iterable[str]) -> dict[str, int]:
    """Return which of these members have queued rows, and when the first of each is due."""
    found = {}
    for name in names:
        # One step for each rank: the index leads to the earliest without a look at the others.
        asked = [{"recipient": name, "rank": rank} for rank in range(MAX_PRIORITY + 1)]
        times = [tx.execute(_FIRST_DUE, each).scalar() for each in asked]
        due = [at for at in times if at is not None]
        if due:
            found[name] = min(due)
    return found


def recipients(tx: Transaction) -> list[str]:
    """Return every recipient that has rows, by steps through the index."""
    found: list[str] = []
    after = ""
    while True:
        following = select(func.min(outbox.c.recipient)).where(outbox.c.recipient > after)
        name = tx.execute(following).scalar()
        if name is None:
            return found
        found.append(name)
        after = name
