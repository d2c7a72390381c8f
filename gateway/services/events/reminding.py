"""Reminding by the node itself, where the settings say so: of what another has not done in time.

Once for each date, whoever reminded: what is said in the case tells. A state that takes no reminder
gets none, and nothing follows from one; the consequence is an officer's to draw. Source: SPEC
"Cases".
"""

from functools import partial
from typing import Final, NoReturn

from gateway.cases.threads.event import Side
from gateway.cases.threads.thread import TABLE
from gateway.clock import Clock
from gateway.errors import ConflictError, ForbiddenError, LiaisonError, RejectedError
from gateway.logs import logger
from gateway.protocol.envelope import parse_header
from gateway.services.caller import NODE
from gateway.services.casework.events import opened_payload
from gateway.services.keys import NodeKeys
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.submission import Submission
from gateway.settings import CasesSettings
from gateway.store import messages, threads
from gateway.store.database import Database, Transaction
from gateway.store.threads import StoredThread

REMIND: Final = "case.remind"
STATES: Final = tuple(str(state) for state in TABLE[REMIND, Side.ASKER])
"""In which a thread takes a reminder."""
STEP: Final = 100
LOOK_S: Final = 300.0
_DAY_S: Final = 86_400
_KEPT_S: Final = 366 * _DAY_S
"""What is late for longer is not reminded of any more."""
_log = logger()


class Reminding:
    """Sends reminders of what is late, as the asker."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        exchange: Exchange,
        clock: Clock,
        settings: CasesSettings,
    ) -> None:
        self._database = database
        self._keys = keys
        self._exchange = exchange
        self._clock = clock
        self._after_s = settings.remind_after_days * _DAY_S

    async def run(self) -> NoReturn:
        """Remind of what is late, until cancelled."""
        while True:
            try:
                await self.remind()
            except LiaisonError as fault:
                _log.warning("reminder.unsent", code=fault.code, detail=fault.detail)
            await self._clock.sleep(LOOK_S)

    async def remind(self) -> None:
        """Remind of everything that is late by as many days as the settings say."""
        if not self._after_s:
            return
        late, place = self._clock.now() - self._after_s, (0, 0)
        while True:
            look = partial(self._page, late=late, after=place)
            found, due = await self._database.read(look)
            for thread, submission in due:
                await self._say(thread, submission)
            if len(found) < STEP:
                return
            place = found[-1].due_at, found[-1].row_id

    def _page(
        self, tx: Transaction, *, late: int, after: tuple[int, int]
    ) -> tuple[list[StoredThread], list[tuple[StoredThread, Submission]]]:
        """Return a page of what is late, and the reminders that lack."""
        wanted = threads.ThreadFilter(
            states=STATES, asker=self._keys.member, due_until=late, due_since=late - _KEPT_S
        )
        found = threads.page(tx, wanted, after=after, limit=STEP)
        due = [item for item in found if item.due_by == item.asked and not self._is_said(tx, item)]
        return found, [(item, self._reminder(tx, item)) for item in due]

    def _is_said(self, tx: Transaction, thread: StoredThread) -> bool:
        return any(
            said.kind == REMIND
            and said.direction == messages.OUT
            and said.created_at >= thread.due_at
            and thread.asked in parse_header(said.header).to
            for said in messages.of_cases(tx, [thread.case_id])
        )

    def _reminder(self, tx: Transaction, thread: StoredThread) -> Submission:
        (request,) = messages.by_rows(tx, [thread.request_row])
        try:
            unit = opened_payload(self._keys, request).unit
        except LiaisonError:  # it is closed for good: the reminder is the whole house's
            unit = None
        return Submission(
            to=[thread.asked],
            kind=REMIND,
            content={"language": "en"},
            case=thread.case_id.hex(),
            unit=unit or None,
            on_behalf_of=request.on_behalf_of or None,
        )

    async def _say(self, thread: StoredThread, submission: Submission) -> None:
        """Say it once; what cannot be said, because the case moved or ever, is logged."""
        key = f"remind {thread.case_id.hex()} {thread.asked} {thread.due_at}"
        try:
            (answer,) = await self._exchange.submit([submission], NODE, idempotency_key=key)
        except ConflictError as fault:
            if fault.code != "idempotency_key_reused":
                raise
            return
        if isinstance(answer, RejectedError | ForbiddenError | ConflictError):
            _log.warning("reminder.unsent", peer=thread.asked, code=answer.code)
        elif isinstance(answer, LiaisonError):
            raise answer
