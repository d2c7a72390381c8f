"""Burying: destroy what was said in a case, and leave a tombstone of each message.

Whatever can be told of a message without its content is read before the transaction; in it nothing
is opened, and it looks again at whether the case is still what was read.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from gateway.cases.content import read_content
from gateway.cases.kinds import CATALOGUE
from gateway.cases.threads.thread import REFUSE
from gateway.clock import Clock
from gateway.errors import LiaisonError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.protocol.message import decode_payload, payload_digest
from gateway.protocol.opening import open_body
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.sending.outcomes import content_key
from gateway.store import attachments, audit, drafts, messages, threads, tombstones
from gateway.store.audit import NewEntry
from gateway.store.blobs import BlobStore
from gateway.store.database import Database, Transaction
from gateway.store.messages import MessageSummary
from gateway.store.tombstones import Tombstone

OPENED_AT_ONCE = 16
"""Whose bodies are in memory together, of a mebibyte at most each."""
NAMED_AT_ONCE = 64
"""How many messages one entry of the audit log names."""
_log = logger()

Stones = dict[int, Tombstone | None]
"""By row; None for a message that could not be opened even before."""


class Burying:
    """Makes tombstones, puts them in place, and deletes what lay under them."""

    def __init__(
        self, database: Database, blobs: BlobStore, keys: NodeKeys, ledger: Ledger, clock: Clock
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._keys = keys
        self._ledger = ledger
        self._clock = clock
        self.owes = True
        """Whether the journal may still hold what was buried; so it may after a crash."""

    async def stones(self, stored: Sequence[MessageSummary]) -> Stones:
        """Return what is to stay of messages; of those that are buried already, nothing new."""
        rows = [item.row_id for item in stored if item.purged_at is None]
        found: Stones = {}
        for start in range(0, len(rows), OPENED_AT_ONCE):
            some = rows[start : start + OPENED_AT_ONCE]
            found |= await self._database.read(partial(self._made, rows=some))
        return found

    def bury(
        self, tx: Transaction, stored: Sequence[MessageSummary], stones: Stones, by: str, why: str
    ) -> bool:
        """Put tombstones in place and record it; tell whether the messages are what was read."""
        left = [item for item in stored if item.purged_at is None]
        if {item.row_id for item in left} != set(stones):
            return False
        tombstones.bury(tx, stones, self._clock.now())
        for case_id in {item.case_id for item in stored}:
            threads.bury(tx, case_id)
            drafts.forget_unsent(tx, case_id)
        audit.append(tx, self._entries(left, by, why))
        return True

    async def scrub(self) -> None:
        """Delete the attachments that nothing names any more, and what the journal still holds."""
        now = self._clock.now()
        for location in await self._database.write(partial(attachments.forget_unnamed, now=now)):
            await asyncio.to_thread(self._blobs.delete, location)
        self.owes = not await self._database.scrub()
        if self.owes:
            _log.warning("journal.kept")

    def _made(self, tx: Transaction, rows: Sequence[int]) -> Stones:
        found: Stones = {}
        for item in messages.by_rows(tx, rows):
            try:
                inner = open_body(item.header, item.body, content_key(self._keys, item))
            except LiaisonError as fault:  # its key is gone: nobody reads it any more
                _log.warning("message.unread", code=fault.code)
                found[item.row_id] = None
                continue
            found[item.row_id] = Tombstone(
                signed=inner.signed,
                payload_digest=payload_digest(inner.payload),
                part=item.kind == REFUSE and _refuses_part(inner.payload),
            )
        return found

    def _entries(self, buried: Sequence[MessageSummary], by: str, why: str) -> list[NewEntry]:
        names = [item.envelope_id for item in buried]
        return [
            self._ledger.entry(
                EntryKind.CASE_PURGED,
                peer=by,
                digests=names[start : start + NAMED_AT_ONCE],
                code=why,
            )
            for start in range(0, len(names), NAMED_AT_ONCE)
        ]


def _refuses_part(payload: bytes) -> bool:
    """Tell whether a refusal is of a part only; of one that cannot be read, as threads take it."""
    try:
        content = read_content(CATALOGUE[REFUSE], decode_payload(payload).content)
    except LiaisonError:
        return False
    return bool(getattr(content, "part", False))
