"""What the scenarios with witnesses share: naming them, heads of the registrar, recoveries."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway.protocol.witness import AddCheckpoint
from gateway.store import witnessed
from keys.registry.draft import follow, root_signers
from keys.registry.statement import REGISTRY, Chain, Kind, Statement, WitnessSet
from keys.rootfile import read
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from keys.tlog.merkle import consistency_proof, leaf_hash, range_hash
from keys.tlog.note import NoteSigner, sign_note
from tests.scenarios.federation import OFFICER, Federation
from tests.world import Party


def roots_of(fed: Federation, member: str) -> Sequence[NoteSigner]:
    """Return the signers of a member's root."""
    file = fed.place / member / "offline" / f"{member}.root-1-1.key"
    return root_signers(read(file, b"pass", entropy=os.urandom))


def said(fed: Federation, kind: Kind, member: str, chain: Chain, **items: Any) -> Statement:
    """Return a statement in its place, by the registrar's registry and clock."""
    view = fed.nodes[REGISTRY].mirror.view
    at = fed.clocks[REGISTRY].now()
    return replace(follow(view, kind, MemberId(member), chain, at=at), **items)


async def publish(fed: Federation, statement: Statement, *signers: NoteSigner) -> bytes:
    """Have the registrar append a statement; return the note."""
    note = sign_note(statement.text(), signers)
    await fed.nodes[REGISTRY].rooms.registrar.publish(note)
    return note


async def name_witnesses(fed: Federation, quorum: int, *names: str) -> None:
    """Let the registry name its witnesses, and all of them cosign that."""
    chosen = WitnessSet(quorum, tuple(MemberId(name) for name in names))
    statement = said(fed, Kind.WITNESSES, REGISTRY, Chain.ISSUER, witnesses=chosen)
    await publish(fed, statement, *roots_of(fed, REGISTRY))
    await fed.until(lambda: cosigned_by(fed) == set(names))
    size = fed.nodes[REGISTRY].mirror.size
    for node in fed.nodes.values():
        await fed.until(lambda m=node.mirror: m.size == size and m.witnessed_at)


async def grow(fed: Federation) -> None:
    """Let the registry grow by a statement."""
    await fed.nodes[REGISTRY].rooms.rotation.rotate(KeyUse.TLS, OFFICER)


def cosigned_by(fed: Federation, at: str = REGISTRY) -> set[str]:
    """Return who cosigned the newest head that a node holds."""
    node = fed.nodes[MemberId(at)]
    head = node.database.read_now(lambda tx: tx.exec_driver_sql(_HEAD).scalar_one())
    return {line.decode().split("/")[1] for line in head.split(b"\n") if b"/witness " in line}


_HEAD = "SELECT checkpoint FROM registry_head"


async def request(fed: Federation, old: int, *, of: str = REGISTRY) -> AddCheckpoint:
    """Return what the registrar would ask of a witness that knows the head of size ``old``."""
    mirror = fed.nodes[MemberId(of)].mirror
    head = await mirror.checkpoint()
    size = parse_checkpoint(head).size
    leaves = [leaf_hash(note) for note in await mirror.entries(0, size)]
    proof = consistency_proof(min(old, size), size, range_hash(leaves))
    return AddCheckpoint(old_size=old, proof=tuple(proof), checkpoint=head)


async def known(fed: Federation, name: str) -> int:
    """Return the size of the newest head that a witness has cosigned."""
    node = fed.nodes[MemberId(name)]
    origin = node.mirror.view.origin
    head = await node.database.read(lambda tx: witnessed.newest(tx, origin))
    assert head is not None
    return head.size


def forged(fed: Federation, size: int, root: bytes) -> bytes:
    """Return a head that the registrar's own key signs, over whatever is asked."""
    node = fed.nodes[REGISTRY]
    signer = node.keys.log_signer(
        node.mirror.view.origin, node.mirror.view, fed.clocks[REGISTRY].now()
    )
    return sign_checkpoint(Checkpoint(node.mirror.view.origin, size, root), signer)


async def begin_recovery(fed: Federation, new: Party) -> None:
    """Let the registrars begin to recover a member, with the keys of its new self."""
    statement = said(
        fed, Kind.RECOVER, new.member, Chain.ISSUER,
        root=new.root_set(), next=new.next_set(), uses=tuple(new.lines()),
    )  # fmt: skip
    await publish(fed, statement, *roots_of(fed, REGISTRY), *new.signers)
