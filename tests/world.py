"""A small federation made of bytes: founders, members, keys; deterministic where that matters."""

import hashlib
from dataclasses import dataclass, field

from keys.keyring import KeyRecord, new_record
from keys.postquantum import PostQuantumSigningKey
from keys.registry.draft import (
    draft_admit,
    draft_genesis,
    node_signer,
    root_name,
    root_pair,
    root_signers,
    use_line,
)
from keys.registry.statement import REGISTRY, MemberRole, NextSet, RootSet, key_name
from keys.registry.view import View, advance, found
from keys.rootfile import RootKey
from keys.signing import SigningKey
from keys.suite import KeyUse, MemberId, digest
from keys.tlog.note import sign_note

FEDERATION = "mutual.example"
NOW = 1_790_000_000
YEAR_S = 366 * 86_400
USES = (KeyUse.SIGN, KeyUse.LOG, KeyUse.TLS)


class Seeded:
    """Deterministic bytes: a hash in counter mode."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._count = 0

    def __call__(self, length: int) -> bytes:
        """Return the next ``length`` bytes."""
        self._count += 1
        return hashlib.shake_256(self._seed + self._count.to_bytes(4, "big")).digest(length)


def root_key(member: MemberId, entropy: Seeded) -> RootKey:
    """Return a root key that lives in memory."""
    return RootKey(
        name=root_name(FEDERATION, member),
        classical=SigningKey(KeyUse.ROOT, entropy(32)),
        post_quantum=PostQuantumSigningKey(entropy(32)),
    )


@dataclass
class Party:
    """A member with all its private keys."""

    member: MemberId
    entropy: Seeded
    roots: list[RootKey]
    coming: list[RootKey]
    records: dict[KeyUse, KeyRecord]
    endpoint: str | None = None

    @property
    def signers(self) -> list:
        """Return the signers of its roots and of each of its keys."""
        roots = [signer for root in self.roots for signer in root_signers(root)]
        nodes = [node_signer(FEDERATION, self.member, item) for item in self.records.values()]
        return [*roots, *nodes]

    def sign_key(self) -> SigningKey:
        """Return its signing key."""
        return SigningKey(KeyUse.SIGN, self.records[KeyUse.SIGN].seed)

    def root_set(self, threshold: int = 1) -> RootSet:
        """Return its root set as a statement shows it."""
        return RootSet(threshold, tuple(root_pair(root) for root in self.roots))

    def next_set(self) -> NextSet:
        """Return its next root set by commitment."""
        return NextSet(1, tuple(root_pair(root).commitment for root in self.coming))

    def lines(self) -> list:
        """Return its keys as a statement shows them."""
        return [use_line(FEDERATION, self.member, item) for item in self.records.values()]


def party(name: str, *, roots: int = 1, at: int = NOW) -> Party:
    """Return a member with fresh keys, the same for the same name."""
    member = MemberId(name)
    entropy = Seeded(name)
    records = {
        use: new_record(
            use,
            start=at,
            end=at + 2 * YEAR_S,
            entropy=entropy,
            common_name=key_name(FEDERATION, member, use),
        )
        for use in USES
    }
    return Party(
        member=member,
        entropy=entropy,
        roots=[root_key(member, entropy) for _ in range(roots)],
        coming=[root_key(member, entropy)],
        records=records,
        endpoint=f"https://{name.lower()}.example:8470",
    )


@dataclass
class World:
    """A founded federation: its statements so far, and the view after them."""

    registrar: Party
    genesis: bytes
    anchor: bytes
    view: View
    notes: list[bytes] = field(default_factory=list)

    def append(self, *notes: bytes) -> None:
        """Let the registry grow."""
        self.view = advance(self.view, notes)
        self.notes += notes


def genesis_of(registrar: Party, threshold: int = 1) -> bytes:
    """Return a signed genesis statement."""
    statement = draft_genesis(
        FEDERATION,
        at=NOW,
        names=[("en", "Secretariat")],
        root=registrar.root_set(threshold),
        next_root=registrar.next_set(),
        uses=registrar.lines(),
        endpoint=registrar.endpoint or "",
    )
    return sign_note(statement.text(), registrar.signers)


def join_of(member: Party, anchor: bytes, **changes: object) -> "object":
    """Return an admission's text as a Statement."""
    arguments = {
        "anchor": anchor,
        "at": NOW,
        "names": [("en", f"Customs of {member.member}"), ("fr", f"Douanes de {member.member}")],
        "role": MemberRole.ADMINISTRATION,
        "root": member.root_set(),
        "next_root": member.next_set(),
        "uses": member.lines(),
        "endpoint": member.endpoint,
    }
    return draft_admit(FEDERATION, member.member, **{**arguments, **changes})


def admitted(world_or_registrar: Party, member: Party, anchor: bytes) -> bytes:
    """Return a complete admission, signed by registrar and member."""
    roots = [s for root in world_or_registrar.roots for s in root_signers(root)]
    return sign_note(join_of(member, anchor).text(), [*roots, *member.signers])


def world(*members: Party, registrars: int = 1, threshold: int = 1) -> World:
    """Found a federation and admit members."""
    registrar = party(REGISTRY, roots=registrars)
    genesis = genesis_of(registrar, threshold)
    anchor = digest(genesis)
    made = World(registrar, genesis, anchor, found(genesis, anchor), [genesis])
    made.append(*(admitted(registrar, member, anchor) for member in members))
    return made
