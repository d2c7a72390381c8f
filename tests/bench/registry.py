"""The registry of a federation that grew old: verified from the anchor, kept, and read again.

200 members, three registrars of whom two must sign, and then what nodes say of their keys: mostly
a new ``sign`` and ``tls`` key, every third time all four, with the end of the old ones.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from keys.registry.draft import follow, provers, use_line
from keys.registry.snapshot import encode_view, parse_view
from keys.registry.statement import Chain, Kind
from keys.registry.view import View, advance, found
from keys.suite import KeyUse
from keys.tlog.note import NoteSigner, sign_note
from tests.bench.curves import Curve, Point, curve_of, point
from tests.bench.report import Figure, figure
from tests.bench.scale import Scale
from tests.world import FEDERATION, USES, Party, World, party, world

MEMBERS = 200
STEP_S = 8 * 3600
ALL = (*USES, KeyUse.WITNESS)
FEW = (KeyUse.SIGN, KeyUse.TLS)
REPLAYED = "registry with the most statements: replayed from the anchor"


def replays(scale: Scale) -> tuple[list[Figure], list[Curve]]:
    """Replay ever longer registries, and keep and read the view of the longest."""
    made = _founded(min(MEMBERS, scale.statements[0] // 2))
    growing = _statements(made)
    points: list[Point] = []
    for size in scale.statements:
        while len(made.notes) < size:
            made.append(next(growing))
        replayed = [_replay_s(made) for _ in range(scale.starts)]
        points.append(point(size, "a statement replayed", "µs", [s / size * 1e6 for s in replayed]))
    encoded = encode_view(made.view)
    kept = [_taken_s(lambda: encode_view(made.view)) for _ in range(scale.rounds)]
    read = [_taken_s(lambda: parse_view(encoded)) for _ in range(scale.rounds)]
    return [
        figure(REPLAYED, "s", replayed),
        figure(f"view of {size:,} statements: made ready to keep", "ms", [s * 1e3 for s in kept]),
        figure(f"view of {size:,} statements: read again", "ms", [s * 1e3 for s in read]),
    ], [curve_of("a statement replayed", "statements in the registry", points)]


def _founded(members: int) -> World:
    return world(
        *(party(f"M{number:03}", uses=ALL) for number in range(members)),
        registrars=3,
        threshold=2,
    )


def _statements(made: World) -> Iterator[bytes]:
    """Yield what members say of their keys, each in turn, as time goes by."""
    parties = [party(name, uses=ALL) for name in made.view.members if name != made.registrar.member]
    at = made.view.members[made.registrar.member].admitted_at
    for number in itertools.count():
        at += STEP_S
        yield _rotated(made.view, parties[number % len(parties)], at, FEW if number % 3 else ALL)


def _rotated(view: View, who: Party, at: int, uses: tuple[KeyUse, ...]) -> bytes:
    statement = follow(view, Kind.KEYS, who.member, Chain.NODE, at=at)
    old = [use_line(FEDERATION, who.member, who.records[use]) for use in uses]
    ended = [replace(line, end=at + 30 * 86_400) for line in old]
    signers: list[NoteSigner] = [*provers(FEDERATION, who.member, who.records[KeyUse.SIGN])]
    fresh = []
    for use in uses:
        who.records[use] = who.draw(use, at)
        fresh.append(use_line(FEDERATION, who.member, who.records[use]))
        signers += provers(FEDERATION, who.member, who.records[use])
    return sign_note(replace(statement, uses=(*fresh, *ended)).text(), signers)


def _replay_s(made: World) -> float:
    return _taken_s(lambda: advance(found(made.genesis, made.anchor), made.notes[1:]))


def _taken_s(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
