"""What a medium brought, counted on its way in, and told when it is read."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from gateway.protocol.answer import Accepted, Answer, Later, PendingBlobs, Refused
from gateway.protocol.envelope import ParsedEnvelope
from gateway.protocol.mailbox import Return
from gateway.protocol.message import message_ref
from keys.suite import MemberId

LISTED_MOST = 500


class NotTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was on the medium, or should have been, and is not in the inbox by that."""

    message: str
    """Its id; empty for what is no envelope."""
    state: str
    """``refused`` for ever, ``later``, ``pending`` (an attachment is missing) or ``left_out``."""
    code: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What a medium brought."""

    member: str
    made_at: int
    fault: str
    """Why not all of the medium could be read; empty for a whole one."""
    accepted: int
    repeated: int
    """Messages that were here already: answered with their first receipt."""
    not_taken: list[NotTaken]
    """At most 500 of them."""
    settled: int
    """Receipts and refusals of messages of our own that are at their end now."""
    statements: int
    """Statements of the registry that were new."""
    faults: dict[str, int]
    """How many other records came to nothing, by the code of why."""


@dataclass(slots=True)
class Taken:
    """A medium on its way in."""

    hop: MemberId
    made_at: int
    known: int
    """How many statements of the registry were verified when it began."""
    admitted: bool = False
    statements: list[bytes] = field(default_factory=list)
    statement_bytes: int = 0
    learnt: int = 0
    copies: list[bytes] = field(default_factory=list)
    copy_bytes: int = 0
    returns: list[Return] = field(default_factory=list)
    accepted: int = 0
    repeated: int = 0
    settled: int = 0
    not_taken: list[NotTaken] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    def miss(self, message_id: bytes | None, state: str, code: str) -> None:
        """List a message that was not taken."""
        if len(self.not_taken) < LISTED_MOST:
            name = "" if message_id is None else message_ref(self.hop, message_id)
            self.not_taken.append(NotTaken(message=name, state=state, code=code))

    def count(self, envelope: ParsedEnvelope | None, answer: Answer, *, repeated: bool) -> None:
        """Count a copy by the answer that it got."""
        message_id = None if envelope is None else envelope.header.message_id
        match answer:
            case Accepted() if repeated:
                self.repeated += 1
            case Accepted():
                self.accepted += 1
            case PendingBlobs():
                self.miss(message_id, "pending", "pending_blobs")
            case Later(code=code):
                self.miss(message_id, "later", code)
            case Refused(code=code):
                self.miss(message_id, "refused", code)

    def imported(self, fault: str) -> Imported:
        """Return what it brought; ``fault`` says why not all of it could be read."""
        return Imported(
            member=self.hop,
            made_at=self.made_at,
            fault=fault,
            accepted=self.accepted,
            repeated=self.repeated,
            not_taken=self.not_taken,
            settled=self.settled,
            statements=self.learnt,
            faults=dict(self.faults),
        )
