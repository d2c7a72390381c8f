"""What a benchmark found, as a table for people and as JSON for programs.

Imports the standard library alone, so that the environment of a peer can write the same form.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing measured: the median of its rounds, and the least and the most of them."""

    name: str
    unit: str
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """One thing that could not be measured, and the reason in one sentence."""

    name: str
    reason: str


Result = Figure | Absent


def figure(name: str, unit: str, values: Sequence[float]) -> Figure:
    """Return the figure that the ``values`` of all rounds make."""
    return Figure(
        name=name, unit=unit, median=statistics.median(values), low=min(values), high=max(values)
    )


def show(results: Sequence[Result], *, as_json: bool) -> None:
    """Print results: a table, or JSON."""
    print(encode_json(results) if as_json else table(results))  # noqa: T201


def find(results: Sequence[Result], name: str, unit: str) -> Figure | None:
    """Return the figure of that name and unit, if it was measured."""
    found = (item for item in results if isinstance(item, Figure))
    return next((item for item in found if (item.name, item.unit) == (name, unit)), None)


def table(results: Sequence[Result]) -> str:
    """Return one line for each result: name, median, low–high, unit."""
    return columns([row(result) for result in results])


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows one below the other: the first and the last column to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *middle, last in rows:
        cells = [f"{first:{widths[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(middle, widths[1:-1], strict=True)]
        lines.append("  ".join([*cells, last]).rstrip())
    return "\n".join(lines)


def encode_json(results: Sequence[Result]) -> str:
    """Return results as a JSON array of objects."""
    return json.dumps([asdict(result) for result in results], ensure_ascii=False, indent=1)


def parse_json(text: str) -> list[Result]:
    """Read what ``encode_json`` wrote.

    Raises ValueError, TypeError or KeyError for anything else.
    """
    return [
        Absent(name=str(item["name"]), reason=str(item["reason"]))
        if "reason" in item
        else Figure(
            name=str(item["name"]),
            unit=str(item["unit"]),
            median=float(item["median"]),
            low=float(item["low"]),
            high=float(item["high"]),
        )
        for item in json.loads(text)
    ]


def size(count: int) -> str:
    """Return a number of bytes as people say it: ``64 KiB``."""
    return f"{count // MIB} MiB" if count >= MIB else f"{count // KIB} KiB"


def row(result: Result) -> tuple[str, str, str, str]:
    """Return a result as name, median, spread and unit."""
    match result:
        case Absent():
            return result.name, "–", "–", result.reason
        case Figure():
            spread = f"{number(result.low)}–{number(result.high)}"
            return result.name, number(result.median), spread, result.unit


def number(value: float) -> str:
    """Three digits that mean something, and no more than whole numbers above them."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{decimals}f}"
