"""A federation on a virtual loop: four members, two relays, and a network that misbehaves."""

import asyncio
import contextlib
import hashlib
import shutil
import tempfile
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: a run can be played again
from typing import Any

import msgspec

from gateway.cli.demo.story import request
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, UnavailableError
from gateway.protocol.answer import Posted
from gateway.services.auditing.check import check_audit_log
from gateway.services.caller import Caller
from gateway.services.keys import NodeKeys
from gateway.services.receiving.message_view import Detail
from gateway.services.sending.releasing import Declining
from gateway.settings import ReleaseSettings, Role, Settings
from gateway.store import leases
from gateway.store.outbox import showing
from gateway.wiring.node import Node, wire
from keys.registry.draft import draft_rotation, follow, node_signer, root_signers
from keys.registry.statement import REGISTRY, Chain, Kind, Revocation
from keys.rootfile import read
from keys.suite import KeyUse, MemberId
from keys.tlog.note import sign_note
from tests.machines.virtual import SteppedDatabase, VirtualClock, VirtualLoop
from tests.scenarios.federation import OFFICER, Federation

SENDER, DIRECT, COLLECTS, BEHIND = (MemberId(name) for name in ("XA", "XB", "XC", "XD"))
RELAYS = (MemberId("RO"), MemberId("RE"))
MEMBERS = ("RO", "RE", "XA", "XB", "XC@RO,RE", "XD@RE")
"""XB has an address; XC collects at either relay; XD behind RE."""
RECIPIENTS = (DIRECT, COLLECTS, BEHIND)
CRASHING = (SENDER, *RELAYS, *RECIPIENTS)
ENDED = ("failed", "expired", "withdrawn", "declined")
SECOND = Caller(name="uid:2", roles=frozenset({Role.RELEASER}))
SETTLE_S = 4 * 3600.0
REPLAYABLE = ("post_envelopes", "post_returns", "post_card")
"""What a hostile member may have overheard, and posts again in its own name."""
NARROW = {"mailbox_copies": 3, "full_retry_s": 120}
"""RE keeps little: a few messages fill a mailbox."""

_QUICK: dict[str, dict[str, Any]] = {
    "registry": {"poll_s": 600},
    "audit": {"interval_ms": 20_000},
    "delivery": {"lease_s": 20, "retry_max_s": 60, "rescan_s": 30},
    "relay": {"enabled": True, "collect_lease_s": 40},
}


@dataclass
class Weather:
    """What the network does to a call."""

    lose_requests: float = 0.0
    lose_answers: float = 0.0
    double: float = 0.0
    delay_s: float = 0.05
    """At most: calls overtake each other."""


@dataclass
class _Line:
    """One node's way to another: every call of ``gateway.peer.Peer`` goes through the weather."""

    sim: "Simulation"
    caller: MemberId
    to: MemberId

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            return await self.sim.carry(self.caller, self.to, name, arguments)

        return call


@dataclass
class _Lines:
    sim: "Simulation"
    caller: MemberId

    def member(self, member: MemberId) -> Any:
        return _Line(self.sim, self.caller, member)

    def registrar(self, *, pinned: bool = True) -> Any:
        del pinned
        return _Line(self.sim, self.caller, REGISTRY)


@dataclass
class Simulation(Federation):
    """All nodes of a folder, on a virtual loop."""

    seed: int = 0
    name: str = "AL"
    weather: Weather = field(default_factory=Weather)
    promised: dict[str, tuple[MemberId, ...]] = field(default_factory=dict)
    """Accepted messages, by id: whom they are for."""
    sent: int = 0
    attached: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of what a message has attached, by its token."""
    ahead_s: defaultdict[MemberId, int] = field(default_factory=lambda: defaultdict(int))
    """How wrong each node's clock is."""
    overheard: deque[tuple[str, Any]] = field(default_factory=lambda: deque(maxlen=64))
    background: set[asyncio.Future[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)  # noqa: S311 - no key comes of it
        self.loop = VirtualLoop(self.chance)
        self.began_at = SystemClock().now()

    def play(self, act: Coroutine[Any, Any, Any]) -> Any:
        """Run an act on the virtual loop to its end."""
        return self.loop.run_until_complete(act)

    def settings(self, member: str) -> Settings:
        """Return a node's settings: in this folder, with little to do while nothing happens."""
        narrow: dict[str, dict[str, Any]] = {
            "RE": {"relay": _QUICK["relay"] | NARROW},
            SENDER: {"policy": {"release": [ReleaseSettings(tlp="RED")]}},
        }.get(member, {})
        self.changes.setdefault(member, _QUICK | narrow)
        settings = super().settings(member)
        node = msgspec.structs.replace(settings.node, data_dir=str(self.place / member))
        return msgspec.structs.replace(settings, node=node)

    async def start(self, member: str, **_: Any) -> Node:
        """Wire a node from its folder, and let it run."""
        name = MemberId(member)
        settings = self.settings(member)
        database = SteppedDatabase(settings.database_url)
        node = wire(
            settings, peers=_Lines(self, name), keys=NodeKeys(self.unlock(member), name, self.draw),
            clock=VirtualClock(self.began_at, lambda: self.ahead_s[name]), entropy=self.draw,
            database=database,
        )  # fmt: skip
        self.nodes[name] = node
        self.gone[name] = asyncio.Event()
        await node.mirror.load()
        now = node.rooms.now()
        await database.write(lambda tx: leases.release(tx, now))
        self.running[name] = asyncio.ensure_future(node.workers.run())
        return node

    def draw(self, length: int) -> bytes:
        """Return random bytes of the seed."""
        return self.chance.randbytes(length)

    def strike(self, name: MemberId) -> None:
        """Crash a node between two steps: what is not on the disk is gone."""
        if name not in self.nodes:
            return
        database = self.database(name)
        database.die()
        del self.nodes[name]
        self.gone[name].set()
        task = self.running.pop(name, None)
        if task is not None:
            task.cancel()
            self.background.add(task)
        database.close()

    def database(self, name: MemberId) -> SteppedDatabase:
        """Return the database of a node that runs."""
        database = self.nodes[name].database
        assert isinstance(database, SteppedDatabase)
        return database

    async def carry(self, caller: MemberId, to: MemberId, name: str, arguments: Any) -> Any:
        """Bring a call to a node and its answer back, as the weather is."""
        await asyncio.sleep(self.chance.random() * self.weather.delay_s)
        self._is_open(caller, to)
        if name in REPLAYABLE:
            self.overheard.append((name, arguments))
        if self.chance.random() < self.weather.lose_requests:
            raise UnavailableError("peer_unreachable", "the call was lost")
        if self.chance.random() < self.weather.double:
            self.background.add(asyncio.ensure_future(self._again(caller, to, name, arguments)))
        answer = await self._serve(caller, to, name, arguments)
        await asyncio.sleep(self.chance.random() * self.weather.delay_s)
        self._is_open(to, caller)
        if self.chance.random() < self.weather.lose_answers:
            raise UnavailableError("connection_broken", "the answer was lost")
        return answer

    async def _again(self, caller: MemberId, to: MemberId, name: str, arguments: Any) -> None:
        await asyncio.sleep(self.chance.random() * 20)
        with contextlib.suppress(LiaisonError):
            self._is_open(caller, to)
            await self._serve(caller, to, name, arguments)

    async def replay(self, by: MemberId, to: MemberId, number: int, *, bent: bool) -> None:
        """Post what was overheard in the name of another member, altered perhaps."""
        if by == to or to not in self.nodes or not self.overheard:
            return
        name, arguments = self.overheard[number % len(self.overheard)]
        if bent and name == "post_envelopes":
            arguments = ([self._bent(item) for item in arguments[0]],)
        with contextlib.suppress(LiaisonError):
            await self._serve(by, to, name, arguments)

    def _bent(self, item: Posted) -> Posted:
        """Alter one byte of an envelope, and let the last hop be whoever posts it."""
        altered = bytearray(item.envelope)
        altered[self.chance.randrange(len(altered))] ^= 1 + self.chance.randrange(255)
        return Posted(item.hops, item.to, bytes(altered))

    def _is_open(self, caller: MemberId, to: MemberId) -> None:
        if {(caller, to), (to, caller)} & self.cut or to not in self.nodes:
            raise UnavailableError("peer_unreachable", f"{to} does not answer")

    async def _serve(self, caller: MemberId, to: MemberId, name: str, arguments: Any) -> Any:
        node = self.nodes[to]
        known = node.mirror.known
        hop = caller if known is not None and caller in known.members else None
        answer = asyncio.ensure_future(getattr(node.gate.for_hop(hop), name)(*arguments))
        gone = asyncio.ensure_future(self.gone[to].wait())
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done() or not answer.done():
                raise UnavailableError("connection_broken", f"{to} went away")
            return answer.result()
        finally:
            gone.cancel()
            answer.cancel()
            self.background.add(answer)

    async def post(self, *to: MemberId, attached: bytes = b"", **changes: Any) -> str | None:
        """Let XA accept a message; return its id, or None when it was not answered.

        One that is ``held`` waits for a second person.
        """
        self.sent += 1
        token = f"{self.name}/{self.sent}"
        if attached:
            self.attached[token] = hashlib.sha256(attached).hexdigest()
        answer = await self.attempt(SENDER, self._submit(token, to, attached, changes))
        if answer is None:
            return None
        self.promised[answer.id] = to
        return str(answer.id)

    async def _submit(
        self, token: str, to: tuple[MemberId, ...], attached: bytes, changes: dict[str, Any]
    ) -> Any:
        content = request([])["content"] | {"own_reference": token}
        if changes.pop("held", False):
            content["handling"] = {"tlp": "RED"}
        uploads: list[str] = []
        if attached:
            upload = self.nodes[SENDER].rooms.attachments.upload
            made = await upload(_pieces(attached), "a.bin", "application/octet-stream", OFFICER)
            uploads.append(made.id)
        return await self.send(
            "XA", to[0], content=content, to=list(to), attachments=uploads, **changes
        )

    async def wait(self, duration_s: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(duration_s)

    async def decide(self, message: str, *, releases: bool) -> None:
        """Let a second person release a message or turn it down, where it waits."""
        releasing = self.nodes[SENDER].rooms.releasing
        act = (
            releasing.release(message, SECOND)
            if releases
            else releasing.decline(message, Declining(reason="No."), SECOND)
        )
        await self.attempt(SENDER, act)

    async def move(self, message: str, *, again: bool) -> None:
        """Withdraw a message, or queue it again, where that is possible."""
        delivery = self.nodes[SENDER].rooms.delivery
        act = delivery.requeue if again else delivery.withdraw
        await self.attempt(SENDER, act(message, OFFICER))

    async def revoke(self, name: MemberId) -> None:
        """Let a member revoke the older of its good ``sign`` keys, where it has another."""
        if name not in self.nodes or REGISTRY not in self.nodes:
            return
        view, keyring = self.nodes[REGISTRY].mirror.view, self.nodes[name].keys.keyring
        held = {record.key_id: record for record in keyring.records(KeyUse.SIGN)}
        keys = view.member(name).keys_for(KeyUse.SIGN)
        good = [key for key in keys if key.revoked_since is None and key.key_id in held]
        if len(good) > 1:
            at = self.nodes[name].rooms.now()
            statement = draft_rotation(view, view.member(name), at=at, uses=[])
            # Later than what the key brought last, which would be void with it.
            gone = Revocation(good[0].key_id, statement.at + 1)
            signer = node_signer(view.federation, name, held[good[-1].key_id])
            note = sign_note(replace(statement, revocations=(gone,)).text(), [signer])
            await self.attempt(REGISTRY, self.nodes[REGISTRY].rooms.registrar.publish(note))

    async def suspend(self, name: MemberId, *, lift: bool) -> None:
        """Let the registrars suspend a member, or resume it."""
        if REGISTRY not in self.nodes:
            return
        node = self.nodes[REGISTRY]
        kind = Kind.RESUME if lift else Kind.SUSPEND
        statement = follow(node.mirror.view, kind, name, Chain.ISSUER, at=node.rooms.now())
        file = self.place / REGISTRY / "offline" / "REGISTRY.root-1-1.key"
        signers = root_signers(read(file, b"pass", entropy=self.draw))
        note = sign_note(statement.text(), signers)
        await self.attempt(REGISTRY, node.rooms.registrar.publish(note))

    async def attempt(self, name: MemberId, act: Coroutine[Any, Any, Any]) -> Any:
        """Ask a node for something; None if it refuses, or ends before it answers."""
        asked = asyncio.ensure_future(act)
        gone = asyncio.ensure_future(self.gone[name].wait())
        await asyncio.wait({asked, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not asked.done():
            asked.cancel()
            self.background.add(asked)
            return None
        with contextlib.suppress(LiaisonError, KeyError, ConnectionAbortedError):
            return asked.result()
        return None

    async def heal(self) -> None:
        """End the bad weather, start who is down, and wait until everything has ended."""
        self.weather = Weather()
        self.cut.clear()
        self.ahead_s.clear()
        for name in (*CRASHING, REGISTRY):
            if name not in self.nodes:
                await self.start(name)
        for name in CRASHING:
            if self.nodes[REGISTRY].mirror.view.member(name).suspended:
                await self.suspend(name, lift=True)
        for message in self.promised:
            await self.decide(message, releases=True)
        until = self.loop.time() + SETTLE_S
        while await self._open() and self.loop.time() < until:
            await self.wait(5)

    async def _open(self) -> int:
        def count(tx: Any) -> int:
            found = showing.counts(tx)
            return sum(found[state] for state in ("queued", "sending", "in_custody"))

        return await self.nodes[SENDER].database.read(count)

    async def account(self) -> list[str]:
        """Return what is wrong with the promise; nothing is, if it was held."""
        wrong: list[str] = []
        held = {name: await self._held(name, wrong) for name in RECIPIENTS}
        for name, tokens in held.items():
            wrong += [f"{name} has {token} twice" for token, n in tokens.items() if n > 1]
        for message, to in self.promised.items():
            detail = await self.read("XA", message)
            token = detail.content["own_reference"]
            states = {item.member: item for item in detail.recipients}
            for name in to:
                wrong += _judged(message, states[name], held[name][token])
                if detail.direction == "draft" and held[name][token]:
                    wrong.append(f"{message} was never released, and is at {name}")
        for name, node in self.nodes.items():
            await node.workers.audit_log.sequence()
            report = await node.database.read(
                lambda tx, n=node, m=name: check_audit_log(tx, n.mirror.view, m)
            )
            wrong += [f"{name}: {finding}" for finding in report.findings]
        return wrong

    async def _held(self, name: MemberId, wrong: list[str]) -> Counter[str]:
        found: Counter[str] = Counter()
        for item in (await self.inbox(name)).messages:
            detail: Detail = await self.read(name, item.id)
            token = detail.content["own_reference"]
            found[token] += 1
            sent = [self.attached[token]] if token in self.attached else []
            if sent != [await self._digest(name, one.id) for one in detail.attachments]:
                wrong.append(f"{name} has {token} with other attachments than were sent")
        return found

    async def _digest(self, name: MemberId, attachment_id: str) -> str:
        rooms = self.nodes[name].rooms
        opened = await rooms.attachments.open(await rooms.inbox.attachment(attachment_id, OFFICER))
        state = hashlib.sha256()
        async for piece in opened.read(0, opened.size):
            state.update(piece)
        return state.hexdigest()

    def close(self) -> None:
        """End everything."""
        for name in list(self.nodes):
            self.strike(name)
        self.play(self._drain())
        self.loop.close()

    async def _drain(self) -> None:
        await asyncio.gather(*self.background, return_exceptions=True)  # noqa: TID251 - the end


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _judged(message: str, item: Any, count: int) -> list[str]:
    where = f"{message} to {item.member}: {item.state}"
    if item.state == "delivered":
        if count != 1:
            return [f"{where}, yet it is there {count} times"]
        if item.receipt is None or not item.receipt.verified or item.receipt.kind != "delivery":
            return [f"{where}, without a receipt that verifies"]
        return []
    if item.state not in ENDED:
        return [f"{where}: it never ended"]
    return [] if item.code or item.state != "failed" else [f"{where} without a reason"]


def founded(place: Path) -> Path:
    """Make the folders of a federation whose members all know each other; return the place."""
    with playing(place, found=True):
        return place


@contextlib.contextmanager
def playing(place: Path, *, seed: int = 0, found: bool = False) -> Iterator[Simulation]:
    """Yield a simulation over the folders of a place; all its nodes run."""
    sim = Simulation(place, seed=seed, name="founding" if found else "message")
    try:
        sim.play(_open_all(sim, found=found))
        yield sim
    finally:
        sim.close()


@dataclass(frozen=True)
class Stage:
    """Where federations are played: a folder, and a founded federation to copy."""

    folder: Path
    template: Path

    @contextlib.contextmanager
    def play(self, *, seed: int) -> Iterator[Simulation]:
        """Yield a running copy of the federation, and clear it away."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            shutil.copytree(self.template, place, dirs_exist_ok=True)
            with playing(place, seed=seed) as sim:
                yield sim
        finally:
            shutil.rmtree(place, ignore_errors=True)


async def _open_all(sim: Simulation, *, found: bool) -> None:
    names = [MemberId(name.partition("@")[0]) for name in MEMBERS]
    if found:
        sim.found(*MEMBERS)
    await sim.start(REGISTRY)
    for name in names:
        if found:
            await sim.admit(name)
        await sim.start(name)
    await asyncio.sleep(700 if found else 1)  # each reads the registry, and its relays its card
    if found:
        for name in RECIPIENTS:
            assert await sim.post(name)
        await sim.heal()
        assert not await sim.account()
