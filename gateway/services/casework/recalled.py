"""Recalled: what was taken back of which message, and whether it can be.

Source: SPEC "Handling".
"""

from collections.abc import Collection, Iterable, Sequence

from gateway.cases.families.control import Recall
from gateway.cases.fields.schema import Content
from gateway.cases.kinds import CATALOGUE
from gateway.cases.threads.recall import KINDS, check_target
from gateway.cases.threads.recall import taken_back as named_in
from gateway.cases.threads.thread import RECALL
from gateway.errors import LiaisonError
from gateway.protocol.message import parse_message_ref
from gateway.services.casework.events import opened_content, opened_payload
from gateway.services.keys import NodeKeys
from gateway.store import marks, messages
from gateway.store.database import Transaction
from gateway.store.marks import Mark, MarkKind
from gateway.store.messages import NewMessage, StoredMessage


def check_takes_back(tx: Transaction, keys: NodeKeys, content: Content) -> None:
    """Let pass what takes back something that can be; what is not here may still come.

    Raises RejectedError ``recall_final``; FaultsError for attachments that there are not.
    """
    name = named_in(content)
    stored = None if name is None else messages.find(tx, *parse_message_ref(name))
    if stored is not None:
        check_target(content, stored.kind, files_in(keys, stored))


def files_in(keys: NodeKeys, stored: StoredMessage) -> Collection[str] | None:
    """Return the attachments of a message by their SHA-256; None where it cannot be opened."""
    try:
        named = opened_payload(keys, stored).attachments
    except LiaisonError:
        return None
    return {file.plain_digest.hex() for file in named}


def files_of(tx: Transaction, keys: NodeKeys, sender: str, recall_id: bytes) -> Sequence[bytes]:
    """Return the attachments that a recall is limited to; none where it is about everything."""
    recall = messages.find(tx, sender, recall_id)
    content = None if recall is None else opened_content(keys, CATALOGUE, recall)
    if not isinstance(content, Recall):
        return ()
    return [bytes.fromhex(name) for name in content.attachments]


def taken_back(
    tx: Transaction, keys: NodeKeys, names: Collection[tuple[str, bytes]]
) -> frozenset[tuple[str, bytes]]:
    """Return those of some messages (sender, message id) that their sender recalled whole."""
    return frozenset(
        (sender, message_id)
        for (sender, message_id), recalls in marks.recalls_of(tx, names).items()
        if not all(files_of(tx, keys, sender, recall) for recall in recalls)
    )


def is_closed(tx: Transaction, keys: NodeKeys, sender: str, message_id: bytes) -> bool:
    """Tell whether a message was recalled whole."""
    return bool(taken_back(tx, keys, [(sender, message_id)]))


def note_own(tx: Transaction, sent: Iterable[NewMessage], now: int) -> None:
    """Mark what our own words recall or rectify, in the transaction that stores them."""
    for item in sent:
        if item.kind not in KINDS:
            continue
        sender, message_id = parse_message_ref(item.in_reply_to)
        mark = Mark(
            sender=sender,
            message_id=message_id,
            kind=MarkKind.RECALLED if item.kind == RECALL else MarkKind.RECTIFIED,
            marked_by=item.message_id,
            verdict="",
            heard_at=now,
            due_at=now,
        )
        marks.record(tx, mark)
