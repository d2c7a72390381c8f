"""Two daemons of one member have one log witnessed: the same rounds, and no line of either lost."""

import os
from typing import Any

from gateway.services.auditing.anchoring import Anchoring
from gateway.settings import AuditSettings
from gateway.store import audit, cosigned
from gateway.store.database import Database, Transaction
from keys.registry.origins import AuditOrigin, Shard
from keys.registry.statement import Chain, Kind, WitnessSet
from keys.suite import KeyUse, digest
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.cosignature import cosignatures
from keys.tlog.note import ClassicalSigner, sign_note
from tests.store.stored import all_of
from tests.world import FEDERATION, NOW, USES, World, party, world

XA, XB, XC = (party(name, uses=(*USES, KeyUse.WITNESS)) for name in ("XA", "XB", "XC"))
PARTIES = (("XB", XB), ("XC", XC))
ORIGIN = str(AuditOrigin(FEDERATION, XA.member, Shard(2026)))


class Hands:
    """A clock that a test moves."""

    at = NOW

    def now(self) -> int:
        """Return the time."""
        return self.at


class Mirror:
    """A registry that names two witnesses."""

    def __init__(self, made: World) -> None:
        self.view = self.known = made.view

    def watch(self, _: Any) -> None:
        """Nothing of it changes."""


def federation() -> World:
    """Return a registry that names XB and XC, both of them needed."""
    made = world(XA, XB, XC)
    chosen = WitnessSet(2, (XB.member, XC.member))
    statement = made.said(
        Kind.WITNESSES, made.registrar.member, Chain.ISSUER, witnesses=chosen
    )  # fmt: skip
    made.append(sign_note(statement.text(), made.registrar.root_signers))
    return made


def daemon(database: Database, mirror: Mirror, clock: Hands) -> Anchoring:
    """Return one daemon's part; nothing is asked of anybody here."""
    unused: Any = None
    return Anchoring(
        database, mirror, unused, unused, unused,
        ledger=unused, clock=clock, entropy=os.urandom, settings=AuditSettings(),
    )  # type: ignore[arg-type]  # fmt: skip


def grow(tx: Transaction, size: int) -> None:
    """Sign a head of this size."""
    known = audit.head(tx)
    audit.append(tx, [audit.NewEntry(entry=b"e", leaf_hash=bytes([size]) * 32)])
    rows = [row for row, _ in audit.unsequenced(tx, 9)]
    signer = ClassicalSigner(ORIGIN, XA.sign_key())
    note = sign_checkpoint(Checkpoint(ORIGIN, size, digest(bytes([size]))), signer)
    head = audit.AuditHead(shard=0, size=size, frontier=b"f", checkpoint=note, signed_at=NOW)
    shard = audit.AuditShard(number=0, origin=ORIGIN, opened_at=NOW)
    opening = audit.Opening(shard=shard, entry=audit.NewEntry(entry=b"o", leaf_hash=b"o" * 32))
    audit.advance(
        tx, expected=known, row_ids=rows, nodes=[], grown=head,
        opening=None if known else opening,
    )  # fmt: skip


async def test_daemons_ask_for_the_same_head_and_keep_each_others_lines(
    pair: tuple[Database, Database],
) -> None:
    """A round that one began is the other's; what both were answered stands on one head."""
    one, other = pair
    mirror, clock = Mirror(federation()), Hands()
    first, second = daemon(one, mirror, clock), daemon(other, mirror, clock)
    one.write_now(lambda tx: grow(tx, 2))
    begun = await all_of(first.begin_round(), second.begin_round())
    assert sorted(begun) == [False, True]
    one.write_now(lambda tx: grow(tx, 3))
    assert await all_of(first.begin_round(), second.begin_round()) == [False, False]
    (head,) = await one.read(lambda tx: cosigned.all_of(tx, 0))
    assert (head.size, head.witnessed_at) == (2, None)
    lines = {name: item.cosigner().cosign(head.checkpoint, NOW + 1) for name, item in PARTIES}
    await all_of(first._keep(head, lines["XB"]), second._keep(head, lines["XC"]))
    kept = await one.read(lambda tx: cosigned.at_size(tx, 0, 2))
    assert kept is not None
    assert kept.witnessed_at == NOW + 1
    for _, item in PARTIES:
        assert len(cosignatures(kept.checkpoint, item.cosigner().verifiers)) == 2
    clock.at += AuditSettings().witness_s
    begun = await all_of(first.begin_round(), second.begin_round())
    assert sorted(begun) == [False, True]
    assert [item.size for item in await one.read(lambda tx: cosigned.all_of(tx, 0))] == [2, 3]
