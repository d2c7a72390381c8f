"""Vetoes against recoveries: handed to any node, held by witnesses, and never lost on the way."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import ForbiddenError, RejectedError, UnavailableError
from gateway.protocol.witness import AddCheckpoint
from gateway.store import vetoes
from keys.registry.statement import REGISTRY, Chain, Kind, Statement
from keys.suite import MemberId
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.cosignature import cosignatures
from keys.tlog.note import encode_note, parse_note, sign_note
from tests.outcome import outcome_of
from tests.scenarios.federation import Federation, federation, unaware
from tests.scenarios.test_exchange import codes
from tests.scenarios.witnessed import (
    begin_recovery,
    cosigned_by,
    grow,
    known,
    name_witnesses,
    publish,
    request,
    roots_of,
    said,
)
from tests.world import Party, party

XA, XB, XC, XD = (MemberId(name) for name in ("XA", "XB", "XC", "XD"))
DAY_S = 86_400


def new_self(fed: Federation) -> Party:
    """Return what the registrars say XD is now: roots and keys that XD never saw."""
    made = party("XD")
    now = fed.clocks[REGISTRY].now()
    made.records = {use: made.draw(use, now) for use in made.records}
    return made


def veto_of(fed: Federation) -> bytes:
    """Return XD's veto, by the roots it still holds."""
    veto = said(fed, Kind.VETO, "XD", Chain.ROOT)
    return sign_note(veto.text(), roots_of(fed, "XD"))


async def head_cosigned_by(fed: Federation, *names: str) -> bytes:
    """Return the registrar's newest head with the Ed25519 lines of its witnesses alone."""
    await fed.until(lambda: cosigned_by(fed) >= set(names))
    registrar = fed.nodes[REGISTRY]
    head = await registrar.mirror.checkpoint()
    note = parse_note(head)
    kept = [line for line in note.signatures if len(line.signature) <= 72]
    return encode_note(note.text, kept)


async def recovered(fed: Federation, new: Party, first: bytes, last: bytes) -> Statement:
    """Return the statement that completes the recovery, and have the registrar append it."""
    statement = said(fed, Kind.RECOVERED, "XD", Chain.ISSUER, checkpoints=(first, last))
    signers = [signer for root in (roots_of(fed, REGISTRY), new.root_signers) for signer in root]
    await publish(fed, statement, *signers)
    return statement


def advance_clocks(fed: Federation, by_s: int) -> None:
    """Let the same time pass everywhere."""
    for name in (REGISTRY, XA, XB, XC, XD):
        fed.clocks[name].ahead_s += by_s


@contextlib.asynccontextmanager
async def thirty_days_on(tmp_path: Path, *, lost: bool):  # noqa: ANN201 - a federation and more
    """Yield a federation in which XD's recovery could be completed; it vetoed it, at XA alone.

    The registrar is dishonest: it takes no veto. ``lost``: XA lost the veto too.
    """
    async with federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        await name_witnesses(fed, 2, "XA", "XB", "XC")
        new = new_self(fed)
        await begin_recovery(fed, new)
        first = await head_cosigned_by(fed, "XA", "XB", "XC")
        size = fed.nodes[REGISTRY].mirror.size
        await fed.until(lambda: fed.nodes[XA].mirror.size == size)

        async def deaf(note: bytes) -> None:
            raise UnavailableError("busy", "the registrar does not want it")

        fed.nodes[REGISTRY].gate.take_statement = deaf
        if not lost:
            note = veto_of(fed)
            await fed.nodes[XA].gate.for_hop(None).post_statement(note)
        advance_clocks(fed, 31 * DAY_S)
        await grow(fed)
        last = await head_cosigned_by(fed, "XA", "XB", "XC")
        yield fed, new, first, last


async def test_recovery_is_completed_once_a_quorum_has_cosigned_it(tmp_path: Path) -> None:
    """Without a veto: every mirror shows the member with its new keys."""
    async with thirty_days_on(tmp_path, lost=True) as (fed, new, first, last):
        await recovered(fed, new, first, last)
        for name in (XA, XB, XC):
            members = fed.nodes[name].mirror
            await fed.until(lambda m=members: m.view.members[XD].root == new.root_set())
        await fed.until(lambda: cosigned_by(fed) == {"XA", "XB", "XC"})


async def test_veto_that_comes_after_the_thirty_days_were_witnessed_stops_nothing(
    tmp_path: Path,
) -> None:
    """Or a veto a second late would keep every head to come from being cosigned."""
    async with thirty_days_on(tmp_path, lost=True) as (fed, new, first, last):
        advance_clocks(fed, 60)
        await fed.nodes[XA].gate.for_hop(None).post_statement(veto_of(fed))
        for name in (XA, XB, XC):
            await fed.until(lambda n=name: holds(fed, n))
        await recovered(fed, new, first, last)
        for name in (XA, XB, XC):
            members = fed.nodes[name].mirror
            await fed.until(lambda m=members: m.view.members[XD].root == new.root_set())


async def test_witnesses_that_hold_a_veto_keep_a_recovery_from_every_mirror(tmp_path: Path) -> None:
    """One node took the veto; it told the witnesses. The registrar completes the recovery alone."""
    async with thirty_days_on(tmp_path, lost=False) as (fed, new, first, last):
        for name in (XA, XB, XC):
            await fed.until(lambda n=name: holds(fed, n))
            assert [item for item in await codes(fed, name) if item[0] == "veto.taken"] == [
                ("veto.taken", "XD", "")
            ]
        size = fed.nodes[REGISTRY].mirror.size
        for name in (XA, XB, XC, XD):
            await fed.until(lambda m=fed.nodes[name].mirror: m.size == size)
        before = {name: fed.nodes[name].mirror.size for name in (XA, XB, XC, XD)}
        await recovered(fed, new, first, last)
        asked = await request(fed, await known(fed, "XA"))
        for name in (XA, XB, XC):
            fault = await outcome_of(fed.nodes[name].gate.for_hop(None).add_checkpoint(asked))
            assert isinstance(fault, ForbiddenError)
            assert fault.code == "recovery_vetoed"
        assert cosigned_by(fed) == set()
        for name in (XA, XB, XC, XD):
            with pytest.raises(UnavailableError) as caught:
                await fed.nodes[name].mirror.follow()
            assert caught.value.code == "registry_unwitnessed"
            assert fed.nodes[name].mirror.size == before[name]
            assert fed.nodes[name].mirror.view.members[XD].root != new.root_set()


async def test_veto_reaches_the_registrar_through_any_node(tmp_path: Path) -> None:
    """It is passed on in the background, also when the registrar comes back later."""
    async with federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        await name_witnesses(fed, 1, "XA")
        await begin_recovery(fed, new_self(fed))
        size = fed.nodes[REGISTRY].mirror.size
        await fed.until(lambda: fed.nodes[XB].mirror.size == size)
        note = veto_of(fed)
        await fed.stop(REGISTRY)
        for _ in range(2):
            await fed.nodes[XB].gate.for_hop(None).post_statement(note)
        assert await waits(fed, XB)
        registrar = await fed.start(REGISTRY)
        fed.nodes[XB].workers.vetoes.came.set()

        def vetoed() -> bool:
            recovery = registrar.mirror.view.members[XD].recovery
            return recovery is not None and recovery.vetoed

        await fed.until(vetoed)
        await fed.until(lambda: passed(fed, XB))
        assert await holds(fed, XB)


async def test_veto_that_does_not_stand_is_kept_nowhere(tmp_path: Path) -> None:
    """Another member's roots, no recovery, or another statement: refused by name."""
    async with federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        node = fed.nodes[XA].gate.for_hop(None)
        early = veto_of(fed)
        fault = await outcome_of(node.post_statement(early))
        assert isinstance(fault, RejectedError)
        assert fault.code == "recovery_unknown"
        await name_witnesses(fed, 1, "XA")
        await begin_recovery(fed, new_self(fed))
        veto = said(fed, Kind.VETO, "XD", Chain.ROOT)
        for wrong, signers, code in (
            (veto, roots_of(fed, "XB"), "signature_missing"),
            (replace(veto, seq=veto.seq + 1), roots_of(fed, "XD"), "statement_out_of_order"),
        ):
            fault = await outcome_of(node.post_statement(sign_note(wrong.text(), signers)))
            assert isinstance(fault, RejectedError)
            assert fault.code == code
        resume = said(fed, Kind.RESUME, "XD", Chain.ISSUER)
        fault = await outcome_of(
            node.post_statement(sign_note(resume.text(), roots_of(fed, REGISTRY)))
        )
        assert isinstance(fault, ForbiddenError)
        assert fault.code == "not_the_registrar"
        assert not await holds(fed, XA)


async def test_witness_that_holds_a_veto_cosigns_nothing_it_cannot_read(tmp_path: Path) -> None:
    """The head may bring the recovery: it waits, and goes on as before once it can read."""
    async with thirty_days_on(tmp_path, lost=False) as (fed, _, __, ___):
        await fed.until(lambda: holds(fed, XB))
        fed.cut.add((XB, REGISTRY))
        fed.cut.add((REGISTRY, XB))
        with unaware(fed.nodes[XB]):
            await grow(fed)
            asked = await request(fed, await known(fed, "XB"))
            size = parse_checkpoint(asked.checkpoint).size
            witness = fed.nodes[XB].gate.for_hop(None)
            fault = await outcome_of(witness.add_checkpoint(asked))
            assert isinstance(fault, UnavailableError)
            assert fault.code == "registry_behind"
            assert await known(fed, "XB") < size
        fed.cut.clear()
        await fed.until(lambda: cosigned_by(fed) == {"XA", "XB", "XC"})


async def test_witness_without_a_veto_goes_by_the_proof_alone(tmp_path: Path) -> None:
    """The registrar cannot be reached from it, and somebody else brings its head."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await name_witnesses(fed, 1, "XA")
        fed.cut.add((XA, REGISTRY))
        fed.cut.add((REGISTRY, XA))
        start = fed.nodes[XA].mirror.size
        await grow(fed)
        asked = await request(fed, start)
        lines = await fed.nodes[XA].gate.for_hop(None).add_checkpoint(asked)
        view = fed.nodes[REGISTRY].mirror.view
        (key,) = [item for item in view.members[XA].keys if item.post_quantum is not None]
        keys = (key.verifier, key.post_quantum)
        assert len(cosignatures(asked.checkpoint + lines, keys)) == 2
        again = AddCheckpoint(
            old_size=parse_checkpoint(asked.checkpoint).size,
            proof=(),
            checkpoint=asked.checkpoint,
        )
        assert await fed.nodes[XA].gate.for_hop(None).add_checkpoint(again)


async def holds(fed: Federation, name: MemberId) -> bool:
    """Tell whether a node holds a veto."""
    return bool(await fed.nodes[name].database.read(vetoes.held))


async def waits(fed: Federation, name: MemberId) -> bool:
    """Tell whether a node has a veto to pass on."""
    return bool(await fed.nodes[name].database.read(vetoes.waiting))


async def passed(fed: Federation, name: MemberId) -> bool:
    """Tell whether a node has passed on what it holds."""
    return not await waits(fed, name)
