"""Heads as their logs signed them: read, verified, and rid of what anybody may have added."""

from dataclasses import dataclass

from gateway.errors import ForbiddenError, RejectedError
from keys.registry.origins import AuditOrigin, log_keys_of
from keys.registry.view import View
from keys.tlog.checkpoint import Checkpoint, checkpoint_of
from keys.tlog.note import encode_note, parse_note, verify_note


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head whose log's signature was verified."""

    head: Checkpoint
    note: bytes
    """The note with the lines of its log's keys alone."""
    audit: AuditOrigin | None
    """Whose audit log it is, and which shard; None for the registry."""


def read_head(view: View | None, note: bytes) -> SignedHead:
    """Read the head of a log of the federation, as the registry lists its keys now.

    Raises RejectedError ``log_unknown``, ``note_malformed`` or ``checkpoint_malformed``;
    ForbiddenError ``checkpoint_not_signed``.
    """
    parsed = parse_note(note)
    head = checkpoint_of(parsed)
    keys = () if view is None else log_keys_of(view, head.origin)
    if not keys:
        raise RejectedError("log_unknown", f"no key of the log {head.origin} is known here")
    try:
        signed_by = verify_note(parsed, keys).signed_by
    except RejectedError as fault:
        raise ForbiddenError(
            "checkpoint_not_signed", f"the checkpoint is not signed by {head.origin}"
        ) from fault
    names = {(key.name, key.key_hash) for key in signed_by}
    lines = [line for line in parsed.signatures if (line.name, line.key_hash) in names]
    return SignedHead(head, encode_note(parsed.text, lines), audit_of(head.origin))


def audit_of(origin: str) -> AuditOrigin | None:
    """Return whose audit log this is, and which shard of it; None for the registry."""
    try:
        return AuditOrigin.parse(origin)
    except RejectedError:
        return None
