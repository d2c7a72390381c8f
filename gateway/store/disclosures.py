"""Disclosures: what of others' content left for whom, when, and under which consent.

Names and codes, no content. They outlive the messages that they name: a recall goes the same way.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Select, insert, select, update

from gateway.store.database import Transaction
from gateway.store.outbox.states import OutboxState
from gateway.store.schema import disclosures, messages, outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One message of another, passed on to one member in a message of ours."""

    sender: str
    message_id: bytes
    envelope_id: bytes
    """Of what was passed on, as it came."""
    recipient: str
    carrier_id: bytes
    """The id of our message that it went in."""
    purpose: str
    consent_id: bytes | None
    """The originator's consent; None where its handling needed none."""
    disclosed_at: int
    notice_due_at: int | None
    """Since when the originator is to be told; None for not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDisclosure(Disclosure):
    """A disclosure with its row."""

    row_id: int


_DEAD: Final = (OutboxState.FAILED, OutboxState.EXPIRED, OutboxState.WITHDRAWN)
_WHOLE = [disclosures.c[name] for name in StoredDisclosure.__dataclass_fields__]


def record(tx: Transaction, made: Sequence[Disclosure]) -> None:
    """Keep disclosures, in the transaction of the messages that they go in."""
    if made:
        tx.execute(insert(disclosures), [asdict(item) for item in made])


def of_message(tx: Transaction, sender: str, message_id: bytes) -> list[StoredDisclosure]:
    """Return to whom a message was passed on, the earliest first."""
    wanted = disclosures.c.sender == sender, disclosures.c.message_id == message_id
    statement = select(*_WHOLE).where(*wanted).order_by(disclosures.c.row_id)
    return [StoredDisclosure(**row) for row in tx.execute(statement).mappings()]


def in_carriers(tx: Transaction, carriers: Collection[bytes]) -> list[StoredDisclosure]:
    """Return what messages of ours pass on."""
    statement = select(*_WHOLE).where(disclosures.c.carrier_id.in_(carriers))
    found = tx.execute(statement.order_by(disclosures.c.row_id)).mappings()
    return [StoredDisclosure(**row) for row in found]


def is_notice_due(tx: Transaction) -> bool:
    """Tell whether an originator is to be told of anything, arrived or not."""
    due = select(disclosures.c.row_id).where(disclosures.c.notice_due_at.is_not(None))
    return tx.execute(due.limit(1)).first() is not None


def arrived(tx: Transaction, me: str, limit: int) -> list[StoredDisclosure]:
    """Return disclosures that arrived, and that their originators are to be told of."""
    statement = _awaited(me, OutboxState.DELIVERED).limit(limit)
    return [StoredDisclosure(**row) for row in tx.execute(statement).mappings()]


def forget_undelivered(tx: Transaction, me: str) -> None:
    """Let there be no notice of what ended without having arrived."""
    rows = [row.row_id for row in tx.execute(_awaited(me, *_DEAD))]
    noticed(tx, rows)


def noticed(tx: Transaction, rows: Collection[int]) -> None:
    """Note that nothing is to be told of these any more."""
    statement = update(disclosures).where(disclosures.c.row_id.in_(rows))
    tx.execute(statement.values(notice_due_at=None))


def _awaited(me: str, *states: OutboxState) -> Select[Any]:
    """Return the disclosures to be told of whose delivery is in one of these states."""
    return (
        select(*_WHOLE)
        .join(
            messages,
            (messages.c.message_id == disclosures.c.carrier_id) & (messages.c.sender == me),
        )
        .join(
            outbox,
            (outbox.c.message_row == messages.c.row_id)
            & (outbox.c.recipient == disclosures.c.recipient),
        )
        .where(disclosures.c.notice_due_at.is_not(None), outbox.c.state.in_(states))
        .order_by(disclosures.c.row_id)
    )
