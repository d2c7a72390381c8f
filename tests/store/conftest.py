"""The conformance suite: what runs on one database runs on the other."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from gateway.store.database import Database, FaultHook
from gateway.store.migrate import upgrade
from tests import postgres
from tests.store.stored import database

Fresh = Callable[..., AbstractContextManager[Database]]


@pytest.fixture(scope="session")
def template(postgres_server: postgres.Server) -> str:
    """Return the name of a PostgreSQL database with the schema, to copy from."""
    name = postgres_server.create()
    upgrade(postgres_server.url(name))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Return what opens a fresh database: once with each kind."""
    if request.param == "sqlite":
        return lambda fault=None: database(tmp_path, fault=fault)
    server: postgres.Server = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("template")

    @contextmanager
    def opened(fault: FaultHook | None = None) -> Iterator[Database]:
        made = Database.open(server.url(server.create(template)), fault=fault)
        try:
            yield made
        finally:
            made.close()

    return opened


@pytest.fixture
def pair(postgres_server: postgres.Server, template: str) -> Iterator[tuple[Database, Database]]:
    """Yield what two daemons of a member have: the same database, each with its own writer."""
    url = postgres_server.url(postgres_server.create(template))
    one, other = Database.open(url), Database.open(url)
    try:
        yield one, other
    finally:
        one.close()
        other.close()
