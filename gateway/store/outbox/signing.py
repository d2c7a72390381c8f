"""How a copy is sealed and signed anew while it waits, and what it was before."""

from sqlalchemy import and_, or_, select, update

from gateway.store import news, sealings
from gateway.store.database import Transaction
from gateway.store.messages import StoredMessage
from gateway.store.news import Topic
from gateway.store.outbox.states import DEAD, OPEN, SIGNER_REVOKED, OutboxState
from gateway.store.schema import messages, outbox
from gateway.store.sealings import Sealing


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


def unfinished(tx: Transaction, now: int) -> list[int]:
    """Return the rows of the messages that are not delivered to everybody, and may still be."""
    found: set[int] = set()
    for wanted in (outbox.c.settled_at.is_(None), DEAD):
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
    shunned = and_(outbox.c.state == OutboxState.FAILED, outbox.c.code == SIGNER_REVOKED)
    statement = update(outbox).where(own, or_(outbox.c.state.in_(OPEN), shunned))
    queued = {
        "state": OutboxState.QUEUED,
        "due_at": now,
        "code": "",
        "custodian": "",
        "settled_at": None,
    }
    found = set(tx.execute(statement.values(**queued).returning(outbox.c.recipient)).scalars())
    if found:
        news.tell(tx, Topic.OUTBOX, sorted(found))
    return found
