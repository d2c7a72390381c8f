"""What follows a recall or a rectification: it is passed along every disclosure, and answered.

Along a disclosure goes a word about our own message that passed it on. A crash before it is noted
repeats these messages under their keys: they are sent once. Source: SPEC "Handling".
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from msgspec.structs import replace

from gateway.cases.families.control import RecallReport, RecallVerdict
from gateway.cases.kinds import CATALOGUE
from gateway.cases.threads.recall import REPORT
from gateway.clock import happens
from gateway.errors import ConflictError, LiaisonError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.protocol.message import message_ref, parse_message_ref
from gateway.services.auditing.log import AuditLog
from gateway.services.auditing.search import AuditQuery, AuditSearch
from gateway.services.caller import NODE, Caller
from gateway.services.casework.events import opened_content
from gateway.services.handling.along import passed_along
from gateway.services.keys import NodeKeys
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.submission import Submission
from gateway.settings import Role
from gateway.store import disclosures, marks, messages
from gateway.store.database import Database, Transaction
from gateway.store.marks import MarkKind, StoredMark
from keys.suite import MemberId

STEP = 20
_LOOK_S = 60.0
_GROUND = "It was given as evidence before the recall came."
_PURGED = "It had been purged here before the recall came."
_AUDITOR = Caller(name="node", roles=frozenset({Role.AUDITOR}))
_log = logger()


class RecallDuties:
    """Passes recalls, rectifications and reports on, and answers recalls."""

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
        """Pass on and answer what was said, until cancelled."""
        while True:
            self._came.clear()
            try:
                await self.follow_up()
            except LiaisonError as fault:
                _log.warning("recall.waiting", code=fault.code, detail=fault.detail)
            await happens(self._came.wait(), _LOOK_S)

    async def follow_up(self) -> None:
        """Pass on and answer what is due now."""
        for mark in await self._database.read(partial(marks.due, limit=STEP)):
            passed_to: list[str] = []
            for submission in await self._database.read(partial(self._due, mark=mark)):
                if await self._say(mark, submission):
                    passed_to += submission.to
            if mark.kind is MarkKind.RECALLED and mark.sender != self._me:
                purged = await self._database.read(partial(_is_purged, mark=mark))
                report = _report(mark, passed_to, await self._readers(mark), purged=purged)
                await self._say(mark, report)
            await self._database.write(partial(marks.settle, row_id=mark.row_id))

    def _due(self, tx: Transaction, mark: StoredMark) -> Sequence[Submission]:
        if mark.kind is MarkKind.REPORTED:
            return self._passed_back(tx, mark)
        return passed_along(tx, self._me, self._keys, mark)

    def _passed_back(self, tx: Transaction, mark: StoredMark) -> Sequence[Submission]:
        """Return what those whose recall we passed along are told of a report on ours."""
        ours = message_ref(mark.sender, mark.message_id)
        recall = messages.find(tx, mark.sender, mark.message_id)
        report = next(
            (item for item in messages.by_id(tx, mark.marked_by) if item.in_reply_to == ours), None
        )
        said = None if report is None else opened_content(self._keys, CATALOGUE, report)
        if recall is None or report is None or not isinstance(said, RecallReport):
            return ()
        _, carrier_id = parse_message_ref(recall.in_reply_to)
        found = []
        for made in disclosures.in_carriers(tx, [carrier_id]):
            heard = [
                item
                for item in marks.of_message(tx, made.sender, made.message_id)
                if item.kind is MarkKind.RECALLED and item.heard_at <= recall.stored_at
            ]
            if heard and made.recipient == report.sender:
                found.append(_told_back(heard[-1], report.sender, said))
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

    async def _say(self, mark: StoredMark, submission: Submission) -> bool:
        """Say something once; tell whether it could be said. What never can be is logged."""
        key = f"recall {mark.row_id} {submission.in_reply_to}"
        try:
            (answer,) = await self._exchange.submit([submission], NODE, idempotency_key=key)
        except ConflictError as fault:
            if fault.code != "idempotency_key_reused":
                raise
            return True
        if isinstance(answer, UnavailableError):
            raise answer
        if isinstance(answer, LiaisonError):  # it must not keep back what others are to be told
            _log.warning("recall.unsaid", peer=submission.to[0], code=answer.code)
            return False
        return True


def _is_purged(tx: Transaction, mark: StoredMark) -> bool:
    stored = messages.find(tx, mark.sender, mark.message_id)
    return stored is not None and stored.purged_at is not None


def _report(
    mark: StoredMark, passed_to: Sequence[str], readers: int, *, purged: bool
) -> Submission:
    content: dict[str, Any] = {
        "message": message_ref(mark.sender, mark.message_id),
        "language": "en",
        "verdict": mark.verdict,
        "readers": readers,
        "passed_to": sorted(set(passed_to)),
    }
    grounds = [_GROUND] if mark.verdict == RecallVerdict.OBJECTED.value else []
    if purged:
        grounds.append(_PURGED)
    if grounds:
        content |= {"ground": " ".join(grounds)}
    return Submission(
        to=[mark.sender],
        kind=REPORT,
        content=content,
        in_reply_to=message_ref(mark.sender, mark.marked_by),
    )


def _told_back(heard: StoredMark, reporter: str, said: RecallReport) -> Submission:
    content: dict[str, Any] = {
        "message": message_ref(heard.sender, heard.message_id),
        "language": said.language,
        "verdict": said.verdict.value,
        "readers": said.readers,
        "passed_to": list(said.passed_to),
        "reported_by": said.reported_by or reporter,
    }
    if said.ground:
        content |= {"ground": said.ground}
    return Submission(
        to=[heard.sender],
        kind=REPORT,
        content=content,
        in_reply_to=message_ref(heard.sender, heard.marked_by),
    )
