"""The chronicle: notes events from what is stored, after it was stored.

Nothing is written for an event while messages are sent or received. While nobody listens, a look
comes once a minute and takes a small part of the time; somebody who does has it at once. Where each
look stands is durable, so that a restart, or another daemon, goes on there.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, NoReturn

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError
from gateway.logs import logger
from gateway.services.casework.folding import CaseFolding
from gateway.services.events import looking, making
from gateway.services.events.looking import Key
from gateway.services.keykeeping.key_report import KeyReport
from gateway.services.keys import NodeKeys
from gateway.settings import EventsSettings
from gateway.store import event_sources as sources
from gateway.store import events, messages, registry
from gateway.store.database import Database, Transaction
from gateway.store.events import NewEvent

LOOK_S: Final = 60.0
"""How often to look while nobody listens; and at dates."""
SOON_S: Final = 2.0
"""How often while somebody does, where nothing was told."""
GATHER_S: Final = 0.05
"""What comes together is noted together."""
REST: Final = 19
"""While nobody listens: so many times as long as a step took."""
SLACK_S: Final = 10
"""How far an end or a decision may be older than its commit; and after a start, or now and then,
``DEEP_SLACK_S``, for a disk that stood still."""
DEEP_SLACK_S: Final = 3600
DEEP_EVERY_S: Final = 600
KEY_LEAD_S: Final = 14 * 86_400
"""How long before its end a key is told of: by then it should have been replaced by itself."""
_DAY_S: Final = 86_400
_PRUNE_S: Final = 3600
_log = logger()


class Chronicle:
    """Notes what happened, and wakes whoever waits for it."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        folding: CaseFolding,
        key_report: KeyReport,
        *,
        came: asyncio.Event,
        clock: Clock,
        settings: EventsSettings,
    ) -> None:
        """``came`` is set by whoever stores or settles something."""
        self._database = database
        self._keys = keys
        self._folding = folding
        self._key_report = key_report
        self._came = came
        self._clock = clock
        self._kept_s = settings.kept_days * _DAY_S
        self._listeners = 0
        self._heard = asyncio.Event()
        """Set while somebody listens."""
        self._turn = asyncio.Lock()
        self._noted = asyncio.Event()
        self._step_began = 0.0
        self._deep_at = 0
        self._dates_at = 0
        self._pruned_at = 0

    @property
    def noted(self) -> asyncio.Event:
        """What is set when the next events are noted: taken before one looks what there is."""
        return self._noted

    def told(self) -> None:
        """Wake those who wait: something was noted, here or by another daemon."""
        noted, self._noted = self._noted, asyncio.Event()
        noted.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Note everything at once for as long as the block runs, what waited first."""
        self._listeners += 1
        self._heard.set()
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._heard.clear()

    async def run(self) -> NoReturn:
        """Look until cancelled."""
        while True:
            self._came.clear()
            try:
                await self.look()
            except LiaisonError as fault:
                _log.warning("events.late", code=fault.code, detail=fault.detail)
            if self._listeners:
                await happens(self._came.wait(), SOON_S)
                await self._clock.sleep(GATHER_S)
            else:
                await happens(self._heard.wait(), LOOK_S)

    async def look(self) -> None:
        """Note what happened since the last look; at dates, keys and alarms once a minute."""
        async with self._turn:
            now = self._clock.now()
            await self._begin(now)
            await self._steadily(self._look_at_words)
            await self._look_at_drafts(now)
            await self._look_at_times(now)
            for name, look in (
                (looking.MARKS, looking.marks),
                (looking.STANDING, looking.standing),
            ):
                await self._steadily(partial(self._note_page, name, look))
            if not 0 <= now - self._dates_at < LOOK_S:
                await self._look_at_dates(now)
                self._dates_at = now
            if not 0 <= now - self._pruned_at < _PRUNE_S:
                await self._prune(now)
                self._pruned_at = now

    async def _begin(self, now: int) -> None:
        """Begin at the present: what is older than the first look is no news.

        A look that came with a newer version begins when that does.
        """

        def commit(tx: Transaction) -> None:
            events.begin(tx, looking.WORDS, messages.newest_row(tx))
            events.begin(tx, looking.ENDINGS, sources.newest_ending(tx) + 1)
            events.begin(tx, looking.MARKS, sources.newest_mark(tx))
            events.begin(tx, looking.STANDING, registry.size(tx))
            events.begin(tx, looking.DATES, 0)
            events.begin(tx, looking.DECIDED, now)
            events.begin(tx, looking.KEPT, now)

        if await self._database.read(lambda tx: events.cursor(tx, looking.KEPT)) is None:
            await self._database.write(commit)

    async def _steadily(self, step: Callable[[], Awaitable[bool]]) -> None:
        """Take one step after the other until nothing is left."""
        self._step_began = self._clock.monotonic()
        while await step():
            await self._rest()

    async def _rest(self) -> None:
        """Leave the time to others, while nobody listens."""
        if not self._listeners:
            await self._clock.sleep(REST * (self._clock.monotonic() - self._step_began))
        self._step_began = self._clock.monotonic()

    async def _look_at_words(self) -> bool:
        await self._folding.catch_up(self._rest)
        return await self._note_page(looking.WORDS, partial(looking.words, me=self._keys.member))

    async def _look_at_drafts(self, now: int) -> None:
        look = partial(looking.drafts, floor=now - self._kept_s, me=self._keys.member)
        await self._note_once(await self._database.read(look))

    async def _look_at_times(self, now: int) -> None:
        """Look at what has a time alone: deliveries that ended, and what was decided of cases."""
        deep = not 0 <= now - self._deep_at < DEEP_EVERY_S
        back_s = DEEP_SLACK_S if deep else SLACK_S
        await self._look_back(looking.ENDINGS, looking.endings, back_s, 0)
        for name, look in ((looking.DECIDED, looking.decided), (looking.KEPT, looking.kept)):
            await self._look_back(name, partial(look, me=self._keys.member), back_s, b"")
        if deep:
            self._deep_at = now

    async def _look_back(
        self, name: str, look: Callable[..., looking.Page[Key]], back_s: int, first: Key
    ) -> None:
        """Look again at the last seconds: what is of then may have been committed since."""
        before = await self._database.read(partial(looking.position, name=name))
        newest = await self._note_pages(look, (before - back_s, first))
        await self._note(name, before, max(before, newest), [])

    async def _look_at_dates(self, now: int) -> None:
        floor = now - self._kept_s
        for kind in making.DATES:
            await self._note_pages(partial(looking.dates, kind=kind, between=(floor, now)), (0, 0))
        reviews = partial(looking.reviews, between=(floor, now), me=self._keys.member)
        await self._note_pages(reviews, (0, b""))
        await self._note_once(await self._database.read(partial(looking.alarms, floor=floor)))
        keys = [*making.of_keys(self._key_report.ends(), now, KEY_LEAD_S)]
        await self._note_once(await self._database.read(partial(looking.unknown, made=keys)))

    async def _prune(self, now: int) -> None:
        while await self._database.write(lambda tx: events.prune(tx, now - self._kept_s)):
            await self._rest()

    async def _note_page(self, name: str, look: Callable[[Transaction], looking.Found]) -> bool:
        """Note what one look found; tell whether there may be more."""
        before, after, made = await self._database.read(look)
        if after == before:
            return False
        await self._note(name, before, after, made)
        return True

    async def _note_pages(
        self, look: Callable[..., looking.Page[Key]], after: looking.Place[Key]
    ) -> int:
        """Note what there is after a place, page by page; return the time of the last of it."""
        self._step_began = self._clock.monotonic()
        while True:
            places, made = await self._database.read(partial(look, after=after))
            await self._note_once(made)
            after = places[-1] if places else after
            if len(places) < looking.AT_ONCE:
                return after[0]
            await self._rest()

    async def _note_once(self, made: Sequence[NewEvent]) -> None:
        await self._note(looking.DATES, 0, 0, made)

    async def _note(self, name: str, before: int, after: int, found: Sequence[NewEvent]) -> None:
        if after == before and not found:
            return
        now = self._clock.now()

        def commit(tx: Transaction) -> bool:
            return events.note(tx, name, (before, after), found, now)

        if await self._database.write(commit) and found:
            self.told()
