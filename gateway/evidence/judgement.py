"""What is said of evidence: a verdict, what was found on the way, and the facts that it shows."""

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """What evidence is worth, the best first."""

    VALID = "valid"
    DISPUTED = "valid, later disputed"
    """A key was revoked afterwards, with effect from before."""
    SIGNED_ONLY = "signed only"
    """Signed, and nobody but the parties says when: no quorum of witnesses."""
    INVALID = "invalid"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was found: where, and in words; ``code`` is stable."""

    code: str
    where: str
    detail: str
    limits_to: str = Verdict.VALID.value
    """The best verdict that it leaves."""


class SeenBy(msgspec.Struct, frozen=True, kw_only=True):
    """A witness that cosigned a head, and when."""

    witness: str
    at: int


class EntryFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a member's audit log, in its place under a signed head."""

    what: str
    """The kind of entry: what its member recorded."""
    member: str
    origin: str
    index: int
    size: int
    claimed_at: int
    witnessed_at: int | None
    """By when a quorum had seen it; None without one."""
    quorum: int
    seen_by: list[SeenBy]
    log_key: str


class ReceiptFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient's word that it has the message."""

    recipient: str
    name: str
    claimed_at: int
    key: str
    sha256: str


class AttachmentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment, as its sender signed it."""

    name: str
    media_type: str
    size: int
    sha256: str


class ContentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What only the payload shows."""

    kind: str
    on_behalf_of: str
    created_at: int
    case: str
    seq: int
    in_reply_to: str
    content_sha256: str
    attachments: list[AttachmentFacts]


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed what for whom."""

    message: str
    """Its name: sender and id."""
    sender: str = msgspec.field(name="from")
    sender_name: str
    to: list[str]
    key: str
    tbs_digest: str
    payload_digest: str
    expires_at: int
    content_in_file: bool
    payload_sha256: str | None
    content: ContentFacts | None


class RegistryFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which registry the evidence was judged by."""

    federation: str
    anchor: str
    size: int
    root: str
    witnessed_at: int | None
    """Until when a quorum called it the newest that they knew."""
    seen_by: list[SeenBy]
    newer_size: int | None
    """The size of the registry that the reader supplied."""


@dataclass(slots=True)
class Facts:
    """What evidence shows, as far as it was judged."""

    registry: RegistryFacts | None = None
    message: MessageFacts | None = None
    entries: list[EntryFacts] = field(default_factory=list)
    receipts: list[ReceiptFacts] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a file of evidence."""

    verdict: Verdict
    facts: Facts
    findings: tuple[Finding, ...]
    """What limits the verdict, then what is worth saying besides."""
