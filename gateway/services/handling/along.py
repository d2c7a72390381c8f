"""Along: what our own messages say of what others recalled or rectified, to whoever got it from us.

Along a recall goes a recall of our message, along a rectification the same corrections. A copy for
a liaison office names nobody, as corrections do: what was wrong in it is recalled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.cases.families.control import Recall, RecallReason, Rectify
from gateway.cases.families.lists import IntendedUse
from gateway.cases.fields.schema import Content
from gateway.cases.kinds import CATALOGUE
from gateway.cases.sanitising import COPY
from gateway.cases.threads.recall import RECTIFY
from gateway.cases.threads.thread import RECALL
from gateway.errors import LiaisonError
from gateway.protocol.envelope import parse_header
from gateway.protocol.message import message_ref
from gateway.services.casework.events import opened_content, opened_payload
from gateway.services.casework.recalled import files_in, is_closed
from gateway.services.keys import NodeKeys
from gateway.services.sending.submission import Submission
from gateway.store import disclosures, messages
from gateway.store.database import Transaction
from gateway.store.marks import MarkKind, StoredMark
from gateway.store.messages import StoredMessage
from keys.suite import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class _Carrier:
    """A message of ours that something went in; None where it is not here any more."""

    message_id: bytes
    stored: StoredMessage | None
    to: list[str]
    purpose: str

    @property
    def is_copy(self) -> bool:
        return self.stored is not None and self.stored.kind == COPY


def passed_along(
    tx: Transaction, me: MemberId, keys: NodeKeys, mark: StoredMark
) -> Sequence[Submission]:
    """Return what is said of each message of ours that what is marked went in."""
    word = messages.find(tx, mark.sender, mark.marked_by)
    said = None if word is None else opened_content(keys, CATALOGUE, word)
    if mark.kind is MarkKind.RECTIFIED and is_closed(tx, keys, mark.sender, mark.message_id):
        return ()  # what was taken back needs no correction
    found: list[Submission] = []
    for carrier in _carriers(tx, me, mark):
        name = message_ref(me, carrier.message_id)
        if mark.kind is MarkKind.RECALLED or carrier.is_copy:
            found += _recall(keys, name, carrier, said)
        elif isinstance(said, Rectify):
            source = None if mark.sender == me else message_ref(mark.sender, mark.marked_by)
            found.append(_rectification(keys, name, carrier, said, source))
    return found


def _carriers(tx: Transaction, me: MemberId, mark: StoredMark) -> Iterable[_Carrier]:
    """Yield the messages of ours that passed it on, and of what is ours the copies."""
    went: dict[bytes, tuple[list[str], str]] = {}
    for made in disclosures.of_message(tx, mark.sender, mark.message_id):
        went.setdefault(made.carrier_id, ([], made.purpose))[0].append(made.recipient)
    for carrier_id, (to, purpose) in went.items():
        stored = messages.find(tx, me, carrier_id)
        yield _Carrier(message_id=carrier_id, stored=stored, to=to, purpose=purpose)
    own = messages.find(tx, me, mark.message_id) if mark.sender == me else None
    if own is None:
        return
    ref = message_ref(me, own.message_id)
    rows = [
        item.row_id
        for item in messages.of_cases(tx, [own.case_id])
        if (item.kind, item.sender, item.in_reply_to) == (COPY, me, ref)
    ]
    for copy in messages.by_rows(tx, rows):
        to = list(parse_header(copy.header).to)
        yield _Carrier(message_id=copy.message_id, stored=copy, to=to, purpose="")


def _recall(
    keys: NodeKeys, name: str, carrier: _Carrier, said: Content | None
) -> Sequence[Submission]:
    """Return a recall of a message of ours; none where only files are recalled that it lacks."""
    reason = RecallReason.WRONG if isinstance(said, Rectify) else RecallReason.SENT_BY_MISTAKE
    files: set[str] = set()
    if isinstance(said, Recall):
        reason, files = said.reason, set(said.attachments)
    held = files & set(() if carrier.stored is None else files_in(keys, carrier.stored) or ())
    if carrier.stored is not None and carrier.stored.purged_at is not None:
        held = files  # which of them went with it nobody can tell any more
    if files and not held:
        return ()
    content: dict[str, Any] = {"message": name, "language": "en", "reason": reason.value}
    if held:
        content |= {"attachments": sorted(held)}
    unit = _unit(keys, carrier)
    return [Submission(to=carrier.to, kind=RECALL, content=content, in_reply_to=name, unit=unit)]


def _rectification(
    keys: NodeKeys, name: str, carrier: _Carrier, said: Rectify, source: str | None
) -> Submission:
    """Return the same corrections for a message of ours; ``source`` is what they came in."""
    return Submission(
        to=carrier.to,
        kind=RECTIFY,
        content=msgspec.to_builtins(said) | {"message": name},
        in_reply_to=name,
        forwards=[] if source is None else [source],
        purpose=next((use for use in IntendedUse if use == carrier.purpose), None),
        unit=_unit(keys, carrier),
    )


def _unit(keys: NodeKeys, carrier: _Carrier) -> str | None:
    """Return whose case it is in this house: who sees the message sees what is said of it."""
    if carrier.stored is None:
        return None
    try:
        return opened_payload(keys, carrier.stored).unit or None
    except LiaisonError:
        return None
