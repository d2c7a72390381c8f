"""Write statements: what a founder, a joining member or a rotating node proposes.

A draft is text to be signed; nothing is judged here that the fold would judge.
"""

import base64
from collections.abc import Sequence
from dataclasses import replace

from keys.errors import RejectedError
from keys.keyring import NODE_USES, KeyRecord, Keyring
from keys.registry.member import Member
from keys.registry.statement import (
    NO_COMPETENCES,
    NO_STATEMENT,
    REGISTRY,
    Chain,
    Competences,
    Kind,
    MemberRole,
    NextSet,
    RootPair,
    RootSet,
    Statement,
    UseLine,
    WitnessSet,
    key_name,
)
from keys.registry.view import View
from keys.rootfile import RootKey
from keys.signing import SigningKey
from keys.suite import DIGEST_BYTES, KeyUse, MemberId, digest
from keys.tlog.cosignature import CosigningKey
from keys.tlog.note import ED25519, ClassicalSigner, NoteSigner, PostQuantumSigner, VerifierKey

_FINGERPRINT_PREFIX = "liaison1-"


def fingerprint(genesis: bytes) -> str:
    """Return the anchor of a registry as people pass it on: over the whole genesis note."""
    encoded = base64.b32encode(digest(genesis)).decode("ascii").rstrip("=").lower()
    return _FINGERPRINT_PREFIX + encoded


def parse_fingerprint(text: str) -> bytes:
    """Return the anchor (32 bytes). Raises RejectedError ``fingerprint_malformed``."""
    encoded = text.strip().removeprefix(_FINGERPRINT_PREFIX).upper()
    try:
        anchor = base64.b32decode(encoded + "=" * (-len(encoded) % 8))
    except ValueError:
        anchor = b""
    if len(anchor) != DIGEST_BYTES or not text.strip().startswith(_FINGERPRINT_PREFIX):
        raise RejectedError(
            "fingerprint_malformed",
            f"an anchor is {_FINGERPRINT_PREFIX} and 52 letters or digits; registry init prints it",
        )
    return anchor


def root_name(federation: str, member: MemberId) -> str:
    """Return the name under which a member's root keys sign."""
    return key_name(federation, member, KeyUse.ROOT)


def root_pair(root: RootKey) -> RootPair:
    """Return the public half of a root key."""
    return RootPair(*(signer.verifier for signer in root_signers(root)))


def root_signers(root: RootKey) -> tuple[NoteSigner, NoteSigner]:
    """Return both signers of a root key."""
    return ClassicalSigner(root.name, root.classical), PostQuantumSigner(
        root.name, root.post_quantum
    )


def use_line(federation: str, member: MemberId, record: KeyRecord) -> UseLine:
    """Return the line that shows a node's key to the registry."""
    name = key_name(federation, member, record.use)
    if record.use is KeyUse.WITNESS:
        first, second = CosigningKey.from_seed(name, record.seed).verifiers
        return UseLine(record.use, first, record.start, record.end, post_quantum=second)
    verifier = VerifierKey(name, ED25519, record.public_key)
    return UseLine(record.use, verifier, record.start, record.end, record.certificate)


def node_signer(federation: str, member: MemberId, record: KeyRecord) -> NoteSigner:
    """Return the signer with which a node's key has its say."""
    name = key_name(federation, member, record.use)
    return ClassicalSigner(name, SigningKey(record.use, record.seed))


def log_signer(origin: str, record: KeyRecord) -> NoteSigner:
    """Return the signer with which a ``log`` key signs the heads of a log."""
    return ClassicalSigner(origin, SigningKey(record.use, record.seed))


def provers(federation: str, member: MemberId, record: KeyRecord) -> tuple[NoteSigner, ...]:
    """Return the signers with which a node's key proves that it is held."""
    if record.use is KeyUse.WITNESS:
        return CosigningKey.from_seed(key_name(federation, member, record.use), record.seed).provers
    return (node_signer(federation, member, record),)


def draft_genesis(
    federation: str,
    *,
    at: int,
    names: Sequence[tuple[str, str]],
    root: RootSet,
    next_root: NextSet,
    uses: Sequence[UseLine],
    endpoint: str,
) -> Statement:
    """Propose a federation. Its witness set is empty until members are named as witnesses."""
    return Statement(
        federation=federation,
        kind=Kind.GENESIS,
        member=REGISTRY,
        chain=Chain.ISSUER,
        seq=1,
        at=at,
        prev=NO_STATEMENT,
        names=tuple(names),
        role=MemberRole.REGISTRAR,
        root=root,
        next=next_root,
        uses=tuple(uses),
        endpoint=endpoint,
        witnesses=WitnessSet(0, ()),
    )


def draft_admit(
    federation: str,
    member: MemberId,
    *,
    anchor: bytes,
    at: int,
    names: Sequence[tuple[str, str]],
    role: MemberRole,
    root: RootSet,
    next_root: NextSet,
    uses: Sequence[UseLine],
    endpoint: str | None,
    via: Sequence[MemberId] = (),
    competences: Competences = NO_COMPETENCES,
    succeeds: MemberId | None = None,
) -> Statement:
    """Propose to be admitted: a joining member can write and sign it before anyone knows it."""
    return Statement(
        federation=federation,
        kind=Kind.ADMIT,
        member=member,
        chain=Chain.ISSUER,
        seq=1,
        at=at,
        prev=anchor,
        names=tuple(names),
        role=role,
        root=root,
        next=next_root,
        uses=tuple(uses),
        endpoint=endpoint,
        via=tuple(via) or None,
        competences=competences,
        succeeds=succeeds,
    )


def follow(view: View, kind: Kind, member: MemberId, chain: Chain, *, at: int) -> Statement:
    """Propose a statement of ``kind`` that says nothing yet, in its place in a member's chain.

    What it is to say is put in with ``dataclasses.replace``. Its date is ``at``, or that of the
    statement before it where the clock lies behind.
    """
    head = view.chain_head(member, chain)
    return Statement(
        federation=view.federation,
        kind=kind,
        member=member,
        chain=chain,
        seq=head.seq + 1,
        at=max(at, head.at),
        prev=head.digest,
    )


def draft_rotation(view: View, member: Member, *, at: int, uses: Sequence[UseLine]) -> Statement:
    """Propose new keys, and earlier ends of old ones, in the member's node chain."""
    return replace(follow(view, Kind.KEYS, member.member, Chain.NODE, at=at), uses=tuple(uses))


def proofs(federation: str, member: MemberId, keyring: Keyring) -> list[NoteSigner]:
    """Return the signers of every registered use in a keyring: a joining node's proofs."""
    return [
        prover
        for use in NODE_USES
        for record in keyring.records(use)
        for prover in provers(federation, member, record)
    ]
