"""Fixtures that several rooms share."""

from collections.abc import Iterator

import pytest

from tests import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """Yield a database server of this test run's own."""
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.server() as running:
        yield running
