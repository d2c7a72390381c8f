"""What a node costs while nothing happens: its memory, its start, its command."""

import subprocess
import sys
import time

from tests.bench.federation import memory_bytes
from tests.bench.report import MIB, Figure, figure
from tests.system.nodes import Nodes

CALM_S = 3.0


def idle(made: Nodes, rounds: int) -> list[Figure]:
    """Return the memory of a node that was just started and has nothing to send."""
    held = []
    for _ in range(rounds):
        restart(made, "XB")
        time.sleep(CALM_S)
        held.append(memory_bytes(made.running["XB"].pid) / MIB)
    return [figure("idle node: memory", "MiB", held)]


def starts(made: Nodes, rounds: int) -> list[Figure]:
    """Return how long a node takes from its start until it is ready, and ``liaison --help``."""
    return [
        figure("restart: until ready", "s", [restart(made, "XB") for _ in range(rounds)]),
        figure("liaison --help", "s", [_help_s() for _ in range(rounds)]),
    ]


def restart(made: Nodes, member: str) -> float:
    """Stop a node, start it, and return the seconds until it says that it is ready."""
    made.stop(member)
    started = time.perf_counter()
    made.start(member)
    made.until(lambda: made.call(member, "GET", "/health/ready")["ready"])
    return time.perf_counter() - started


def _help_s() -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "gateway", "--help"], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - started
