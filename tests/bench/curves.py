"""How a cost grows: measured at several sizes, so that a line that bends upward is seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.report import Figure, figure, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was measured at one size."""

    at: int
    figure: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A cost, less being better, over a growing number of things."""

    name: str
    things: str
    points: tuple[Point, ...]

    @property
    def bends(self) -> tuple[float, ...]:
        """Return each point's cost as a multiple of the first point's."""
        first = self.points[0].figure.median
        return tuple(point.figure.median / first for point in self.points)


def point(at: int, name: str, unit: str, values: Sequence[float]) -> Point:
    """Return the point that the ``values`` of all rounds make."""
    return Point(at=at, figure=figure(name, unit, values))


def curve_of(name: str, things: str, points: Sequence[Point]) -> Curve:
    """Return the curve through points, the smallest first."""
    return Curve(name=name, things=things, points=tuple(sorted(points, key=lambda one: one.at)))


def curve_rows(curve: Curve) -> list[tuple[str, ...]]:
    """Return a row for each point: size, median, spread, unit, multiple of the first."""
    return [
        (
            f"{one.at:,}",
            number(one.figure.median),
            f"{number(one.figure.low)}–{number(one.figure.high)}",
            one.figure.unit,
            f"{bend:.2f} ×",
        )
        for one, bend in zip(curve.points, curve.bends, strict=True)
    ]
