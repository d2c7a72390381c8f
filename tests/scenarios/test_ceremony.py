"""What running nodes add to statements: agreement, new keys, routes, and the time of a recovery."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.cli.ceremonies.founding import found_again, with_anchor
from gateway.cli.ceremonies.recovery import completed
from gateway.cli.ceremonies.rootkeys import read_public
from gateway.clock import SystemClock
from gateway.errors import ConflictError, ForbiddenError, LiaisonError, RejectedError
from gateway.services.caller import Caller
from gateway.services.keykeeping.ceremony import RouteChange
from gateway.store import recoveries, registry
from gateway.store.database import Transaction
from keys.registry.ceremony import encode_draft
from keys.registry.draft import follow, root_signers
from keys.registry.recovery import RECOVERY_S
from keys.registry.statement import (
    REGISTRY,
    Chain,
    Kind,
    Revocation,
    Statement,
    WitnessSet,
    key_name,
)
from keys.registry.witnessed import classical_time
from keys.rootfile import RootKey, read
from keys.suite import KeyUse, MemberId
from keys.tlog.cosignature import CosigningKey, add_cosignatures
from keys.tlog.note import add_signatures, sign_note
from tests.scenarios.federation import FEDERATION, OFFICER, Federation, federation
from tests.scenarios.test_exchange import codes, delivered

XA, XB = MemberId("XA"), MemberId("XB")


def root(fed: Federation, member: str, generation: int = 1) -> RootKey:
    """Unlock a member's root key."""
    file = fed.place / member / "offline" / f"{member}.root-{generation}-1.key"
    return read(file, b"pass", entropy=os.urandom)


def said(fed: Federation, kind: Kind, member: MemberId, chain: Chain) -> Statement:
    """Return a statement that says nothing yet, in its place."""
    view = fed.nodes[REGISTRY].mirror.view
    return follow(view, kind, member, chain, at=SystemClock().now())


async def published(fed: Federation, note: bytes) -> int:
    """Let the registry grow, and everybody see it."""
    number = await fed.nodes[REGISTRY].rooms.registrar.publish(note)
    for node in fed.nodes.values():
        await fed.until(lambda m=node.mirror: m.size > number)
    return number


async def signed_by_registrars(fed: Federation, statement: Statement, *also: RootKey) -> bytes:
    """Return a statement that the registrars and others sign."""
    roots = [root(fed, REGISTRY), *also]
    return sign_note(statement.text(), [signer for key in roots for signer in root_signers(key)])


async def test_stolen_keys_are_replaced_by_roots_while_the_node_runs(tmp_path: Path) -> None:
    """The committed roots revoke every key and bring new ones, which are used from then on."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XB]
        keys = fed.nodes[REGISTRY].mirror.view.members[XB].keys
        stolen = [key for key in keys if key.use is not KeyUse.LOG]
        offline = fed.place / XB / "offline"
        after = read_public(fed.place / XA / "offline" / "XA.root-1.pub").coming
        statement = replace(
            said(fed, Kind.ROTATE, XB, Chain.NEXT),
            root=read_public(offline / "XB.root-2.pub").root,
            next=after,
            revocations=tuple(Revocation(key.key_id, key.start) for key in stolen),
        )
        brought = await node.rooms.ceremony.bring_keys(encode_draft(statement), OFFICER)
        await published(fed, add_signatures(brought, root_signers(root(fed, XB, 2))))
        member = node.mirror.view.members[XB]
        now = SystemClock().now()
        for use in (KeyUse.SIGN, KeyUse.TLS, KeyUse.WITNESS, KeyUse.LOG):
            current = member.current(use, now + 1)
            assert current is not None
            assert current.key_id not in {key.key_id for key in keys}
        old = next(key.key_id for key in keys if key.use is KeyUse.LOG)
        (log,) = (key for key in member.keys if key.key_id == old)
        assert log.revoked_since is None
        assert log.end < now + 2 * 86_400
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        answered = await fed.send("XB", "XA")
        await fed.until(lambda: delivered(fed, "XB", answered.id))
        assert ("administrator.acted", OFFICER.name, "keys.drawn") in await codes(fed, XB)


async def test_new_keys_are_brought_only_into_statements_of_the_roots(tmp_path: Path) -> None:
    """Another member's, a node's own, a signed or stale one, by no operator: nothing is drawn."""
    async with federation(tmp_path, "XA") as fed:
        node = fed.nodes[XA]
        good = said(fed, Kind.KEYS, XA, Chain.ROOT)
        held = node.keys.keyring.encode()
        officer = Caller(name="uid:2", roles=frozenset())
        cases: list[tuple[bytes, Caller, str]] = [
            (encode_draft(good), officer, "role_missing"),
            (encode_draft(said(fed, Kind.KEYS, XA, Chain.NODE)), OFFICER, "statement_misfit"),
            (encode_draft(said(fed, Kind.SUSPEND, XA, Chain.ROOT)), OFFICER, "statement_misfit"),
            (encode_draft(replace(good, member=REGISTRY)), OFFICER, "statement_misfit"),
            (encode_draft(replace(good, federation="other.example")), OFFICER, "statement_misfit"),
            (sign_note(good.text(), root_signers(root(fed, XA))), OFFICER, "statement_misfit"),
            (encode_draft(replace(good, seq=7)), OFFICER, "statement_stale"),
            (b"no statement", OFFICER, "note_malformed"),
        ]
        for note, caller, code in cases:
            with pytest.raises(LiaisonError) as refused:
                await node.rooms.ceremony.bring_keys(note, caller)
            assert refused.value.code == code
        assert node.keys.keyring.encode() == held


async def test_present_witness_agrees_to_the_next_ones_and_to_nothing_else(tmp_path: Path) -> None:
    """Its signature counts as consent; it is given for one kind, in its place, by an operator."""
    async with federation(tmp_path, "XA", "XB") as fed:
        named = replace(
            said(fed, Kind.WITNESSES, REGISTRY, Chain.ISSUER), witnesses=WitnessSet(1, (XA,))
        )
        await published(fed, await signed_by_registrars(fed, named))
        changed = replace(
            said(fed, Kind.WITNESSES, REGISTRY, Chain.ISSUER), witnesses=WitnessSet(1, (XB,))
        )
        by_registrars = await signed_by_registrars(fed, changed)
        with pytest.raises(RejectedError) as refused:
            await fed.nodes[REGISTRY].rooms.registrar.publish(by_registrars)
        assert refused.value.code == "consent_missing"
        agree = fed.nodes[XA].rooms.ceremony.agree
        other = Caller(name="uid:2", roles=frozenset())
        with pytest.raises(ForbiddenError):
            await agree(by_registrars, other)
        for note, code in (
            (encode_draft(said(fed, Kind.KEYS, XA, Chain.NODE)), "statement_misfit"),
            (encode_draft(replace(changed, federation="other.example")), "statement_misfit"),
            (encode_draft(replace(changed, seq=9)), "statement_stale"),
        ):
            with pytest.raises(LiaisonError) as fault:
                await agree(note, OFFICER)
            assert fault.value.code == code
        with pytest.raises(RejectedError) as fault:
            await fed.nodes[XB].rooms.ceremony.agree(by_registrars, OFFICER)
        assert fault.value.code == "no_say"
        await published(fed, await agree(by_registrars, OFFICER))
        assert fed.nodes[XB].mirror.view.witnesses == WitnessSet(1, (XB,))
        assert ("administrator.acted", OFFICER.name, "statement.agreed") in await codes(fed, XA)


async def test_node_says_itself_where_it_is_reached(tmp_path: Path) -> None:
    """An address and relays change by its own word; what is no address changes nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        ceremony = fed.nodes[XA].rooms.ceremony
        shown = await ceremony.route(
            RouteChange(endpoint="https://new.example", via=["XB"]), OFFICER
        )
        assert (shown.endpoint, shown.via, shown.index) == ("https://new.example", ["XB"], 3)
        await fed.until(lambda: fed.nodes[XB].mirror.size == 4)
        assert fed.nodes[XB].mirror.view.members[XA].endpoint == "https://new.example"
        shown = await ceremony.route(RouteChange(endpoint=""), OFFICER)
        assert (shown.endpoint, shown.via) == (None, ["XB"])
        for change in (
            RouteChange(endpoint="http://x"),
            RouteChange(endpoint="https://x\0"),
            RouteChange(endpoint="https://x\nvia XB"),
            RouteChange(via=["nobody"]),
        ):
            with pytest.raises(RejectedError) as refused:
                await ceremony.route(change, OFFICER)
            assert refused.value.code in ("statement_malformed", "member_id_malformed")
        with pytest.raises(ForbiddenError):
            await ceremony.route(RouteChange(via=[]), Caller(name="uid:2", roles=frozenset()))
        assert fed.nodes[XA].mirror.size == 5


async def cosigned(fed: Federation, at: int) -> None:
    """Let XA cosign the registrar's newest head at a time of its clock."""
    (record,) = fed.nodes[XA].keys.keyring.records(KeyUse.WITNESS)
    key = CosigningKey.from_seed(key_name(FEDERATION, XA, KeyUse.WITNESS), record.seed)
    node = fed.nodes[REGISTRY]

    def commit(tx: Transaction) -> None:
        head = registry.head(tx)
        assert head is not None
        note = add_cosignatures(head, key.cosign(head, at))
        registry.grow(tx, node.mirror.size, [], note, SystemClock().now())

    await node.database.write(commit)


async def test_member_that_lost_every_key_comes_back_after_thirty_witnessed_days(
    tmp_path: Path,
) -> None:
    """Its new node waits unlisted; with the second head it is the member, and mail reaches it."""
    async with federation(tmp_path, "XA", "XB") as fed:
        named = replace(
            said(fed, Kind.WITNESSES, REGISTRY, Chain.ISSUER), witnesses=WitnessSet(1, (XA,))
        )
        await published(fed, await signed_by_registrars(fed, named))
        await fed.stop("XB")
        (fed.place / XB).rename(fed.place / "lost")
        registrar, now = fed.nodes[REGISTRY], SystemClock().now()
        proposal = found_again(
            fed._founding(XB),
            registrar.mirror.view,
            XB,
            endpoint=fed.endpoint("XB"),
            settings=with_anchor(fed._settings("XB"), fed.anchor, fed.endpoint(REGISTRY)),
        )
        await published(
            fed, add_signatures(proposal.read_bytes(), root_signers(root(fed, REGISTRY)))
        )
        await fed.start("XB")
        await fed.until(lambda: fed.nodes[XB].mirror.size == registrar.mirror.size)
        assert not (await fed.nodes[XB].rooms.health.status()).admitted
        assert (await fed.nodes[XA].rooms.members.detail(XB)).recovery
        folder, view = fed.place / REGISTRY, registrar.mirror.view
        assert too_soon(fed, folder) == "recovery_unwitnessed"
        await fed.until(lambda: kept(fed, folder))
        assert too_soon(fed, folder) == "recovery_too_early"
        began = await first_seen_at(fed)
        await cosigned(fed, began + RECOVERY_S - 1)
        await registrar.rooms.ceremony.keep_first_heads()
        assert too_soon(fed, folder) == "recovery_too_early"
        await cosigned(fed, began + RECOVERY_S)
        statement = completed(view, XB, folder, now)
        assert all(len(head) < 1_000 for head in statement.checkpoints)
        await published(fed, await signed_by_registrars(fed, statement, root(fed, XB)))
        assert (await fed.nodes[XB].rooms.health.status()).admitted
        await fed.until(lambda: fed.nodes[XB].gate.cards.current(XB))
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        answered = await fed.send("XB", "XA")
        await fed.until(lambda: delivered(fed, "XB", answered.id))


async def kept(fed: Federation, folder: Path) -> bool:
    """Let the registrar's node look for the first cosigned head; tell whether it holds one."""
    await fed.nodes[REGISTRY].rooms.ceremony.keep_first_heads()
    return too_soon(fed, folder) != "recovery_unwitnessed"


async def first_seen_at(fed: Federation) -> int:
    """Return the witnessed time of the first head over the recovery of XB."""
    node = fed.nodes[REGISTRY]
    view = node.mirror.view
    recovery = view.members[XB].recovery
    assert recovery is not None
    heads = await node.database.read(recoveries.first_heads)
    time = classical_time(heads[XB, recovery.proposal], view.witnessing(), 1)
    assert time is not None
    return time


def too_soon(fed: Federation, folder: Path) -> str:
    """Return why the recovery of XB cannot be completed yet."""
    with pytest.raises(ConflictError) as refused:
        completed(fed.nodes[REGISTRY].mirror.view, XB, folder, SystemClock().now())
    return refused.value.code


async def test_vetoed_recovery_keeps_no_head_and_is_not_completed(tmp_path: Path) -> None:
    """Whoever holds a root ends it; nothing that was witnessed before helps."""
    async with federation(tmp_path, "XA", "XB") as fed:
        named = replace(
            said(fed, Kind.WITNESSES, REGISTRY, Chain.ISSUER), witnesses=WitnessSet(1, (XA,))
        )
        await published(fed, await signed_by_registrars(fed, named))
        now = SystemClock().now()
        anew = found_again(
            fed._founding("anew"),
            fed.nodes[REGISTRY].mirror.view,
            XB,
            endpoint=None,
            via=(XA,),
            settings=with_anchor(fed._settings("XB"), fed.anchor, fed.endpoint(REGISTRY)),
        )
        await published(fed, add_signatures(anew.read_bytes(), root_signers(root(fed, REGISTRY))))
        veto = said(fed, Kind.VETO, XB, Chain.ROOT)
        await published(fed, sign_note(veto.text(), root_signers(root(fed, XB))))
        assert (await fed.nodes[XA].rooms.members.detail(XB)).recovery.vetoed
        await cosigned(fed, now)
        await fed.nodes[REGISTRY].rooms.ceremony.keep_first_heads()
        with pytest.raises(RejectedError) as refused:
            completed(fed.nodes[REGISTRY].mirror.view, XB, fed.place / REGISTRY, now)
        assert refused.value.code == "recovery_vetoed"
