"""What a node sees of the audit logs of others: as their peer, and with the help of a witness."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.errors import ForbiddenError, LiaisonError, RejectedError, UnavailableError
from gateway.protocol.witness import AddCheckpoint
from gateway.services.federation.check import portable
from gateway.store import log_heads, split_views
from gateway.store.log_heads import LogHead
from keys.registry.origins import log_keys_of
from keys.suite import MemberId
from keys.tlog.split_view import verify_split_view
from tests.outcome import outcome_of
from tests.scenarios.federation import Federation, federation
from tests.scenarios.logs import Lags, Written, log_of
from tests.scenarios.test_exchange import delivered
from tests.scenarios.test_log_witness import asked_by, recorded, verdicts
from tests.scenarios.witnessed import name_witnesses

XA, XB, XC, XD = (MemberId(name) for name in ("XA", "XB", "XC", "XD"))
A = tuple("abcdefgh")
B = ("a", "b", "rewritten", *"defgh")


@contextlib.asynccontextmanager
async def watched(place: Path) -> AsyncIterator[Federation]:
    """Yield a federation in which XB is whatever a test makes of it, and XD is a witness."""
    async with federation(place, "XA", "XB", "XC", "XD") as fed:
        await fed.stop("XB")
        await name_witnesses(fed, 1, "XD")
        yield fed


async def look(fed: Federation, shown: Written, by: MemberId = XA) -> object:
    """Let a member look at the log that XB shows to it."""
    fed.logs[XB, by] = shown
    return await outcome_of(fed.nodes[by].workers.watching.look(XB))


async def chain(fed: Federation, log: Written, by: MemberId = XA) -> list[LogHead]:
    """Return the heads that a member keeps of a log."""
    return await fed.nodes[by].database.read(lambda tx: log_heads.chain(tx, log.origin))


async def proven(fed: Federation, by: MemberId) -> tuple[int, int]:
    """Check the one proof that a member keeps as anybody would; return the sizes of its heads."""
    (kept,) = await fed.nodes[by].database.read(split_views.listing)
    keys = log_keys_of(fed.nodes[by].mirror.view, kept.origin)
    alone = portable(kept.head_a, kept.head_b, kept.proof)
    assert alone is not None
    smaller, larger = verify_split_view(alone, kept.origin, keys)
    return smaller.size, larger.size


async def test_honest_log_is_kept_as_a_chain_that_can_be_checked_again(tmp_path: Path) -> None:
    """Each head with the proof from the one before; a head that is shown twice is kept once."""
    async with watched(tmp_path) as fed:
        for size in (3, 3, 5, 8):
            log = log_of(fed, "XB", "", *A[:size])
            await look(fed, log)
        first, second, third = await chain(fed, log)
        assert [first.size, second.size, third.size] == [3, 5, 8]
        assert [first.proof, first.shown_by] == [b"", "XB"]
        assert second.proof == b"".join(log.asked(3, 5).proof)
        assert third.proof == b"".join(log.asked(5, 8).proof)
        assert third.checkpoint == log.head()
        assert await recorded(fed) == []


async def test_real_log_is_looked_at_once_something_came_from_its_member(tmp_path: Path) -> None:
    """By the loop, of the node that receives and of the one that sends."""
    quick = {"audit": {"watch_s": 1}}
    changes = {"XA": quick, "XB": quick}
    async with federation(tmp_path, "XA", "XB", "XC", changes=changes) as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        for name, other in ((XA, "XB"), (XB, "XA")):
            read = fed.nodes[name].database.read
            await fed.until(lambda r=read, o=other: r(lambda tx: log_heads.origins_of(tx, o)))
            assert await read(log_heads.members) == [other]
            assert await verdicts(fed.nodes[name], other) == []
        (origin,) = await fed.nodes[XA].database.read(lambda tx: log_heads.origins_of(tx, "XB"))
        head = await fed.nodes[XA].workers.watching.look(XB)
        (known,) = (await fed.nodes[XA].database.read(lambda tx: log_heads.chain(tx, origin)))[-1:]
        assert (known.size, known.root) == (head.size, head.root)


async def test_log_that_shows_one_head_to_one_peer_and_another_to_the_next_is_proven(
    tmp_path: Path,
) -> None:
    """Of one size: the witness shows what it cosigned, and is shown what it did not."""
    async with watched(tmp_path) as fed:
        one, other = log_of(fed, "XB", "", *A[:3]), log_of(fed, "XB", "", *B[:3])
        await asked_by(fed, "XB", XD).add_checkpoint(one.asked(0))
        await look(fed, one)
        assert await recorded(fed) == []
        await look(fed, other, XC)
        for name in (XC, XD):
            assert await proven(fed, name) == (3, 3)
            assert await recorded(fed, name) == [("split_view.seen", "XB", "consistency_invalid")]
            assert await verdicts(fed.nodes[name]) == ["proven"]
            assert (await fed.nodes[name].rooms.health.status()).log_alarms == 1
        await look(fed, other, XC)
        assert await proven(fed, XC) == (3, 3)
        assert await recorded(fed) == []


async def test_other_history_of_another_size_proves_itself(tmp_path: Path) -> None:
    """Its own proof leads to its head, from a root that the witness's head does not have."""
    async with watched(tmp_path) as fed:
        one, other = log_of(fed, "XB", "", *A[:5]), log_of(fed, "XB", "", *B[:7])
        await asked_by(fed, "XB", XD).add_checkpoint(one.asked(0))
        await look(fed, other, XC)
        assert await proven(fed, XC) == (5, 7)
        assert await verdicts(fed.nodes[XC]) == ["proven"]
        assert [item.size for item in await chain(fed, other, XC)] == [7]


async def test_log_that_was_rewritten_is_proven_to_who_saw_it_before(tmp_path: Path) -> None:
    """A longer one and a shorter one, each by the proof that its node shows."""
    async with watched(tmp_path) as fed:
        await look(fed, log_of(fed, "XB", "", *A[:6]))
        await look(fed, log_of(fed, "XB", "", *B[:7]))
        assert await proven(fed, XA) == (6, 7)
        await look(fed, log_of(fed, "XB", "", *A[:6]), XC)
        await look(
            fed, Lags(fed, XB, log_of(fed, "XB").shard, log_of(fed, "XB", "", *B).leaves, 5), XC
        )
        assert await verdicts(fed.nodes[XC]) == ["log_shorter"]
        log = log_of(fed, "XB", "", *A[:6])
        assert [item.size for item in await chain(fed, log)] == [6]


async def test_rewriting_that_proves_nothing_is_an_alarm(tmp_path: Path) -> None:
    """The tree of four leaves is no part of the proof; both heads are kept, and it is told once."""
    async with watched(tmp_path) as fed:
        await look(fed, log_of(fed, "XB", "", *A[:4]))
        for _ in range(2):
            await look(fed, log_of(fed, "XB", "", *B[:7]))
        assert await recorded(fed) == [("log.doubted", "XB", "consistency_invalid")]
        (alarm,) = await fed.nodes[XA].rooms.log_alarms.recent("XB")
        assert (alarm.size, alarm.found_by) == (7, "XB")
        assert "continues the 4 that" in alarm.detail
        assert await fed.nodes[XA].database.read(split_views.count) == 0


async def test_shorter_history_is_an_alarm_and_a_late_head_is_none(tmp_path: Path) -> None:
    """A node that came back from a backup has not the proof; one that lags has it."""
    async with watched(tmp_path) as fed:
        whole = log_of(fed, "XB", "", *A[:6])
        await look(fed, whole)
        await look(fed, Lags(fed, XB, whole.shard, whole.leaves, 4))
        assert await recorded(fed) == []
        for _ in range(2):
            await look(fed, log_of(fed, "XB", "", *A[:4]))
        assert await recorded(fed) == [("log.doubted", "XB", "log_shorter")]
        (alarm,) = await fed.nodes[XA].rooms.log_alarms.recent()
        assert "shows 4 entries" in alarm.detail
        assert "6 of mutual.example/XB/audit/" in alarm.detail
        assert [item.size for item in await chain(fed, whole)] == [6]


async def test_log_that_begins_anew_is_an_alarm_and_so_is_one_that_goes_back(
    tmp_path: Path,
) -> None:
    """A later shard is followed from then on; the one before it is history."""
    async with watched(tmp_path) as fed:
        log = log_of(fed, "XB", "", *A[:3])
        begun = log_of(fed, "XB", f"{log.shard}.1", "z")
        await look(fed, log)
        for _ in range(2):
            await look(fed, begun)
        assert await recorded(fed) == [("log.restarted", "XB", f"{log.shard}.1")]
        await look(fed, log)
        assert (await recorded(fed))[1:] == [("log.doubted", "XB", "log_shorter")]
        assert [item.size for item in await chain(fed, begun)] == [1]


async def test_what_is_no_head_of_that_log_is_no_alarm(tmp_path: Path) -> None:
    """Another member's, one under another key, bytes; nobody there, and nobody to prove it."""
    async with watched(tmp_path) as fed:
        log, other = log_of(fed, "XB", "", *A[:3]), log_of(fed, "XC", "", *A[:3])
        for shown, code in (
            (other.head(), "checkpoint_of_another_log"),
            (await fed.nodes[XA].mirror.checkpoint(), "checkpoint_of_another_log"),
            (log.head().replace(b"\n3\n", b"\n4\n"), "checkpoint_not_signed"),
            (b"", "note_malformed"),
        ):
            fault = await look(fed, _Says(shown))
            assert isinstance(fault, LiaisonError)
            assert fault.code == code
        await look(fed, log)
        fault = await look(fed, _Says(log_of(fed, "XB", "", *A[:5]).head()))
        assert isinstance(fault, UnavailableError)
        assert await recorded(fed) == []
        assert [item.size for item in await chain(fed, log)] == [3]


async def test_head_that_a_witness_has_not_seen_is_handed_on_to_it(tmp_path: Path) -> None:
    """It cosigns what it knows nothing against; one that bears its word is not sent again."""
    async with watched(tmp_path) as fed:
        log = log_of(fed, "XB", "", *A[:3])
        await look(fed, log)
        shown = await asked_by(fed, None, XD).witnessed_checkpoint(log.origin)
        assert shown.startswith(log.head())
        asked: list[AddCheckpoint] = []
        witnessing = fed.nodes[XD].gate.witnessing
        add = witnessing.add_checkpoint

        async def noted(item: AddCheckpoint, found_by: str = "") -> bytes:
            asked.append(item)
            return await add(item, found_by)

        witnessing.add_checkpoint = noted
        await look(fed, log)
        assert asked == []
        grown = log.grown("d")
        await look(fed, grown)
        assert [item.checkpoint for item in asked] == [grown.head()]
        assert len(await chain(fed, log)) == 2


async def test_only_members_are_shown_an_audit_log(tmp_path: Path) -> None:
    """The registrars too; not a stranger, and not who is suspended."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fault = await outcome_of(asked_by(fed).audit_checkpoint())
        assert isinstance(fault, ForbiddenError)
        assert fault.code == "member_required"
        await fed.nodes[XA].workers.audit_log.sequence()
        hop = asked_by(fed, "XB")
        head = await hop.audit_checkpoint()
        origin, size = head.decode().split("\n")[:2]
        assert await hop.audit_consistency(origin, int(size), int(size)) == []
        for name, old, new, code in (
            (f"{origin}.1", 1, 1, "shard_unknown"),
            (origin, 1, int(size) + 1000, "size_unknown"),
            (origin, 2, 1, "size_unknown"),
        ):
            fault = await outcome_of(hop.audit_consistency(name, old, new))
            assert isinstance(fault, RejectedError)
            assert fault.code == code


class _Says(Written):
    """A node that shows whatever it likes, and no proof of it."""

    def __init__(self, shown: bytes) -> None:
        self._shown = shown

    async def audit_checkpoint(self) -> bytes:
        """Show it."""
        return self._shown

    async def audit_consistency(self, origin: str, old: int, new: int) -> list[bytes]:
        """Show nothing."""
        raise UnavailableError("peer_unreachable", f"no proof of {origin} from {old} to {new}")
