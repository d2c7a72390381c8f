"""What is to be reached, as figures by their names."""

from tests.bench.audit import CONSISTENCY, INCLUSION
from tests.bench.audit_cost import SHARE
from tests.bench.peers import LIBRARIES
from tests.bench.ratios import PARTS_RATIO, SIZES, TIMES, Goal, against
from tests.bench.registry import REPLAYED
from tests.bench.report import size

PEER_TIMES = 20
"""Their figure is of one process, without network or disk; ours has both."""
GOALS = (
    Goal(
        what="confirmed exchanges, 1 KiB, in batches",
        name="in batches: confirmed",
        unit="/s",
        wanted=3_000,
    ),
    Goal(
        what="the same, one POST a message, 16 at a time",
        name="one a POST: confirmed",
        unit="/s",
        wanted=1_500,
    ),
    Goal(
        what="CPU of an exchange against the sum of its primitives",
        name=PARTS_RATIO,
        unit=TIMES,
        wanted=2,
        most=True,
    ),
    Goal(
        what="one message alone, accepted → confirmed, p50",
        name="alone: from accepted to confirmed, p50",
        unit="ms",
        wanted=8,
        most=True,
    ),
    Goal(
        what="the same, p99",
        name="alone: from accepted to confirmed, p99",
        unit="ms",
        wanted=30,
        most=True,
    ),
    Goal(what="what the audit log costs", name=SHARE, unit="%", wanted=15, most=True),
    Goal(what="64 KiB of content", name="64 KiB: confirmed", unit="/s", wanted=500),
    Goal(what="attachment of 1 MiB", name="attachment of 1 MiB: confirmed", unit="/s", wanted=60),
    Goal(
        what="large attachment, socket to receipt",
        name="large attachment: confirmed",
        unit="MB/s",
        wanted=120,
    ),
    *(
        Goal(
            what=f"its memory over the idle node, {member}",
            name=f"large attachment: memory over idle, {member}",
            unit="MiB",
            wanted=64,
            most=True,
        )
        for member in ("XA", "XB")
    ),
    Goal(
        what="another peer's rate beside the longest outbox",
        name="beside the longest outbox: rate against that with an empty one",
        unit=TIMES,
        wanted=0.9,
    ),
    Goal(
        what="the backlog drains at the full rate",
        name="backlog drained: rate against in batches",
        unit=TIMES,
        wanted=1,
    ),
    *(
        Goal(
            what=f"against {library.name}, {size(count)}",
            name=against(library.name, count),
            unit=TIMES,
            wanted=PEER_TIMES,
        )
        for library in LIBRARIES
        for count in SIZES
    ),
    Goal(
        what="memory of an idle node", name="idle node: memory", unit="MiB", wanted=110, most=True
    ),
    Goal(
        what="ready after a restart", name="restart: until ready", unit="s", wanted=1.5, most=True
    ),
    Goal(
        what="restart with the largest registry",
        name="restart with the largest registry: until ready",
        unit="s",
        wanted=1.5,
        most=True,
    ),
    Goal(what="registry of 10,000 statements", name=REPLAYED, unit="s", wanted=10, most=True),
    *(
        Goal(what=f"{proof} proof, 10,000,000 entries", name=name, unit="ms", wanted=2, most=True)
        for proof, name in (("inclusion", INCLUSION), ("consistency", CONSISTENCY))
    ),
    Goal(what="liaison --help", name="liaison --help", unit="s", wanted=0.4, most=True),
)
