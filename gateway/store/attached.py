"""Attachments that come after the receipt of their message, and how far each is.

A received message has a row for each attachment that was not there when its receipt was given; one
without a row was.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, insert, or_, select, text, update

from gateway.store.attachments import OWN
from gateway.store.database import Transaction
from gateway.store.messages import IN
from gateway.store.outbox.states import OPEN, OutboxState
from gateway.store.schema import (
    attached,
    blobs,
    message_blobs,
    messages,
    outbox,
    sealings,
    segments,
)


class AttachmentState(StrEnum):
    """Where an attachment stands; each says who moves it on."""

    WHOLE = "whole"
    """Here, and what its sender signed. Final."""
    PENDING = "pending"
    """It is to be fetched from who brought the message. A crash leaves it due after its lease."""
    ON_DEMAND = "on_demand"
    """It stays with who brought the message until somebody asks for it."""
    LOST = "lost"
    """It will not come; the code says why. Final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttached:
    """An attachment of a received message that is not there yet."""

    blob_id: bytes
    origin: str
    state: AttachmentState
    due_at: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """An attachment of a message."""

    row_id: int
    message_row: int
    blob_id: bytes
    origin: str
    state: AttachmentState
    due_at: int
    expires_at: int
    attempts: int
    code: str
    held_segments: int
    """How many of its segments are stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetchable:
    """An attachment that is due to be fetched, with the name of its message."""

    row_id: int
    blob_id: bytes
    origin: str
    expires_at: int
    attempts: int
    sender: str
    message_id: bytes
    envelope_id: bytes

    @property
    def message(self) -> tuple[str, bytes]:
        """By what its message is known."""
        return self.sender, self.message_id


_FETCHABLE = select(
    *(
        (attached if name in attached.c else messages).c[name]
        for name in Fetchable.__dataclass_fields__
    )
).join_from(attached, messages, messages.c.row_id == attached.c.message_row)
_OPEN = (AttachmentState.PENDING, AttachmentState.ON_DEMAND)
# Spelt out as the partial indexes are, or they are not seen.
_IS_PENDING = text("attached.state = 'pending'")
_IS_OPEN = text("attached.state IN ('pending', 'on_demand')")


def record(tx: Transaction, message: tuple[str, bytes], missing: Sequence[NewAttached]) -> None:
    """Note what a received message (sender, message id) lacks, in the commit that stores it."""
    sender, message_id = message
    found = select(messages.c.row_id).where(
        messages.c.message_id == message_id, messages.c.sender == sender
    )
    message_row = tx.execute(found).scalar_one()
    rows = [
        {
            "message_row": message_row, "blob_id": item.blob_id, "origin": item.origin,
            "state": item.state, "due_at": item.due_at, "expires_at": item.expires_at,
            "attempts": 0, "code": "",
        }
        for item in missing
    ]  # fmt: skip
    tx.execute(insert(attached), rows)


def of_messages(tx: Transaction, message_rows: Collection[int]) -> dict[int, list[Attached]]:
    """Return what is noted of the attachments of received messages."""
    held = (
        select(func.count())
        .select_from(segments)
        .where(segments.c.blob_row == blobs.c.row_id)
        .scalar_subquery()
    )
    came = (blobs.c.blob_id == attached.c.blob_id) & (blobs.c.origin == attached.c.origin)
    statement = (
        select(attached, func.coalesce(held, 0).label("held_segments"))
        .select_from(attached.outerjoin(blobs, came))
        .where(attached.c.message_row.in_(message_rows))
        .order_by(attached.c.row_id)
    )
    found: dict[int, list[Attached]] = {}
    for row in tx.execute(statement).mappings():
        item = Attached(**{**row, "state": AttachmentState(row["state"])})
        found.setdefault(item.message_row, []).append(item)
    return found


def wanted(tx: Transaction, message_ids: Collection[bytes]) -> dict[bytes, list[bytes]]:
    """Return, by envelope, which attachments received messages still lack and may still get."""
    statement = (
        select(messages.c.envelope_id, attached.c.blob_id)
        .join_from(attached, messages, messages.c.row_id == attached.c.message_row)
        .where(
            messages.c.message_id.in_(message_ids),
            messages.c.direction == IN,
            attached.c.state.in_(_OPEN),
        )
        .order_by(attached.c.row_id)
    )
    found: dict[bytes, list[bytes]] = {}
    for row in tx.execute(statement):
        found.setdefault(row.envelope_id, []).append(row.blob_id)
    return found


def ask(tx: Transaction, row_id: int, now: int) -> None:
    """Let an attachment be fetched now: somebody wants it."""
    statement = update(attached).where(attached.c.row_id == row_id, attached.c.state.in_(_OPEN))
    tx.execute(statement.values(state=AttachmentState.PENDING, due_at=now))


def claim(tx: Transaction, *, now: int, lease_until: int, most: int) -> list[Fetchable]:
    """Lease attachments that are due to be fetched, the longest due first."""
    statement = (
        _FETCHABLE.where(_IS_PENDING, attached.c.due_at <= now, attached.c.expires_at > now)
        .order_by(attached.c.due_at)
        .limit(most)
        .with_for_update(of=attached, skip_locked=True)
    )
    found = [Fetchable(**row) for row in tx.execute(statement).mappings()]
    extend_lease(tx, [item.row_id for item in found], lease_until)
    return found


def extend_lease(tx: Transaction, row_ids: Collection[int], lease_until: int) -> None:
    """Keep what is being fetched from others."""
    leased = attached.c.row_id.in_(row_ids), attached.c.state == AttachmentState.PENDING
    tx.execute(update(attached).where(*leased).values(due_at=lease_until))


def release_leases(tx: Transaction, now: int) -> None:
    """At the start of the only daemon: what one that died was fetching is due."""
    tx.execute(update(attached).where(_IS_PENDING).values(due_at=now))


def next_due(tx: Transaction) -> int | None:
    """Return when the next attachment is due to be fetched; None for nothing to fetch."""
    found: int | None = tx.execute(select(func.min(attached.c.due_at)).where(_IS_PENDING)).scalar()
    return found


def defer(tx: Transaction, row_id: int, *, due_at: int, code: str) -> None:
    """Give an attachment back whose attempt came to nothing."""
    waiting = attached.c.row_id == row_id, attached.c.state == AttachmentState.PENDING
    changes = {"due_at": due_at, "code": code, "attempts": attached.c.attempts + 1}
    tx.execute(update(attached).where(*waiting).values(**changes))


def end(tx: Transaction, row_id: int, state: AttachmentState, code: str = "") -> bool:
    """End an attachment, whole or lost; tell if it moved."""
    waiting = attached.c.row_id == row_id, attached.c.state.in_(_OPEN)
    statement = update(attached).where(*waiting).values(state=state, code=code)
    return tx.execute(statement).rowcount == 1


def expired(tx: Transaction, now: int) -> list[Fetchable]:
    """Return what did not come before its message expired, 1,000 at most."""
    statement = _FETCHABLE.where(_IS_OPEN, attached.c.expires_at <= now).limit(1000)
    return [Fetchable(**row) for row in tx.execute(statement).mappings()]


def is_sent_to(tx: Transaction, recipient: str, envelope_id: bytes, blob_id: bytes) -> bool:
    """Tell whether a message of our own that names this blob went to ``recipient``."""
    alive = (*OPEN, OutboxState.DELIVERED)
    earlier = select(sealings.c.outbox_row).where(
        sealings.c.envelope_id == envelope_id, sealings.c.recipient == recipient
    )
    statement = (
        select(outbox.c.row_id)
        .select_from(
            blobs.join(message_blobs, message_blobs.c.blob_row == blobs.c.row_id)
            .join(messages, messages.c.row_id == message_blobs.c.message_row)
            .join(outbox, outbox.c.message_row == messages.c.row_id)
        )
        .where(
            blobs.c.blob_id == blob_id,
            blobs.c.origin == OWN,
            or_(messages.c.envelope_id == envelope_id, outbox.c.row_id.in_(earlier)),
            outbox.c.recipient == recipient,
            outbox.c.state.in_(alive),
        )
    )
    return tx.execute(statement.limit(1)).first() is not None
