"""Neighbours: other daemons of this member on our database. What they tell, we look at at once."""

from typing import NoReturn, assert_never

from gateway.clock import Clock
from gateway.services.events.chronicle import Chronicle
from gateway.services.federation.registry import RegistryMirror
from gateway.services.receiving.inbox import Inbox
from gateway.services.relay.mailboxes import Mailboxes
from gateway.services.sending.lanes import Lanes
from gateway.services.tokens import Tokens
from gateway.store.database import Database
from gateway.store.news import Topic, listen
from keys.suite import MemberId


class Neighbours:
    """Wakes whoever waits here for what happened elsewhere."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        inbox: Inbox,
        outbox_lanes: Lanes,
        custody_lanes: Lanes,
        mailboxes: Mailboxes,
        mirror: RegistryMirror,
        tokens: Tokens,
        chronicle: Chronicle,
    ) -> None:
        self._database = database
        self._clock = clock
        self._inbox = inbox
        self._outbox_lanes = outbox_lanes
        self._custody_lanes = custody_lanes
        self._mailboxes = mailboxes
        self._mirror = mirror
        self._tokens = tokens
        self._chronicle = chronicle

    async def run(self) -> NoReturn:
        """Listen until cancelled."""
        await listen(self._database, self._clock, self._heard)

    async def _heard(self, topic: Topic, names: list[str]) -> None:
        recipients = [MemberId(name) for name in names]
        match topic:
            case Topic.MESSAGES:
                self._inbox.changed()
            case Topic.OUTBOX:
                self._outbox_lanes.wake(recipients)
            case Topic.CUSTODY:
                self._custody_lanes.wake(recipients)
                await self._mailboxes.changed()
            case Topic.RETURNS:
                await self._mailboxes.changed()
            case Topic.REGISTRY:
                self._mirror.behind.set()
            case Topic.TOKENS:
                self._tokens.changed()
            case Topic.EVENTS:
                self._chronicle.told()
            case _:
                assert_never(topic)
