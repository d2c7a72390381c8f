import os
from pathlib import Path

from gateway import daemon
from keys.keyring import Keyring
from keys.registry.draft import parse_fingerprint, root_signers
from keys.registry.statement import REGISTRY
from keys.rootfile import read
from keys.tlog.note import add_signatures
from tests.bench import crowd
from tests.scenarios.federation import Federation


async def test_registry_that_was_enlarged_at_once_is_one_that_nodes_accept(tmp_path: Path) -> None:
    """Statements written behind the registrar's back verify like those that came one by one."""
    fed = Federation(tmp_path)
    fed.found()
    folder = tmp_path / REGISTRY
    root_file = next((folder / "offline").glob("*.root-1-*.key"))
    root = read(root_file, b"pass", entropy=os.urandom)
    joins = crowd.joins(parse_fingerprint(fed.anchor), range(3))
    notes = [add_signatures(join, root_signers(root)) for join in joins]
    database = daemon.open_database(fed.settings(REGISTRY))
    keyring = Keyring.parse(fed.unlock(REGISTRY).body)
    assert crowd._append(database, keyring, notes) == 4
    database.close()
    node = await fed.start(REGISTRY, run=False)
    assert node.mirror.size == 4
    assert {"XM-0", "XM-1", "XM-2"} <= set(node.mirror.view.members)
    await fed.stop(REGISTRY)
