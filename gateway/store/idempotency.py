"""What was answered to a request that named an ``Idempotency-Key``, for a day."""

from sqlalchemy import delete, select

from gateway.errors import ConflictError
from gateway.store.database import Transaction
from gateway.store.engine import InsertNew
from gateway.store.schema import idempotency

KEEP_S = 86_400

_RECORD = InsertNew(
    idempotency, ["caller", "key"], returning=[idempotency.c.key, idempotency.c.caller]
)


def find(tx: Transaction, caller: str, key: str, request_digest: bytes) -> bytes | None:
    """Return what was answered to this request before.

    Raises ConflictError ``idempotency_key_reused`` when the key came with another request.
    """
    statement = select(idempotency.c.request_digest, idempotency.c.answer).where(
        idempotency.c.caller == caller, idempotency.c.key == key
    )
    row = tx.execute(statement).first()
    if row is None:
        return None
    if row.request_digest != request_digest:
        raise ConflictError(
            "idempotency_key_reused", "this Idempotency-Key was used for another request"
        )
    answer: bytes = row.answer
    return answer


def record(
    tx: Transaction, caller: str, key: str, request_digest: bytes, *, answer: bytes, now: int
) -> None:
    """Keep an answer, in the transaction of what was done.

    Raises ConflictError ``idempotency_key_busy`` when another daemon answered the key meanwhile.
    """
    row = {"caller": caller, "key": key, "request_digest": request_digest, "answer": answer}
    if tx.execute(_RECORD.on(tx), [row | {"stored_at": now}]).first() is None:
        raise ConflictError("idempotency_key_busy", "this request is under way already")


def sweep(tx: Transaction, now: int) -> int:
    """Delete what is older than a day; return how many."""
    old = idempotency.c.stored_at <= now - KEEP_S
    return tx.execute(delete(idempotency).where(old)).rowcount
