"""Suspension in traffic: what is open with a suspended member waits until it is resumed.

Nothing fails by it: rows to it, copies for it and whatever its node sends are kept where they are.
"""

import asyncio
from collections.abc import Callable

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError, UnavailableError
from gateway.logs import logger
from gateway.services.federation.registry import RegistryMirror
from gateway.store import custody
from gateway.store.database import Database, Transaction
from gateway.store.outbox import queueing
from keys.registry.view import View
from keys.suite import MemberId

SUSPENDED = "member_suspended"
SUSPENDED_S = 300
"""When a peer that is told so may ask again; one of ours retries as after any failure, because the
registry that it sees may be newer than the peer's."""
RETRY_S = 2.0

_log = logger()


def shunned(view: View | None, *names: str) -> MemberId | None:
    """Return the first of these members that is suspended, as this view says."""
    members = {} if view is None else view.members
    for name in names:
        member = members.get(MemberId(name))
        if member is not None and member.suspended:
            return member.member
    return None


def check_standing(view: View | None, *names: str) -> None:
    """Let work pass in which none of these members is suspended.

    Raises UnavailableError ``member_suspended``.
    """
    member = shunned(view, *names)
    if member is not None:
        raise UnavailableError(
            SUSPENDED, f"{member} is suspended by the registry", retry_after_s=SUSPENDED_S
        )


class Standing:
    """Follows who is suspended, and lets go on what waited for it."""

    def __init__(
        self,
        database: Database,
        mirror: RegistryMirror,
        clock: Clock,
        *,
        moved: Callable[[], None],
    ) -> None:
        self._database = database
        self._mirror = mirror
        self._clock = clock
        self._moved = moved
        self._done: frozenset[MemberId] | None = None
        self._changed = asyncio.Event()
        mirror.watch(lambda _: self._changed.set())

    async def run(self) -> None:
        """Look at every new view until cancelled; first at what went on while we were down."""
        while True:
            self._changed.clear()
            try:
                await self.look()
            except LiaisonError as fault:
                _log.warning("standing.late", code=fault.code, detail=fault.detail)
                await happens(self._changed.wait(), RETRY_S)
            else:
                await self._changed.wait()

    async def look(self) -> None:
        """Send rows another way that a suspended relay has; try again what waited for a member."""
        view = self._mirror.known
        if view is None:
            return
        now = self._clock.now()
        suspended = frozenset(name for name, one in view.members.items() if one.suspended)
        if suspended == self._done:
            return
        resumed = self._done is None or bool(self._done - suspended)

        def commit(tx: Transaction) -> None:
            queueing.requeue_held_by(tx, suspended, now)
            if resumed:
                queueing.due_now(tx, SUSPENDED, now)
                custody.due_now(tx, SUSPENDED, now)

        await self._database.write(commit)
        if self._done is not None:
            _log.warning("members.suspended", count=len(suspended))
        self._done = suspended
        self._moved()
