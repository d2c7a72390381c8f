"""Webhooks: events, posted to systems of the house that do not ask for them.

Each endpoint has a cursor of its own, moved when it took an event; until then the event is posted
again, later and later, and nothing after it. One that is down holds up nobody else. Of several
daemons one posts at a time, by a lease on the cursor; a crash may repeat the event under way, which
its id tells. Source: the Standard Webhooks specification.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final, NoReturn, Protocol
from urllib.parse import urlsplit

import msgspec

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError
from gateway.logs import logger
from gateway.protocol.delivery import RetryPolicy, retry_delay_s
from gateway.services.events.chronicle import Chronicle
from gateway.services.events.telling import EventView, view_of
from gateway.settings import EventType
from gateway.store import events
from gateway.store.database import Database, Transaction
from gateway.store.events import Cursor, StoredEvent
from keys.suite import Entropy, digest
from keys.webhook import WebhookSecret, sign_webhook

AT_ONCE: Final = 100
COUNTED: Final = 1000
LOOK_S: Final = 30.0
LEASE_S: Final = 60
"""Longer than a post may take."""
RETRY: Final = RetryPolicy(first_s=5, max_s=3600)
_log = logger()


class Post(Protocol):
    """How an endpoint is asked; returns a code where it did not take what it was sent, else ''."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> str:
        """Post ``body``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where to post which events."""

    url: str
    types: Sequence[EventType]
    secrets: Sequence[WebhookSecret]

    @property
    def name(self) -> str:
        """The name of its cursor."""
        return f"webhook:{digest(self.url.encode()).hex()[:40]}"

    @property
    def origin(self) -> str:
        """What may be shown of its address: a path may be a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """How far an endpoint is."""

    origin: str
    waiting: int
    """How many events it has not taken yet, of up to ``COUNTED``."""
    failures: int
    """In a row."""
    code: str
    """Why the last attempt failed."""
    retry_at: int | None


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted."""

    type: str
    timestamp: str
    data: EventView


class Webhooks:
    """Posts events to the endpoints of the settings."""

    def __init__(
        self,
        database: Database,
        chronicle: Chronicle,
        post: Post,
        hooks: Sequence[Webhook],
        *,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._chronicle = chronicle
        self._post = post
        self._hooks = hooks
        self._clock = clock
        self._entropy = entropy

    async def run(self) -> None:
        """Serve every endpoint until cancelled; there may be none."""
        async with asyncio.TaskGroup() as group:
            for hook in self._hooks:
                group.create_task(self._serve(hook), name="webhook")

    async def status(self) -> list[WebhookView]:
        """Return how far each endpoint is."""
        return await self._database.read(lambda tx: [self._view(tx, hook) for hook in self._hooks])

    async def step(self, hook: Webhook) -> float:
        """Post what waits for an endpoint; return after how many seconds to look again at most."""
        cursor, waiting = await self._database.read(partial(_waiting, hook=hook))
        if cursor is None:
            await self._database.write(lambda tx: events.begin(tx, hook.name, events.newest(tx)))
            return 0
        now = self._clock.now()
        if cursor.due_at > now:
            return float(min(cursor.due_at - now, LOOK_S))
        if not waiting:
            return LOOK_S
        lease = replace(cursor, due_at=now + LEASE_S)
        for item in waiting:
            if not await self._moved(hook, cursor, lease):
                return LOOK_S  # another daemon is at it
            code = await self._tell(hook, item)
            cursor, lease = lease, await self._after(lease, item, code)
            if code:
                _log.warning("webhook.failed", endpoint=hook.origin, code=code)
                break
        await self._moved(hook, cursor, replace(lease, due_at=lease.due_at if code else 0))
        return RETRY.first_s if code else 0

    async def _serve(self, hook: Webhook) -> NoReturn:
        async with self._chronicle.listening():
            while True:
                noted = self._chronicle.noted
                try:
                    wait_s = await self.step(hook)
                except LiaisonError as fault:
                    _log.warning("webhook.waiting", code=fault.code, detail=fault.detail)
                    wait_s = LOOK_S
                if wait_s:
                    await happens(noted.wait(), wait_s)

    async def _tell(self, hook: Webhook, item: StoredEvent) -> str:
        now = self._clock.now()
        body = msgspec.json.encode(
            _Envelope(
                type=item.type,
                timestamp=datetime.fromtimestamp(item.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                data=view_of(item),
            )
        )
        name = f"evt_{item.row_id}_{item.at}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(now),
            "webhook-signature": sign_webhook(hook.secrets, name, now, body),
        }
        return await self._post(hook.url, body, headers)

    async def _after(self, lease: Cursor, item: StoredEvent, code: str) -> Cursor:
        """Return the cursor after an attempt."""
        now = self._clock.now()
        if not code:
            return Cursor(position=item.row_id, due_at=now + LEASE_S)
        jitter = self._entropy(1)[0] / 256
        delay_s = retry_delay_s(RETRY, lease.attempts + 1, jitter)
        return replace(lease, due_at=now + delay_s, attempts=lease.attempts + 1, code=code[:64])

    async def _moved(self, hook: Webhook, before: Cursor, after: Cursor) -> bool:
        return await self._database.write(lambda tx: events.move(tx, hook.name, before, after))

    def _view(self, tx: Transaction, hook: Webhook) -> WebhookView:
        cursor = events.cursor(tx, hook.name) or Cursor(position=events.newest(tx))
        return WebhookView(
            origin=hook.origin,
            waiting=len(events.page(tx, cursor.position, hook.types, COUNTED)),
            failures=cursor.attempts,
            code=cursor.code,
            retry_at=cursor.due_at if cursor.attempts else None,
        )


def _waiting(tx: Transaction, hook: Webhook) -> tuple[Cursor | None, list[StoredEvent]]:
    """Return how far an endpoint is, and the next events for it; what is gone it does not get."""
    cursor = events.cursor(tx, hook.name)
    if cursor is None:
        return None, []
    return cursor, events.page(tx, cursor.position, hook.types, AT_ONCE)
