"""A kind of message: what it contains, who may say it, and what holds unless it says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gateway.cases.consistency import inconsistent
from gateway.cases.deadlines import Deadlines
from gateway.cases.fields.codes import CHECKS
from gateway.cases.fields.labels import Label
from gateway.cases.fields.places import Place, marked
from gateway.cases.fields.publishing import json_schema
from gateway.cases.fields.schema import FREE_TEXT, PERSONAL, Content
from gateway.cases.handling import Handling
from gateway.cases.timeliness import untimely
from gateway.faults import Fault, FaultsError, convert, passes

BULK, NORMAL, PROMPT, FIRST = 3, 5, 7, 9
"""Priorities, 0 to 9, 9 first."""


class Family(StrEnum):
    """Kinds that belong together. What a member may say in its role is decided by family."""

    REQUESTS = "requests"
    """What one member asks another to do: each begins a case."""
    CONDUCT = "conduct"
    """What the two say to each other in it."""
    INFORMATION = "information"
    """What one member tells another unasked."""
    CONTROL = "control"
    """What becomes of what was sent: recalls, corrections, consent, disclosure."""
    INTELLIGENCE = "intelligence"
    """What many learn from: reports, alerts, seizures, analyses, without names."""
    OPERATIONS = "operations"
    """A closed group that works together until a day."""
    CARGO = "cargo"
    """Goods on their way, and the risk in them."""
    TRADERS = "traders"
    """Trusted traders under an arrangement of recognition."""
    CAPACITY = "capacity"
    """How members help each other to grow, and what is announced to all."""
    SERVICE = "service"
    """What nodes say to each other."""
    OWN = "own"
    """What some members agreed among themselves, each with the same file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of message."""

    name: str
    version: int = 1
    family: Family
    content: type[Content]
    label: Label
    opens_case: bool = False
    """Whether it begins a case of its own where none is named; the others belong to one."""
    priority: int = NORMAL
    """What a message has unless it says otherwise."""
    deadlines: Deadlines | None = None
    """Within what time it is to be dealt with; None for what nobody waits for."""
    handling: Handling | None
    """What a content has that says nothing of it; None for contents without handling."""
    by_node: bool = False
    """Whether nodes alone send it, of themselves: the house cannot."""
    example: Mapping[str, object] | None = None
    """A content of a member's own kind; those that all know are in ``cases.examples``."""
    is_message: bool = True
    """Whether a message can be of this kind; nodes carry the others by bytes of their own."""

    @property
    def ends_at_node(self) -> bool:
        """Whether the recipient's node receipts it and shows it to nobody."""
        return self.family is Family.SERVICE

    @property
    def personal(self) -> tuple[Place, ...]:
        """The places of what tells of a person."""
        return marked(self.content, PERSONAL)

    @property
    def free_text(self) -> tuple[Place, ...]:
        """The places of what a person wrote, in the language that the content names."""
        return marked(self.content, FREE_TEXT)

    def validate(self, raw: object, *, pointer: str = "", today: date | None = None) -> Content:
        """Return the content in ``raw`` (JSON-like), which lies at ``pointer``.

        Where ``today`` is given, the content is being written: its dates lie on the right side of
        that day, and its fields agree with each other. Raises FaultsError with every fault.
        """
        found = [] if today is None else self._faults_of_writing(raw, today, pointer)
        try:
            content = convert(raw, self.content, pointer=pointer, checks=CHECKS)
        except FaultsError as fault:
            raise FaultsError([*fault.faults, *found]) from fault
        if found:
            raise FaultsError(found)
        return content

    def _faults_of_writing(self, raw: object, today: date, pointer: str) -> list[Fault]:
        late = list(untimely(raw, self.content, today, pointer))
        told = {fault.pointer for fault in late}
        rest = inconsistent(raw, self.content, pointer)
        return [*late, *(fault for fault in rest if fault.pointer not in told)]

    def passes(self, content: Content) -> bool:
        """Tell whether a content of this kind's type passes the kind's checks too."""
        return passes(content, self.content, CHECKS)

    def schema(self, language: str) -> dict[str, object]:
        """Return the content's JSON Schema with titles in ``language``."""
        return json_schema(self.content, self.label, language)
