"""Lanes: bring what is due to each next hop, batch by batch, without one waiting for another.

Each hop has a lane of its own, two batches wide. A batch is what is ready, never waited for: one
message alone leaves at once, and under load batches form by themselves. What a lane carries (rows
of the outbox, copies in custody) is its cargo; how each ends is the cargo's affair.
"""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.peer import Peer, Peers
from gateway.protocol.answer import MAX_BATCH, Answer, Posted
from gateway.protocol.envelope import encode_envelope
from gateway.services.blobs.freight import Freight
from gateway.services.sending.cargo import Cargo, Load
from gateway.services.sending.routes import Routes
from gateway.settings import DeliverySettings
from keys.suite import MemberId

LANE_WIDTH = 2
FREIGHT_WIDTH = 2
"""How many copies' attachments are brought to one hop at a time."""
HANDED_MOST = 8192
HANDED_BYTES = 32 * 1024 * 1024
"""What was just accepted may wait in memory up to this; beyond, it waits in the database."""
LANE_MOST = 2048
"""What one lane may hold of it, so that a slow hop does not take the place of the others."""
LEASE_RENEWALS = 3

_log = logger()


@dataclass(slots=True)
class _Lane:
    """What is known of the way to one hop."""

    running: int = 0
    again: bool = False
    backlog: bool = False
    """Whether the database may hold more that is due: then nothing is handed past it."""
    handed: list[tuple[int, int, Load]] = field(default_factory=list)
    unsettled: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LANE_WIDTH))
    """How many answered batches may wait for their commit before the lane waits too."""
    freight: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FREIGHT_WIDTH))

    def take(self, most: int, most_bytes: int) -> list[Load]:
        taken: list[Load] = []
        while self.handed and len(taken) < most:
            length = self.handed[0][2].length
            if taken and length > most_bytes:
                break
            most_bytes -= length
            taken.append(heapq.heappop(self.handed)[2])
        return taken


class Lanes:
    """The lanes of one cargo."""

    def __init__(
        self,
        cargo: Cargo,
        peers: Peers,
        routes: Routes,
        freight: Freight,
        *,
        clock: Clock,
        settings: DeliverySettings,
        hop: Callable[[MemberId], MemberId | None],
    ) -> None:
        self._cargo = cargo
        self._peers = peers
        self._routes = routes
        self._freight = freight
        self._clock = clock
        self._settings = settings
        self._hop = hop
        self._rescan_s = settings.rescan_s
        self._lanes: dict[MemberId, _Lane] = {}
        self._due: dict[MemberId, int] = {}
        """For whom something is queued in the database, and when to look."""
        self._woken = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._numbers = count()
        self._reserved = 0
        self._reserved_bytes = 0

    def wake(self, recipients: Iterable[MemberId] = ()) -> None:
        """Look at once at what is queued for these recipients; for none named, at everything."""
        names = list(recipients)
        if not names:
            names = list(self._due)
        now = self._clock.now()
        for name in names:
            self._due[name] = min(now, self._due.get(name, now))
            hop = self._hop(name)
            if hop in self._lanes:
                self._lanes[hop].again = True
        self._woken.set()

    def note(self, due: Mapping[MemberId, int]) -> None:
        """Look again at what is queued for these recipients, at these times."""
        for name, due_at in due.items():
            self._due[name] = min(due_at, self._due.get(name, due_at))
        self._woken.set()

    def is_direct(self, recipient: MemberId) -> bool:
        """Tell whether copies for a member go straight to its own node, as things stand."""
        return self._hop(recipient) == recipient

    def reserve(self, recipient: MemberId, length: int) -> int:
        """Return until when a new row is leased to its lane; 0 if it must queue.

        A reservation ends with ``hand`` or ``release``.
        """
        hop = self._hop(recipient)
        if hop is None or self._group is None or self._routes.allowance(hop) < MAX_BATCH:
            return 0
        lane = self._lanes.get(hop)
        if (
            (lane is not None and (lane.backlog or len(lane.handed) >= LANE_MOST))
            or self._reserved >= HANDED_MOST
            or self._reserved_bytes + length > HANDED_BYTES
        ):
            return 0
        self._reserved += 1
        self._reserved_bytes += length
        return self._clock.now() + self._settings.lease_s

    def release(self, length: int) -> None:
        """Give a reservation back of which nothing came, or which was posted."""
        self._reserved -= 1
        self._reserved_bytes -= length

    def hand(self, loads: Iterable[Load]) -> None:
        """Take rows that were committed under a reservation straight into their lanes."""
        for load in loads:
            hop = self._hop(load.recipient) or load.recipient
            lane = self._lanes.setdefault(hop, _Lane())
            heapq.heappush(lane.handed, (load.rank, next(self._numbers), load))
            self._start(hop)

    async def run(self) -> None:
        """Carry until cancelled; what is on the line then is left to its lease."""
        rescan_at = 0.0
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                while True:
                    self._woken.clear()
                    if self._clock.monotonic() >= rescan_at:
                        await self.rescan()
                        rescan_at = self._clock.monotonic() + self._rescan_s
                    idle_s = self._start_due()
                    left_s = max(0.0, rescan_at - self._clock.monotonic())
                    await self._wait(min(idle_s, left_s))
            finally:
                self._group = None

    async def rescan(self) -> None:
        """Look at the database for what nobody here was told of."""
        try:
            await self._cargo.recover()
            waiting = await self._cargo.waiting()
        except LiaisonError as fault:
            _log.warning("outbox.unread", code=fault.code, detail=fault.detail)
            return
        for name, due_at in waiting.items():
            self._due[name] = min(due_at, self._due.get(name, due_at))

    async def _wait(self, idle_s: float) -> None:
        timer = asyncio.ensure_future(self._clock.sleep(max(0.02, idle_s)))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({timer, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            woken.cancel()

    def _start_due(self) -> float:
        """Start the lanes with something due; return in how many seconds the next may be."""
        now = self._clock.now()
        soonest = now + self._rescan_s
        for name, due_at in self._due.items():
            hop = self._hop(name)
            if hop is None:
                continue
            due = max(due_at, self._routes.retry_at(hop))
            if due <= now:
                self._start(hop)
            else:
                soonest = min(soonest, due)
        for hop, lane in self._lanes.items():
            if lane.handed and not lane.running:
                retry_at = self._routes.retry_at(hop)
                if retry_at <= now:
                    self._start(hop)
                else:
                    soonest = min(soonest, retry_at)
        return soonest - now

    def _start(self, hop: MemberId) -> None:
        lane = self._lanes.setdefault(hop, _Lane())
        lane.again = True
        allowed = self._routes.allowance(hop)
        width = LANE_WIDTH if allowed == MAX_BATCH else min(allowed, 1)
        if self._group is not None and lane.running < width:
            lane.running += 1
            self._group.create_task(self._pump(hop, lane), name=f"lane-{hop}")

    async def _pump(self, hop: MemberId, lane: _Lane) -> None:
        """Post batch after batch until nothing is due, or the hop fails."""
        try:
            while True:
                lane.again = False
                allowed = self._routes.allowance(hop)
                if not allowed or (allowed < MAX_BATCH and lane.running > 1):
                    return
                loads = await self._next(hop, lane, min(allowed, self._settings.batch_size))
                if loads:
                    await self._carry(hop, lane, loads)
                elif not lane.again:
                    return
        except LiaisonError as fault:  # the database: the rows are as they were
            _log.warning("delivery.deferred", peer=hop, code=fault.code, detail=fault.detail)
            await self._clock.sleep(1)
        finally:
            lane.running -= 1
            self._woken.set()

    async def _next(self, hop: MemberId, lane: _Lane, most: int) -> Sequence[Load]:
        handed = lane.take(most, self._settings.batch_bytes)
        if handed:
            for load in handed:
                self.release(load.reserved)
            if lane.handed:
                self._start(hop)
            return handed
        now = self._clock.now()
        behind = [
            name for name, due_at in self._due.items() if due_at <= now and self._hop(name) == hop
        ]
        if not behind:
            lane.backlog = False
            return ()
        looked = {name: self._due.pop(name) for name in behind}
        try:
            loads = await self._cargo.claim(behind, most)
        except LiaisonError:
            self._due.update(looked)
            raise
        lane.backlog = bool(loads)
        if not loads:
            self.note(await self._cargo.waiting(behind))
        else:
            # At the end of the row: of several recipients behind a hop, each has its turn.
            for name, due_at in looked.items():
                self._due.setdefault(name, due_at)
            self._start(hop)
        return loads

    async def _carry(self, hop: MemberId, lane: _Lane, loads: Sequence[Load]) -> None:
        try:
            peer = self._peers.member(hop)
            ready = await self._cargo.prepare(hop, loads)
            if not ready:
                return
            batch, ordered = _posts(ready)
            loads = ordered
            answers = await peer.post_envelopes(batch)
        except LiaisonError as fault:
            await self._failed(hop, lane, loads, fault)
            return
        except Exception:  # noqa: BLE001 - a bug must not end the lane; the rows are due again
            _log.exception("delivery.broke", peer=hop)
            bug = UnavailableError("internal_error", "see the log")
            await self._failed(hop, lane, loads, bug)
            return
        if self._routes.worked(hop):
            _log.info("peer.back", peer=hop)
            self._start(hop)
        await lane.unsettled.acquire()
        assert self._group is not None  # noqa: S101 - a pump runs in it
        self._group.create_task(self._settle(hop, lane, peer, loads, answers), name=f"settle-{hop}")

    async def _settle(
        self,
        hop: MemberId,
        lane: _Lane,
        peer: Peer,
        loads: Sequence[Load],
        answers: Sequence[Answer],
    ) -> None:
        """Commit what the answers mean, while the next batch is on its way."""
        try:
            settled = await self._cargo.settle(hop, loads, answers)
        except Exception:  # noqa: BLE001 - the leases run out, and the repeats are answered again
            _log.exception("delivery.unsettled", peer=hop, count=len(loads))
            return
        finally:
            lane.unsettled.release()
        self.note(settled.due)
        for load, blob_ids in settled.wanting:
            assert self._group is not None  # noqa: S101 - as above
            self._group.create_task(
                self._bring(hop, lane, peer, load, blob_ids), name=f"freight-{hop}"
            )

    async def _failed(
        self, hop: MemberId, lane: _Lane, loads: Sequence[Load], fault: LiaisonError
    ) -> None:
        if isinstance(fault, RejectedError):
            if len(loads) > 1:  # one of them is what the hop will not read: find it
                for load in loads:
                    await self._carry(hop, lane, [load])
                return
            due_at = self._clock.now() + self._settings.retry_max_s
        else:
            due_at = self._routes.failed(hop, fault.retry_after_s or 0)
        _log.warning(
            "delivery.deferred", peer=hop, count=len(loads), code=fault.code, detail=fault.detail
        )
        await self._cargo.put_back(loads, fault, due_at)
        self.note({load.recipient: due_at for load in loads})

    async def _bring(
        self, hop: MemberId, lane: _Lane, peer: Peer, load: Load, blob_ids: Sequence[bytes]
    ) -> None:
        """Bring a copy's attachments, then post it again."""
        renewing = asyncio.ensure_future(self._renew(load))
        try:
            async with lane.freight:
                for blob_id in blob_ids:
                    location, segment_list = await self._cargo.blob(load, blob_id)
                    await self._freight.bring(peer, blob_id, location, segment_list)
        except LiaisonError as fault:
            await self._not_brought(hop, load, fault)
        except Exception:  # noqa: BLE001 - a bug must not end the lanes; the row is due again
            _log.exception("attachment.broke", peer=hop)
            await self._not_brought(hop, load, UnavailableError("internal_error", "see the log"))
        else:
            load.brought = True
            load.reserved = load.length
            self._reserved += 1
            self._reserved_bytes += load.reserved
            self.hand([load])
        finally:
            renewing.cancel()

    async def _not_brought(self, hop: MemberId, load: Load, fault: LiaisonError) -> None:
        due_at = self._clock.now() + self._settings.retry_first_s
        if fault.code == "quota_exceeded":  # of this copy alone: lighter ones go on
            due_at = self._clock.now() + (fault.retry_after_s or self._settings.retry_max_s)
        elif isinstance(fault, UnavailableError):
            due_at = self._routes.failed(hop, fault.retry_after_s or 0)
        _log.warning("attachment.deferred", peer=hop, code=fault.code, detail=fault.detail)
        await self._cargo.put_back([load], fault, due_at)
        self.note({load.recipient: due_at})

    async def _renew(self, load: Load) -> None:
        while True:
            await self._clock.sleep(self._settings.lease_s / LEASE_RENEWALS)
            await self._cargo.extend([load])


def _posts(loads: Sequence[Load]) -> tuple[list[Posted], list[Load]]:
    """Group copies of one envelope into one post; return the posts, and the copies in order."""
    groups: dict[tuple[bytes, tuple[MemberId, ...]], list[Load]] = {}
    for load in loads:
        groups.setdefault((load.envelope_id, load.hops), []).append(load)
    posts = [
        Posted(
            hops,
            tuple(load.recipient for load in group),
            encode_envelope(
                group[0].header,
                [load.stanza for load in group if load.stanza is not None],
                group[0].body,
            ),
        )
        for (_, hops), group in groups.items()
    ]
    return posts, [load for group in groups.values() for load in group]
