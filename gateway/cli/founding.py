"""Make a node's folder: keys, settings, database, and the statement that asks for admission.

Built beside its place and renamed into it, so that a kill leaves nothing half made.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.errors import ConflictError
from gateway.settings import Settings, render
from gateway.store.migrate import upgrade
from keys import rootfile
from keys.keyfile import Cost, create, write_private
from keys.keyring import NODE_USES, KeyRecord, Keyring, new_record
from keys.registry.draft import (
    draft_admit,
    draft_genesis,
    fingerprint,
    proofs,
    root_name,
    root_pair,
    root_signers,
    use_line,
)
from keys.registry.statement import (
    REGISTRY,
    MemberRole,
    NextSet,
    RootSet,
    SignedStatement,
    key_name,
)
from keys.rootfile import RootKey
from keys.suite import Entropy, KeyUse, MemberId
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.merkle import Frontier, leaf_hash
from keys.tlog.note import NoteSigner, sign_note

KEY_LIFETIME_S = 2 * 366 * 86_400
OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Founding:
    """What every new node is made from."""

    folder: Path
    passphrase: bytes
    cost: Cost
    now: int
    entropy: Entropy = os.urandom


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """A member's root keys: the set in force, and the set to come by commitment."""

    keys: tuple[RootKey, ...]
    root: RootSet
    coming: NextSet

    @property
    def signers(self) -> list[NoteSigner]:
        """Return all signers of the set in force."""
        return [signer for key in self.keys for signer in root_signers(key)]


def check_free(folder: Path) -> None:
    """Let a place pass where a node may be made. Raises ConflictError ``folder_taken``."""
    if folder.exists() and any(folder.iterdir()):
        raise ConflictError("folder_taken", f"{folder} is not empty: nothing was changed")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill; it appears whole, or not at all.

    Raises ConflictError ``folder_taken``.
    """
    check_free(folder)
    building = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True, mode=0o700)
    try:
        yield building
        if folder.exists():
            folder.rmdir()
        building.rename(folder)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def draw_roots(
    founding: Founding, building: Path, federation: str, member: MemberId, *, count: int, k: int
) -> Roots:
    """Make a member's root keys and those to come, each in a file of its own."""
    offline = building / OFFLINE
    offline.mkdir(mode=0o700)
    name = root_name(federation, member)

    def draw(generation: str) -> tuple[RootKey, ...]:
        return tuple(
            rootfile.draw(
                offline / f"{member}.root-{generation}-{number}.key",
                name,
                founding.passphrase,
                cost=founding.cost,
                entropy=founding.entropy,
            )
            for number in range(1, count + 1)
        )

    current, coming = draw("1"), draw("2")
    return Roots(
        keys=current,
        root=RootSet(k, tuple(root_pair(key) for key in current)),
        coming=NextSet(k, tuple(root_pair(key).commitment for key in coming)),
    )


def draw_keyring(founding: Founding, federation: str, member: MemberId) -> Keyring:
    """Make a node's first keys; the storage key of the month is drawn by the daemon."""
    return Keyring([_record(founding, federation, member, use) for use in NODE_USES])


def found_federation(
    founding: Founding,
    federation: str,
    *,
    names: Sequence[tuple[str, str]],
    endpoint: str,
    registrars: int,
    threshold: int,
    settings: Settings,
) -> str:
    """Make the registrar's node and the registry's first statement; return the anchor."""
    with new_folder(founding.folder) as building:
        roots = draw_roots(founding, building, federation, REGISTRY, count=registrars, k=threshold)
        keyring = draw_keyring(founding, federation, REGISTRY)
        statement = draft_genesis(
            federation,
            at=founding.now,
            names=names,
            root=roots.root,
            next_root=roots.coming,
            uses=[use_line(federation, REGISTRY, record) for record in _shown(keyring)],
            endpoint=endpoint,
        )
        signers = [*roots.signers, *proofs(federation, REGISTRY, keyring)]
        genesis = sign_note(statement.text(), signers)
        anchor = fingerprint(genesis)
        settings = with_anchor(settings, anchor, endpoint)
        _write_node(founding, building, keyring, settings)
        url = _database_url(building, settings)
        _write_first_mirror(founding, url, federation, keyring, genesis)
        (building / "genesis.note").write_bytes(genesis)
        (building / "anchor").write_text(anchor + "\n")
    return anchor


def found_member(
    founding: Founding,
    federation: str,
    member: MemberId,
    *,
    anchor: bytes,
    names: Sequence[tuple[str, str]],
    role: MemberRole,
    endpoint: str | None,
    settings: Settings,
    via: Sequence[MemberId] = (),
) -> Path:
    """Make a member's node and its join statement; return the statement's file."""
    with new_folder(founding.folder) as building:
        roots = draw_roots(founding, building, federation, member, count=1, k=1)
        keyring = draw_keyring(founding, federation, member)
        statement = draft_admit(
            federation,
            member,
            anchor=anchor,
            at=founding.now,
            names=names,
            role=role,
            root=roots.root,
            next_root=roots.coming,
            uses=[use_line(federation, member, record) for record in _shown(keyring)],
            endpoint=endpoint,
            via=via,
        )
        signers = [*roots.signers, *proofs(federation, member, keyring)]
        _write_node(founding, building, keyring, settings)
        (building / f"join.{member}").write_bytes(sign_note(statement.text(), signers))
    return founding.folder / f"join.{member}"


def with_anchor(settings: Settings, anchor: str, url: str) -> Settings:
    """Return settings that name a registry."""
    registry = msgspec.structs.replace(settings.registry, anchor=anchor, url=url)
    return msgspec.structs.replace(settings, registry=registry)


def describe(signed: SignedStatement) -> dict[str, str]:
    """Return in words what an admission will change, before anyone signs it."""
    statement = signed.statement
    root = statement.root
    return {
        "member": statement.member,
        "name": ", ".join(f"{name} ({language})" for language, name in statement.names),
        "role": str(statement.role),
        "endpoint": statement.endpoint or "none: it collects from its relays",
        "relays": ", ".join(statement.via or ()) or "none",
        "root keys": "none" if root is None else f"{root.threshold} of {len(root.pairs)}",
        "keys": ", ".join(f"{use.use} {use.key_id.hex()[:16]}" for use in statement.uses),
    }


def _record(founding: Founding, federation: str, member: MemberId, use: KeyUse) -> KeyRecord:
    return new_record(
        use,
        start=founding.now,
        end=founding.now + KEY_LIFETIME_S,
        entropy=founding.entropy,
        common_name=key_name(federation, member, use),
    )


def _shown(keyring: Keyring) -> list[KeyRecord]:
    return [record for use in NODE_USES for record in keyring.records(use)]


def _write_node(founding: Founding, building: Path, keyring: Keyring, settings: Settings) -> None:
    create(
        building / "keystore",
        keyring.encode(),
        founding.passphrase,
        cost=founding.cost,
        entropy=founding.entropy,
    )
    write_private(building / "gateway.toml", render(settings).encode())
    upgrade(_database_url(building, settings))
    for made in building.glob("*.db"):
        made.chmod(0o600)


def _database_url(building: Path, settings: Settings) -> str:
    """Return where the database of a node is whose folder is still being made."""
    node = msgspec.structs.replace(settings.node, data_dir=str(building))
    return msgspec.structs.replace(settings, node=node).database_url


def _write_first_mirror(
    founding: Founding, url: str, federation: str, keyring: Keyring, genesis: bytes
) -> None:
    """Put the genesis statement and its signed head into the registrar's own mirror."""
    from gateway.store import registry  # noqa: PLC0415 - only a registrar's founding
    from gateway.store.database import Database, Transaction  # noqa: PLC0415 - the same

    frontier = Frontier().extend([leaf_hash(genesis)])
    (signer,) = (
        signer
        for signer in proofs(federation, REGISTRY, keyring)
        if signer.verifier.name == key_name(federation, REGISTRY, KeyUse.LOG)
    )
    shown = Checkpoint(f"{federation}/registry", frontier.size, frontier.root())
    head = sign_checkpoint(shown, signer)

    def commit(tx: Transaction) -> None:
        registry.grow(tx, 0, [genesis], head, founding.now)

    database = Database.open(url)
    database.write_now(commit)
    database.close()
