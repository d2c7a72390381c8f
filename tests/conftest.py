"""Fixtures that several rooms share."""

import gc
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pkcs11
import pytest

from gateway.store import engine, migrate
from tests import compiled, migrated, postgres, tokens

hypothesis.settings.register_profile("liaison", deadline=None)  # a busy machine is no bug
hypothesis.settings.load_profile("liaison")


LONGEST_ROOMS = {"system", "machines", "thirdparty"}
"""Rooms whose tests take seconds each: a worker that began one last would end alone."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let every worker begin with its share of what takes long; what is left can be stolen.

    The share is of whole modules, which may hold nodes that their tests have in common.
    """
    workers: int = getattr(config, "workerinput", {}).get("workercount", 1)
    modules: dict[Path, list[pytest.Item]] = {}
    short: list[pytest.Item] = []
    for item in items:
        is_long = not LONGEST_ROOMS.isdisjoint(item.path.parts)
        (modules.setdefault(item.path, []) if is_long else short).append(item)
    longest = list(modules.values())
    dealt: list[pytest.Item] = []
    left = len(items)
    for number in range(workers):
        share = left // (workers - number)  # as the scheduler cuts them
        left -= share
        own = [item for module in longest[number::workers] for item in module]
        filled = max(0, share - len(own))
        dealt += own + short[:filled]
        del short[:filled]
    items[:] = dealt + short


@pytest.fixture(scope="session", autouse=True)
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make every new node's SQLite file a copy of one that was migrated."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("migrated")
        patch.setattr(migrate, "upgrade", migrated.copying(migrate.upgrade, place))
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Compile each statement once for all SQLite databases."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_engine", compiled.sharing(engine.create_engine))
        yield


def pytest_collection_finish() -> None:
    """Let no collection of garbage look at modules and tests again: they stay."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """Yield a database server of this test run's own."""
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.server() as running:
        yield running


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tokens.SoftHsm]:
    """Yield SoftHSM, with tokens of this test run's own."""
    if reason := tokens.missing():
        pytest.skip(reason)
    with tokens.softhsm(tmp_path_factory.mktemp("softhsm")) as made:
        yield made


@pytest.fixture
def fake_module(monkeypatch: pytest.MonkeyPatch) -> tokens.FakeModule:
    """Put a module made of Python in the place of the one that a token names."""
    module = tokens.FakeModule()
    monkeypatch.setattr(pkcs11, "lib", lambda _: module)
    return module


@pytest.fixture(params=tokens.KINDS)
def slot(request: pytest.FixtureRequest) -> Iterator[tokens.Slot]:
    """Yield a token of each kind, in a slot that a test can empty."""
    if request.param == "python":
        made = tokens.FakeSlot(request.getfixturevalue("fake_module"), "fake")
    else:
        made = request.getfixturevalue("softhsm").slot()
    yield made
    made.token.close()
