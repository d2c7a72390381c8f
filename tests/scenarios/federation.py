"""Whole gateways in one process, plugged together without sockets."""

import asyncio
import atexit
import contextlib
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.cli.ceremonies.founding import Founding, found_federation, found_member, with_anchor
from gateway.cli.demo.story import request
from gateway.clock import SystemClock
from gateway.daemon import open_database
from gateway.errors import LiaisonError, UnavailableError
from gateway.peer import Peer, Pong, Segment
from gateway.protocol.answer import Answer, Posted
from gateway.protocol.audit import AuditEntry, ProvenEntry, parse_entry
from gateway.protocol.mailbox import Collect, Collected, Return
from gateway.protocol.witness import AddCheckpoint
from gateway.services.auditing.search import AuditEntryView, AuditQuery
from gateway.services.blobs.segments import HeldSegment
from gateway.services.caller import Caller
from gateway.services.keys import NodeKeys
from gateway.services.receiving.inbox import MessageQuery
from gateway.services.receiving.message_view import Detail, Page
from gateway.services.sending.submission import Submission, Submitted
from gateway.settings import Role, Settings, load
from gateway.store import audit, audit_reading, leases
from gateway.store.database import FaultHook, Transaction
from gateway.wiring.node import Node, wire
from keys.keyfile import Unlocked, unlock
from keys.registry.draft import parse_fingerprint, root_signers
from keys.registry.statement import NO_COMPETENCES, REGISTRY, Competences, MemberRole
from keys.rootfile import read
from keys.slot import Cost
from keys.suite import MemberId
from keys.tlog.note import NoteSigner, add_signatures
from keys.token import Token

OFFICER = Caller(name="uid:1", roles=frozenset({Role.OFFICER, Role.OPERATOR, Role.AUDITOR}))
CHEAP = Cost(memory_kib=8, passes=1)
FEDERATION = "mutual.example"
PATIENCE_S = 60.0
"""How long a test waits before it fails; what comes to pass is seen at once."""


class Clock(SystemClock):
    """The machine's clock with hands that a test can move."""

    ahead_s = 0

    def now(self) -> int:
        """Return the time, moved."""
        return super().now() + self.ahead_s


@contextlib.contextmanager
def unaware(*nodes: Node) -> Iterator[None]:
    """Let nodes hear nothing new of the registry meanwhile, from the registrar nor from members."""

    async def hear_nothing() -> bool:
        return False

    hearing = [node.workers.following.follow for node in nodes]
    for node in nodes:
        node.workers.following.follow = hear_nothing  # type: ignore[method-assign]
    try:
        yield
    finally:
        for node, follow in zip(nodes, hearing, strict=True):
            node.workers.following.follow = follow  # type: ignore[method-assign]


async def recorded(node: Node) -> list[AuditEntry]:
    """Return what a node's audit log says, in order."""
    await node.workers.audit_log.sequence()

    def read(tx: Transaction) -> list[AuditEntry]:
        shards = (item.number for item in audit.shards(tx))
        rows = (row for shard in shards for row in audit_reading.entries(tx, shard, 0, 10_000))
        return [parse_entry(row.entry) for row in rows if row.entry is not None]

    return await node.database.read(read)


async def entries_of(node: Node) -> list[AuditEntryView]:
    """Return the first thousand entries of a node's audit log as an auditor sees them."""
    query = AuditQuery(order="oldest", limit=1000)
    return (await node.rooms.audit_search.find(query, OFFICER)).entries


async def _writes(node: Node) -> bool:
    """Tell whether a node's audit log goes on: the registry, and who witnesses, was heard."""
    try:
        await node.workers.audit_log.sequence()
    except LiaisonError:
        return False
    return True


@dataclass
class Line:
    """The network between two nodes, which a test may cut, watch and bend."""

    federation: "Federation"
    caller: MemberId
    to: MemberId

    def _gate(self) -> Peer:
        self.federation.calls += 1
        if (self.caller, self.to) in self.federation.cut or self.to not in self.federation.nodes:
            raise UnavailableError("peer_unreachable", f"{self.to} does not answer")
        known = self.federation.nodes[self.to].mirror.known
        hop = self.caller if known is not None and self.caller in known.members else None
        return self.federation.nodes[self.to].gate.for_hop(hop)

    def _log(self) -> Any:
        return self.federation.logs.get((self.to, self.caller)) or self._gate()

    def _registry(self) -> Any:
        gate = self._gate()
        return self.federation.shown.get(self.to, gate)

    async def post_envelopes(self, batch: Sequence[Posted]) -> Sequence[Answer]:
        """Carry a batch; the answer may get lost."""
        self.federation.posted += [(self.caller, self.to, item) for item in batch]
        answers = await self._gate().post_envelopes(batch)
        if self.federation.bend_answers is not None:
            answers = [self.federation.bend_answers(item) for item in answers]
        self.federation.answers += answers
        if self.federation.lose_answers > 0:
            self.federation.lose_answers -= 1
            raise UnavailableError("connection_broken", "the answer was lost")
        return answers

    async def offer_blob(self, blob_id: bytes, segment_list: bytes) -> Sequence[int]:
        """Carry an offer."""
        return await self._gate().offer_blob(blob_id, segment_list)

    async def put_segment(self, blob_id: bytes, index: int, segment: Segment) -> None:
        """Carry a segment; it may be bent on the way."""
        bend = self.federation.bend_segment
        if self.federation.lose_segments > 0:
            self.federation.lose_segments -= 1
            return
        content = b"".join([bytes(piece) async for piece in segment])
        carried = HeldSegment(bend(content) if bend else content)
        await self._gate().put_segment(blob_id, index, carried)

    async def blob_segments(self, envelope_id: bytes, blob_id: bytes) -> bytes:
        """Carry a segment list."""
        return await self._gate().blob_segments(envelope_id, blob_id)

    async def blob_segment(
        self, envelope_id: bytes, blob_id: bytes, index: int
    ) -> AsyncIterable[bytes | memoryview]:
        """Carry a segment that is fetched; the line may break instead."""
        if self.federation.fetches_left == 0:
            raise UnavailableError("connection_broken", "the line broke")
        self.federation.fetches_left -= 1
        self.federation.fetched.append(index)
        return await self._gate().blob_segment(envelope_id, blob_id, index)

    async def collect(self, asked: Collect) -> Collected:
        """Carry what waits in a mailbox."""
        answer = asyncio.ensure_future(self._gate().collect(asked))
        gone = asyncio.ensure_future(self.federation.gone[self.to].wait())
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise UnavailableError("connection_broken", f"{self.to} went away")
            found = answer.result()
        finally:
            answer.cancel()
            gone.cancel()
        self.federation.collected.append((self.caller, self.to, found))
        return found

    async def post_returns(self, returns: Sequence[Return]) -> None:
        """Carry what became of copies."""
        await self._gate().post_returns(returns)

    async def post_card(self, note: bytes) -> None:
        """Carry a card to a relay."""
        await self._gate().post_card(note)

    async def card(self, member: MemberId) -> bytes:
        """Carry a card."""
        return await self._gate().card(member)

    async def registry_checkpoint(self) -> bytes:
        """Carry a checkpoint."""
        return await self._registry().registry_checkpoint()

    async def registry_entries(self, start: int, end: int) -> Sequence[bytes]:
        """Carry statements."""
        return await self._registry().registry_entries(start, end)

    async def post_statement(self, note: bytes) -> None:
        """Carry a statement."""
        await self._gate().post_statement(note)

    async def add_checkpoint(self, asked: AddCheckpoint) -> bytes:
        """Carry a head to a witness."""
        return await self._gate().add_checkpoint(asked)

    async def witnessed_checkpoint(self, origin: str) -> bytes:
        """Carry what a witness has seen of a log."""
        return await self._gate().witnessed_checkpoint(origin)

    async def audit_proofs(self, message_id: bytes, envelope_id: bytes) -> Sequence[ProvenEntry]:
        """Carry what a log says."""
        proven = await self._gate().audit_proofs(message_id, envelope_id)
        bend = self.federation.bend_proofs
        return proven if bend is None else bend(proven)

    async def audit_checkpoint(self) -> bytes:
        """Carry the head of an audit log."""
        return await self._log().audit_checkpoint()

    async def audit_consistency(self, origin: str, old: int, new: int) -> Sequence[bytes]:
        """Carry a proof that an audit log grew."""
        return await self._log().audit_consistency(origin, old, new)

    async def ping(self) -> Pong:
        """Carry a ping."""
        return await self._gate().ping()


@dataclass
class Lines:
    """One node's way to the others."""

    federation: "Federation"
    caller: MemberId

    def member(self, member: MemberId) -> Peer:
        """Return the line to a member."""
        return Line(self.federation, self.caller, member)

    def registrar(self, *, pinned: bool = True) -> Peer:
        """Return the line to the registrar."""
        del pinned
        return Line(self.federation, self.caller, REGISTRY)


@dataclass
class Federation:
    """All nodes, and the network between them."""

    place: Path
    clocks: defaultdict[MemberId, Clock] = field(default_factory=lambda: defaultdict(Clock))
    nodes: dict[MemberId, Node] = field(default_factory=dict)
    running: dict[MemberId, asyncio.Task[None]] = field(default_factory=dict)
    gone: defaultdict[MemberId, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )
    """Set while a node is down: whoever waits for its answer learns it, as from a socket."""
    cut: set[tuple[MemberId, MemberId]] = field(default_factory=set)
    posted: list[tuple[MemberId, MemberId, Posted]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    collected: list[tuple[MemberId, MemberId, Collected]] = field(default_factory=list)
    calls: int = 0
    lose_answers: int = 0
    lose_segments: int = 0
    """How many segments are said to have arrived, and have not."""
    fetches_left: int = -1
    """How many segments may still be fetched before the line breaks; negative for any."""
    fetched: list[int] = field(default_factory=list)
    shown: dict[MemberId, Any] = field(default_factory=dict)
    """What nodes show of the registry, instead of what they hold."""
    logs: dict[tuple[MemberId, MemberId], Any] = field(default_factory=dict)
    """What a node shows of its audit log to another, instead of what it holds."""
    bend_answers: Callable[[Answer], Answer] | None = None
    bend_segment: Callable[[bytes], bytes] | None = None
    bend_proofs: Callable[[Sequence[ProvenEntry]], Sequence[ProvenEntry]] | None = None
    changes: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Settings by member and section, instead of the defaults."""
    roles: dict[str, tuple[MemberRole, Competences]] = field(default_factory=dict)
    """Who is no administration."""
    tokens: dict[str, Token] = field(default_factory=dict)
    """What sign keys of a member are drawn in, instead of its keystore."""
    anchor: str = ""
    ports: dict[str, int] = field(default_factory=dict)

    def found(self, *members: str) -> None:
        """Make the folders of the registrar and the members.

        ``XC@RO,RE`` is a member without an address, reached through its relays RO and RE; ``XD+RO``
        has one, and a relay.
        """
        url = self.endpoint(REGISTRY)
        self.anchor = found_federation(
            self._founding(REGISTRY), FEDERATION, names=[("en", "Secretariat")], endpoint=url,
            registrars=1, threshold=1, settings=self._settings(REGISTRY),
        )  # fmt: skip
        for named in members:
            self.found_one(named)

    def found_one(self, named: str) -> None:
        """Make the folder of one member of a federation that is founded."""
        member, relays, has_address = split_name(named)
        role, competences = self.roles.get(member, (MemberRole.ADMINISTRATION, NO_COMPETENCES))
        settings = with_anchor(self._settings(member), self.anchor, self.endpoint(REGISTRY))
        found_member(
            self._founding(member), FEDERATION, MemberId(member),
            anchor=parse_fingerprint(self.anchor),
            names=[("en", f"Customs of {member}")], role=role,
            competences=competences, endpoint=self.endpoint(member) if has_address else None,
            via=[MemberId(relay) for relay in relays], settings=settings,
        )  # fmt: skip

    def endpoint(self, member: str) -> str:
        """Return where a node is reached; without ports nothing listens there."""
        if member in self.ports:
            return f"https://127.0.0.1:{self.ports[member]}"
        return f"https://{member.lower()}.example:8470"

    async def start(self, member: str, *, fault: FaultHook | None = None, run: bool = True) -> Node:
        """Wire a node from its folder, and let it run."""
        name = MemberId(member)
        settings = self.settings(member)
        node = wire(
            settings, peers=Lines(self, name), keys=self._keys(member, settings),
            clock=self.clocks[name], entropy=os.urandom,
            database=open_database(settings, fault=fault),
        )  # fmt: skip
        await node.mirror.load()
        self.nodes[name] = node
        self.gone[name].clear()
        if run:
            now = self.clocks[name].now()
            await node.database.write(lambda tx: leases.release(tx, now))
            self.running[name] = asyncio.ensure_future(node.workers.run())
        return node

    async def stop(self, member: str) -> None:
        """Stop a node as a crash would: nothing is told good-bye."""
        name = MemberId(member)
        node = self.nodes.pop(name)
        self.gone[name].set()
        task = self.running.pop(name, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(BaseException):
                await task
        await asyncio.to_thread(node.database.close)

    async def admit(self, member: str) -> None:
        """Let the registrar admit a member by its join file, and everybody see it."""
        note = (self.place / member / f"join.{member}").read_bytes()
        await self.publish(add_signatures(note, self.registrar_root()))

    def registrar_root(self) -> tuple[NoteSigner, NoteSigner]:
        """Return the signers of the registrar's root key."""
        file = self.place / REGISTRY / "offline" / "REGISTRY.root-1-1.key"
        return root_signers(read(file, b"pass", entropy=os.urandom))

    async def publish(self, note: bytes) -> None:
        """Let the registrar publish a statement."""
        await self.nodes[REGISTRY].rooms.registrar.publish(note)

    def copy(self, grown: Path) -> None:
        """Take over the folders of a federation at rest."""
        shutil.copytree(grown, self.place, dirs_exist_ok=True)
        for settings in self.place.glob("*/gateway.toml"):
            settings.write_text(settings.read_text().replace(str(grown), str(self.place)))
        self.anchor = (self.place / REGISTRY / "anchor").read_text().strip()

    async def meet(self, members: Sequence[str]) -> None:
        """Wait until all see all members, reach them, and write their audit logs."""
        wanted = {REGISTRY, *members}
        for node in self.nodes.values():
            node.mirror.behind.set()
            await self.until(lambda m=node.mirror: m.known and set(m.view.members) >= wanted)
            await self.until(lambda n=node: _writes(n))
        for member in members:
            holders = [member, *self.nodes[REGISTRY].mirror.view.members[MemberId(member)].via]
            for holder in holders:
                await self.until(lambda m=member, h=holder: self.nodes[h].gate.cards.current(m))

    async def until(self, condition: Callable[[], Any], seconds: float = PATIENCE_S) -> None:
        """Wait until something holds, or fail."""
        async with asyncio.timeout(seconds):
            while True:
                outcome = condition()
                if asyncio.iscoroutine(outcome):
                    outcome = await outcome
                if outcome:
                    return
                await asyncio.sleep(0.01)

    async def send(self, sender: str, to: str, /, **changes: Any) -> Submitted:
        """Send a request to verify a value."""
        body = request([]) | {"to": [to]} | changes
        submission = msgspec.convert(body, Submission)
        (answer,) = await self.nodes[MemberId(sender)].rooms.exchange.submit([submission], OFFICER)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def state(self, sender: str, message: str) -> str:
        """Return how far a sent message is."""
        shown = await self.read(sender, message)
        return shown.state

    async def read(self, member: str, message: str) -> Detail:
        """Open a message."""
        return await self.nodes[MemberId(member)].rooms.inbox.read(message, OFFICER)

    async def inbox(self, member: str) -> Page:
        """List what a member received."""
        query = MessageQuery(direction="in", limit=500)
        return await self.nodes[MemberId(member)].rooms.inbox.page(query, OFFICER)

    def settings(self, member: str) -> Settings:
        """Return a node's settings, made quick."""
        settings = load(self.place / member / "gateway.toml")
        replace = msgspec.structs.replace
        settings = replace(
            settings,
            registry=replace(settings.registry, poll_s=1),
            audit=replace(settings.audit, interval_ms=20),
            relay=replace(settings.relay, enabled=True),
            delivery=replace(settings.delivery, rescan_s=1),
        )
        for section, changes in self.changes.get(member, {}).items():
            changed = replace(getattr(settings, section), **changes)
            settings = replace(settings, **{section: changed})
        return settings

    def unlock(self, member: str) -> Unlocked:
        """Read a node's keystore from its file."""
        path = self.settings(member).path("keystore")
        return unlock(path, b"pass", entropy=os.urandom)

    def _keys(self, member: str, settings: Settings) -> NodeKeys:
        return NodeKeys(
            unlock(settings.path("keystore"), b"pass", entropy=os.urandom),
            MemberId(member), os.urandom, self.tokens.get(member),
            draws_in_token=settings.keys.pkcs11_draw,
        )  # fmt: skip

    def _founding(self, member: str) -> Founding:
        return Founding(
            folder=self.place / member, passphrase=b"pass", cost=CHEAP, now=SystemClock().now()
        )

    def _settings(self, member: str) -> Settings:
        replace = msgspec.structs.replace
        node = replace(Settings().node, member=member, data_dir=str(self.place / member))
        listener = replace(Settings().peer_api, host="127.0.0.1", port=self.ports.get(member, 8470))
        return replace(Settings(), node=node, peer_api=listener)


_GROWN: Final[dict[tuple[object, ...], Path]] = {}
"""Federations that a test has grown before, at rest, by their members and roles."""


@contextlib.asynccontextmanager
async def federation(
    place: Path,
    *named: str,
    changes: dict[str, dict[str, dict[str, Any]]] | None = None,
    roles: dict[str, tuple[MemberRole, Competences]] | None = None,
    anew: bool = False,
) -> AsyncIterator[Federation]:
    """Yield a running federation in which everybody sees everybody.

    It is grown once, member by member; who wants the same later starts a copy of it, but for who
    wants it ``anew``.
    """
    made = Federation(place, changes=changes or {}, roles=roles or {})
    try:
        if anew:
            await _grow(made, named)
        else:
            await _start_copy(made, named)
        yield made
    finally:
        for member in list(made.nodes):
            await made.stop(member)


async def _grow(made: Federation, named: Sequence[str]) -> None:
    """Found a federation, and let the registrar admit one member after another."""
    made.found(*named)
    members = [split_name(name)[0] for name in named]
    await made.start(REGISTRY)
    for member in members:
        await made.admit(member)
        await made.start(member)
    await made.meet(members)


async def _start_copy(made: Federation, named: Sequence[str]) -> None:
    """Start what was grown before, in a folder of its own."""
    key = (named, *sorted(made.roles.items(), key=itemgetter(0)))
    if key not in _GROWN:
        model = Federation(Path(tempfile.mkdtemp(prefix="grown-")), roles=made.roles)
        atexit.register(shutil.rmtree, model.place)
        await _grow(model, named)
        for member in list(model.nodes):
            await model.stop(member)
        _GROWN[key] = model.place
    made.copy(_GROWN[key])
    members = [split_name(name)[0] for name in named]
    for member in (REGISTRY, *members):
        await made.start(member)
    await made.meet(members)


def split_name(named: str) -> tuple[str, list[str], bool]:
    """Return a member, its relays, and whether it has an address."""
    member, sign, relays = named.replace("+", "@+").partition("@")
    listed = [relay for relay in relays.removeprefix("+").split(",") if relay]
    return member, listed, not sign or relays.startswith("+")
