"""Notices: tell originators that what is theirs was passed on, where their consent asks for it.

Sent once a disclosure arrived; of one that did not, nothing is told. A crash before it is noted
repeats the message under its key: it is sent once.
"""

from datetime import UTC, datetime
from functools import partial
from typing import NoReturn

from gateway.clock import Clock
from gateway.errors import ConflictError, LiaisonError, RejectedError
from gateway.logs import logger
from gateway.protocol.message import message_ref
from gateway.services.caller import NODE
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.submission import Submission
from gateway.store import disclosures
from gateway.store.commits import Commits
from gateway.store.database import Database
from gateway.store.disclosures import StoredDisclosure
from keys.suite import MemberId

STEP = 100
_LOOK_S = 2.0
_log = logger()


class Notices:
    """Sends notices of disclosures."""

    def __init__(self, me: MemberId, database: Database, exchange: Exchange, clock: Clock) -> None:
        self._me = me
        self._database = database
        self._exchange = exchange
        self._clock = clock
        self._commits = Commits(database)

    async def run(self) -> NoReturn:
        """Send what is due, until cancelled."""
        while True:
            try:
                if self._commits.are_new():
                    with self._commits.looked_at():
                        await self.send()
            except LiaisonError as fault:
                _log.warning("notice.unsent", code=fault.code, detail=fault.detail)
            await self._clock.sleep(_LOOK_S)

    async def send(self) -> int:
        """Send the notices that are due now; return how many."""
        if not await self._database.read(disclosures.is_notice_due):
            return 0
        await self._database.write(partial(disclosures.forget_undelivered, me=self._me))
        due = await self._database.read(partial(disclosures.arrived, me=self._me, limit=STEP))
        for item in due:
            await self._tell(item)
            await self._database.write(partial(disclosures.noticed, rows=[item.row_id]))
        return len(due)

    async def _tell(self, item: StoredDisclosure) -> None:
        """Tell one originator. One that cannot be told, ever, is given up: it is in our log."""
        key = f"disclosure {item.row_id}"
        try:
            (answer,) = await self._exchange.submit([_notice(item)], NODE, idempotency_key=key)
        except ConflictError as fault:
            if fault.code != "idempotency_key_reused":
                raise
            return
        if isinstance(answer, RejectedError):
            _log.warning("notice.unsent", peer=item.sender, code=answer.code)
        elif isinstance(answer, LiaisonError):
            raise answer


def _notice(item: StoredDisclosure) -> Submission:
    consent = message_ref(item.sender, item.consent_id or b"")
    return Submission(
        to=[item.sender],
        kind="disclosure.notice",
        in_reply_to=consent,
        content={
            "message": message_ref(item.sender, item.message_id),
            "language": "en",
            "recipient": item.recipient,
            "member": item.recipient,
            "purpose": item.purpose,
            "disclosed_on": datetime.fromtimestamp(item.disclosed_at, UTC).date().isoformat(),
            "ground": f"consent {consent}",
        },
    )
