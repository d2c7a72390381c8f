"""Evidence made of bytes: a federation with witnesses, a message, receipts, and audit logs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec

from gateway.errors import RejectedError
from gateway.evidence.file import Delivered, Evidence, encode_evidence
from gateway.evidence.history import fold
from gateway.evidence.howto import howto_of
from gateway.evidence.judgement import Judgement
from gateway.evidence.judging import judge_file
from gateway.protocol.audit import AuditEntry, EntryKind, ProvenEntry, encode_entry
from gateway.protocol.codec import encode
from gateway.protocol.envelope import Draft, sign_again
from gateway.protocol.message import Attachment, Payload, encode_payload, payload_digest
from gateway.protocol.opening import open_body
from gateway.protocol.receipt import Receipt, ReceiptKind, sign_receipts
from keys.registry.member import RegistryHead
from keys.registry.statement import REGISTRY, Chain, Kind, Revocation, WitnessSet
from keys.signing import SigningKey
from keys.suite import KeyUse, MemberId, digest
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.cosignature import add_cosignatures
from keys.tlog.merkle import inclusion_proof, leaf_hash, range_hash, root_of
from keys.tlog.note import ClassicalSigner, sign_note
from keys.tlog.proof import InclusionProof, encode_proof
from tests.world import FEDERATION, NOW, USES, Party, Seeded, World, party, world

SENT_AT = NOW + 1000
SEEN_AT = NOW + 1015
"""When witnesses saw the heads over it."""
LATER = NOW + 5000
"""When they saw the registry's head again."""
WITNESSING = (*USES, KeyUse.WITNESS)


def founded(witnesses: int = 3, quorum: int = 2, members: int = 0) -> tuple[World, list[Party]]:
    """Return a federation of XA, XB and so many witnesses and others, and all of its parties."""
    named = [party(f"W{number}", uses=WITNESSING) for number in range(1, witnesses + 1)]
    others = [party(f"M{number}") for number in range(members)]
    parties = [party("XA"), party("XB"), *named, *others]
    made = world(*parties)
    if named:
        name_witnesses(made, quorum, named)
    return made, parties


def name_witnesses(
    made: World, quorum: int, named: Sequence[Party], *agreeing: Party, at: int = NOW + 10
) -> None:
    """Let the registry name its witnesses."""
    chosen = WitnessSet(quorum, tuple(who.member for who in named))
    said = made.said(Kind.WITNESSES, REGISTRY, Chain.ISSUER, at=at, witnesses=chosen)
    consent = [
        ClassicalSigner(f"{FEDERATION}/{who.member}/sign", who.sign_key()) for who in agreeing
    ]
    made.append(sign_note(said.text(), [*made.registrar.root_signers, *consent]))


def revoke(made: World, who: Party, use: KeyUse, *, at: int, since: int) -> None:
    """Let a member's root revoke its key."""
    revocation = Revocation(who.records[use].key_id, since)
    said = made.said(Kind.KEYS, who.member, Chain.ROOT, at=at, revocations=(revocation,))
    made.append(sign_note(said.text(), who.root_signers))


@dataclass
class Log:
    """One shard of a member's audit log, in memory."""

    owner: Party
    shard: str = "2026"
    entries: list[bytes] = field(default_factory=list)
    entropy: Seeded = field(default_factory=lambda: Seeded("salts"))

    @property
    def origin(self) -> str:
        """Its origin."""
        return f"{FEDERATION}/{self.owner.member}/audit/{self.shard}"

    def record(self, kind: EntryKind, *digests: bytes, peer: str = "", at: int = SENT_AT) -> bytes:
        """Append an entry."""
        entry = AuditEntry(1, kind, at, self.entropy(16), 5, peer, digests, "")
        self.entries.append(encode_entry(entry))
        return self.entries[-1]

    def head(self, *, signer: SigningKey | None = None, origin: str = "") -> bytes:
        """Return its head, signed."""
        key = signer or SigningKey(KeyUse.LOG, self.owner.records[KeyUse.LOG].seed)
        name = origin or self.origin
        root = root_of([leaf_hash(entry) for entry in self.entries])
        checkpoint = Checkpoint(name, len(self.entries), root)
        return sign_checkpoint(checkpoint, ClassicalSigner(name, key))

    def proven(self, entry: bytes, head: bytes) -> ProvenEntry:
        """Return an entry with its place under a head."""
        leaves = [leaf_hash(item) for item in self.entries]
        index = self.entries.index(entry)
        path = inclusion_proof(index, len(leaves), range_hash(leaves))
        return ProvenEntry(entry, encode_proof(InclusionProof(index, tuple(path), head)))


def cosigned(head: bytes, *witnesses: Party, at: int = SEEN_AT) -> bytes:
    """Return a head with cosignatures of one time."""
    lines = [line for who in witnesses for line in who.cosigner().cosign(head, at)]
    return add_cosignatures(head, lines)


@dataclass
class Case:
    """A message from XA to XB and what can be shown of it; every part may be made otherwise."""

    made: World
    parties: Sequence[Party]
    sent_at: int = SENT_AT
    seen_at: int = SEEN_AT
    later: int = LATER
    receipt_at: int = SENT_AT + 2
    signer: SigningKey | None = None
    receipt_signer: SigningKey | None = None
    log_signer: SigningKey | None = None
    log_origin: str = ""
    header_changes: dict[str, Any] = field(default_factory=dict)
    receipt_changes: dict[str, Any] = field(default_factory=dict)
    view: RegistryHead | None = None
    """The registry that XA names."""
    envelope_id: bytes = b""
    """What the envelope was called, once the parts are made."""

    def otherwise(self, **changes: object) -> "Case":
        """Return another case in the same federation."""
        return Case(self.made, self.parties, **changes)  # type: ignore[arg-type]

    def party(self, name: str) -> Party:
        """Return a party by its name."""
        return next(who for who in self.parties if who.member == name)

    @property
    def witnesses(self) -> list[Party]:
        """The witnesses' parties."""
        return [who for who in self.parties if who.member.startswith("W")]

    @cached_property
    def payload(self) -> Payload:
        """What XA says."""
        attachment = Attachment("a.pdf", "application/pdf", b"b" * 32, b"k" * 32, 20_000, b"d" * 32)
        return Payload(
            kind="case.reply", sender="XA", unit="", on_behalf_of="", created_at=self.sent_at,
            salt=b"s" * 16, case_id=b"c" * 16, seq=1, in_reply_to="", content=b"\x80",
            attachments=(attachment,),
        )  # fmt: skip

    @cached_property
    def parts(self) -> Evidence:
        """The evidence, open."""
        xa, xb = self.party("XA"), self.party("XB")
        draft = Draft(
            payload=self.payload, message_id=b"m" * 16, expires_at=self.sent_at + 86_400,
            to=(MemberId("XB"),), priority=5,
        )  # fmt: skip
        signer = self.signer or xa.sign_key()
        view = self.view or self.made.view.head
        header = msgspec.structs.replace(draft.header(), **self.header_changes)
        sealed = sign_again(
            encode(header), encode_payload(self.payload), b"c" * 32,
            signer=signer, registry=view, entropy=Seeded("body"),
        )  # fmt: skip
        self.envelope_id = sealed.envelope_id
        inner = open_body(sealed.header, sealed.body, sealed.content_key)
        receipt = self.receipt(sealed.envelope_id, sealed.tbs_digest)
        mine, theirs = Log(xa), Log(xb, shard="2026.1")
        names = (sealed.envelope_id, sealed.tbs_digest)
        mine.record(EntryKind.KEY_USED, digest(b"other"))
        sent = mine.record(EntryKind.MESSAGE_ACCEPTED, *names)
        held = mine.record(EntryKind.RECEIPT_HELD, *names, digest(receipt), peer="XB")
        theirs.record(EntryKind.KEY_USED, digest(b"another"))
        received = theirs.record(EntryKind.MESSAGE_RECEIVED, *names, peer="XA")
        head = mine.head(signer=self.log_signer, origin=self.log_origin)
        first = cosigned(head, *self.witnesses, at=self.seen_at)
        second = cosigned(theirs.head(), *self.witnesses, at=self.seen_at)
        return Evidence(
            header=sealed.header,
            signed=inner.signed,
            payload=inner.payload,
            payload_digest=payload_digest(inner.payload),
            sent=mine.proven(sent, first),
            delivered=(
                Delivered(
                    recipient=MemberId("XB"), receipt=receipt,
                    held=mine.proven(held, first), received=theirs.proven(received, second),
                ),
            ),
            statements=tuple(self.made.notes),
            checkpoint=self.registry_head(),
        )  # fmt: skip

    def receipt(self, envelope_id: bytes, tbs_digest: bytes) -> bytes:
        """Return XB's receipt; it signed another in the same batch."""
        head = self.made.view.head
        signer = self.receipt_signer or self.party("XB").sign_key()
        receipt = Receipt(
            kind=ReceiptKind.DELIVERY, envelope_id=envelope_id, recipient="XB",
            at=self.receipt_at, signer_kid=signer.key_id, registry_size=head.size,
            registry_root=head.root, content_digest=tbs_digest, seal_kid=b"k" * 32,
        )  # fmt: skip
        receipt = msgspec.structs.replace(receipt, **self.receipt_changes)
        other = msgspec.structs.replace(receipt, envelope_id=b"o" * 32)
        return sign_receipts([other, receipt], signer)[1]

    def registry_head(self) -> bytes:
        """Return the registry's head, cosigned later."""
        return self.made.head(*((who.cosigner(), self.later) for who in self.witnesses))

    @property
    def closed(self) -> Evidence:
        """The evidence without its content."""
        return replace(self.parts, payload=None)

    def of_now(self) -> Evidence:
        """Return the evidence with the registry as it is now."""
        return replace(
            self.parts, statements=tuple(self.made.notes), checkpoint=self.registry_head()
        )


def case(witnesses: int = 3, quorum: int = 2, members: int = 0, **changes: object) -> Case:
    """Return a case in a federation of its own."""
    made, parties = founded(witnesses, quorum, members)
    return Case(made, parties, **changes)  # type: ignore[arg-type]


def file_of(evidence: Evidence) -> bytes:
    """Return the file of a piece of evidence; without instructions where none can be written."""
    try:
        history = fold(evidence.statements, digest(evidence.statements[0]))
        howto = howto_of(evidence, history)
    except RejectedError:
        howto = b""
    return encode_evidence(evidence, howto)


def judged(evidence: Evidence, anchor: bytes, **supplied: object) -> Judgement:
    """Judge a piece of evidence by its file."""
    return judge_file(file_of(evidence), anchor, **supplied)  # type: ignore[arg-type]


def encoded_payload(made: Case) -> bytes:
    """Return the payload's bytes."""
    return encode_payload(made.payload)
