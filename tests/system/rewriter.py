"""An administrator who rewrites one entry of his audit log, and leaves no trace on his machine.

He has everything that the node has: its database, its keystore, its passphrase. He alters the
entry, its leaf, every hash above it, and signs the head anew with the node's own key; cosignatures
he cannot make, so he throws those away that tell against him. Works on a node that is stopped.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlalchemy import delete, update

from gateway.cli.terminal.options import settings_of
from gateway.clock import SystemClock
from gateway.daemon import open_database
from gateway.protocol.audit import encode_entry, parse_entry
from gateway.services.keys import NodeKeys
from gateway.store import audit, audit_reading, registry
from gateway.store.database import Transaction
from gateway.store.schema import audit_entries, audit_heads, audit_nodes, cosigned_heads
from keys.keyfile import unlock
from keys.registry.draft import parse_fingerprint
from keys.registry.view import advance, found
from keys.suite import MemberId
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from keys.tlog.merkle import Frontier, leaf_hash
from keys.tlog.nodes import Node, completed_nodes

READ = 10_000


def rewrite_thoroughly(folder: Path, passphrase: bytes, number: int) -> None:
    """Let entry ``number`` of the newest shard name another member, as if it always had."""
    settings = settings_of(folder)
    unlocked = unlock(settings.path(settings.keys.file), passphrase, entropy=os.urandom)
    keys = NodeKeys(unlocked, MemberId(settings.node.member), os.urandom)
    database = open_database(settings)
    try:
        notes = database.read_now(registry.all_statements)
        view = advance(found(notes[0], parse_fingerprint(settings.registry.anchor)), notes[1:])
        head = database.read_now(audit.head)
        if head is None:
            raise ValueError("there is nothing to rewrite")
        origin = parse_checkpoint(head.checkpoint).origin
        signer = keys.log_signer(origin, view, SystemClock().now())

        def commit(tx: Transaction) -> None:
            alter(tx, head.shard, number)
            leaves = _leaves(tx, head.shard, head.size)
            frontier, nodes = completed_nodes(Frontier(), leaves)
            signed = Checkpoint(origin, frontier.size, frontier.root())
            note = sign_checkpoint(signed, signer)
            _put(tx, head, frontier, nodes, note)
            forget_cosigned(tx, head.shard, number)

        database.write_now(commit)
    finally:
        database.close()


def alter(tx: Transaction, shard: int, number: int) -> None:
    """Alter one entry and its leaf, and nothing else."""
    (row,) = audit_reading.entries(tx, shard, number, number + 1)
    if row.entry is None:
        raise ValueError("this entry was erased")
    entry = parse_entry(row.entry)
    forged = encode_entry(msgspec.structs.replace(entry, peer="XZ"))
    tx.execute(
        update(audit_entries)
        .where(audit_entries.c.row_id == row.row_id)
        .values(entry=forged, leaf_hash=leaf_hash(forged))
    )


def forget_cosigned(tx: Transaction, shard: int, number: int) -> None:
    """Throw away the node's own copies of the heads that witnesses cosigned over an entry."""
    tx.execute(
        delete(cosigned_heads).where(
            cosigned_heads.c.shard == shard, cosigned_heads.c.size > number
        )
    )


def _leaves(tx: Transaction, shard: int, size: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < size:
        rows = audit_reading.entries(tx, shard, len(found), min(len(found) + READ, size))
        found += [row.leaf_hash for row in rows]
    return found


def _put(
    tx: Transaction, head: audit.AuditHead, frontier: Frontier, nodes: Sequence[Node], note: bytes
) -> None:
    for node in nodes:
        tx.execute(
            update(audit_nodes)
            .where(
                audit_nodes.c.shard == head.shard,
                audit_nodes.c.level == node.level,
                audit_nodes.c.number == node.number,
            )
            .values(hash=node.hash)
        )
    older = audit_heads.c.size < head.size
    tx.execute(delete(audit_heads).where(audit_heads.c.shard == head.shard, older))
    tx.execute(
        update(audit_heads)
        .where(audit_heads.c.shard == head.shard)
        .values(frontier=frontier.encode(), checkpoint=note)
    )
