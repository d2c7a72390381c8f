"""All that one run found, as a page: for a terminal, as Markdown, as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

from tests.bench.curves import Curve, curve_rows
from tests.bench.ratios import Verdict
from tests.bench.report import Result, columns, number, row


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """The figures and curves of one part of a run."""

    title: str
    results: Sequence[Result] = ()
    curves: Sequence[Curve] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The chapters of a run, and what came of the goals."""

    machine: str
    chapters: Sequence[Chapter]
    verdicts: Sequence[Verdict] = field(default=())


_GOALS = ("goal", "wanted", "found", "met")
_FIGURES = ("", "median", "low–high", "unit")
_CURVE = ("median", "low–high", "unit", "against the first")
_MET = {True: "yes", False: "no", None: "not measured"}


def text(page: Page) -> str:
    """Return a page for people at a terminal."""
    blocks = [page.machine]
    for title, head, rows in _tables(page):
        blocks.append(f"{title}\n{'-' * len(title)}\n{columns([head, *rows])}")
    return "\n\n".join(blocks)


def markdown(page: Page) -> str:
    """Return a page as Markdown, as it is kept in ``gateway/SPEED.md``."""
    blocks = [page.machine]
    for title, head, rows in _tables(page):
        lines = [head, ("---", *["---:"] * (len(head) - 2), "---"), *rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        blocks.append(f"### {title}\n\n{table}")
    return "\n\n".join(blocks)


def encode_json(page: Page) -> str:
    """Return a page as JSON."""
    return json.dumps(
        {
            "machine": page.machine,
            "chapters": [asdict(chapter) for chapter in page.chapters],
            "goals": [
                {**asdict(verdict.goal), "found": verdict.found, "met": verdict.met}
                for verdict in page.verdicts
            ],
        },
        ensure_ascii=False,
        indent=1,
    )


def _tables(page: Page) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Yield each table as its title, its head and its rows."""
    if page.verdicts:
        yield "Goals", _GOALS, [_verdict_row(verdict) for verdict in page.verdicts]
    for chapter in page.chapters:
        if chapter.results:
            yield chapter.title, _FIGURES, [row(result) for result in chapter.results]
        for curve in chapter.curves:
            yield f"{curve.name}, by {curve.things}", (curve.things, *_CURVE), curve_rows(curve)


def _verdict_row(verdict: Verdict) -> tuple[str, ...]:
    goal = verdict.goal
    bound = "at most" if goal.most else "at least"
    return (
        goal.what,
        f"{bound} {goal.wanted:,g} {goal.unit}",
        "–" if verdict.found is None else f"{number(verdict.found)} {goal.unit}",
        _MET[verdict.met],
    )
