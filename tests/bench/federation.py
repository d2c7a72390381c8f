"""A federation under test: real daemons with the settings that an operator starts with."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.nodes import Nodes, nodes

SETTINGS = {"MALLOC_ARENA_MAX": "2"}  # as the unit and the image have it; all else is the default
RELAY_SETTINGS = {"LIAISON_RELAY__ENABLED": "true"}
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def federation(
    place: Path,
    *members: str,
    store_url: Callable[[], str] | None = None,
    module: str = "gateway",
) -> Iterator[Nodes]:
    """Yield a running federation; ``XC@RO`` is reached through its relay RO.

    It is founded with the short waits of the tests, then every node starts again with the defaults.
    """
    relays = {via for _, _, via in (member.partition("@") for member in members) if via}
    with nodes(place, *members, store_url=store_url) as made:
        made.settings, made.module = SETTINGS, module
        for member in list(made.running):
            made.stop(member)
        for member in made.ports:
            made.start(member, **(RELAY_SETTINGS if member in relays else {}))
            made.until(lambda m=member: made.call(m, "GET", "/health/ready")["ready"])
        yield made


def cpu_s(pid: int) -> float:
    """Return the seconds of CPU that a process has used, in user code and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_bytes(pid: int, what: str = "VmRSS") -> int:
    """Return the memory of a process: ``VmRSS`` now, ``VmHWM`` at its most."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{what}:"))
    return int(line.split()[1]) * 1024


def reset_peak(pid: int) -> None:
    """Let ``VmHWM`` start again from the memory of now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
