"""Quarantine: what was recalled, or is of a restricted case, is for a releaser alone, who says why.

Source: SPEC "Handling".
"""

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.cases.threads.recall import RECTIFY
from gateway.errors import ForbiddenError
from gateway.protocol.message import parse_message_ref
from gateway.services.caller import Caller, require
from gateway.services.casework.recalled import files_of, is_closed
from gateway.services.keys import NodeKeys
from gateway.settings import Role
from gateway.store import marks, messages, retentions
from gateway.store.database import Transaction
from gateway.store.marks import MarkKind
from gateway.store.messages import StoredMessage


class OpeningReason(StrEnum):
    """Why a releaser opens what is closed."""

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
    code: str = "information_recalled"
    """Why it is."""

    def closes(self, file: bytes | None) -> bool:
        """Tell whether the text (None) or an attachment, by its SHA-256, is closed."""
        return self.whole or file in self.files


OPEN = Quarantine()
RESTRICTED = Quarantine(whole=True, code="case_restricted")
_WHY = {
    "information_recalled": "its sender recalled this",
    "case_restricted": "its case is restricted",
}


def quarantine_of(tx: Transaction, keys: NodeKeys, stored: StoredMessage) -> Quarantine:
    """Return what of a message is closed: all of it in a case that was restricted after it.

    Else what its sender recalled of a received one; all of it where that is unreadable. A
    rectification is closed with what it corrects.
    """
    decided = retentions.find(tx, stored.case_id)
    if decided is not None and decided.closes(stored.stored_at):
        return RESTRICTED
    if stored.direction != messages.IN:
        return OPEN
    if stored.kind == RECTIFY and is_closed(tx, keys, *parse_message_ref(stored.in_reply_to)):
        return Quarantine(whole=True)
    found = marks.of_message(tx, stored.sender, stored.message_id)
    recalls = [mark for mark in found if mark.kind is MarkKind.RECALLED]
    files: set[bytes] = set()
    for mark in recalls:
        named = files_of(tx, keys, mark.sender, mark.marked_by)
        if not named:
            return Quarantine(whole=True)
        files.update(named)
    return Quarantine(files=frozenset(files))


def reader_of(
    quarantine: Quarantine, caller: Caller, reason: OpeningReason | None, file: bytes | None = None
) -> str:
    """Return through which role, and why, a caller may read: what the audit log says of it.

    Raises ForbiddenError ``role_missing``, or ``information_recalled`` or ``case_restricted`` for
    who is no releaser or gives no reason.
    """
    if not quarantine.closes(file):
        require(caller, Role.OFFICER)
        return Role.OFFICER.value
    if Role.RELEASER not in caller.roles or reason is None:
        raise closed_to(quarantine)
    return f"{Role.RELEASER.value} {reason.value}"


def closed_to(quarantine: Quarantine) -> ForbiddenError:
    """Return what is said to who may not read what is closed."""
    return ForbiddenError(
        quarantine.code,
        f"{_WHY[quarantine.code]}: only a releaser opens it, with a reason "
        f"({', '.join(OpeningReason)})",
    )
