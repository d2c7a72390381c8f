"""What figures say beside each other: Liaison against its primitives, against its peers, its goals.

Arithmetic alone. Every ratio is of medians; its spread takes the worst of both sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.bench.report import KIB, MIB, Absent, Figure, Result, find, size
from tests.bench.rows import BATCH
from tests.bench.rows import NAME as ROWS

COST = "µs of CPU"
TIMES = "×"
SIZES = (KIB, 64 * KIB, MIB)
OURS = {
    KIB: "in batches: confirmed",
    64 * KIB: "64 KiB: confirmed",
    MIB: "attachment of 1 MiB: confirmed",
}
"""Which figure of ours stands against a peer's at each size."""
EXCHANGE = "in batches: all nodes"
PARTS_SUM = "in batches: the sum of its primitives"
PARTS_RATIO = "in batches: CPU against the sum of its primitives"
_HTTP = "aiohttp over a Unix socket, 1 KiB, 16 at a time: the server"
PARTS: tuple[tuple[str, float], ...] = (
    ("Ed25519 sign, 1 KiB", 1 + 1 / BATCH),
    ("Ed25519 verify, 1 KiB", 1 + 1 / BATCH),
    ("wrap of a content key in a session", 3),
    ("unwrap of a content key in a session", 1),
    ("body seal, 1 KiB", 1),
    ("body open, 1 KiB", 1),
    (ROWS, 1),
    ("JSON decode, 1 KiB", 1),
    ("msgpack encode, small struct", 2),
    ("msgpack decode, small struct", 2),
    (_HTTP, 3 / BATCH),
)
"""What a confirmed exchange of 1 KiB in batches cannot do without, and how often.

Receipts cost a signature and its check a batch. The key at rest on either side is wrapped as in a
session. Three requests a batch: the house's, and the two ends of the peer's. TLS, digests and the
check of a content by its schema are left out, which makes the sum rather too small.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure to reach: at least ``wanted``, or at most."""

    what: str
    name: str
    unit: str
    wanted: float
    most: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A goal beside what was measured; None where it was not."""

    goal: Goal
    found: float | None

    @property
    def met(self) -> bool | None:
        """Tell whether the goal is met; None where nothing was measured."""
        if self.found is None:
            return None
        return self.found <= self.goal.wanted if self.goal.most else self.found >= self.goal.wanted


def ratio(name: str, above: Figure, below: Figure) -> Figure:
    """Return one figure as a multiple of another."""
    return Figure(
        name=name,
        unit=TIMES,
        median=above.median / below.median,
        low=above.low / below.high,
        high=above.high / below.low,
    )


def in_turn(name: str, first: Figure, then: Figure) -> Figure:
    """Return the rate of two steps that follow each other, from the rate of each."""
    return Figure(
        name=name,
        unit=first.unit,
        median=_harmonic(first.median, then.median),
        low=_harmonic(first.low, then.low),
        high=_harmonic(first.high, then.high),
    )


def against_primitives(results: Sequence[Result]) -> list[Result]:
    """Return the sum of an exchange's primitives, and its CPU as a multiple of that."""
    whole = find(results, EXCHANGE, COST)
    found = [(find(results, name, COST), times) for name, times in PARTS]
    parts = [(part, times) for part, times in found if part is not None]
    if whole is None or len(parts) < len(PARTS):
        return [Absent(name=PARTS_RATIO, reason="not measured: needs primitives and liaison")]
    total = Figure(
        name=PARTS_SUM,
        unit=COST,
        median=sum(part.median * times for part, times in parts),
        low=sum(part.low * times for part, times in parts),
        high=sum(part.high * times for part, times in parts),
    )
    return [total, ratio(PARTS_RATIO, whole, total)]


def against_peers(results: Sequence[Result]) -> list[Figure]:
    """Return our rate as a multiple of each peer's, at each size."""
    figures: list[Figure] = []
    for count in SIZES:
        ours = find(results, OURS[count], "/s")
        if ours is not None:
            figures += [
                ratio(against(peer.name, count), ours, peer)
                for peer in whole_exchanges(results, count)
            ]
    return figures


def against(peer: str, count: int) -> str:
    """Return the name of the ratio to a peer at a size."""
    return f"against {peer}, {size(count)}"


def whole_exchanges(results: Sequence[Result], count: int) -> list[Figure]:
    """Return the rate of a whole exchange of each peer at a size, named for the peer."""
    rates = {item.name: item for item in results if isinstance(item, Figure) and item.unit == "/s"}
    figures: list[Figure] = []
    for name, rate in rates.items():
        peer, _, what = name.partition(": ")
        if what == f"exchange with receipt, {size(count)}":
            figures.append(replace(rate, name=peer))
        then = rates.get(f"{peer}: decrypt, verify, {size(count)}")
        if what == f"sign, encrypt, {size(count)}" and then is not None:
            figures.append(in_turn(peer, rate, then))
    return figures


def judge(goals: Sequence[Goal], results: Sequence[Result]) -> list[Verdict]:
    """Set each goal beside what was measured."""
    found = [(goal, find(results, goal.name, goal.unit)) for goal in goals]
    return [Verdict(goal=goal, found=None if item is None else item.median) for goal, item in found]


def _harmonic(one: float, other: float) -> float:
    return one * other / (one + other)
