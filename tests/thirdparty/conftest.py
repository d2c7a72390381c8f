"""The program that checks, for all tests of this room."""

import os

import pytest

from tests.thirdparty import go
from tests.thirdparty.go import Checker


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    """Return the program; workers of one run share it."""
    if reason := go.missing():
        pytest.skip(reason)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return go.built(shared / "checker")
