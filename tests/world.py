"""A small federation made of bytes: founders, members, keys; deterministic where that matters."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from keys.keyring import KeyRecord, new_record
from keys.postquantum import PostQuantumSigningKey
from keys.registry.draft import (
    draft_admit,
    draft_genesis,
    follow,
    log_signer,
    provers,
    root_name,
    root_pair,
    root_signers,
    use_line,
)
from keys.registry.statement import (
    REGISTRY,
    Chain,
    Kind,
    MemberRole,
    NextSet,
    RootSet,
    Statement,
    key_name,
)
from keys.registry.view import View, advance, found
from keys.rootfile import RootKey
from keys.signing import SigningKey
from keys.suite import KeyUse, MemberId, digest
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.cosignature import CosigningKey, add_cosignatures
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
    threshold: int = 1

    @property
    def root_signers(self) -> list:
        """Return the signers of its roots in force, both keys of each."""
        return [signer for root in self.roots for signer in root_signers(root)]

    @property
    def coming_signers(self) -> list:
        """Return the signers of its next roots."""
        return [signer for root in self.coming for signer in root_signers(root)]

    def draw(self, use: KeyUse, start: int) -> KeyRecord:
        """Return one more key of a use."""
        name = key_name(FEDERATION, self.member, use)
        end = start + 2 * YEAR_S
        return new_record(use, start=start, end=end, entropy=self.entropy, common_name=name)

    def cosigner(self) -> CosigningKey:
        """Return its witness's keys."""
        name = key_name(FEDERATION, self.member, KeyUse.WITNESS)
        return CosigningKey.from_seed(name, self.records[KeyUse.WITNESS].seed)

    @property
    def signers(self) -> list:
        """Return the signers of its roots and of each of its keys."""
        roots = self.root_signers
        nodes = [provers(FEDERATION, self.member, item) for item in self.records.values()]
        return [*roots, *(signer for pair in nodes for signer in pair)]

    def sign_key(self) -> SigningKey:
        """Return its signing key."""
        return SigningKey(KeyUse.SIGN, self.records[KeyUse.SIGN].seed)

    def root_set(self) -> RootSet:
        """Return its root set as a statement shows it."""
        return RootSet(self.threshold, tuple(root_pair(root) for root in self.roots))

    def coming_set(self) -> RootSet:
        """Return its next root set as a statement reveals it."""
        return RootSet(self.threshold, tuple(root_pair(root) for root in self.coming))

    def next_set(self) -> NextSet:
        """Return its next root set by commitment."""
        return NextSet(self.threshold, tuple(root_pair(root).commitment for root in self.coming))

    def lines(self) -> list:
        """Return its keys as a statement shows them."""
        return [use_line(FEDERATION, self.member, item) for item in self.records.values()]


def party(
    name: str, *, roots: int = 1, threshold: int = 1, at: int = NOW, uses: Sequence[KeyUse] = USES
) -> Party:
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
        for use in uses
    }
    return Party(
        member=member,
        entropy=entropy,
        roots=[root_key(member, entropy) for _ in range(roots)],
        coming=[root_key(member, entropy) for _ in range(roots)],
        records=records,
        endpoint=f"https://{name.lower()}.example:8470",
        threshold=threshold,
    )


@dataclass
class World:
    """A founded federation: its statements so far, and the view after them."""

    registrar: Party
    genesis: bytes
    anchor: bytes
    view: View
    notes: list[bytes] = field(default_factory=list)

    def said(
        self, kind: Kind, member: MemberId | str, chain: Chain, *, at: int = NOW + 10, **items: Any
    ) -> Statement:
        """Return a statement in its place that says ``items``."""
        placed = follow(self.view, kind, MemberId(member), chain, at=at)
        return replace(placed, **items)

    def head(self, *cosigners: tuple[CosigningKey, int]) -> bytes:
        """Return the registry's head, signed, and cosigned by each witness at its time."""
        head = self.view.head
        log = log_signer(self.view.origin, self.registrar.records[KeyUse.LOG])
        note = sign_checkpoint(Checkpoint(self.view.origin, head.size, head.root), log)
        return add_cosignatures(
            note, [line for key, at in cosigners for line in key.cosign(note, at)]
        )

    def append(self, *notes: bytes) -> None:
        """Let the registry grow."""
        self.view = advance(self.view, notes)
        self.notes += notes


def genesis_of(registrar: Party) -> bytes:
    """Return a signed genesis statement."""
    statement = draft_genesis(
        FEDERATION,
        at=NOW,
        names=[("en", "Secretariat")],
        root=registrar.root_set(),
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
    registrar = party(REGISTRY, roots=registrars, threshold=threshold)
    genesis = genesis_of(registrar)
    anchor = digest(genesis)
    made = World(registrar, genesis, anchor, found(genesis, anchor), [genesis])
    made.append(*(admitted(registrar, member, anchor) for member in members))
    return made
