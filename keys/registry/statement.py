"""Statements: what the registry's leaves say. Line text, one item a line, one encoding only.

A statement is a signed note. This module holds what one says and writes its text;
``keys.registry.grammar`` reads it; who must have signed it, and what it may change, is judged by
``keys.registry.view``.
Source: keys/README.md, "The registry".
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final

from keys.certificate import certificate_digest
from keys.suite import DIGEST_BYTES, KeyId, KeyUse, MemberId, digest, key_id
from keys.tlog.note import ED25519, ML_DSA_44, Note, VerifierKey, encode_base64

REGISTRY: Final = MemberId("REGISTRY")
"""The registrars, as a member under the rules of all others."""
MAX_STATEMENT_BYTES: Final = 60_000
"""Fits an entry of a C2SP entry bundle, whose length is a u16."""
NO_STATEMENT: Final = bytes(DIGEST_BYTES)
"""What the genesis statement names as the one before it."""
NONE: Final = "-"
"""What a line says that takes an endpoint, or all relays, away."""


class Kind(StrEnum):
    """What a statement does."""

    GENESIS = "genesis"
    ADMIT = "admit"
    KEYS = "keys"
    ROTATE = "rotate"
    SUSPEND = "suspend"
    RESUME = "resume"
    RECOVER = "recover"
    RECOVERED = "recovered"
    VETO = "veto"
    ROLE = "role"
    WITNESSES = "witnesses"


class Chain(StrEnum):
    """The sequences a member's statements stand in: one for each authority.

    A statement follows the one before it in its own chain alone, so that nobody who holds one
    authority can make stale what another one says.
    """

    NODE = "node"
    """What a ``sign`` key says."""
    ROOT = "root"
    """What the roots in force say."""
    NEXT = "next"
    """What the committed next roots say."""
    ISSUER = "issuer"
    """What the registrars say of the member."""


class MemberRole(StrEnum):
    """What a member is."""

    ADMINISTRATION = "administration"
    UNION = "union"
    LIAISON_OFFICE = "liaison-office"
    REGISTRAR = "registrar"
    OBSERVER = "observer"


@dataclass(frozen=True, slots=True)
class RootPair:
    """One root: an Ed25519 and an ML-DSA-44 key, both required."""

    classical: VerifierKey
    post_quantum: VerifierKey

    @property
    def commitment(self) -> bytes:
        """The digest (32 bytes) by which a pair is committed to before it is shown."""
        return digest(self.classical.text.encode(), b"\n", self.post_quantum.text.encode())


@dataclass(frozen=True, slots=True)
class RootSet:
    """``threshold`` of these roots must sign."""

    threshold: int
    pairs: tuple[RootPair, ...]


@dataclass(frozen=True, slots=True)
class NextSet:
    """The root set to come, by commitment."""

    threshold: int
    commitments: tuple[bytes, ...]


@dataclass(frozen=True)
class UseLine:
    """A key, its use, and from when until when (UTC seconds, end excluded) it is good."""

    use: KeyUse
    verifier: VerifierKey
    start: int
    end: int
    certificate: bytes = b""
    post_quantum: VerifierKey | None = None
    """The second half of a witness's key."""

    @cached_property
    def key_id(self) -> KeyId:
        """The key's name."""
        return key_id(self.use, self.verifier.public_key)

    @property
    def proofs(self) -> tuple[VerifierKey, ...]:
        """The keys that must sign the statement which brings this one: it is held.

        A witness's keys prove it in the form of notes, which no cosignature can be taken for.
        """
        if self.post_quantum is None:
            return (self.verifier,)
        name = self.verifier.name
        return (
            VerifierKey(name, ED25519, self.verifier.public_key),
            VerifierKey(name, ML_DSA_44, self.post_quantum.public_key),
        )

    @property
    def pin(self) -> bytes:
        """The digest of a ``tls`` key's certificate."""
        return certificate_digest(self.certificate)

    def line(self) -> str:
        """Return the item as it stands in the text."""
        shown = encode_base64(self.certificate) if self.certificate else self.verifier.text
        if self.post_quantum is not None:
            shown = f"{shown} {self.post_quantum.text}"
        return f"use {self.use} {shown} {self.start} {self.end}"


@dataclass(frozen=True, slots=True)
class Revocation:
    """A key that is not to be trusted for anything from ``since`` on."""

    key_id: KeyId
    since: int


@dataclass(frozen=True, slots=True)
class WitnessSet:
    """``quorum`` of these members' ``witness`` keys make a head witnessed."""

    quorum: int
    members: tuple[MemberId, ...]

    @property
    def blocking(self) -> int:
        """How many of the witnesses can keep any quorum from forming."""
        return len(self.members) - self.quorum + 1 if self.quorum else 0


@dataclass(frozen=True, slots=True)
class Competences:
    """What a union is entitled to: for whom it acts, and in which kinds of message."""

    states: tuple[MemberId, ...] = ()
    kinds: tuple[str, ...] = ()
    """Names of kinds, or the first part of one: ``request`` stands for all requests."""


NO_COMPETENCES: Final = Competences()
"""What every member has that is no union."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """The content of a statement; what it does not say is None or empty."""

    federation: str
    kind: Kind
    member: MemberId
    chain: Chain
    seq: int
    at: int
    prev: bytes
    names: tuple[tuple[str, str], ...] = ()
    role: MemberRole | None = None
    competences: Competences = NO_COMPETENCES
    succeeds: MemberId | None = None
    root: RootSet | None = None
    next: NextSet | None = None
    uses: tuple[UseLine, ...] = ()
    revocations: tuple[Revocation, ...] = ()
    endpoint: str | None = None
    """The empty text takes the endpoint away."""
    via: tuple[MemberId, ...] | None = None
    """Empty takes all relays away."""
    witnesses: WitnessSet | None = None
    checkpoints: tuple[bytes, ...] = ()
    """Cosigned heads of this registry, as notes."""

    def text(self) -> bytes:
        """Return the note's text: the only way to write this statement."""
        return "".join(line + "\n" for line in self._lines()).encode()

    def _lines(self) -> Iterator[str]:
        yield f"{self.federation}/registry/v1"
        yield f"kind {self.kind}"
        yield f"member {self.member}"
        yield f"chain {self.chain}"
        yield f"seq {self.seq}"
        yield f"at {self.at}"
        yield f"prev {encode_base64(self.prev)}"
        yield from (f"name {language} {name}" for language, name in self.names)
        if self.role is not None:
            yield f"role {self.role}"
        yield from (f"state {state}" for state in self.competences.states)
        yield from (f"competence {kind}" for kind in self.competences.kinds)
        if self.succeeds is not None:
            yield f"succeeds {self.succeeds}"
        yield from _root_lines(self.root)
        yield from _next_lines(self.next)
        yield from (use.line() for use in self.uses)
        for revocation in self.revocations:
            yield f"revoke {encode_base64(revocation.key_id)} {revocation.since}"
        if self.endpoint is not None:
            yield f"endpoint {self.endpoint or NONE}"
        if self.via is not None:
            yield from (f"via {relay}" for relay in self.via or (NONE,))
        yield from _witness_lines(self.witnesses)
        yield from (f"checkpoint {encode_base64(head)}" for head in self.checkpoints)


def _root_lines(root: RootSet | None) -> Iterator[str]:
    if root is not None:
        yield f"root {root.threshold} {len(root.pairs)}"
        for pair in root.pairs:
            yield f"rootkey {pair.classical.text} {pair.post_quantum.text}"


def _next_lines(coming: NextSet | None) -> Iterator[str]:
    if coming is not None:
        yield f"next {coming.threshold} {len(coming.commitments)}"
        yield from (f"nextkey {encode_base64(item)}" for item in coming.commitments)


def _witness_lines(witnesses: WitnessSet | None) -> Iterator[str]:
    if witnesses is not None:
        yield f"witnesses {witnesses.quorum} {len(witnesses.members)}"
        yield from (f"witness {member}" for member in witnesses.members)


@dataclass(frozen=True)
class SignedStatement:
    """A statement with the note it came in, not judged yet."""

    statement: Statement
    note: Note
    encoded: bytes = field(repr=False)

    @cached_property
    def digest(self) -> bytes:
        """What the next statement of the chain names as ``prev``: over the whole note."""
        return digest(self.encoded)


def key_name(federation: str, member: MemberId, use: KeyUse) -> str:
    """Return the name under which a member's key of one use signs notes."""
    return f"{federation}/{member}/{use}"
