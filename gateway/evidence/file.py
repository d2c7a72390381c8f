"""What a file of evidence holds, and under which names: a closed list.

Nothing of it is verified here. Source: SPEC "Evidence".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.errors import RejectedError
from gateway.evidence.archive import encode_archive, parse_archive
from gateway.protocol.audit import MAX_ENTRY_BYTES, ProvenEntry
from gateway.protocol.envelope import MAX_HEADER_BYTES
from gateway.protocol.message import (
    MAX_PAYLOAD_BYTES,
    SIGNED_BYTES,
    payload_digest,
)
from gateway.protocol.receipt import MAX_RECEIPT_BYTES
from keys.suite import DIGEST_BYTES, MemberId
from keys.tlog.note import MAX_NOTE_BYTES
from keys.tlog.proof import MAX_PROOF_BYTES
from keys.tlog.tiles import encode_bundle, parse_entries

MAX_REGISTRY_BYTES = 256 * 1024 * 1024
HOWTO = "HOWTO.txt"
_HEADER, _SIGNED = "message/header", "message/signed"
_PAYLOAD, _PAYLOAD_DIGEST = "message/payload", "message/payload-digest"
_SENDER = "sender/entry"
_STATEMENTS, _CHECKPOINT = "registry/statements", "registry/checkpoint"
_PROOF = ".tlog-proof"

_MOST_BYTES: Mapping[str, int] = {
    HOWTO: 1024 * 1024,
    _HEADER: MAX_HEADER_BYTES,
    _SIGNED: SIGNED_BYTES,
    _PAYLOAD: MAX_PAYLOAD_BYTES,
    _PAYLOAD_DIGEST: DIGEST_BYTES,
    _SENDER: MAX_ENTRY_BYTES,
    _SENDER + _PROOF: MAX_PROOF_BYTES,
    _STATEMENTS: MAX_REGISTRY_BYTES,
    _CHECKPOINT: MAX_NOTE_BYTES,
}
_OF_RECIPIENT: Mapping[str, int] = {
    "receipt": MAX_RECEIPT_BYTES,
    "held": MAX_ENTRY_BYTES,
    "held" + _PROOF: MAX_PROOF_BYTES,
    "received": MAX_ENTRY_BYTES,
    "received" + _PROOF: MAX_PROOF_BYTES,
}
_RECIPIENT = re.compile(r"recipients/([A-Z][A-Z0-9-]{1,31})/([a-z-]+(?:\.tlog-proof)?)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What shows that one recipient has the message."""

    recipient: MemberId
    receipt: bytes | None = None
    """Its delivery receipt, as it is stored."""
    held: ProvenEntry | None = None
    """The sender's entry that it holds the receipt."""
    received: ProvenEntry | None = None
    """The recipient's entry that it received the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The parts; what is not to be had is left out."""

    header: bytes
    signed: bytes
    """Who signed, in which view, and the signature: 136 bytes."""
    payload: bytes | None
    """None where the content stays closed."""
    payload_digest: bytes
    sent: ProvenEntry | None
    """The sender's entry that the message was accepted, or signed again."""
    delivered: tuple[Delivered, ...]
    """By recipient, sorted; none of whom there is nothing."""
    statements: tuple[bytes, ...]
    """The whole registry, from the genesis on."""
    checkpoint: bytes
    """The registry's head over them, with cosignatures."""


def encode_evidence(evidence: Evidence, howto: bytes) -> bytes:
    """Return the file; ``howto`` is what ``howto_of`` makes of it."""
    return encode_archive({HOWTO: howto, **_members(evidence)})


def parse_evidence(encoded: bytes) -> tuple[Evidence, bytes]:
    """Read a file; return what it holds, and its HOWTO, which is not compared yet.

    Raises RejectedError as ``parse_archive``, or ``evidence_incomplete``.
    """
    members = parse_archive(encoded, _most_bytes)
    try:
        evidence, howto = _evidence(members), members[HOWTO]
    except KeyError as fault:
        raise _incomplete(f"{fault.args[0]} is missing from the file") from fault
    if encode_evidence(evidence, howto) != encoded:
        raise _incomplete("the file's members are not in their order, or do not belong together")
    return evidence, howto


def _members(evidence: Evidence) -> dict[str, bytes]:
    members = {_HEADER: evidence.header, _SIGNED: evidence.signed}
    if evidence.payload is None:
        members[_PAYLOAD_DIGEST] = evidence.payload_digest
    else:
        members[_PAYLOAD] = evidence.payload
    members |= _proven(_SENDER, evidence.sent)
    for item in evidence.delivered:
        place = f"recipients/{item.recipient}/"
        if item.receipt is not None:
            members[f"{place}receipt"] = item.receipt
        members |= _proven(f"{place}held", item.held)
        members |= _proven(f"{place}received", item.received)
    members[_STATEMENTS] = encode_bundle(evidence.statements)
    members[_CHECKPOINT] = evidence.checkpoint
    return members


def _proven(name: str, item: ProvenEntry | None) -> dict[str, bytes]:
    return {} if item is None else {name: item.entry, name + _PROOF: item.proof}


def _evidence(members: Mapping[str, bytes]) -> Evidence:
    payload = members.get(_PAYLOAD)
    digest = members[_PAYLOAD_DIGEST] if payload is None else payload_digest(payload)
    return Evidence(
        header=members[_HEADER],
        signed=members[_SIGNED],
        payload=payload,
        payload_digest=digest,
        sent=_entry(members, _SENDER),
        delivered=tuple(_delivered(members, name) for name in _recipients(members)),
        statements=tuple(parse_entries(members[_STATEMENTS])),
        checkpoint=members[_CHECKPOINT],
    )


def _recipients(members: Mapping[str, bytes]) -> Sequence[MemberId]:
    found = [_RECIPIENT.match(name) for name in members]
    return sorted({MemberId(item[1]) for item in found if item is not None})


def _delivered(members: Mapping[str, bytes], recipient: MemberId) -> Delivered:
    place = f"recipients/{recipient}/"
    return Delivered(
        recipient=recipient,
        receipt=members.get(f"{place}receipt"),
        held=_entry(members, f"{place}held"),
        received=_entry(members, f"{place}received"),
    )


def _entry(members: Mapping[str, bytes], name: str) -> ProvenEntry | None:
    entry = members.get(name)
    return None if entry is None else ProvenEntry(entry, members[name + _PROOF])


def _most_bytes(name: str) -> int | None:
    found = _RECIPIENT.match(name)
    return _MOST_BYTES.get(name) if found is None else _OF_RECIPIENT.get(found[2])


def _incomplete(detail: str) -> RejectedError:
    return RejectedError("evidence_incomplete", detail)
