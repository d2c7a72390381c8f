"""Cases and operations that grew large: what one more message of each costs to fold.

Pure, in this process. A line that bends upward is a fold whose cost grows faster than its case.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from gateway.cases.threads.event import Event
from gateway.cases.threads.operation_fold import JOIN, REPORT, Act, Opening
from gateway.cases.threads.operation_fold import fold as fold_operation
from gateway.cases.threads.thread import RECALL, REQUEST
from gateway.services.casework.folding import folded_threads
from tests.bench.curves import Curve, Point, curve_of, point
from tests.bench.report import Figure, figure
from tests.bench.scale import Scale
from tests.bench.timing import Effort, time_rounds
from tests.cases.told import event

ROUND_S = 0.05
MEMBERS = tuple(f"M{number:03}" for number in range(200))
OPENING = Opening(
    name=f"RILO-W-{bytes(16).hex()}",
    member="RILO-W",
    invited=frozenset(MEMBERS),
    starts_on=date(2026, 12, 1),
    ends_on=date(2026, 12, 10),
)
_BEGAN_AT = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp())


def measure(scale: Scale) -> tuple[list[Figure], list[Curve]]:
    """Fold ever larger cases and operations."""
    effort = Effort(rounds=scale.rounds, round_s=ROUND_S)
    ways = {
        "a message of two members who talk": conversation,
        "a message of two members who recall all they said": recalls,
        "a message of a request to 200 members": circular,
    }
    curves = [
        curve_of(
            f"{name}, folded",
            "messages in the case",
            [_case(name, made(size), effort) for size in scale.case_messages],
        )
        for name, made in ways.items()
    ]
    acts = [_operation(operation(size), effort) for size in scale.reports]
    curves.append(curve_of("a report, folded", "reports of 200 members", acts))
    return [_whole(curve) for curve in curves], curves


def conversation(size: int) -> list[Event]:
    """Return a case in which two talk in turn, as long as it is answered."""
    told = [event(REQUEST), event("case.acknowledge", "XB", in_reply_to=event(REQUEST).name)]
    while len(told) < size:
        heard, number = told[-1].name, len(told) // 2 + 1
        row, member = ("case.interim", "XB") if len(told) % 2 else ("case.remind", "XA")
        told.append(event(row, member, number, in_reply_to=heard))
    return told


def recalls(size: int) -> list[Event]:
    """Return a case in which all is taken back, a message at a time."""
    told = [event(REQUEST), event("case.acknowledge", "XB", in_reply_to=event(REQUEST).name)]
    while len(told) < size:
        number = len(told) // 2 + 1
        member = "XB" if len(told) % 2 else "XA"
        taken = f"{member}-{number.to_bytes(16, 'big').hex()}"
        told.append(event(RECALL, member, number, in_reply_to=taken))
    return told


def circular(size: int) -> list[Event]:
    """Return a case in which 200 were asked, and each tells again and again how far it is."""
    told = [event(REQUEST, to=MEMBERS)]
    while len(told) < size:
        number, at = divmod(len(told) - 1, len(MEMBERS))
        row = "case.interim" if number else "case.acknowledge"
        told.append(event(row, MEMBERS[at], number + 1, to=("XA",), in_reply_to=told[0].name))
    return told


def operation(size: int) -> list[Act]:
    """Return so many reports, by members who all joined."""
    joined = [_act(JOIN, name, 1) for name in MEMBERS]
    return joined + [
        _act(REPORT, MEMBERS[number % len(MEMBERS)], 2 + number // len(MEMBERS))
        for number in range(size)
    ]


def _act(kind: str, member: str, seq: int) -> Act:
    at = _BEGAN_AT + seq
    return Act(kind=kind, name=f"{member}-{seq}", member=member, seq=seq, created_at=at, controls=1)


def _case(name: str, told: Sequence[Event], effort: Effort) -> Point:
    timing = time_rounds(lambda: folded_threads(told, "XA"), effort, units=len(told))
    return point(len(told), name, "µs of CPU", timing.costs_us())


def _operation(acts: Sequence[Act], effort: Effort) -> Point:
    reports = len(acts) - len(MEMBERS)
    timing = time_rounds(lambda: fold_operation(OPENING, acts), effort, units=reports)
    return point(reports, "a report", "µs of CPU", timing.costs_us())


def _whole(curve: Curve) -> Figure:
    """Return what folding the largest takes as a whole."""
    most = curve.points[-1]
    spread = (most.figure.low, most.figure.median, most.figure.high)
    name = f"{curve.name}: all of {most.at:,} {curve.things}"
    return figure(name, "ms", [cost * most.at / 1e3 for cost in spread])
