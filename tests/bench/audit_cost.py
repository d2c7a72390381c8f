"""What the audit log costs: exchanges between nodes that keep one, and between nodes that do not.

Both federations run side by side and take turns, so that whatever else the machine does meets both.
"""

from collections.abc import Sequence

from tests.bench.exchange import Round, batch_rounds
from tests.bench.report import Figure, figure
from tests.bench.scale import Scale
from tests.system.nodes import Nodes

SHARE = "audit log: share of the confirmed exchanges that it costs, in batches"
CPU_SHARE = "audit log: share of the nodes' CPU that it takes, in batches"


def measure(audited: Nodes, unaudited: Nodes, scale: Scale) -> list[Figure]:
    """Return the rates of both, and what the audit log costs: in pairs of rounds, in turn."""
    pairs = [
        (batch_rounds(audited, scale.batch, 1)[0], batch_rounds(unaudited, scale.batch, 1)[0])
        for _ in range(scale.rounds)
    ]
    with_log, without = ([pair[side] for pair in pairs] for side in (0, 1))
    return [
        figure("with an audit log: confirmed", "/s", [_rate(one) for one in with_log]),
        figure("without: confirmed", "/s", [_rate(one) for one in without]),
        figure(SHARE, "%", _shares([(_rate(one), _rate(other)) for one, other in pairs])),
        figure(CPU_SHARE, "%", _shares([(_cpu(other), _cpu(one)) for one, other in pairs])),
    ]


def _rate(one: Round) -> float:
    return one.sent.count / one.sent.confirmed_s


def _cpu(one: Round) -> float:
    return sum(one.cpu_s.values()) / one.sent.count


def _shares(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Return by how much the first of each pair is below the second, in percent."""
    return [(1 - one / other) * 100 for one, other in pairs]
