"""Witnesses: what they cosign, what they refuse, and what the others learn from it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.errors import ForbiddenError, LiaisonError, RejectedError, UnavailableError
from gateway.protocol.witness import AddCheckpoint, SizeDiffersError
from gateway.services.gatekeeper import Hop
from gateway.store import split_views, witnessed
from keys.registry.statement import REGISTRY, Chain, Kind, WitnessSet
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.merkle import consistency_proof, leaf_hash, range_hash
from tests.outcome import outcome_of
from tests.scenarios.federation import Federation, federation
from tests.scenarios.test_exchange import codes, delivered
from tests.scenarios.witnessed import (
    cosigned_by,
    forged,
    grow,
    known,
    name_witnesses,
    publish,
    request,
    roots_of,
    said,
)

XA, XB, XC, XD = (MemberId(name) for name in ("XA", "XB", "XC", "XD"))
HOUR_S = 3600
DAY_S = 86_400


def witness(fed: Federation, name: MemberId = XA) -> Hop:
    """Return a witness as anybody reaches it."""
    return fed.nodes[name].gate.for_hop(None)


async def test_named_witnesses_cosign_every_head(tmp_path: Path) -> None:
    """The registrar asks them after each growth; every mirror learns what a quorum vouches for."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        before = [node.mirror.witnessed_at for node in fed.nodes.values()]
        assert before == [None] * 4
        await name_witnesses(fed, 2, "XA", "XB", "XC")
        await grow(fed)
        size = fed.nodes[REGISTRY].mirror.size
        for node in fed.nodes.values():
            await fed.until(lambda m=node.mirror: m.size == size and m.witnessed_at)
            mirror = node.mirror
            assert 0 <= fed.clocks[XA].now() - mirror.checked_at < HOUR_S
            assert mirror.checked_at >= mirror.witnessed_at
        await fed.until(lambda: cosigned_by(fed) == {"XA", "XB", "XC"})
        for name in (XA, XB, XC):
            assert await known(fed, name) == size
        status = await fed.nodes[XC].rooms.health.status()
        assert status.registry_witnessed_at == fed.nodes[XC].mirror.witnessed_at
        assert (status.quorum_missing_s, status.split_views) == (0, 0)
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))


async def test_witness_learns_at_once_what_it_is_asked_to_cosign(tmp_path: Path) -> None:
    """It need not wait until it looks again; and whoever hears from it does not either."""
    slow = {"registry": {"poll_s": 3600}}
    changes = {"XA": slow, "XB": slow}
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        chosen = WitnessSet(1, (XA,))
        named = said(fed, Kind.WITNESSES, REGISTRY, Chain.ISSUER, witnesses=chosen)
        await publish(fed, named, *roots_of(fed, REGISTRY))
        await grow(fed)
        size = fed.nodes[REGISTRY].mirror.size
        await fed.until(lambda: fed.nodes[XA].mirror.size == size)
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        await fed.until(lambda: fed.nodes[XB].mirror.size == size)


async def test_registrar_that_is_named_cosigns_as_well(tmp_path: Path) -> None:
    """Its node is a witness like the others, and asks itself."""
    async with federation(tmp_path, "XA") as fed:
        await name_witnesses(fed, 2, REGISTRY, "XA")
        assert await known(fed, REGISTRY) == fed.nodes[REGISTRY].mirror.size


async def test_dead_and_hanging_witnesses_delay_nobody(tmp_path: Path) -> None:
    """A quorum without them is enough; once they are back they catch up with a proof."""
    async with federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        await name_witnesses(fed, 2, "XA", "XB", "XC", "XD")
        await fed.stop("XC")
        never = asyncio.Event()

        async def hang(asked: AddCheckpoint, found_by: str = "") -> bytes:
            await never.wait()
            return b""

        witnessing = fed.nodes[XD].gate.witnessing
        honest, witnessing.add_checkpoint = witnessing.add_checkpoint, hang
        for _ in range(2):
            await grow(fed)
            await fed.until(lambda: cosigned_by(fed) == {"XA", "XB"})
        mirror = fed.nodes[REGISTRY].mirror
        await fed.until(lambda: mirror.witnessed_at is not None)  # written down a moment before
        witnessing.add_checkpoint = honest
        behind = await known(fed, XD)
        assert behind == mirror.size - 2
        await fed.start("XC")
        await fed.stop("XD")
        await fed.start("XD")
        never.set()
        await grow(fed)
        await fed.until(lambda: cosigned_by(fed) == {"XA", "XB", "XC", "XD"})
        assert await known(fed, XC) == await known(fed, XD) == mirror.size


async def test_replayed_old_checkpoint_is_never_cosigned_again(tmp_path: Path) -> None:
    """A rollback, by anybody who kept an old head: the witness says how far it is, and no more."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await name_witnesses(fed, 1, "XA")
        old = await request(fed, 0)
        old_size = parse_checkpoint(old.checkpoint).size
        await grow(fed)
        await fed.until(lambda: cosigned_by(fed) == {"XA"})
        size = await known(fed, XA)
        assert size > old_size
        for claimed in (0, old_size, size):
            asked = AddCheckpoint(old_size=claimed, proof=(), checkpoint=old.checkpoint)
            fault = await outcome_of(witness(fed).add_checkpoint(asked))
            assert isinstance(fault, LiaisonError)
            if isinstance(fault, SizeDiffersError):
                assert fault.size == size
            else:
                assert (claimed, fault.code) == (size, "old_size_too_large")
        await fed.stop("XA")
        await fed.start("XA")
        fault = await outcome_of(witness(fed).add_checkpoint(old))
        assert isinstance(fault, SizeDiffersError)
        assert await known(fed, XA) == size
        assert await fed.nodes[XA].database.read(split_views.count) == 0


async def test_callers_that_race_get_one_history_cosigned(tmp_path: Path) -> None:
    """Both compared with the same head: one is stored and signed, the other is told its size."""
    async with federation(tmp_path, "XA", "XB") as fed:
        first = await request(fed, 0)
        await witness(fed).add_checkpoint(first)
        start = await known(fed, XA)
        asked = []
        for _ in range(3):
            await grow(fed)
            asked.append(await request(fed, start))
        outcomes = await asyncio.gather(  # noqa: TID251 - outcomes wanted
            *(outcome_of(witness(fed).add_checkpoint(item)) for item in reversed(asked))
        )
        signed = [item for item in outcomes if isinstance(item, bytes)]
        told = [item for item in outcomes if isinstance(item, SizeDiffersError)]
        assert (len(signed), len(told)) == (1, 2)
        newest = await known(fed, XA)
        assert {item.size for item in told} == {newest}
        assert start < newest


async def test_split_heads_are_refused_and_kept_as_proof(tmp_path: Path) -> None:
    """Two heads of one size by the log's own key: alarmed once, with both notes as signed."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await name_witnesses(fed, 1, "XA")
        size = await known(fed, XA)
        other = forged(fed, size, b"o" * 32)
        asked = AddCheckpoint(old_size=size, proof=(), checkpoint=other)
        for _ in range(2):
            fault = await outcome_of(witness(fed).add_checkpoint(asked))
            assert isinstance(fault, RejectedError)
            assert fault.code == "consistency_invalid"
        (proof,) = await fed.nodes[XA].database.read(split_views.listing)
        assert (proof.size, proof.head_b) == (size, other)
        assert parse_checkpoint(proof.head_a).size == size
        assert parse_checkpoint(proof.head_a).root != parse_checkpoint(proof.head_b).root
        seen = [item for item in await codes(fed, XA) if item[0] == "split_view.seen"]
        assert seen == [("split_view.seen", REGISTRY, "consistency_invalid")]
        assert (await fed.nodes[XA].rooms.health.status()).split_views == 1
        assert await known(fed, XA) == size


async def test_split_is_seen_behind_a_size_that_differs(tmp_path: Path) -> None:
    """A witness keeps every head it signed: an older one that conflicts is proof as well."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await name_witnesses(fed, 1, "XA")
        size = await known(fed, XA)
        await grow(fed)
        await fed.until(lambda: cosigned_by(fed) == {"XA"})
        asked = AddCheckpoint(old_size=0, proof=(), checkpoint=forged(fed, size, b"o" * 32))
        fault = await outcome_of(witness(fed).add_checkpoint(asked))
        assert isinstance(fault, SizeDiffersError)
        (proof,) = await fed.nodes[XA].database.read(split_views.listing)
        assert proof.size == size


async def test_wrong_proof_of_an_honest_head_raises_no_alarm(tmp_path: Path) -> None:
    """Anybody can send one; nothing is proved by it."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await name_witnesses(fed, 1, "XA")
        fed.cut.add((REGISTRY, XA))
        size = await known(fed, XA)
        await grow(fed)
        asked = await request(fed, size)
        wrong = AddCheckpoint(old_size=size, proof=(b"x" * 32,), checkpoint=asked.checkpoint)
        fault = await outcome_of(witness(fed).add_checkpoint(wrong))
        assert fault.code == "consistency_invalid"
        assert await fed.nodes[XA].database.read(split_views.count) == 0
        assert await known(fed, XA) == size


async def test_head_that_brings_a_refused_statement_is_not_cosigned(tmp_path: Path) -> None:
    """The tree proof is sound, and the statement breaks a rule that the witness knows."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await name_witnesses(fed, 1, "XA")
        registrar, size = fed.nodes[REGISTRY], await known(fed, XA)
        note = (await registrar.mirror.entries(1, 2))[0]  # an admission, once more
        grown = registrar.mirror.view.frontier.extend([leaf_hash(note)])
        hostile = _Hostile(registrar.gate.for_hop(None), forged(fed, size + 1, grown.root()), note)
        fed.nodes[XA].gate.witnessing._statements._peers = hostile
        asked = AddCheckpoint(
            old_size=size, proof=await _proof(fed, note, size), checkpoint=hostile.head
        )
        fault = await outcome_of(witness(fed).add_checkpoint(asked))
        assert isinstance(fault, ForbiddenError)
        assert fault.code == "statements_refused"
        assert await known(fed, XA) == size


async def test_frozen_mirror_goes_stale_though_somebody_answers(tmp_path: Path) -> None:
    """An old head repeated for ever, cosignatures and all, is no confirmation."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        await name_witnesses(fed, 2, "XA", "XB")
        mirror = fed.nodes[XC].mirror
        frozen = mirror.checked_at
        for name in (XA, XB):
            fed.cut.add((XC, name))
        fed.clocks[XC].ahead_s = 8 * DAY_S
        for _ in range(3):
            assert not await mirror.follow()
        assert mirror.checked_at - frozen < HOUR_S
        with pytest.raises(UnavailableError) as caught:
            await fed.send("XC", "XA")
        assert caught.value.code == "registry_stale"
        report = await fed.nodes[XC].rooms.health.ready()
        assert [check.name for check in report.checks if not check.ok] == ["registry"]


async def test_registrar_that_is_down_for_weeks_stops_nothing(tmp_path: Path) -> None:
    """A node whose head grows old has it cosigned again by itself."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        await name_witnesses(fed, 2, "XA", "XB")
        size = fed.nodes[XC].mirror.size
        await fed.stop(REGISTRY)
        for name in (XA, XB, XC):
            fed.clocks[name].ahead_s = 20 * DAY_S
        await fed.stop("XC")  # it sleeps by the machine's clock, which no test moves
        node = await fed.start("XC")
        await fed.until(lambda: fed.clocks[XC].now() - node.mirror.checked_at < HOUR_S)
        assert node.mirror.size == size
        assert cosigned_by(fed, XC) == {"XA", "XB"}
        sent = await fed.send("XC", "XA")
        await fed.until(lambda: delivered(fed, "XC", sent.id))


async def test_missing_quorum_is_an_alarm_and_no_stop(tmp_path: Path) -> None:
    """Told after an hour, in the status and the log; messages go on."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await name_witnesses(fed, 2, "XA", "XB")
        await fed.stop("XB")
        registrar = fed.nodes[REGISTRY]
        await grow(fed)
        await fed.until(lambda: cosigned_by(fed) == {"XA"})
        assert registrar.mirror.witnessed_at is None
        await registrar.workers.cosigning.watch_quorum()
        for name in (REGISTRY, XA, XB):
            fed.clocks[name].ahead_s = 2 * HOUR_S
        await registrar.workers.cosigning.watch_quorum()
        status = await registrar.rooms.health.status()
        assert status.quorum_missing_s >= 2 * HOUR_S
        assert status.registry_witnessed_at is None
        await fed.start("XB")
        await grow(fed)
        await fed.until(lambda: registrar.mirror.witnessed_at is not None)
        await registrar.workers.cosigning.watch_quorum()
        assert (await registrar.rooms.health.status()).quorum_missing_s == 0


async def test_cosignature_that_does_not_verify_refuses_the_head(tmp_path: Path) -> None:
    """A source that alters a known witness's line is not believed; strangers' lines are dropped."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await name_witnesses(fed, 1, "XA")
        mirror = fed.nodes[XB].mirror
        head = await mirror.checkpoint()
        before = mirror.checked_at, head
        lines = head.split(b"\n")
        line = next(number for number, item in enumerate(lines) if b"/XA/witness" in item)
        altered = [*lines]
        altered[line] = lines[line].replace(b"/XA/", b"/XB/")
        stranger = b"\n".join([*lines[:-1], altered[line], b""])
        source = _Shows(fed.nodes[REGISTRY].gate.for_hop(None), stranger)
        await mirror.follow(source)
        assert await mirror.checkpoint() == head
        flipped = lines[line][:-6] + (b"AAAAA=" if lines[line].endswith(b"=") else b"AAAAAA")
        altered[line] = flipped
        source = _Shows(fed.nodes[REGISTRY].gate.for_hop(None), b"\n".join(altered))
        fault = await outcome_of(mirror.follow(source))
        assert isinstance(fault, RejectedError)
        assert fault.code in ("cosignature_invalid", "note_malformed")
        assert (mirror.checked_at, await mirror.checkpoint()) == before


async def test_node_without_a_registered_witness_key_cosigns_nothing(tmp_path: Path) -> None:
    """It says so, and stores nothing."""
    async with federation(tmp_path, "XA") as fed:
        asked = await request(fed, 0)
        node = fed.nodes[XA]
        node.keys.keyring = node.keys.keyring.without(
            *(item.key_id for item in node.keys.keyring.records(KeyUse.WITNESS))
        )
        fault = await outcome_of(witness(fed).add_checkpoint(asked))
        assert isinstance(fault, UnavailableError)
        assert fault.code == "not_admitted"
        origin = node.mirror.view.origin
        assert await node.database.read(lambda tx: witnessed.newest(tx, origin)) is None


class _Shows:
    """A source that shows a head of its own over the registrar's statements."""

    def __init__(self, registrar: Hop, head: bytes) -> None:
        self._registrar = registrar
        self.head = head

    async def registry_checkpoint(self) -> bytes:
        """Show the head."""
        return self.head

    async def registry_entries(self, start: int, end: int) -> Sequence[bytes]:
        """Show what the registrar shows."""
        return await self._registrar.registry_entries(start, end)


class _Hostile(_Shows):
    """A registrar that has appended what is refused."""

    def __init__(self, registrar: Hop, head: bytes, note: bytes) -> None:
        super().__init__(registrar, head)
        self._note = note

    def registrar(self, *, pinned: bool = True) -> "_Hostile":
        """Answer as the registrar."""
        del pinned
        return self

    async def registry_entries(self, start: int, end: int) -> Sequence[bytes]:
        """Show the refused statement as the newest."""
        return [*await super().registry_entries(start, end - 1), self._note]


async def _proof(fed: Federation, note: bytes, size: int) -> tuple[bytes, ...]:
    notes = [*await fed.nodes[REGISTRY].mirror.entries(0, size), note]
    leaves = [leaf_hash(item) for item in notes]
    return tuple(consistency_proof(size, size + 1, range_hash(leaves)))
