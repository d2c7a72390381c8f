"""A database in a folder, and rows to put into it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.store import messages, migrate
from gateway.store.database import Database, FaultHook, Transaction
from gateway.store.outbox import queueing

NOW = 1_790_000_000


@contextmanager
def database(folder: Path, *, fault: FaultHook | None = None) -> Iterator[Database]:
    """Yield a fresh database."""
    url = f"sqlite:///{folder / 'liaison.db'}"
    migrate.upgrade(url)
    opened = Database.open(url, fault=fault)
    try:
        yield opened
    finally:
        opened.close()


def message(
    number: int, *, direction: str = messages.OUT, body: bytes = b"sealed", **changes: Any
) -> messages.NewMessage:
    """Return a message that differs by its number."""
    name = hashlib.sha256(str(number).encode()).digest()
    values = {
        "direction": direction, "sender": "XA", "on_behalf_of": "", "message_id": name[:16],
        "kind": "case.reply", "case_id": bytes(16), "seq": number, "in_reply_to": "",
        "created_at": NOW, "stored_at": NOW, "expires_at": NOW + 1000, "priority": 5,
        "attachments": 0, "envelope_id": name, "tbs_digest": name, "header": b"header",
        "body": body, "storage_key_id": bytes(32), "wrapped_key": b"wrapped",
    }  # fmt: skip
    return messages.NewMessage(**values | changes)


def queue(tx: Transaction, number: int, *recipients: str, now: int = NOW, **changes: int) -> int:
    """Accept a message for these recipients; return its row."""
    (row,) = messages.record_outgoing(tx, [message(number, **changes)])
    shared = queueing.Queueing(
        message_row=row, priority=changes.get("priority", 5), now=now, expires_at=NOW + 1000
    )
    rows = [queueing.NewRow(recipient=name, seal_kid=None, wrapped=None) for name in recipients]
    queueing.enqueue(tx, [(shared, item) for item in rows])
    return row


async def all_of(*jobs: Awaitable[Any]) -> list[Any]:
    """Return what each job came to, its exception included."""
    return await asyncio.gather(*jobs, return_exceptions=True)  # noqa: TID251 - outcomes wanted
