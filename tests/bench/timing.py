"""Time a call in rounds: each repeats it as often as fits, so that a round is long enough to read.

Wall time says what a caller waits. CPU time (all threads of this process) says what the work costs,
and moves less on a machine that others use too. Imports the standard library alone, like
``report``.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How many rounds, and how long one is in seconds."""

    rounds: int
    round_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one unit of work took in each round, in seconds."""

    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]

    def rates(self) -> tuple[float, ...]:
        """Return units a second, by the wall clock."""
        return tuple(1 / taken for taken in self.wall_s)

    def costs_us(self) -> tuple[float, ...]:
        """Return microseconds of CPU a unit."""
        return tuple(taken * 1e6 for taken in self.cpu_s)

    def waits_us(self) -> tuple[float, ...]:
        """Return microseconds a unit, by the wall clock."""
        return tuple(taken * 1e6 for taken in self.wall_s)


def time_rounds(call: Callable[[], object], effort: Effort, *, units: int = 1) -> Timing:
    """Time ``call``, which does ``units`` of work each time; it runs at least once a round."""
    (timing,) = time_in_turn([call], effort, units=units)
    return timing


def time_in_turn(
    calls: Sequence[Callable[[], object]], effort: Effort, *, units: int = 1
) -> list[Timing]:
    """Time several calls, a round of each in turn, so that a slow minute meets all alike."""
    counts = [_fitting(call, effort.round_s) for call in calls]
    rounds = [
        [_round(call, count) for call, count in zip(calls, counts, strict=True)]
        for _ in range(effort.rounds)
    ]
    return [
        Timing(
            wall_s=tuple(wall / (count * units) for wall, _ in taken),
            cpu_s=tuple(cpu / (count * units) for _, cpu in taken),
        )
        for count, taken in zip(counts, zip(*rounds, strict=True), strict=True)
    ]


def _fitting(call: Callable[[], object], round_s: float) -> int:
    """Return how many calls fill a round; the first, which fills caches, does not count."""
    call()
    count = 1
    while True:
        taken, _ = _round(call, count)
        if taken >= round_s / 8:
            return max(1, round(count * round_s / taken))
        count *= 4


def _round(call: Callable[[], object], count: int) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in repeat(None, count):
        call()
    return time.perf_counter() - wall, time.process_time() - cpu
