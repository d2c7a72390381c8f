"""Make a node's folder: keys, settings, database, and the statement that asks for admission.

Built beside its place and renamed into it, so that a kill leaves nothing half made.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from gateway.cli.ceremonies.drawn_roots import GivenRoots, Roots, draw_roots
from gateway.cli.ceremonies.rootkeys import RootPlan
from gateway.errors import ConflictError, RejectedError
from gateway.settings import Settings, load, render
from keys.keyfile import create
from keys.keyring import NODE_USES, KeyRecord, Keyring, new_record
from keys.private import write_private
from keys.registry.draft import (
    draft_admit,
    draft_genesis,
    fingerprint,
    follow,
    log_signer,
    proofs,
    use_line,
)
from keys.registry.statement import (
    NO_COMPETENCES,
    REGISTRY,
    Chain,
    Competences,
    Kind,
    MemberRole,
    Statement,
    UseLine,
    key_name,
)
from keys.registry.view import View, found
from keys.slot import Cost
from keys.suite import Entropy, KeyUse, MemberId, digest
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.merkle import Frontier, leaf_hash
from keys.tlog.note import sign_note

GENESIS = "genesis.note"
KEY_LIFETIME_S = 2 * 366 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Founding:
    """What every new node is made from."""

    folder: Path
    passphrase: bytes = field(repr=False)
    cost: Cost
    now: int
    entropy: Entropy = os.urandom


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
        plan = RootPlan(count=registrars, threshold=threshold)
        roots = _draw_roots(founding, building, federation, REGISTRY, plan)
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
        _write_first_mirror(url, federation, keyring, genesis, founding.now)
        (building / GENESIS).write_bytes(genesis)
        (building / "anchor").write_text(anchor + "\n")
    return anchor


def prepare_federation(
    founding: Founding,
    federation: str,
    *,
    names: Sequence[tuple[str, str]],
    endpoint: str,
    settings: Settings,
    roots: GivenRoots,
) -> Path:
    """Make the registrar's node and a first statement that its roots, drawn elsewhere, sign later.

    Return the statement's file; ``open_federation`` goes on with it.
    """

    def genesis(own: Roots, uses: Sequence[UseLine]) -> Statement:
        return draft_genesis(
            federation,
            at=founding.now,
            names=names,
            root=own.root,
            next_root=own.coming,
            uses=uses,
            endpoint=endpoint,
        )

    return _found_node(founding, federation, REGISTRY, GENESIS, roots, settings, genesis)


def prepared_settings(folder: Path, genesis: bytes) -> Settings:
    """Return the settings of a prepared node whose registry begins with ``genesis``.

    Raises as the fold judges the statement, or UnavailableError ``settings_missing``.
    """
    endpoint = found(genesis, digest(genesis)).members[REGISTRY].endpoint or ""
    begun = {"anchor": fingerprint(genesis), "url": endpoint}
    return load(folder / "gateway.toml", environ={}, flags={"registry": begun})


def open_federation(
    folder: Path, settings: Settings, genesis: bytes, keyring: Keyring, now: int
) -> None:
    """Let the registry of a prepared node begin; a crash on the way is mended by doing it again.

    Raises ConflictError ``registry_founded``, RejectedError ``genesis_of_another_node``.
    """
    view = found(genesis, digest(genesis))
    held = {record.key_id for record in keyring.records(KeyUse.LOG)}
    if not any(key.key_id in held for key in view.members[REGISTRY].keys_for(KeyUse.LOG)):
        raise RejectedError(
            "genesis_of_another_node", f"the statement names no log key that {folder} holds"
        )
    _write_first_mirror(settings.database_url, view.federation, keyring, genesis, now)
    (folder / GENESIS).write_bytes(genesis)
    (folder / "anchor").write_text(settings.registry.anchor + "\n")
    write_private(folder / "gateway.toml", render(settings).encode())


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
    competences: Competences = NO_COMPETENCES,
    succeeds: MemberId | None = None,
    roots: RootPlan | GivenRoots = RootPlan(),
) -> Path:
    """Make a member's node and its join statement; return the statement's file."""

    def join(own: Roots, uses: Sequence[UseLine]) -> Statement:
        return draft_admit(
            federation,
            member,
            anchor=anchor,
            at=founding.now,
            names=names,
            role=role,
            root=own.root,
            next_root=own.coming,
            uses=uses,
            endpoint=endpoint,
            via=via,
            competences=competences,
            succeeds=succeeds,
        )

    return _found_node(founding, federation, member, f"join.{member}", roots, settings, join)


def found_again(
    founding: Founding,
    view: View,
    member: MemberId,
    *,
    endpoint: str | None,
    settings: Settings,
    via: Sequence[MemberId] = (),
    roots: RootPlan | GivenRoots = RootPlan(),
) -> Path:
    """Make the new node of a member that lost every key; return the file of its proposal.

    Raises RejectedError ``member_unknown``.
    """
    view.member(member)

    def proposal(own: Roots, uses: Sequence[UseLine]) -> Statement:
        return replace(
            follow(view, Kind.RECOVER, member, Chain.ISSUER, at=founding.now),
            root=own.root,
            next=own.coming,
            uses=tuple(uses),
            endpoint=endpoint or "",
            via=tuple(via),
        )

    name = f"recover.{member}"
    return _found_node(founding, view.federation, member, name, roots, settings, proposal)


def _found_node(
    founding: Founding,
    federation: str,
    member: MemberId,
    name: str,
    plan: RootPlan | GivenRoots,
    settings: Settings,
    propose: Callable[[Roots, Sequence[UseLine]], Statement],
) -> Path:
    """Make a node's folder with the statement that asks for its place in the registry."""
    with new_folder(founding.folder) as building:
        match plan:
            case RootPlan():
                roots = _draw_roots(founding, building, federation, member, plan)
            case GivenRoots():
                roots = plan.roots(federation, member)
        keyring = draw_keyring(founding, federation, member)
        statement = propose(
            roots, [use_line(federation, member, record) for record in _shown(keyring)]
        )
        signers = [*roots.signers, *proofs(federation, member, keyring)]
        _write_node(founding, building, keyring, settings)
        (building / name).write_bytes(sign_note(statement.text(), signers))
    return founding.folder / name


def with_anchor(settings: Settings, anchor: str, url: str) -> Settings:
    """Return settings that name a registry."""
    registry = msgspec.structs.replace(settings.registry, anchor=anchor, url=url)
    return msgspec.structs.replace(settings, registry=registry)


def _draw_roots(
    founding: Founding, building: Path, federation: str, member: MemberId, plan: RootPlan
) -> Roots:
    return draw_roots(
        building,
        federation,
        member,
        plan,
        passphrase=founding.passphrase,
        cost=founding.cost,
        entropy=founding.entropy,
    )


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
    from gateway.store.migrate import upgrade  # noqa: PLC0415 - loaded when a node is made

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
    url: str, federation: str, keyring: Keyring, genesis: bytes, now: int
) -> None:
    """Put the genesis statement and its signed head into the registrar's own mirror.

    Raises ConflictError ``registry_founded`` when there is one already.
    """
    from gateway.store import registry  # noqa: PLC0415 - only a registrar's founding
    from gateway.store.database import Database, Transaction  # noqa: PLC0415 - the same

    frontier = Frontier().extend([leaf_hash(genesis)])
    shown = Checkpoint(f"{federation}/registry", frontier.size, frontier.root())
    head = sign_checkpoint(shown, log_signer(shown.origin, keyring.records(KeyUse.LOG)[-1]))

    def commit(tx: Transaction) -> None:
        held = registry.all_statements(tx)
        if not held:
            registry.grow(tx, 0, [genesis], head, now)
        elif held != [genesis]:
            raise ConflictError("registry_founded", "this node keeps a registry already")

    database = Database.open(url)
    database.write_now(commit)
    database.close()
