"""The audit log at rest: places, shards, heads, and the hashes that proofs are made from."""

import pytest

from gateway.errors import ConflictError, RejectedError
from gateway.store import audit, audit_reading, cosigned
from gateway.store.cosigned import CosignedHead
from gateway.store.database import Transaction
from keys.tlog.nodes import Node
from tests.store.conftest import Fresh


def head_of(size: int, *, hour: int = 0, shard: int = 0) -> audit.AuditHead:
    """Return a head as the sequencer writes it; nothing here reads what is signed."""
    return audit.AuditHead(
        shard=shard,
        size=size,
        frontier=b"f",
        checkpoint=b"c%d" % size,
        signed_at=hour * audit.HEAD_KEPT_S,
    )


def opening_of(number: int) -> audit.Opening:
    """Return a shard to be opened."""
    shard = audit.AuditShard(number=number, origin=f"o/{number}", opened_at=number)
    return audit.Opening(shard=shard, entry=audit.NewEntry(entry=b"o", leaf_hash=b"o" * 32))


def test_audit_entries_are_numbered_by_one_sequencer(fresh: Fresh) -> None:
    """In the order of their rows; a second sequencer that read the same head is refused."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            new = [audit.NewEntry(entry=bytes([n]), leaf_hash=bytes([n]) * 32) for n in range(4)]
            audit.append(tx, new)
            audit.append(tx, [])
            waiting = audit.unsequenced(tx, 3)
            rows = [row_id for row_id, _ in waiting]
            assert [leaf_hash[:1] for _, leaf_hash in waiting] == [b"\x00", b"\x01", b"\x02"]
            grown, node = head_of(4), Node(1, 0, b"n" * 32)
            audit.advance(
                tx, expected=None, row_ids=rows, nodes=[node], grown=grown, opening=opening_of(0)
            )
            for expected, ids, size in ((None, rows, 3), (grown, rows, 7), (head_of(3), rows, 6)):
                with pytest.raises(ConflictError) as caught:
                    audit.advance(tx, expected=expected, row_ids=ids, nodes=[], grown=head_of(size))
                assert caught.value.code == "audit_head_moved"
            assert audit.head(tx) == grown
            assert audit.heads(tx, 0) == [grown]
            assert [item.number for item in audit_reading.entries(tx, 0, 1, 9)] == [1, 2, 3]
            assert audit_reading.hashes(tx, 0, 0, 0, 2) == [b"o" * 32, bytes(32)]
            assert audit_reading.node(tx, 0, 1, 0) == b"n" * 32
            with pytest.raises(RejectedError) as damaged:
                audit_reading.hashes(tx, 0, 1, 0, 2)
            assert damaged.value.code == "audit_damaged"
            assert audit.waiting(tx) == 1

        db.write_now(act)


def test_of_the_heads_of_an_hour_the_newest_is_kept(fresh: Fresh) -> None:
    """A shard of its own has heads of its own, and the size of the log counts both."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            known: audit.AuditHead | None = None
            steps = ((2, 0, 0), (3, 0, 0), (4, 1, 0), (5, 1, 0), (2, 1, 1))
            for size, hour, shard in steps:
                audit.append(tx, [audit.NewEntry(entry=b"e", leaf_hash=bytes([size]) * 32)])
                rows = [row_id for row_id, _ in audit.unsequenced(tx, 9)]
                grown = head_of(size, hour=hour, shard=shard)
                opening = opening_of(shard) if size == 2 else None
                audit.advance(
                    tx, expected=known, row_ids=rows, nodes=[], grown=grown, opening=opening
                )
                known = grown
            assert [head.size for head in audit.heads(tx, 0)] == [3, 5]
            assert [head.size for head in audit.heads(tx, 1)] == [2]
            assert [shard.origin for shard in audit.shards(tx)] == ["o/0", "o/1"]
            assert audit.head(tx) == known
            assert audit.total(tx) == 7

        db.write_now(act)


def test_cosigned_heads_are_thinned_by_the_hour(fresh: Fresh) -> None:
    """The first with a quorum of every hour stays, and the newest in any case."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            times = (None, 10, 20, 3700, None, 7300, None)
            for size, at in enumerate(times, start=1):
                cosigned.store(
                    tx,
                    CosignedHead(
                        shard=0, size=size, checkpoint=b"c", witnessed_at=at, stored_at=size
                    ),
                )
            assert cosigned.thin(tx, before=7, every_s=3600) == 3
            assert [head.size for head in cosigned.all_of(tx, 0)] == [2, 4, 6, 7]
            covering = cosigned.covering(tx, 0, 2)
            assert covering is not None
            assert covering.size == 4
            assert cosigned.covering(tx, 0, 6) is None
            newest = cosigned.newest(tx, 0)
            assert newest is not None
            assert newest.size == 6
            assert cosigned.at_size(tx, 0, 7) is not None
            assert cosigned.at_size(tx, 0, 1) is None

        db.write_now(act)
