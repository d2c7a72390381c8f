"""Quarantine: what was recalled is opened by a releaser alone, who says why; nothing is destroyed.

Source: SPEC "Handling".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.cases.control import Recall
from gateway.cases.kinds import CATALOGUE
from gateway.cases.thread import RECALL
from gateway.errors import ForbiddenError
from gateway.services.caller import Caller, require
from gateway.services.casework.events import opened_content
from gateway.services.keys import NodeKeys
from gateway.settings import Role
from gateway.store import marks, messages
from gateway.store.database import Transaction
from gateway.store.marks import MarkKind
from gateway.store.messages import MessageSummary, StoredMessage


class OpeningReason(StrEnum):
    """Why a releaser opens what was recalled."""

    REVIEW = "review"
    COURT = "court"
    DATA_SUBJECT = "data_subject"
    BREACH = "breach"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """What of a message is closed."""

    whole: bool = False
    files: frozenset[bytes] = field(default_factory=frozenset)
    """SHA-256 of the attachments that alone are, where the rest is open."""

    def closes(self, file: bytes | None) -> bool:
        """Tell whether the text (None) or an attachment, by its SHA-256, is closed."""
        return self.whole or file in self.files


OPEN = Quarantine()


def quarantine_of(tx: Transaction, keys: NodeKeys, stored: StoredMessage) -> Quarantine:
    """Return what of a received message its sender recalled; all of it where that is unreadable."""
    if stored.direction != messages.IN:
        return OPEN
    found = marks.of_message(tx, stored.sender, stored.message_id)
    recalls = [mark for mark in found if mark.kind is MarkKind.RECALLED]
    files: set[bytes] = set()
    for mark in recalls:
        named = files_of(tx, keys, mark.sender, mark.marked_by)
        if not named:
            return Quarantine(whole=True)
        files.update(named)
    return Quarantine(files=frozenset(files))


def files_of(tx: Transaction, keys: NodeKeys, sender: str, recall_id: bytes) -> Sequence[bytes]:
    """Return the attachments that a recall is limited to; none where it is about everything."""
    recall = messages.find(tx, sender, recall_id)
    content = None if recall is None else opened_content(keys, CATALOGUE, recall)
    if not isinstance(content, Recall):
        return ()
    return [bytes.fromhex(name) for name in content.attachments]


def taken_back(tx: Transaction, keys: NodeKeys, beside: Iterable[MessageSummary]) -> frozenset[str]:
    """Return the names of the messages of some cases that their own sender recalled whole."""
    return frozenset(
        item.in_reply_to
        for item in beside
        if item.kind == RECALL
        and item.in_reply_to.rpartition("-")[0] == item.sender
        and not files_of(tx, keys, item.sender, item.message_id)
    )


def reader_of(
    quarantine: Quarantine, caller: Caller, reason: OpeningReason | None, file: bytes | None = None
) -> str:
    """Return through which role, and why, a caller may read: what the audit log says of it.

    Raises ForbiddenError ``role_missing``, or ``information_recalled`` for who is no releaser or
    gives no reason.
    """
    if not quarantine.closes(file):
        require(caller, Role.OFFICER)
        return Role.OFFICER.value
    if Role.RELEASER not in caller.roles or reason is None:
        raise ForbiddenError(
            "information_recalled",
            "its sender recalled this: only a releaser opens it, with a reason "
            f"({', '.join(OpeningReason)})",
        )
    return f"{Role.RELEASER.value} {reason.value}"
