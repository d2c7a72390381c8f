"""The command with a clock that is ahead: ``python -m tests.system.ahead SECONDS ARGUMENTS…``."""

import sys

from gateway.__main__ import main
from gateway.clock import SystemClock


def run() -> None:
    """Move the hands of this process's clock, and run the command line in it."""
    ahead_s = int(sys.argv.pop(1))
    now = SystemClock.now
    SystemClock.now = lambda self: now(self) + ahead_s  # type: ignore[method-assign]
    main()


if __name__ == "__main__":
    run()
