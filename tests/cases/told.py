"""Events of threads between XA, who asks, and XB, who is asked, as tests need them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from gateway.cases.threads.event import Event, Pair, Side, newest_heard
from gateway.cases.threads.thread import RECALL, REFUSE_PART, REQUEST, check_admits

PAIR = Pair("XA", "XB")
NOW = 1_770_000_000
VERIFY = "request.verify_value"
BY = {Side.ASKER: "XA", Side.ASKED: "XB"}


def other(member: str) -> str:
    """Return who is at the other end."""
    return "XA" if member == "XB" else "XB"


def event(row: str, member: str = "XA", number: int = 1, /, **changes: Any) -> Event:
    """Return an event of a row of the table."""
    kind = {REQUEST: VERIFY, REFUSE_PART: "case.refuse"}.get(row, row)
    fields: dict[str, Any] = {
        "kind": kind, "member": member, "message_id": number.to_bytes(16, "big"), "seq": number,
        "to": (other(member),), "created_at": NOW + number, "part": row == REFUSE_PART,
    }  # fmt: skip
    if row == RECALL:
        fields["in_reply_to"] = f"{member}-{bytes(16).hex()}"
    return Event(**fields | changes)


@dataclass
class Party:
    """One side, with what it sent and what reached it."""

    member: str
    held: list[Event] = field(default_factory=list)
    sent: int = 0

    def say(self, row: str, **changes: Any) -> Event:
        """Return what an honest node would send, as an answer to the newest that it heard.

        Raises ConflictError where its own node refuses, and then nothing is sent.
        """
        said = self.forge(row, **changes)
        check_admits(PAIR, self.held, said)
        return self.keep(said)

    def forge(self, row: str, **changes: Any) -> Event:
        """Return an event that nothing was asked about."""
        changes = {"in_reply_to": newest_heard(self.held, self.member)} | changes
        if row == RECALL:
            own = [item.name for item in self.held if item.member == self.member]
            changes["in_reply_to"] = own[-1] if own else f"{self.member}-{bytes(16).hex()}"
        return event(row, self.member, self.sent + 1, **changes)

    def keep(self, said: Event) -> Event:
        """Hold an event of its own."""
        self.sent += 1
        self.held.append(said)
        return said


def tell(*rows: str, **last: Any) -> list[Event]:
    """Return what two honest parties say in turn, each hearing the other at once."""
    parties = {"XA": Party("XA"), "XB": Party("XB")}
    told: list[Event] = []
    for number, row in enumerate(rows):
        party = parties[BY[speaker_of(row)]]
        changes = last if number == len(rows) - 1 else {}
        said = party.say(row, created_at=NOW + number, **changes)
        parties[other(said.member)].held.append(said)
        told.append(said)
    return told


def speaker_of(row: str) -> Side:
    """Return whose word a row is, by the page and not by the table."""
    asker = {
        REQUEST, "case.supplement", "case.accept_conditions", "case.decline_conditions",
        "case.remind", "case.withdraw", "case.feedback", "case.close", "case.reopen",
    }  # fmt: skip
    return Side.ASKER if row in asker else Side.ASKED


def day(text: str) -> date:
    """Return a date."""
    return date.fromisoformat(text)


def names(events: Sequence[Event]) -> list[str]:
    """Return the names of events."""
    return [item.name for item in events]
