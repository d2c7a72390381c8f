"""Offer members that were restored from a backup again what they receipted and lost.

A member says so itself, by a signed message of the kind ``restored``; it can only ask for its own
mail, and once a day. What it receipted in the time that it lost goes to it again, the same message
in the same envelope: what it still has, it answers with the receipt that it stored, so that its
house sees everything once. As a relay, this node forgets what became of copies for it.
Source: SPEC "Restored from a backup".
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import NoReturn

from gateway.cases.content import decode_content
from gateway.cases.families.service import Restored
from gateway.cases.kinds import kind_named
from gateway.clock import Clock, happens
from gateway.errors import LiaisonError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.protocol.opening import OpenedMessage
from gateway.services.ledger import Ledger
from gateway.store import restorations, way_back
from gateway.store.audit import NewEntry
from gateway.store.database import Database, Transaction
from gateway.store.outbox import queueing
from gateway.store.restorations import Restoration
from keys.suite import MemberId

RESTORED = "restored"
DAY_S = 86_400
REOFFER_S = 30 * DAY_S
"""How far back mail is offered again: no message lives longer, by default."""
SLACK_S = 600
"""How far clocks may differ, and a receipt may lie behind the entry that names it."""
STEP = 500
"""How many deliveries are looked at in one commit."""
_LOOK_S = 60.0
_log = logger()


class Reoffering:
    """Hears who was restored, and offers it again what it lost."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        clock: Clock,
        *,
        queued: Callable[[Collection[MemberId]], None],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._queued = queued
        self._gaps: dict[str, tuple[int, int]] = {}
        self._woken = asyncio.Event()

    def hear(self, tx: Transaction, opened: OpenedMessage) -> NewEntry:
        """Keep what a member said, in the transaction that stores it; return what is recorded.

        A second time within a day it is acted on when the day is over.
        """
        content = decode_content(kind_named(RESTORED), opened.payload.content)
        assert isinstance(content, Restored)  # noqa: S101 - judged already
        now = self._clock.now()
        heard = Restoration(
            member=opened.sender,
            shard=content.shard,
            since=max(content.since, now - REOFFER_S),
            until=min(content.until, now + SLACK_S),
            heard_at=now,
            due_at=now,
            position=0,
        )
        before = restorations.find(tx, opened.sender)
        if before is not None:
            waits = before.position is not None
            heard = replace(
                heard,
                since=min(heard.since, before.since) if waits else heard.since,
                due_at=max(now, before.due_at if waits else before.due_at + DAY_S),
            )
        restorations.keep(tx, heard)
        return self._ledger.entry(EntryKind.LOG_RESTARTED, peer=opened.sender, code=content.shard)

    def wake(self) -> None:
        """Look at once: somebody was heard."""
        self._woken.set()

    def lost(self, member: MemberId, at: int) -> bool:
        """Tell whether a member lost what it stored at a time, by its own clock."""
        since, until = self._gaps.get(member, (0, 0))
        return since < at < until

    async def run(self) -> NoReturn:
        """Offer again what is due, until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.offer()
            except LiaisonError as fault:
                _log.warning("mail.unoffered", code=fault.code, detail=fault.detail)
            await happens(self._woken.wait(), _LOOK_S)

    async def offer(self) -> None:
        """Offer again what is due now."""
        now = self._clock.now()
        known = await self._database.read(restorations.listing)
        self._gaps = {item.member: (item.since, item.until) for item in known}
        for heard in known:
            if heard.position is not None and heard.due_at <= now:
                await self._offer_to(heard)

    async def _offer_to(self, heard: Restoration) -> None:
        now, member, moved = self._clock.now(), MemberId(heard.member), 0
        await self._database.write(partial(way_back.forget_outcomes, recipient=member))
        position = heard.position
        while position is not None:
            count, position = await self._database.write(
                partial(_step, heard=heard, after=position, now=now)
            )
            moved += count
            self._queued([member])
        _log.warning("mail.offered_again", peer=member, count=moved)


def _step(tx: Transaction, *, heard: Restoration, after: int, now: int) -> tuple[int, int | None]:
    moved, position = queueing.offer_again(
        tx,
        heard.member,
        since=heard.since - SLACK_S,
        heard_at=heard.heard_at,
        after=after,
        now=now,
        most=STEP,
    )
    restorations.step(tx, heard, position)
    return moved, position
