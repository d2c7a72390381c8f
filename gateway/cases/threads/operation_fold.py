"""Operations: where a closed group that works together until a day stands.

An operation is named by the message that opens it, and all that is said in it answers that one. Its
state is a fold over signed messages, so that each member finds the same one, in whatever order they
came. What the state does not allow is kept, marked with why, and moves nothing. Pure. Source: SPEC
"Operations".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from gateway.errors import ConflictError

OPEN: Final = "operation.open"
JOIN: Final = "operation.join"
REPORT: Final = "operation.report"
CLOSE: Final = "operation.close"
SAID_IN: Final = (JOIN, REPORT, CLOSE)
"""What answers an opening."""
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A signed message of an operation, as far as its state depends on it."""

    kind: str
    name: str
    """The message's: its sender, a hyphen and its id in hexadecimal."""
    member: str
    """Who speaks: the sender, or the state for which a union does."""
    seq: int
    created_at: int
    controls: int = 0
    seizures: int = 0
    """What a report counts."""

    @property
    def rank(self) -> tuple[int, str, int, str]:
        """What puts it in its place: its time as signed, then what nobody else has."""
        return self.created_at, self.member, self.seq, self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An opening: which group, and for how long."""

    name: str
    member: str
    invited: frozenset[str]
    starts_on: date
    ends_on: date

    @property
    def group(self) -> frozenset[str]:
        """Return who the operation is closed to all others for."""
        return self.invited | {self.member}

    def has(self, member: str) -> bool:
        """Tell whether a member is of the group."""
        return member == self.member or member in self.invited

    @property
    def ends_at(self) -> int:
        """Return the first second after it: its last day ends in UTC, for every member alike."""
        day = self.ends_on
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + _DAY_S


@dataclass(frozen=True, slots=True)
class Counted:
    """What reports count together."""

    reports: int = 0
    controls: int = 0
    seizures: int = 0

    def with_report(self, act: Act) -> "Counted":
        """Return the counts after one more report."""
        return Counted(self.reports + 1, self.controls + act.controls, self.seizures + act.seizures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Where an operation stands. Times are UTC seconds by the clocks of who signed."""

    opening: Opening
    joined: frozenset[str] = frozenset()
    """Who takes part, its opener apart."""
    closed_at: int | None = None

    def has(self, member: str) -> bool:
        """Tell whether a member takes part, and may report."""
        return member == self.opening.member or member in self.joined

    def is_over(self, now: int) -> bool:
        """Tell whether nothing is reported in it any more."""
        return self.closed_at is not None or now >= self.opening.ends_at


@dataclass(frozen=True, slots=True)
class Done:
    """An act in its place; ``code`` says why it moved nothing, empty where it did."""

    act: Act
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """An operation with all that was said in it, in order."""

    operation: Operation
    done: tuple[Done, ...]

    @property
    def counted(self) -> Mapping[str, Counted]:
        """Return what was counted, by member, of those who reported."""
        counted: dict[str, Counted] = {}
        for act in (item.act for item in self.done if item.act.kind == REPORT and not item.code):
            counted[act.member] = counted.get(act.member, Counted()).with_report(act)
        return counted


def fold(opening: Opening, acts: Iterable[Act]) -> Folded:
    """Return where an operation stands after ``acts``, in whatever order they come."""
    operation = Operation(opening=opening)
    done: list[Done] = []
    for act in sorted({act.name: act for act in acts}.values(), key=lambda act: act.rank):
        try:
            operation, code = advance(operation, act), ""
        except ConflictError as fault:
            code = fault.code
        done.append(Done(act, code))
    return Folded(operation=operation, done=tuple(done))


def advance(operation: Operation, act: Act) -> Operation:
    """Return the operation after ``act``; a report moves nothing, and is counted when all is in.

    Raises ConflictError ``not_in_operation``, ``operation_closed``, ``operation_over``,
    ``joined_already``, ``not_joined`` or ``not_the_opener``.
    """
    opening, member = operation.opening, act.member
    if not opening.has(member):
        raise _refused("not_in_operation", f"{member} is not of the group of {opening.name}")
    if operation.closed_at is not None:
        raise _refused("operation_closed", f"{opening.member} closed {opening.name}")
    if act.kind == CLOSE:
        if member != opening.member:
            raise _refused("not_the_opener", f"{opening.member} opened it, and closes it")
        return replace(operation, closed_at=act.created_at)
    if act.created_at >= opening.ends_at:
        raise _refused("operation_over", f"{opening.name} ended on {opening.ends_on}")
    if act.kind == JOIN:
        if operation.has(member):
            raise _refused("joined_already", f"{member} takes part in {opening.name} already")
        return replace(operation, joined=operation.joined | {member})
    if not operation.has(member):
        raise _refused("not_joined", f"{member} has not joined {opening.name}")
    return operation


def check_admits(operation: Operation, act: Act, to: Iterable[str], absent: Iterable[str]) -> None:
    """Let pass what can be said now: allowed by the state, and to the group alone.

    A report goes to members of the group, a joining and a closing to all of it but ``absent``, so
    that everybody finds the same state. Raises ConflictError ``not_for_outsiders`` or
    ``not_to_all``, and as ``advance``.
    """
    advance(operation, act)
    group, to = operation.opening.group, set(to)
    if outsiders := sorted(to - group):
        raise _refused(
            "not_for_outsiders", f"{', '.join(outsiders)}: not of {operation.opening.name}"
        )
    lacking = sorted(group - to - {act.member, *absent})
    if act.kind != REPORT and lacking:
        raise _refused("not_to_all", f"{act.kind} goes to all of the group: {', '.join(lacking)}")


def _refused(code: str, detail: str) -> ConflictError:
    return ConflictError(code, detail)
