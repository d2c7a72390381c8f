"""Fixtures that several rooms share."""

from collections.abc import Iterator

import pkcs11
import pytest

from gateway.store import migrate
from tests import migrated, postgres, tokens


@pytest.fixture(scope="session", autouse=True)
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make every new node's SQLite file a copy of one that was migrated."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("migrated")
        patch.setattr(migrate, "upgrade", migrated.copying(migrate.upgrade, place))
        yield


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
