"""Members by the hundred: in the registry alone, or served by one process.

``python -m tests.bench.crowd FOLDER…`` runs the node of each folder, all on one loop: a real node
each, but not a process each, which no small machine would bear.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvloop

from gateway import daemon, logs
from gateway.cli.ceremonies.founding import Founding, found_member, with_anchor
from gateway.clock import SystemClock
from gateway.services.keys import NodeKeys
from gateway.settings import (
    AuditSettings,
    KeysSettings,
    LogsSettings,
    NodeSettings,
    PeerApiSettings,
    Settings,
    load,
)
from gateway.store import registry
from gateway.store.database import Database, Transaction
from keys import rootfile
from keys.keyfile import unlock
from keys.keyring import Keyring
from keys.registry.draft import log_signer, parse_fingerprint, root_signers
from keys.registry.statement import REGISTRY, MemberRole
from keys.slot import Cost
from keys.suite import KeyUse, MemberId, parse_member_id
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.merkle import Frontier, leaf_hash
from keys.tlog.note import add_signatures, sign_note
from tests.bench.federation import SETTINGS
from tests.system.nodes import Nodes, free_ports
from tests.world import FEDERATION, join_of, party

CHEAP = Cost(memory_kib=8, passes=1)


def enlarge(made: Nodes, first: int, count: int) -> None:
    """Let the registry know ``count`` more members, whom nobody serves; XA and XB learn it."""
    admit(made, joins(_anchor(made), range(first, first + count)))


def joins(anchor: bytes, numbers: Iterable[int]) -> list[bytes]:
    """Return the join statements of members that are only names, signed by themselves."""
    now = SystemClock().now()
    parties = [party(f"XM-{number}", at=now) for number in numbers]
    return [sign_note(join_of(one, anchor, at=now).text(), one.signers) for one in parties]


def admit(made: Nodes, signed: Sequence[bytes]) -> None:
    """Sign joins with the registrar's root key, and let the registry grow by all of them at once.

    Written into the mirror of the registrar's own node while that is stopped.
    """
    folder = made.folder(REGISTRY)
    passphrase = (made.place / "passphrase").read_bytes().rstrip(b"\n")
    root_file = next((folder / "offline").glob("*.root-1-*.key"))
    root = rootfile.read(root_file, passphrase, entropy=os.urandom)
    notes = [add_signatures(join, root_signers(root)) for join in signed]
    made.stop(REGISTRY)
    database = daemon.open_database(load(folder / daemon.SETTINGS_FILE))
    try:
        keyring = Keyring.parse(unlock(folder / "keystore", passphrase, entropy=os.urandom).body)
        size = _append(database, keyring, notes)
    finally:
        database.close()
    made.start(REGISTRY)
    for member in [name for name in made.running if name != REGISTRY]:
        made.stop(member)
        made.start(member)
        made.until(lambda m=member: made.call(m, "GET", "/v1/status")["registry_size"] == size)


@contextmanager
def recipients(made: Nodes, count: int) -> Iterator[tuple[list[str], int]]:
    """Yield ``count`` new members and the id of the process that serves them all."""
    names = [f"XR-{number}" for number in range(count)]
    folders = [made.place / "crowd" / name for name in names]
    signed = [
        _found(made, name, folder, port).read_bytes()
        for name, folder, port in zip(names, folders, free_ports(count), strict=True)
    ]
    admit(made, signed)
    with (made.place / "crowd.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.crowd", *map(str, folders)],
            stdout=log, stderr=log, env={**os.environ, **SETTINGS},
        )  # fmt: skip
    try:
        for name in names:
            made.until(lambda m=name: made.call("XA", "POST", f"/v1/peers/{m}/ping"))
        yield names, process.pid
    finally:
        process.kill()
        process.wait()


def _found(made: Nodes, name: str, folder: Path, port: int) -> Path:
    """Make the folder of a member; return its join file."""
    folder.parent.mkdir(exist_ok=True)
    settings = Settings(
        node=NodeSettings(member=name, data_dir=str(folder)),
        keys=KeysSettings(passphrase_file=str(made.place / "passphrase")),
        peer_api=PeerApiSettings(host="127.0.0.1", port=port),
        audit=AuditSettings(interval_ms=5_000),
        logs=LogsSettings(level="warning"),
    )
    anchor = (made.folder(REGISTRY) / "anchor").read_text().strip()
    return found_member(
        Founding(
            folder=folder,
            passphrase=(made.place / "passphrase").read_bytes().rstrip(b"\n"),
            cost=CHEAP,
            now=SystemClock().now(),
        ),
        FEDERATION,
        MemberId(name),
        anchor=parse_fingerprint(anchor),
        names=[("en", f"Customs of {name}")],
        role=MemberRole.ADMINISTRATION,
        endpoint=f"https://127.0.0.1:{port}",
        settings=with_anchor(settings, anchor, made.url(REGISTRY)),
    )


def _anchor(made: Nodes) -> bytes:
    return parse_fingerprint((made.folder(REGISTRY) / "anchor").read_text().strip())


def _append(database: Database, keyring: Keyring, notes: Sequence[bytes]) -> int:
    """Append statements and the signed head over all; return how many there are now."""
    now = SystemClock().now()
    before = database.read_now(registry.all_statements)
    frontier = Frontier().extend([leaf_hash(note) for note in [*before, *notes]])
    shown = Checkpoint(f"{FEDERATION}/registry", frontier.size, frontier.root())
    head = sign_checkpoint(shown, log_signer(shown.origin, keyring.records(KeyUse.LOG)[-1]))

    def commit(tx: Transaction) -> None:
        registry.grow(tx, len(before), notes, head, now)

    database.write_now(commit)
    return frontier.size


async def _serve(folders: Sequence[Path]) -> None:
    async with asyncio.TaskGroup() as group:
        for folder in folders:
            settings = load(folder / daemon.SETTINGS_FILE)
            unlocked = daemon._unlock(settings, os.environ, None)
            keys = NodeKeys(unlocked, parse_member_id(settings.node.member), os.urandom)
            group.create_task(daemon._run(settings, keys, daemon.open_database(settings)))


if __name__ == "__main__":
    logs.configure("warning", "json")
    uvloop.run(_serve([Path(folder) for folder in sys.argv[1:]]))
