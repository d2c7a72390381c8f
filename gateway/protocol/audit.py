"""Entries of the audit log: a closed list of kinds, salted, encoded in one form.

Source: SPEC "The audit log".
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.protocol.codec import (
    U8,
    Bytes16,
    Bytes32,
    Seconds,
    Size,
    Wire,
    decode,
    decoder,
    encode,
)
from keys.tlog.proof import MAX_PROOF_BYTES

ENTRY_VERSION = 1
MAX_ENTRY_BYTES = 4096


class EntryKind(StrEnum):
    """What is recorded; what the digests of each kind are, in order, is said in SPEC."""

    MESSAGE_ACCEPTED = "message.accepted"
    MESSAGE_DRAFTED = "message.drafted"
    MESSAGE_RELEASED = "message.released"
    RELEASE_DECLINED = "release.declined"
    RELEASE_REFUSED = "release.refused"
    DRAFT_ENDED = "draft.ended"
    MESSAGE_SIGNED_AGAIN = "message.signed_again"
    MESSAGE_SENT = "message.sent"
    MESSAGE_RECEIVED = "message.received"
    MESSAGE_REFUSED = "message.refused"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_READ = "message.read"
    READ_REFUSED = "read.refused"
    MESSAGE_ACKNOWLEDGED = "message.acknowledged"
    ATTACHMENT_RECEIVED = "attachment.received"
    ATTACHMENT_LOST = "attachment.lost"
    CUSTODY_TAKEN = "custody.taken"
    RECEIPT_HELD = "receipt.held"
    RECEIPT_REFUSED = "receipt.refused"
    MESSAGE_FORWARDED = "message.forwarded"
    FORWARD_REFUSED = "forward.refused"
    MESSAGE_RECALLED = "message.recalled"
    CASE_REVIEWED = "case.reviewed"
    CASE_RESTRICTED = "case.restricted"
    CASE_LIFTED = "case.lifted"
    CASE_PURGED = "case.purged"
    SHARD_OPENED = "shard.opened"
    LOG_WITNESSED = "log.witnessed"
    ENTRY_ERASED = "entry.erased"
    EVIDENCE_EXPORTED = "evidence.exported"
    KEY_USED = "key.used"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    KEY_CARD_ISSUED = "key_card.issued"
    REGISTRY_ADVANCED = "registry.advanced"
    SPLIT_VIEW_SEEN = "split_view.seen"
    LOG_RESTARTED = "log.restarted"
    LOG_DOUBTED = "log.doubted"
    VETO_TAKEN = "veto.taken"
    CONFIGURATION_CHANGED = "configuration.changed"
    ADMINISTRATOR_ACTED = "administrator.acted"
    TOKEN_CREATED = "token.created"  # noqa: S105 - no password
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - the same
    TOKEN_REFUSED = "token.refused"  # noqa: S105 - the same


class AuditEntry(Wire, frozen=True):
    """One entry; its leaf hash stands in the log for ever, its opening may be erased."""

    version: U8
    kind: EntryKind
    at: Seconds
    salt: Bytes16
    registry_size: Size
    peer: Annotated[str, msgspec.Meta(max_length=128)]
    """The member, or the caller of the house, that it concerns; empty for none."""
    digests: Annotated[tuple[Bytes32, ...], msgspec.Meta(max_length=64)]
    code: Annotated[str, msgspec.Meta(max_length=64)]
    """Why, or through which role; empty where there is nothing to say."""


class ProvenEntry(Wire, frozen=True):
    """An entry with what shows that it stands in its log: a text of c2sp.org/tlog-proof."""

    entry: Annotated[bytes, msgspec.Meta(max_length=MAX_ENTRY_BYTES)]
    proof: Annotated[bytes, msgspec.Meta(max_length=MAX_PROOF_BYTES)]


_entries = decoder(AuditEntry)


def encode_entry(entry: AuditEntry) -> bytes:
    """Return the bytes of an entry: the leaf of the log."""
    return encode(entry)


def parse_entry(encoded: bytes) -> AuditEntry:
    """Read an entry. Raises RejectedError ``encoding_invalid``."""
    return decode(encoded, _entries, most_bytes=MAX_ENTRY_BYTES)
