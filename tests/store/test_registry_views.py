"""What members named of the registry, and proofs with what shows them, on every database."""

from gateway.store import registry_views, split_views
from keys.signing import SigningKey
from keys.suite import KeyUse
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.note import ClassicalSigner
from tests.store.conftest import Fresh


async def test_only_a_larger_size_is_kept(fresh: Fresh) -> None:
    """What comes late or again changes nothing; other members are untouched."""
    with fresh() as db:
        await db.write(lambda tx: registry_views.name(tx, {"XA": 7, "XB": 3}))
        await db.write(lambda tx: registry_views.name(tx, {"XA": 5, "XC": 1}))
        await db.write(lambda tx: registry_views.name(tx, {"XA": 9}))
        assert await db.read(registry_views.named) == {"XA": 9, "XB": 3, "XC": 1}


async def test_proof_is_kept_with_what_shows_it(fresh: Fresh) -> None:
    """Root and hashes come back as they went in; a pair of which nobody has the leaves has none."""
    with fresh() as db:
        for proof, root in ((b"r" * 64, b"A"), (None, b"B")):
            seen = split_views.SplitView(
                origin="mutual.example/registry", size=4, head_a=_head(3, b"C"),
                head_b=_head(4, root), seen_at=5, found_by="XB", proof=proof,
            )  # fmt: skip
            assert await db.write(lambda tx, item=seen: split_views.record(tx, item))
        kept = await db.read(split_views.listing)
        assert [item.proof for item in kept] == [b"r" * 64, None]


def _head(size: int, root: bytes) -> bytes:
    checkpoint = Checkpoint("mutual.example/registry", size, root * 32)
    return sign_checkpoint(checkpoint, ClassicalSigner("x", SigningKey(KeyUse.LOG, root * 32)))
