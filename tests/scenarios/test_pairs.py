"""Two daemons of one member on one database: what one learns, the other takes over."""

from pathlib import Path

from gateway.services.registry import RegistryMirror
from keys.registry.draft import parse_fingerprint
from keys.suite import KeyUse, MemberId
from tests.scenarios.federation import OFFICER, Lines, federation

XA, XB = MemberId("XA"), MemberId("XB")


async def test_registry_that_the_other_daemon_followed_is_taken_over(tmp_path: Path) -> None:
    """One is behind by statements that are in their database already: it sees them, and goes on."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.running[XA].cancel()
        node = fed.nodes[XA]
        other = RegistryMirror(
            node.database, Lines(fed, XA), node.delivery._ledger, fed.clocks[XA],
            anchor=parse_fingerprint(fed.anchor),
        )  # fmt: skip
        await other.load()
        before = other.size
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        assert await node.mirror.follow()
        assert await other.follow()
        assert other.size == node.mirror.size == before + 1
        assert other.checked_at == node.mirror.checked_at
        assert not await other.follow()
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        assert await other.follow()
        assert await node.mirror.follow()
        assert node.mirror.view.head == other.view.head
