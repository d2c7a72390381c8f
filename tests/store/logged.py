"""An audit log in a database as its sequencer writes it, and what an administrator can do to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select, update

from gateway.protocol.audit import ENTRY_VERSION, AuditEntry, EntryKind, encode_entry
from gateway.services.auditing.check import check_audit_log
from gateway.services.auditing.findings import AuditReport, HeldHead
from gateway.store import audit, audit_reading, cosigned, registry
from gateway.store.database import Transaction
from gateway.store.schema import audit_entries, audit_heads, audit_nodes, cosigned_heads
from keys.registry.draft import node_signer
from keys.registry.origins import AuditOrigin, Shard
from keys.registry.statement import REGISTRY, Chain, Kind, WitnessSet
from keys.suite import KeyUse, MemberId, digest
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from keys.tlog.cosignature import add_cosignatures
from keys.tlog.merkle import Frontier, leaf_hash
from keys.tlog.nodes import completed_nodes
from keys.tlog.note import ClassicalSigner, parse_note, sign_note
from tests.world import FEDERATION, NOW, USES, Party, World, party, world

XA = MemberId("XA")
HOUR_S = audit.HEAD_KEPT_S


def entry_of(number: int, *, at: int = NOW, **changes: Any) -> audit.NewEntry:
    """Return an entry that differs by its number."""
    values = {
        "version": ENTRY_VERSION, "kind": EntryKind.MESSAGE_ACCEPTED, "at": at,
        "salt": number.to_bytes(16, "big"), "registry_size": 5, "peer": "",
        "digests": (digest(b"%d" % number), bytes(32)), "code": "",
    }  # fmt: skip
    encoded = encode_entry(AuditEntry(**values | changes))
    return audit.NewEntry(entry=encoded, leaf_hash=leaf_hash(encoded))


@dataclass
class Logged:
    """XA's log, the hand that signs it, and its witnesses: two of W0, W1, W2."""

    world: World
    owner: Party
    witnesses: list[Party]
    shard: Shard = field(default_factory=lambda: Shard(2026))
    number: int = 0
    at: int = NOW
    made: int = 0
    last: bytes = b""
    signed: dict[int, bytes] = field(default_factory=dict)
    """The heads that were signed of this shard, by size."""

    @property
    def origin(self) -> str:
        """Return the name of the shard that grows."""
        return str(AuditOrigin(FEDERATION, XA, self.shard))

    def sign(self, size: int, root: bytes) -> bytes:
        """Return a head as XA's key signs it."""
        log = node_signer(FEDERATION, XA, self.owner.records[KeyUse.LOG])
        signer = ClassicalSigner(self.origin, log.key)
        return sign_checkpoint(Checkpoint(self.origin, size, root), signer)

    def begin(self, tx: Transaction) -> None:
        """Let the node mirror the registry."""
        registry.grow(tx, 0, self.world.notes, self.world.head(), NOW)

    def grow(self, tx: Transaction, entries: Sequence[audit.NewEntry]) -> None:
        """Append entries, and an hour later the head over them."""
        audit.append(tx, entries)
        head = audit.head(tx)
        begins = head is None or head.shard != self.number
        frontier = Frontier() if begins or head is None else Frontier.parse(head.frontier)
        rows = audit.unsequenced(tx, len(entries))
        leaves = [leaf for _, leaf in rows]
        opening = self._opening() if begins else None
        if opening is not None:
            leaves.insert(0, opening.entry.leaf_hash)
        grown, nodes = completed_nodes(frontier, leaves)
        note = self.sign(grown.size, grown.root())
        self.at += HOUR_S
        row = audit.AuditHead(
            shard=self.number, size=grown.size, frontier=grown.encode(), checkpoint=note,
            signed_at=self.at,
        )  # fmt: skip
        audit.advance(
            tx, expected=head, row_ids=[row_id for row_id, _ in rows], nodes=nodes, grown=row,
            opening=opening,
        )  # fmt: skip
        self.signed[grown.size], self.last = note, note

    def fill(self, tx: Transaction, size: int) -> None:
        """Grow to a size."""
        first = max(self.signed, default=1)
        self.grow(tx, [entry_of(number, at=self.at) for number in range(first, size)])

    def next_shard(self, shard: Shard) -> None:
        """Let what comes next stand in another shard."""
        self.shard, self.number, self.signed = shard, self.number + 1, {}

    def witness(self, tx: Transaction, count: int = 2, *, quorum: bool = True) -> bytes:
        """Let witnesses cosign the newest head, and the node keep it so."""
        note = self.cosigned(self.last, count)
        size = parse_checkpoint(note).size
        witnessed_at = self.at if quorum else None
        row = cosigned.CosignedHead(
            shard=self.number, size=size, checkpoint=note, witnessed_at=witnessed_at,
            stored_at=self.at,
        )  # fmt: skip
        cosigned.store(tx, row)
        return note

    def cosigned(self, note: bytes, count: int) -> bytes:
        """Return a head with the cosignatures of some of the witnesses."""
        keys = [who.cosigner() for who in self.witnesses[:count]]
        return add_cosignatures(note, [line for key in keys for line in key.cosign(note, self.at)])

    def held(self, size: int, by: str = "W0") -> HeldHead:
        """Return what a witness shows."""
        return HeldHead(by=by, origin=self.origin, checkpoint=self.cosigned(self.signed[size], 1))

    def check(self, tx: Transaction, *held: HeldHead) -> AuditReport:
        """Check the log."""
        return check_audit_log(tx, self.world.view, XA, held=held)

    def _opening(self) -> audit.Opening:
        code, digests = "", ()
        if self.last:
            head = parse_checkpoint(self.last)
            code = str(AuditOrigin.parse(head.origin).shard)
            digests = (head.root, digest(parse_note(self.last).text))
        entry = entry_of(0, at=self.at, kind=EntryKind.SHARD_OPENED, digests=digests, code=code)
        shard = audit.AuditShard(number=self.number, origin=self.origin, opened_at=self.at)
        return audit.Opening(shard=shard, entry=entry)


def logged() -> Logged:
    """Return a federation in which XA keeps a log and three others are its witnesses."""
    witnesses = [party(f"W{number}", uses=(*USES, KeyUse.WITNESS)) for number in range(3)]
    owner = party("XA")
    made = world(owner, *witnesses)
    chosen = WitnessSet(2, tuple(who.member for who in witnesses))
    said = made.said(Kind.WITNESSES, REGISTRY, Chain.ISSUER, witnesses=chosen)
    made.append(sign_note(said.text(), made.registrar.root_signers))
    return Logged(made, owner, witnesses)


@dataclass
class Administrator:
    """Whoever may write the database, and perhaps holds the log's key."""

    log: Logged
    tx: Transaction

    def put(self, number: int, /, **values: Any) -> None:
        """Change columns of an entry."""
        statement = update(audit_entries).where(
            audit_entries.c.shard == self.log.number, audit_entries.c.number == number
        )
        assert self.tx.execute(statement.values(**values)).rowcount == 1

    def edit(self, number: int, *, leaf: bool = True) -> None:
        """Write another entry in a place, with its leaf or without."""
        other = entry_of(number, code="x")
        self.put(number, entry=other.entry)
        if leaf:
            self.put(number, leaf_hash=other.leaf_hash)

    def remove(self, first: int, last: int | None = None) -> None:
        """Delete entries."""
        statement = delete(audit_entries).where(
            audit_entries.c.shard == self.log.number,
            audit_entries.c.number.between(first, first if last is None else last),
        )
        self.tx.execute(statement)

    def shift(self, first: int, by: int) -> None:
        """Give entries from a number on other numbers."""
        place = audit_entries.c.number
        here = audit_entries.c.shard == self.log.number
        for low, step in ((first, 1_000_000), (1_000_000, by - 1_000_000)):
            self.tx.execute(
                update(audit_entries).where(here, place >= low).values(number=place + step)
            )

    def insert(self, number: int) -> None:
        """Put an entry between others."""
        self.shift(number, 1)
        new = entry_of(777_777)
        values = {"shard": self.log.number, "number": number}
        self.tx.execute(
            audit_entries.insert().values(**values, entry=new.entry, leaf_hash=new.leaf_hash)
        )

    def exchange(self, one: int, other: int) -> None:
        """Let two entries change places."""
        for number, to in ((one, 2_000_000), (other, one), (2_000_000, other)):
            self.put(number, number=to)

    def rehash(self) -> Frontier:
        """Make every inner hash and the frontier anew from the leaves."""
        head = audit.head(self.tx)
        assert head is not None
        leaves = audit_reading.hashes(self.tx, self.log.number, 0, 0, head.size)
        frontier, nodes = completed_nodes(Frontier(), leaves)
        self.tx.execute(delete(audit_nodes).where(audit_nodes.c.shard == self.log.number))
        for node in nodes:
            values = {"level": node.level, "number": node.number, "hash": node.hash}
            self.tx.execute(audit_nodes.insert().values(shard=self.log.number, **values))
        self.set_head(head.size, frontier=frontier.encode())
        return frontier

    def resign(self) -> None:
        """Sign every head of our own anew, over what the leaves are now."""
        for head in audit.heads(self.tx, self.log.number):
            leaves = audit_reading.hashes(self.tx, self.log.number, 0, 0, head.size)
            frontier = Frontier().extend(leaves)
            note = self.log.sign(head.size, frontier.root())
            self.set_head(head.size, checkpoint=note, frontier=frontier.encode())

    def truncate(self, size: int) -> None:
        """Cut the log off, and sign the shorter one."""
        self.remove(size, 10_000_000)
        here = audit_heads.c.shard == self.log.number
        self.tx.execute(delete(audit_heads).where(here, audit_heads.c.size > size))
        frontier = Frontier().extend(audit_reading.hashes(self.tx, self.log.number, 0, 0, size))
        self.tx.execute(
            audit_heads.insert().values(
                shard=self.log.number, size=size, frontier=frontier.encode(),
                checkpoint=self.log.sign(size, frontier.root()), signed_at=self.log.at,
            )
        )  # fmt: skip

    def forget_witnesses(self) -> None:
        """Delete what witnesses cosigned."""
        self.tx.execute(delete(cosigned_heads))

    def set_head(self, size: int, /, **values: Any) -> None:
        """Change columns of a head of our own."""
        statement = update(audit_heads).where(
            audit_heads.c.shard == self.log.number, audit_heads.c.size == size
        )
        assert self.tx.execute(statement.values(**values)).rowcount == 1

    def set_cosigned(self, size: int, /, **values: Any) -> None:
        """Change columns of a head that witnesses cosigned."""
        statement = update(cosigned_heads).where(cosigned_heads.c.size == size)
        assert self.tx.execute(statement.values(**values)).rowcount == 1

    def set_node(self, level: int, number: int, stored: bytes) -> None:
        """Change a stored inner hash."""
        statement = update(audit_nodes).where(
            audit_nodes.c.level == level, audit_nodes.c.number == number
        )
        assert self.tx.execute(statement.values(hash=stored)).rowcount == 1

    def bytes_of(self, number: int) -> bytes:
        """Return the bytes of an entry."""
        statement = select(audit_entries.c.entry).where(audit_entries.c.number == number)
        return bytes(self.tx.execute(statement).scalar_one())
