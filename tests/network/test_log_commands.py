"""``liaison audit``: what a person sees of other members' logs, and proofs that travel as files."""

import sqlite3
from pathlib import Path

import pytest

from gateway.store import log_heads
from keys.registry.origins import log_keys_of
from tests.network.served import XA, Served, served
from tests.network.test_registry_commands import Shown, shown
from tests.outcome import outcome_of
from tests.scenarios.logs import Written, log_of
from tests.scenarios.test_log_witness import asked_by

__all__ = ["shown"]


async def watched(made: Served) -> Written:
    """Let XA see XB's own log grow once; return a false one of as many entries as it saw last."""
    node = made.fed.nodes[XA]
    for _ in range(2):
        await made.fed.send("XB", "XA")
        await made.fed.nodes["XB"].workers.audit_log.sequence()
        head = await node.workers.watching.look("XB")
    known = await node.database.read(lambda tx: log_heads.newest(tx, head.origin))
    shard = head.origin.rpartition("/")[2]
    return log_of(made.fed, "XB", shard, *(str(number) for number in range(known.size)))


async def test_people_see_whether_a_members_log_is_still_the_one_it_was(
    tmp_path: Path, shown: Shown
) -> None:
    """Nothing held, then heads that the member continues; who does not answer is told apart."""
    async with served(tmp_path, "XA", "XB", "XC") as made:
        folder = str(tmp_path / "XA")
        verify = ("audit", "verify", "--dir", folder, "--peer")
        await watched(made)
        told = await shown.of(*verify, "XB")
        assert "heads were shown to this node" in told
        assert "it continues what is held here" in told
        assert "XB: verified" in told
        report = await shown.document(*verify, "XB")
        (log,) = report["logs"]
        assert (log["heads"] > 1, report["findings"], report["alarms"]) == (True, [], [])
        told = await shown.of("audit", "peers", "--dir", folder)
        assert log["log"] in told
        made.peers["XA"]._view = lambda: None  # as if the registry named no address
        told = await shown.of(*verify, "XB")
        assert "XB shows nothing now" in told
        assert "XB: what is held here is verified" in told
        told = await shown.of(*verify, "XC")
        assert "nothing is held of its log yet" in told
        assert "[member_not_found]" in await shown.of(*verify, "XQ", code=1)
        told = await shown.of("doctor", "--dir", folder, code=1)
        assert "none is known to have changed what it had shown" in told


async def test_two_histories_of_an_audit_log_travel_as_a_file(tmp_path: Path, shown: Shown) -> None:
    """Told by verify, peers, status and doctor; exported; checked by a node or by the key alone."""
    async with served(tmp_path, "XA", "XB") as made:
        folder, file = str(tmp_path / "XA"), str(tmp_path / "split-view")
        false, proofs = await watched(made), ("audit", "split-view")
        await outcome_of(asked_by(made.fed).add_checkpoint(false.asked(0)))
        told = await shown.of("audit", "verify", "--dir", folder, "--peer", "XB", code=1)
        assert f"proven: a key of XB signed two histories of {false.origin}" in told
        assert "XB: NOT VERIFIED" in told
        assert "ALARM" in await shown.of("audit", "peers", "--dir", folder)
        told = await shown.of("doctor", "--dir", folder, code=1)
        assert "1 alarms: liaison audit peers says which" in told
        assert "0 alarms about the registry, 1 about audit logs" in await shown.of(
            "status", "--dir", folder
        )
        (row,) = (await shown.document(*proofs, "list", "--dir", folder))["split_views"]
        size = len(false.leaves)
        assert (row["log"], row["sizes"], row["portable"]) == (false.origin, [size, size], True)
        assert "somebody" in await shown.of(*proofs, "list", "--dir", folder)
        await shown.of(*proofs, "export", "1", file, "--dir", folder)
        assert f"proven: a key of {false.origin}" in await shown.of(
            *proofs, "verify", file, "--dir", folder
        )
        (key,) = log_keys_of(made.fed.nodes[XA].mirror.view, false.origin)
        assert "proven" in await shown.of(*proofs, "verify", file, "--log-key", key.text)
        (other,) = log_keys_of(made.fed.nodes[XA].mirror.view, false.origin.replace("XB", "XA"))
        told = await shown.of(*proofs, "verify", file, "--log-key", other.text, code=1)
        assert "[signature_missing]" in told


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE log_heads SET proof = x'' WHERE proof != x''", "nothing shows that"),
        ("UPDATE log_heads SET root = zeroblob(32)", "is not as its log signed it"),
        ("UPDATE log_heads SET checkpoint = x'00'", "is not as its log signed it"),
        ("UPDATE log_heads SET size = size + 1000", "is not as its log signed it"),
        (
            "UPDATE witnessed_heads SET checkpoint = x'00' WHERE origin LIKE '%audit%'",
            "is not as its log signed it",
        ),
    ],
)
async def test_altered_heads_of_others_are_found(
    tmp_path: Path, shown: Shown, statement: str, finding: str
) -> None:
    """Whoever edits what this node keeps of others' logs."""
    async with served(tmp_path, "XA", "XB") as made:
        folder = str(tmp_path / "XA")
        false = await watched(made)
        cosigned = Written(made.fed, false.member, f"{false.shard}.9").grown("a")
        await asked_by(made.fed, "XB").add_checkpoint(cosigned.asked(0))
        made.peers["XA"]._view = lambda: None
        told = await shown.of("audit", "verify", "--dir", folder, "--peer", "XB")
        assert "log_restarted" in told
        assert "as a witness it cosigned up to 1 entries" in told
        with sqlite3.connect(tmp_path / "XA" / "liaison.db") as store:
            store.execute(statement)
        told = await shown.of("audit", "verify", "--dir", folder, "--peer", "XB", code=1)
        assert "ALTERED" in told
        assert finding in told
        assert "NOT VERIFIED" in told
