"""Everything in one run: ``python -m tests.bench [--quick] [--only PARTS] [--json FILE]``.

The primitives of this machine, the peers, and Liaison between real daemons, side by side; medians
with their spread, ratios, goals, and how costs grow. Nothing else should keep the machine busy.
"""

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import postgres
from tests.bench import (
    attachments,
    audit,
    audit_cost,
    exchange,
    folds,
    growth,
    page,
    peers,
    primitives,
    registry,
    standing,
    waiting,
)
from tests.bench.federation import federation
from tests.bench.goals import GOALS
from tests.bench.page import Chapter, Page
from tests.bench.ratios import against_peers, against_primitives, judge
from tests.bench.report import KIB, Absent, Result
from tests.bench.scale import FULL, NORMAL, QUICK, Scale
from tests.system.nodes import Nodes

LARGE = 64 * KIB
UNAUDITED = "tests.bench.unaudited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a run was asked for."""

    scale: Scale
    quick: bool
    cache: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, and print it; return 1 if a part broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true", help="little of everything: does it run?")
    extent.add_argument("--full", action="store_true", help="the largest backlogs, logs and files")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    parser.add_argument("--json", metavar="FILE", help="write JSON too; - prints it alone")
    parser.add_argument("--markdown", action="store_true", help="print Markdown instead of text")
    parser.add_argument(
        "--cache", type=Path, default=peers.CACHE, help="where the peers' environments are kept"
    )
    asked = parser.parse_args(arguments)
    wanted = asked.only.split(",")
    if unknown := sorted(set(wanted) - set(PARTS)):
        parser.error(f"there is no part {', '.join(unknown)}: there are {', '.join(PARTS)}")
    scale = QUICK if asked.quick else FULL if asked.full else NORMAL
    given = Given(scale=scale, quick=asked.quick, cache=asked.cache)
    broken, chapters = 0, []
    for name in (name for name in PARTS if name in wanted):
        sys.stderr.write(f"{name} …\n")
        try:
            chapters.append(PARTS[name](given))
        except Exception as failure:  # noqa: BLE001 - an hour's other figures are worth keeping
            broken = 1
            reason = f"broke: {_cause(failure)!r}"
            chapters.append(Chapter(title=name, results=[Absent(name=name, reason=reason)]))
    found = compared(chapters)
    if asked.json and asked.json != "-":
        Path(asked.json).write_text(page.encode_json(found) + "\n", encoding="utf-8")
    if asked.json == "-":
        shown = page.encode_json(found)
    else:
        shown = page.markdown(found) if asked.markdown else page.text(found)
    sys.stdout.write(shown + "\n")
    return broken


def compared(chapters: Sequence[Chapter]) -> Page:
    """Return the page of a run: its figures beside each other, and beside the goals."""
    results = _results(chapters)
    beside: list[Result] = [*against_primitives(results), *against_peers(results)]
    return Page(
        machine=machine(),
        chapters=[Chapter(title="Side by side", results=beside), *chapters],
        verdicts=judge(GOALS, [*results, *beside]),
    )


def machine() -> str:
    """Return in general terms where a run took place."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{os.cpu_count()} processors, {memory:.0f} GiB of memory, {platform.system()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
    )


def _primitives(given: Given) -> Chapter:
    return Chapter(title="Primitives", results=primitives.run(quick=given.quick))


def _peers(given: Given) -> Chapter:
    return Chapter(title="Peers", results=peers.run(quick=given.quick, cache=given.cache))


def _liaison(given: Given) -> Chapter:
    scale, rounds = given.scale, given.scale.rounds
    with _running("XA", "XB") as made:
        results = [
            *exchange.alone(made, scale.alone, rounds),
            *exchange.singly(made, scale.single, rounds),
            *exchange.in_batches(made, scale.batch, rounds),
            *exchange.in_batches(made, scale.large, rounds, content=LARGE, name="64 KiB"),
        ]
    return Chapter(title="Liaison, XA to XB, 1 KiB unless said", results=results)


def _attachments(given: Given) -> Chapter:
    scale = given.scale
    with _running("XA", "XB") as made:
        results = [
            *attachments.small(made, scale.attachments, scale.rounds),
            *attachments.large(made, scale.attachment_bytes, scale.rounds),
        ]
    return Chapter(title=f"Attachments; large is {scale.attachment_bytes:,} bytes", results=results)


def _standing(given: Given) -> Chapter:
    with _running("XA", "XB") as made:
        results = [
            *standing.idle(made, given.scale.rounds),
            *standing.starts(made, given.scale.starts),
        ]
    return Chapter(title="A node while nothing happens", results=results)


def _postgresql(given: Given) -> Chapter:
    title = "The same on PostgreSQL"
    if missing := postgres.missing():
        return Chapter(title=title, results=[Absent(name=title, reason=missing)])
    scale, rounds = given.scale, given.scale.rounds
    with postgres.server() as server, _running("XA", "XB", server=server) as made:
        results = [
            *exchange.alone(made, scale.alone, rounds, name="PostgreSQL, alone"),
            *exchange.singly(made, scale.single, rounds, name="PostgreSQL, one a POST"),
            *exchange.in_batches(made, scale.batch, rounds, name="PostgreSQL, in batches"),
        ]
    return Chapter(title=title, results=results)


def _relay(given: Given) -> Chapter:
    with _running("XA", "RO", "XC@RO") as made:
        results = exchange.in_batches(
            made, given.scale.batch, given.scale.rounds, name="by relay", path=("XA", "RO", "XC")
        )
    return Chapter(title="Through a relay to a member that collects", results=results)


def _waiting(given: Given) -> Chapter:
    with _running(*waiting.MEMBERS) as made:
        results, curves = waiting.measure(made, given.scale)
    return Chapter(title="A peer is away", results=results, curves=curves)


def _growth(given: Given) -> Chapter:
    results, curves = [], []
    for measure in (growth.members, growth.recipients_a_message, growth.log_entries):
        with _running("XA", "XB") as made:
            found, drawn = measure(made, given.scale)
        results += found
        curves += drawn
    return Chapter(title="Growth", results=results, curves=curves)


def _registry(given: Given) -> Chapter:
    results, curves = registry.replays(given.scale)
    return Chapter(title="A registry that grew old", results=results, curves=curves)


def _audit(given: Given) -> Chapter:
    results, curves = audit.old_log(given.scale)
    return Chapter(title="An audit log that grew old", results=results, curves=curves)


def _folds(given: Given) -> Chapter:
    results, curves = folds.measure(given.scale)
    return Chapter(title="Cases that grew large", results=results, curves=curves)


def _audit_cost(given: Given) -> Chapter:
    with _running("XA", "XB") as made, _running("XA", "XB", module=UNAUDITED) as bare:
        results = audit_cost.measure(made, bare, given.scale)
    return Chapter(title="With an audit log and without", results=results)


PARTS: dict[str, Callable[[Given], Chapter]] = {
    "primitives": _primitives,
    "peers": _peers,
    "liaison": _liaison,
    "attachments": _attachments,
    "standing": _standing,
    "postgresql": _postgresql,
    "relay": _relay,
    "waiting": _waiting,
    "growth": _growth,
    "registry": _registry,
    "audit": _audit,
    "audit-cost": _audit_cost,
    "folds": _folds,
}


@contextmanager
def _running(
    *members: str, server: postgres.Server | None = None, module: str = "gateway"
) -> Iterator[Nodes]:
    """Yield a federation of its own in a temporary folder, on ``server`` if there is one."""
    store_url = None if server is None else lambda: server.url(server.create())
    with (
        tempfile.TemporaryDirectory(prefix="liaison-bench-") as place,
        federation(Path(place), *members, store_url=store_url, module=module) as made,
    ):
        yield made


def _cause(failure: Exception) -> Exception:
    """Return what broke first inside a task group."""
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    return failure


def _results(chapters: Iterable[Chapter]) -> list[Result]:
    return [result for chapter in chapters for result in chapter.results]


if __name__ == "__main__":
    sys.exit(main())
