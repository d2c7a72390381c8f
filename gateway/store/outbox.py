"""The outbox: one row for each recipient of a message, until it ends visibly.

``due_at`` says when a row is looked at again: a queued one is claimed then, a leased one is queued
again then, one in custody is posted again then. A crash leaves the lease, and the row is due again
when it runs out (or at the next start of the only daemon, which releases what the dead one held).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import (
    Case,
    LargeBinary,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    update,
)

from gateway.protocol.envelope import MAX_PRIORITY
from gateway.store import news, sealings
from gateway.store.claims import choose
from gateway.store.database import Transaction
from gateway.store.messages import NewMessage, StoredMessage
from gateway.store.news import Topic
from gateway.store.rows import InsertRows
from gateway.store.schema import messages, outbox
from gateway.store.sealings import Sealing


class OutboxState(StrEnum):
    """Where a message stands with one recipient; each says who moves it on."""

    QUEUED = "queued"
    """Accepted and due some time. A lane claims it. A crash leaves it as it is."""
    SENDING = "sending"
    """Under a lease: in a lane or on the line. The lane settles or defers it. A crash leaves the
    lease, and the row is queued when that runs out; a repeat is answered with the first receipt."""
    IN_CUSTODY = "in_custody"
    """A relay holds a copy and signed for it. A return moves it; it is posted again after an hour,
    then after two, in case the relay lost it. A crash leaves it as it is."""
    DELIVERED = "delivered"
    """The recipient's receipt is held. Final, but that a recipient which was restored from a backup
    is offered it again (``offer_again``); whatever comes of that, it is delivered afterwards."""
    FAILED = "failed"
    """Refused for ever, with the code. Final, but for requeue by an operator or a late receipt."""
    EXPIRED = "expired"
    """Its lifetime passed. Final, but a receipt that comes late still makes it delivered."""
    WITHDRAWN = "withdrawn"
    """Taken back by its sender while it waited. Final, but for requeue or a late receipt: an
    attempt whose answer was lost may have arrived."""


OPEN = (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.IN_CUSTODY)
"""The states in which something will still happen by itself."""

_Q, _S, _C = OPEN
_D, _F, _E, _W = (
    OutboxState.DELIVERED,
    OutboxState.FAILED,
    OutboxState.EXPIRED,
    OutboxState.WITHDRAWN,
)
LEGAL: Mapping[OutboxState, frozenset[OutboxState]] = {
    _Q: frozenset({_S, _C, _D, _F, _E, _W}),
    _S: frozenset({_Q, _C, _D, _F, _E}),
    _C: frozenset({_Q, _D, _F, _E}),
    _D: frozenset(),
    _F: frozenset({_Q, _D}),
    _E: frozenset({_D}),
    _W: frozenset({_Q, _D}),
}
"""Every transition there is. A queued row may be settled without a lease: the answer of an attempt
whose lease ran out, or a return, comes when it comes."""

SIGNER_REVOKED = "signer_revoked"
"""Why a recipient takes no message of a revoked key: no end, because it is signed again."""

# Statements of the fast path are built once: building costs more than running them.
# What is spelt out as the partial indexes are, or they are not seen.
_LEASED = text("outbox.state IN ('sending', 'in_custody')")
_DEAD = text("outbox.state IN ('failed', 'expired', 'withdrawn')")
_ENQUEUE = InsertRows(
    outbox,
    (
        "message_row", "recipient", "state", "rank", "due_at", "expires_at", "attempts", "code",
        "custodian", "seal_kid", "wrapped",
    ),
    returning=[outbox.c.row_id, outbox.c.message_row, outbox.c.recipient],
)  # fmt: skip
_STATES = (
    select(outbox.c.row_id, outbox.c.state)
    .where(outbox.c.row_id.in_(bindparam("rows", expanding=True)))
    .with_for_update()
)
_FIRST_TIME = outbox.c.offered_again_at.is_(None)
_SETTLE = (
    update(outbox)
    .where(outbox.c.row_id == bindparam("row"))
    .values(
        state=case((_FIRST_TIME, bindparam("to_state", type_=String)), else_=OutboxState.DELIVERED),
        settled_at=bindparam("at"),
        code=bindparam("why"),
        receipt=case((_FIRST_TIME, bindparam("signed", type_=LargeBinary)), else_=outbox.c.receipt),
        receipt_again=case(
            (_FIRST_TIME, outbox.c.receipt_again),
            (bindparam("again", type_=LargeBinary) == outbox.c.receipt, outbox.c.receipt_again),
            else_=func.coalesce(bindparam("again", type_=LargeBinary), outbox.c.receipt_again),
        ),
    )
)
_KEEP = (
    update(outbox)
    .where(
        outbox.c.row_id == bindparam("row"),
        exists().where(
            messages.c.row_id == outbox.c.message_row,
            messages.c.envelope_id == bindparam("envelope"),
        ),
    )
    .values(
        state=OutboxState.IN_CUSTODY,
        due_at=bindparam("due"),
        code="",
        custodian=bindparam("holder"),
        attempts=outbox.c.attempts + 1,
    )
)
_DEFER = (
    update(outbox)
    .where(outbox.c.row_id == bindparam("row"))
    .where(or_(outbox.c.state == _S, outbox.c.state == _C))
    .values(
        state=OutboxState.QUEUED,
        due_at=bindparam("due"),
        code=bindparam("why"),
        custodian="",
        attempts=outbox.c.attempts + bindparam("more"),
    )
)
_EXPORTED = (
    update(outbox).where(outbox.c.row_id == bindparam("row")).values(exported_at=bindparam("at"))
)
# The message first, by its name alone: a join is left to the planner, which may read every row of
# the recipient instead, and with the direction it would read every message of ours.
_OF_COPY = select(outbox.c.row_id, outbox.c.state).where(
    outbox.c.message_row
    == select(messages.c.row_id)
    .where(
        messages.c.message_id == bindparam("message_id"),
        messages.c.envelope_id == bindparam("envelope_id"),
    )
    .limit(1)
    .scalar_subquery(),
    outbox.c.recipient == bindparam("recipient"),
)
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
_LEASE = (
    update(outbox)
    .where(outbox.c.row_id.in_(bindparam("rows", expanding=True)))
    .values(state=OutboxState.SENDING, due_at=bindparam("until"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """A recipient to deliver to; the stanza is there where the recipient's card is known."""

    recipient: str
    seal_kid: bytes | None
    wrapped: bytes | None
    lease_until: int = 0
    """Until when it is leased to the lane that is handed it at once; 0 for queued."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How an attempt ended for one row."""

    row_id: int
    state: OutboxState
    at: int
    code: str = ""
    receipt: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """A row that is to be tried again."""

    row_id: int
    due_at: int
    code: str
    failed: bool = True
    """Whether the attempt counts as one that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientState:
    """How far a message is with one recipient."""

    row_id: int
    message_row: int
    recipient: str
    state: OutboxState
    attempts: int
    due_at: int
    code: str
    custodian: str
    settled_at: int | None
    receipt: bytes | None
    exported_at: int | None
    """When it was last written to a medium, UTC seconds; that moves no state."""
    offered_again_at: int | None
    """When its recipient, restored from a backup, was last offered it again."""
    receipt_again: bytes | None
    """The newest receipt that the recipient gave after that, if it is not the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """A row whose copy a relay took over."""

    row_id: int
    envelope_id: bytes
    """What it took; a row whose message was signed again meanwhile is not in custody by that."""
    due_at: int
    """When to post it again, if nothing came back by then."""
    custodian: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """What the rows of one message share."""

    message_row: int
    priority: int
    now: int
    expires_at: int


def enqueue(tx: Transaction, rows: Sequence[tuple[Queueing, NewRow]]) -> dict[tuple[int, str], int]:
    """Add rows, due at once or leased to a lane; return each one's id by message and recipient."""
    found = _ENQUEUE.run(
        tx,
        [
            (
                message.message_row,
                row.recipient,
                _S.value if row.lease_until else _Q.value,
                MAX_PRIORITY - message.priority,
                row.lease_until or message.now,
                message.expires_at,
                0,
                "",
                "",
                row.seal_kid,
                row.wrapped,
            )
            for message, row in rows
        ],
    )
    if queued := [row.recipient for _, row in rows if not row.lease_until]:
        news.tell(tx, Topic.OUTBOX, queued)
    return {(message_row, recipient): row_id for row_id, message_row, recipient in found}


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


def settle(tx: Transaction, settlements: Sequence[Settlement]) -> set[int]:
    """End rows; return those that moved. A transition that is not legal moves nothing."""
    moving = _legal(tx, {item.row_id: item.state for item in settlements})
    changes = [
        {
            "row": item.row_id,
            "to_state": item.state,
            "at": item.at,
            "why": item.code,
            "signed": item.receipt,
            "again": item.receipt if item.state is OutboxState.DELIVERED else None,
        }
        for item in settlements
        if item.row_id in moving
    ]
    if changes:
        tx.execute(_SETTLE, changes)
        news.tell(tx, Topic.MESSAGES)
    return moving


def keep(tx: Transaction, kept: Sequence[Custody]) -> set[int]:
    """Note that relays took copies over; return the rows that moved."""
    moving = _legal(tx, {item.row_id: OutboxState.IN_CUSTODY for item in kept})
    changes = [
        {
            "row": item.row_id,
            "envelope": item.envelope_id,
            "due": item.due_at,
            "holder": item.custodian,
        }
        for item in kept
        if item.row_id in moving
    ]
    if changes:
        tx.execute(_KEEP, changes)
    return moving


def _legal(tx: Transaction, wanted: Mapping[int, OutboxState]) -> set[int]:
    if not wanted:
        return set()
    found = tx.execute(_STATES, {"rows": list(wanted)})
    return {row.row_id for row in found if wanted[row.row_id] in LEGAL[OutboxState(row.state)]}


def defer(tx: Transaction, deferrals: Sequence[Deferral]) -> None:
    """Give leased rows, or rows in custody, back: due later."""
    changes = [
        {"row": item.row_id, "due": item.due_at, "why": item.code, "more": int(item.failed)}
        for item in deferrals
    ]
    if changes:
        tx.execute(_DEFER, changes)


def restanza(tx: Transaction, row_id: int, seal_kid: bytes, wrapped: bytes) -> None:
    """Keep the stanza that a row is posted with, before it is posted; and which it had before."""
    before = (
        select(outbox.c.row_id, outbox.c.recipient, outbox.c.seal_kid)
        .add_columns(messages.c.envelope_id, messages.c.tbs_digest)
        .join_from(outbox, messages, messages.c.row_id == outbox.c.message_row)
        .where(outbox.c.row_id == row_id)
    )
    row = tx.execute(before).one()
    if row.seal_kid not in (None, seal_kid):
        sealings.record(
            tx,
            [
                Sealing(
                    outbox_row=row.row_id,
                    recipient=row.recipient,
                    envelope_id=row.envelope_id,
                    tbs_digest=row.tbs_digest,
                    seal_kid=row.seal_kid,
                )
            ],
        )
    statement = update(outbox).where(outbox.c.row_id == row_id)
    tx.execute(statement.values(seal_kid=seal_kid, wrapped=wrapped))


def expire(tx: Transaction, now: int) -> list[tuple[int, bytes]]:
    """End the rows whose lifetime passed, 1,000 at most; return (row, envelope id) of each.

    One that was delivered, and was only offered again, is delivered: it is not among them.
    """
    joined = outbox.join(messages, messages.c.row_id == outbox.c.message_row)
    found = (
        select(outbox.c.row_id, messages.c.envelope_id, outbox.c.offered_again_at)
        .select_from(joined)
        .where(outbox.c.settled_at.is_(None), outbox.c.expires_at <= now)
        .limit(1000)
        .with_for_update(of=outbox, skip_locked=True)
    )
    rows = tx.execute(found).all()
    if rows:
        chosen = outbox.c.row_id.in_([row.row_id for row in rows])
        tx.execute(update(outbox).where(chosen).values(state=_ended(_E), settled_at=now))
    return [(row.row_id, row.envelope_id) for row in rows if row.offered_again_at is None]


def _ended(state: OutboxState) -> Case[str]:
    return case((_FIRST_TIME, literal(state.value)), else_=OutboxState.DELIVERED.value)


def offer_again(
    tx: Transaction, recipient: str, *, since: int, heard_at: int, after: int, now: int, most: int
) -> tuple[int, int | None]:
    """Queue again what a recipient receipted after ``since`` and has lost: the same copies.

    What expired meanwhile stays as it is: nobody would take it. Looks at ``most`` rows after the
    row ``after``; returns how many moved, and the last one looked at, None where no more follow.
    """
    found = (
        select(outbox.c.row_id)
        .where(
            outbox.c.recipient == recipient,
            outbox.c.state == _D,
            outbox.c.settled_at >= since,
            outbox.c.expires_at > now,
            or_(_FIRST_TIME, outbox.c.offered_again_at < heard_at),
            outbox.c.row_id > after,
        )
        .order_by(outbox.c.row_id)
        .limit(most)
        .with_for_update()
    )
    rows = list(tx.execute(found).scalars())
    queued = {
        "state": _Q, "due_at": now, "settled_at": None, "code": "", "custodian": "", "attempts": 0,
        "offered_again_at": now,
    }  # fmt: skip
    tx.execute(update(outbox).where(outbox.c.row_id.in_(rows)).values(**queued))
    if rows:
        news.tell(tx, Topic.OUTBOX, [recipient])
    return len(rows), rows[-1] if len(rows) == most else None


def requeue_held_by(tx: Transaction, custodians: Collection[str], now: int) -> None:
    """Queue again what these relays have in custody: it goes another way, or waits here."""
    statement = update(outbox).where(
        _LEASED, outbox.c.state == _C, outbox.c.custodian.in_(custodians)
    )
    if custodians:
        tx.execute(statement.values(state=_Q, due_at=now, custodian=""))


def due_now(tx: Transaction, code: str, now: int) -> None:
    """Try again at once what was put off for this reason."""
    waiting = outbox.c.settled_at.is_(None), outbox.c.state == _Q, outbox.c.code == code
    tx.execute(update(outbox).where(*waiting).values(due_at=now, code=""))


def unfinished(tx: Transaction, now: int) -> list[int]:
    """Return the rows of the messages that are not delivered to everybody, and may still be."""
    found: set[int] = set()
    for wanted in (outbox.c.settled_at.is_(None), _DEAD):
        statement = select(outbox.c.message_row).where(wanted, outbox.c.expires_at > now)
        found.update(tx.execute(statement).scalars())
    return sorted(found)


def sign_again(tx: Transaction, before: StoredMessage, signed: bytes, now: int) -> set[str]:
    """Queue what is open of a message that was signed again; return for whom.

    Remembers how each copy went out until then, ``signed`` as ``Inner.signed`` was. What a
    recipient refused because of the key is open again.
    """
    own = outbox.c.message_row == before.row_id
    rows = tx.execute(select(outbox.c.row_id, outbox.c.recipient, outbox.c.seal_kid).where(own))
    sealings.record(
        tx,
        [
            Sealing(
                outbox_row=row.row_id,
                recipient=row.recipient,
                envelope_id=before.envelope_id,
                tbs_digest=before.tbs_digest,
                seal_kid=row.seal_kid,
                signed=signed,
            )
            for row in rows
            if row.seal_kid is not None
        ],
    )
    shunned = and_(outbox.c.state == _F, outbox.c.code == SIGNER_REVOKED)
    statement = update(outbox).where(own, or_(outbox.c.state.in_(OPEN), shunned))
    queued = {"state": _Q, "due_at": now, "code": "", "custodian": "", "settled_at": None}
    found = set(tx.execute(statement.values(**queued).returning(outbox.c.recipient)).scalars())
    if found:
        news.tell(tx, Topic.OUTBOX, sorted(found))
    return found


def extend_leases(tx: Transaction, row_ids: Collection[int], lease_until: int) -> None:
    """Keep rows leased whose attempt takes long."""
    statement = update(outbox).where(
        outbox.c.row_id.in_(row_ids), outbox.c.state == OutboxState.SENDING
    )
    tx.execute(statement.values(due_at=lease_until))


def release_leases(tx: Transaction, now: int) -> int:
    """At the start of the only daemon: give back what one that died held; return how many rows."""
    statement = update(outbox).where(outbox.c.state == OutboxState.SENDING)
    return tx.execute(statement.values(state=OutboxState.QUEUED, due_at=now)).rowcount


def requeue_overdue(tx: Transaction, now: int) -> int:
    """Queue leases that ran out, and what has been in custody too long; return how many rows."""
    overdue = (
        select(outbox.c.row_id)
        .where(_LEASED, outbox.c.due_at <= now)
        .limit(1000)
        .with_for_update(skip_locked=True)
    )
    rows = list(tx.execute(overdue).scalars())
    if rows:
        statement = update(outbox).where(outbox.c.row_id.in_(rows))
        tx.execute(statement.values(state=OutboxState.QUEUED, due_at=now))
    return len(rows)


def move(tx: Transaction, row_ids: Collection[int], state: OutboxState, now: int) -> set[int]:
    """Withdraw or requeue rows by hand; return those that moved."""
    moving = _legal(tx, dict.fromkeys(row_ids, state))
    if state is OutboxState.WITHDRAWN:
        changes = {"settled_at": now, "code": "", "state": _ended(state)}
    else:
        changes = {"settled_at": None, "code": "", "state": state, "due_at": now, "attempts": 0}
    tx.execute(update(outbox).where(outbox.c.row_id.in_(moving)).values(**changes))
    return moving


def waiting_recipients(tx: Transaction, names: Iterable[str]) -> dict[str, int]:
    """Return which of these members have queued rows, and when the first of each is due."""
    found = {}
    for name in names:
        # One step for each rank: the index leads to the earliest without a look at the others.
        first = select(func.min(outbox.c.due_at)).where(
            outbox.c.recipient == name,
            outbox.c.state == OutboxState.QUEUED,
            outbox.c.rank == bindparam("rank"),
        )
        times = [tx.execute(first, {"rank": rank}).scalar() for rank in range(MAX_PRIORITY + 1)]
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


def by_copy(
    tx: Transaction, message_id: bytes, envelope_id: bytes, recipient: str
) -> Claimed | None:
    """Return the row of our own message for a recipient, whatever its state.

    By any envelope that it went out in; the row's own is the newest.
    """
    found = _copy(tx, message_id, envelope_id, recipient)
    return None if found is None else by_rows(tx, [found[0]])[0]


def state_of_copy(
    tx: Transaction, message_id: bytes, envelope_id: bytes, recipient: str
) -> OutboxState | None:
    """Return how far our own message is with a recipient; None for what was never sent."""
    found = _copy(tx, message_id, envelope_id, recipient)
    return None if found is None else found[1]


def _copy(
    tx: Transaction, message_id: bytes, envelope_id: bytes, recipient: str
) -> tuple[int, OutboxState] | None:
    named = {"message_id": message_id, "envelope_id": envelope_id, "recipient": recipient}
    row = tx.execute(_OF_COPY, named).first()
    if row is None:
        earlier = sealings.row_of(tx, envelope_id, recipient)
        state = select(outbox.c.row_id, outbox.c.state).where(outbox.c.row_id == earlier)
        row = None if earlier is None else tx.execute(state).first()
    return None if row is None else (row.row_id, OutboxState(row.state))


def still_open(tx: Transaction, recipient: str, now: int) -> list[int]:
    """Return the rows that are not done for a recipient, the most urgent first."""
    statement = (
        select(outbox.c.row_id)
        .where(
            outbox.c.recipient == recipient,
            outbox.c.state.in_(OPEN),
            outbox.c.expires_at > now,
        )
        .order_by(outbox.c.rank, outbox.c.row_id)
    )
    return list(tx.execute(statement).scalars())


def note_export(tx: Transaction, row_ids: Sequence[int], now: int) -> None:
    """Note that rows were written to a medium; nothing is confirmed by that."""
    if row_ids:
        tx.execute(_EXPORTED, [{"row": row_id, "at": now} for row_id in row_ids])


def states(tx: Transaction, message_rows: Collection[int]) -> dict[int, list[RecipientState]]:
    """Return how far messages are, recipient by recipient."""
    names = RecipientState.__dataclass_fields__
    statement = (
        select(*(outbox.c[name] for name in names))
        .where(outbox.c.message_row.in_(message_rows))
        .order_by(outbox.c.recipient)
    )
    found: dict[int, list[RecipientState]] = {}
    for row in tx.execute(statement).mappings():
        state = RecipientState(**{**row, "state": OutboxState(row["state"])})
        found.setdefault(state.message_row, []).append(state)
    return found


def waiting(tx: Transaction, limit: int) -> list[tuple[str, bytes, RecipientState]]:
    """Return the rows that are not delivered: (sender, message id, state), the oldest first."""
    names = RecipientState.__dataclass_fields__
    joined = outbox.join(messages, messages.c.row_id == outbox.c.message_row)
    columns = [messages.c.sender, messages.c.message_id, *(outbox.c[name] for name in names)]
    rows = []
    for wanted in (outbox.c.settled_at.is_(None), _DEAD):
        statement = select(*columns).select_from(joined).where(wanted).limit(limit)
        for row in tx.execute(statement.order_by(outbox.c.row_id)).mappings():
            state = {name: row[name] for name in names}
            state["state"] = OutboxState(row["state"])
            rows.append((row["sender"], row["message_id"], RecipientState(**state)))
    return rows[:limit]


def counts(tx: Transaction) -> dict[str, int]:
    """Return how many rows there are, by state."""
    statement = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    found = {row[0]: row[1] for row in tx.execute(statement)}
    return {state.value: found.get(state, 0) for state in OutboxState}


def written_before(tx: Transaction, created_at: int) -> dict[str, int]:
    """Return how many deliveries that are not done are of messages written before then.

    ``queued`` counts those that wait here or are on their way, ``in_custody`` those at a relay.
    """
    statement = (
        select(outbox.c.state, func.count())
        .join_from(outbox, messages, messages.c.row_id == outbox.c.message_row)
        .where(outbox.c.settled_at.is_(None), outbox.c.state.in_(OPEN))
        .where(messages.c.created_at < created_at)
        .group_by(outbox.c.state)
    )
    found = {row[0]: row[1] for row in tx.execute(statement)}
    in_custody = found.pop(OutboxState.IN_CUSTODY, 0)
    return {"queued": sum(found.values()), "in_custody": in_custody}


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
