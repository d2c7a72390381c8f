"""What follows a recall: it is passed along every disclosure, and answered.

Along a disclosure goes a recall of our own message that passed it on. A crash before it is noted
repeats these messages under their keys: they are sent once. Source: SPEC "Handling".
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from msgspec.structs import replace

from gateway.cases.control import Recall, RecallVerdict
from gateway.cases.kinds import CATALOGUE
from gateway.cases.thread import RECALL
from gateway.clock import happens
from gateway.errors import ConflictError, LiaisonError, RejectedError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.protocol.message import message_ref
from gateway.services.auditing.log import AuditLog
from gateway.services.auditing.search import AuditQuery, AuditSearch
from gateway.services.caller import NODE, Caller
from gateway.services.casework.events import opened_content, opened_payload
from gateway.services.keys import NodeKeys
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.submission import Submission
from gateway.settings import Role
from gateway.store import disclosures, marks, messages
from gateway.store.database import Database, Transaction
from gateway.store.marks import StoredMark
from gateway.store.messages import StoredMessage
from keys.suite import MemberId

STEP = 20
_LOOK_S = 60.0
_GROUND = "It was given as evidence before the recall came."
_AUDITOR = Caller(name="node", roles=frozenset({Role.AUDITOR}))
_log = logger()


class RecallDuties:
    """Passes recalls along and answers them."""

    def __init__(
        self,
        me: MemberId,
        database: Database,
        keys: NodeKeys,
        exchange: Exchange,
        *,
        audit_log: AuditLog,
        audit_search: AuditSearch,
        came: asyncio.Event,
    ) -> None:
        self._me = me
        self._database = database
        self._keys = keys
        self._exchange = exchange
        self._audit_log = audit_log
        self._audit_search = audit_search
        self._came = came

    async def run(self) -> NoReturn:
        """Pass along and answer what was recalled, until cancelled."""
        while True:
            self._came.clear()
            try:
                await self.follow_up()
            except LiaisonError as fault:
                _log.warning("recall.waiting", code=fault.code, detail=fault.detail)
            await happens(self._came.wait(), _LOOK_S)

    async def follow_up(self) -> None:
        """Pass along and answer what is due now."""
        for mark in await self._database.read(partial(marks.due, limit=STEP)):
            passed_to: list[str] = []
            for submission in await self._database.read(partial(self._along, mark=mark)):
                if await self._say(mark, submission):
                    passed_to += submission.to
            await self._say(mark, _report(mark, passed_to, await self._readers(mark)))
            await self._database.write(partial(marks.settle, row_id=mark.row_id))

    def _along(self, tx: Transaction, mark: StoredMark) -> Sequence[Submission]:
        """Return a recall of each message of ours that passed on what is recalled."""
        stored = messages.find(tx, mark.sender, mark.marked_by)
        recall = None if stored is None else opened_content(self._keys, CATALOGUE, stored)
        reason = recall.reason.value if isinstance(recall, Recall) else "sent_by_mistake"
        files = set(recall.attachments) if isinstance(recall, Recall) else set()
        goes: dict[bytes, list[str]] = {}
        for made in disclosures.of_message(tx, mark.sender, mark.message_id):
            goes.setdefault(made.carrier_id, []).append(made.recipient)
        found = []
        for carrier_id, to in goes.items():
            carrier = messages.find(tx, self._me, carrier_id)
            held = files & set() if carrier is None else files & self._files(carrier)
            if files and not held:
                continue  # only files are recalled, and none of them went with this one
            name = message_ref(self._me, carrier_id)
            content: dict[str, Any] = {"message": name, "language": "en", "reason": reason}
            if held:
                content |= {"attachments": sorted(held)}
            found.append(Submission(to=to, kind=RECALL, content=content, in_reply_to=name))
        return found

    async def _readers(self, mark: StoredMark) -> int:
        """Return how many of the house read what is recalled, by our audit log."""
        name = message_ref(mark.sender, mark.message_id)
        query = AuditQuery(message=name, kind=EntryKind.MESSAGE_READ, limit=1000)
        who: set[str] = set()
        await self._audit_log.sequence()  # a search sees what stands under a head
        try:
            while True:
                page = await self._audit_search.find(query, _AUDITOR)
                who.update(entry.peer for entry in page.entries)
                if page.next is None:
                    return len(who)
                query = replace(query, cursor=page.next)
        except RejectedError:  # it never came
            return 0

    def _files(self, carrier: StoredMessage) -> set[str]:
        try:
            named = opened_payload(self._keys, carrier).attachments
        except LiaisonError:
            return set()
        return {file.plain_digest.hex() for file in named}

    async def _say(self, mark: StoredMark, submission: Submission) -> bool:
        """Say something once; tell whether it could be said. What never can be is logged."""
        key = f"recall {mark.row_id} {submission.in_reply_to}"
        try:
            (answer,) = await self._exchange.submit([submission], NODE, idempotency_key=key)
        except ConflictError as fault:
            if fault.code != "idempotency_key_reused":
                raise
            return True
        if isinstance(answer, RejectedError):
            _log.warning("recall.unsaid", peer=submission.to[0], code=answer.code)
            return False
        if isinstance(answer, LiaisonError):
            raise answer
        return True


def _report(mark: StoredMark, passed_to: Sequence[str], readers: int) -> Submission:
    content: dict[str, Any] = {
        "message": message_ref(mark.sender, mark.message_id),
        "language": "en",
        "verdict": mark.verdict,
        "readers": readers,
        "passed_to": sorted(set(passed_to)),
    }
    if mark.verdict == RecallVerdict.OBJECTED.value:
        content |= {"ground": _GROUND}
    return Submission(
        to=[mark.sender],
        kind="information.recall_report",
        content=content,
        in_reply_to=message_ref(mark.sender, mark.marked_by),
    )
