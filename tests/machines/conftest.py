"""A founded federation to copy from, in memory where the machine has a place there."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machines.simulation import Stage, founded

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Yield where federations are played, with one that is founded."""
    within = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="liaison-machines-", dir=within) as name:
        yield Stage(Path(name), founded(Path(name) / "founded"))
