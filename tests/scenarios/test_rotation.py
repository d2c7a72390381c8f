"""Keys change while everything goes on: nothing is lost, and an old key is good no longer."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import ConflictError, ForbiddenError, RejectedError, UnavailableError
from gateway.protocol.answer import Refused
from gateway.protocol.audit import EntryKind
from gateway.services.auditing.check import check_audit_log
from gateway.services.caller import Caller
from gateway.services.federation.registrar import Registrar
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.registry_heads import is_signed_by
from gateway.services.federation.snapshot import Snapshot
from gateway.services.keykeeping import publishing, rewrapping
from gateway.services.keykeeping.key_report import KeyState, KeySummary
from gateway.services.keykeeping.publishing import Publishing
from gateway.services.keykeeping.renewal import Renewal
from gateway.services.keykeeping.rotation import RETRY_FIRST_S, Reason, Rotation
from gateway.services.keys import NodeKeys
from gateway.store import storage_keys
from keys.certificate import certificate_digest
from keys.keyring import NODE_USES, KeyRecord
from keys.registry.ceremony import encode_draft
from keys.registry.draft import follow, root_signers
from keys.registry.origins import AuditOrigin, Shard
from keys.registry.statement import REGISTRY, Chain, Kind
from keys.rootfile import read
from keys.suite import KeyId, KeyUse, MemberId
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from keys.tlog.note import ClassicalSigner, add_signatures
from tests.scenarios.federation import OFFICER, Federation, Lines, federation, recorded

XA, XB, XC = MemberId("XA"), MemberId("XB"), MemberId("XC")
ALL = [use for use in KeyUse if use is not KeyUse.ROOT]
NOBODY = Caller(name="uid:9", roles=frozenset())
MINUTES_S, DAY_S, MONTH_S = 600, 86_400, 30 * 86_400


def advance(fed: Federation, duration_s: int) -> None:
    """Turn every clock on."""
    for clock in [fed.clocks[name] for name in fed.nodes]:
        clock.ahead_s += duration_s


async def caught_up(fed: Federation) -> None:
    """Wait until every node has the registrar's registry."""
    newest = fed.nodes[REGISTRY].mirror
    await fed.until(lambda: len({node.mirror.size for node in fed.nodes.values()}) == 1)
    assert newest.size


async def settled(fed: Federation, sender: str, messages: Sequence[str]) -> None:
    """Wait until every one of these is delivered with a receipt that verifies."""
    for message in messages:

        async def done(wanted: str = message) -> bool:
            return await fed.state(sender, wanted) == "delivered"

        await fed.until(done)
        (recipient,) = (await fed.read(sender, message)).recipients
        assert recipient.receipt is not None
        assert recipient.receipt.verified


async def entries(fed: Federation, member: MemberId, kind: EntryKind) -> list[tuple[str, str]]:
    """Return what a node's audit log says of one kind: who, and of which use or why."""
    read = await recorded(fed.nodes[member])
    return [(entry.peer, entry.code) for entry in read if entry.kind is kind]


async def listed(fed: Federation, member: MemberId, use: KeyUse) -> list[KeySummary]:
    """Return a node's keys of one use, as the operator sees them."""
    shown = await fed.nodes[member].rooms.key_report.listing(OFFICER)
    return [key for key in shown if key.use == use.value]


async def test_every_use_rotates_twice_in_a_day_under_traffic(tmp_path: Path) -> None:
    """Three members send to each other all the while: none is lost, doubled or refused."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        pairs = [(a, b) for a in (XA, XB, XC) for b in (XA, XB, XC) if a != b]
        sent: dict[tuple[MemberId, MemberId], list[str]] = {pair: [] for pair in pairs}
        halt = asyncio.Event()

        async def traffic(sender: MemberId, to: MemberId) -> None:
            while not halt.is_set():
                sent[sender, to].append((await fed.send(sender, to)).id)
                await asyncio.sleep(0.1)

        first = {m: {u: fed.nodes[m].keys.keyring.records(u)[-1] for u in ALL} for m in (XA, XB)}
        going = [asyncio.ensure_future(traffic(*pair)) for pair in pairs]
        for _ in range(2):
            for member in (XA, XB, XC, REGISTRY):
                rotated = await fed.nodes[member].rooms.rotation.rotate_together(ALL, OFFICER)
                assert {key.use for key in rotated} == set(ALL)
            await caught_up(fed)
            advance(fed, MINUTES_S)
            before = [len(sent[pair]) for pair in pairs]
            await fed.until(
                lambda b=before: all(len(sent[p]) > n for p, n in zip(pairs, b, strict=True))
            )
        halt.set()
        await asyncio.gather(*going)  # noqa: TID251 - the end
        for pair, messages in sent.items():
            await settled(fed, pair[0], messages)
        for member in (XA, XB, XC):
            wanted = Counter(m for (_, to), found in sent.items() if to == member for m in found)
            assert Counter(item.id for item in (await fed.inbox(member)).messages) == wanted
        assert not [answer for answer in fed.answers if isinstance(answer, Refused)]
        for member, node in fed.nodes.items():
            registered = [key for key in await listed(fed, member, KeyUse.LOG) if key.held]
            assert [key.state for key in registered] == ["retiring", "retiring", "current"]
            await node.workers.audit_log.sequence()
            report = await node.database.read(
                lambda tx, m=member, n=node: check_audit_log(tx, n.mirror.view, m)
            )
            assert report.findings == ()
            assert not node.rooms.rotation.due()
        for member, records in first.items():
            for use in NODE_USES:
                assert fed.nodes[member].keys.keyring.records(use)[-1] != records[use]


async def test_old_keys_are_refused_after_their_end(tmp_path: Path) -> None:
    """Two days later: a message, a checkpoint, a head, a connection under one is worth nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XA]
        old = {use: node.keys.keyring.records(use)[-1] for use in NODE_USES}
        log = fed.nodes[REGISTRY].keys.keyring.records(KeyUse.LOG)[-1]
        sign = node.keys.keyring.signer(old[KeyUse.SIGN])
        earlier = await fed.send("XA", "XB")
        await settled(fed, "XA", [earlier.id])
        await node.rooms.rotation.rotate_together(NODE_USES, OFFICER)
        await fed.nodes[REGISTRY].rooms.rotation.rotate_together([KeyUse.LOG], OFFICER)
        await caught_up(fed)
        pin = certificate_digest(old[KeyUse.TLS].certificate)
        assert fed.nodes[XB].gate.standing(pin) == XA
        advance(fed, 2 * DAY_S)
        with pytest.raises(ForbiddenError) as caught:
            fed.nodes[XB].gate.standing(pin)
        assert caught.value.code == "pin_expired"

        node.keys.signer = lambda *_: sign  # type: ignore[method-assign]  # as a thief would
        forged = await fed.send("XA", "XB")
        await fed.until(lambda: any(isinstance(item, Refused) for item in fed.answers))
        del node.keys.signer
        assert forged.id not in {item.id for item in (await fed.inbox("XB")).messages}
        assert (await fed.read("XB", earlier.id)).signature == "valid"

        await node.workers.audit_log.sequence()
        year = datetime.fromtimestamp(fed.clocks[XA].now(), UTC).year
        thief = ClassicalSigner(
            str(AuditOrigin("mutual.example", XA, Shard(year))),
            node.keys.keyring.signer(old[KeyUse.LOG]),
        )
        node.keys.log_signer = lambda *_: thief  # type: ignore[method-assign]
        await fed.inbox("XA")
        await fed.read("XA", earlier.id)  # an entry
        await node.workers.audit_log.sequence()
        del node.keys.log_signer
        report = await node.database.read(lambda tx: check_audit_log(tx, node.mirror.view, XA))
        assert [finding.code.value for finding in report.findings] == ["head_invalid"]

        registrar = fed.nodes[REGISTRY]
        head = await registrar.mirror.checkpoint()
        shown = parse_checkpoint(head)
        stolen = ClassicalSigner(shown.origin, registrar.keys.keyring.signer(log))
        again = sign_checkpoint(Checkpoint(shown.origin, shown.size, shown.root), stolen)

        class Shown:
            """A registrar's line on which somebody else answers."""

            async def registry_checkpoint(self) -> bytes:
                """Return the head that the thief signed."""
                return again

        with pytest.raises(RejectedError) as refused:
            await fed.nodes[XB].mirror.follow(Shown())  # type: ignore[arg-type]
        assert refused.value.code == "registry_head_outdated"
        assert await fed.nodes[XB].mirror.checkpoint() != again
        assert not await fed.nodes[XB].mirror.follow()


async def test_head_is_signed_anew_once_another_log_key_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key was brought ahead of its use, and no statement came since: no follower is left."""
    monkeypatch.setattr(publishing, "_LEADING", (KeyUse.LOG,))
    async with federation(tmp_path, "XA") as fed:
        registrar = fed.nodes[REGISTRY]
        await registrar.rooms.rotation.rotate(KeyUse.LOG, OFFICER)
        await caught_up(fed)
        new = registrar.mirror.view.member(REGISTRY).keys_for(KeyUse.LOG)[-1]
        before = await registrar.mirror.checkpoint()
        await registrar.rooms.registrar.keep_head_signed()
        assert await registrar.mirror.checkpoint() == before
        advance(fed, 2 * DAY_S)
        with pytest.raises(RejectedError) as caught:
            await fed.nodes[XA].mirror.follow()
        assert caught.value.code == "registry_head_outdated"
        await registrar.rooms.registrar.keep_head_signed()
        head = await registrar.mirror.checkpoint()
        assert is_signed_by(registrar.mirror.view, head, new)
        await fed.nodes[XA].mirror.follow()
        assert await fed.nodes[XA].mirror.checkpoint() == head


async def test_private_keys_that_are_over_are_destroyed(tmp_path: Path) -> None:
    """Not while they are good, and never the newest, or a wrong clock would cost everything."""
    async with federation(tmp_path, "XA") as fed:
        node = fed.nodes[XA]
        old = {record.key_id for use in NODE_USES for record in node.keys.keyring.records(use)}
        await node.rooms.rotation.rotate_together(NODE_USES, OFFICER)
        assert await node.rooms.rotation.destroy_ended() == 0
        advance(fed, 2 * DAY_S)
        await node.rooms.rotation.destroy_ended()
        held = {record.key_id for use in NODE_USES for record in node.keys.keyring.records(use)}
        assert not held & old
        assert len(held) == len(NODE_USES)
        advance(fed, 10 * 366 * DAY_S)
        assert await node.rooms.rotation.destroy_ended() == 0
        retired = [key for key in await listed(fed, XA, KeyUse.SIGN) if not key.held]
        assert [key.state for key in retired] == [KeyState.RETIRED]


async def test_keys_are_replaced_by_themselves_before_they_end(tmp_path: Path) -> None:
    """All in one statement, when the first is due; not all members in the same hour."""
    async with federation(tmp_path, "XA", "XB") as fed:
        rotations = {name: fed.nodes[name].rooms.rotation for name in (XA, XB)}
        policy = fed.settings("XA").policy
        assert not rotations[XA].due()
        began, due_at = fed.clocks[XA].ahead_s, {}
        advance(fed, policy.key_lifetime_s - policy.rotate_before_s - 60)
        assert not rotations[XA].due()
        assert not rotations[XB].due()
        while len(due_at) < len(rotations):
            advance(fed, 3600)
            for name, rotation in rotations.items():
                if rotation.due():
                    due_at.setdefault(name, fed.clocks[XA].ahead_s - began)
        assert due_at[XA] != due_at[XB]
        size = fed.nodes[XA].mirror.size
        fed.nodes[REGISTRY].mirror.checked_at = 0
        await rotations[XA].rotate_due()
        await rotations[XA].rotate_due()
        assert rotations[XA].late is None
        own = [n for n in await fed.nodes[XA].mirror.entries(size, size + 10) if b"member XA" in n]
        assert len(own) == 1
        assert not rotations[XA].due()
        assert {use for _, use in await entries(fed, XA, EntryKind.KEY_ROTATED)} >= set(NODE_USES)


async def test_registrar_down_for_days_breaks_nothing(tmp_path: Path) -> None:
    """The attempt is told and repeated, less and less often; then the keys drawn are published."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XA]
        rotation, policy = node.rooms.rotation, fed.settings("XA").policy
        for name in (XA, XB):
            fed.running[name].cancel()
        advance(fed, policy.key_lifetime_s - policy.rotate_before_s + 8 * DAY_S)
        assert set(rotation.due()) == set(NODE_USES)
        await fed.stop(REGISTRY)
        for failures in (1, 2, 3):
            with pytest.raises(UnavailableError) as caught:
                await rotation.rotate_due()
            assert caught.value.code == "rotation_unconfirmed"
            assert rotation.late is not None
            assert rotation.late.failures == failures
            await rotation.rotate_due()  # not before its time
            assert rotation.late.failures == failures
            advance(fed, RETRY_FIRST_S * 2**failures + 60)
        drawn = {use: node.keys.keyring.records(use)[-1].key_id for use in NODE_USES}
        assert [len(node.keys.keyring.records(use)) for use in NODE_USES] == [2, 2, 2, 2]
        status = await node.rooms.health.status()
        assert status.rotation_late_since
        assert status.rotation_late.startswith("rotation_unconfirmed")
        fed.clocks[REGISTRY].ahead_s = fed.clocks[XA].ahead_s
        await fed.start(REGISTRY)
        await rotation.rotate_due()
        assert rotation.late is None
        view = node.mirror.view
        assert all(KeyId(key_id) in view.keys for key_id in drawn.values())
        assert (await node.rooms.health.status()).rotation_late == ""


async def test_lost_answer_of_an_accepted_statement_is_found_out(tmp_path: Path) -> None:
    """The registry has the keys, the line broke: one statement, and no second rotation."""
    async with federation(tmp_path, "XA") as fed:
        node, registrar = fed.nodes[XA], fed.nodes[REGISTRY]
        size = registrar.mirror.size
        publish = registrar.rooms.registrar.publish

        async def lost(note: bytes) -> int:
            await publish(note)
            raise UnavailableError("connection_broken", "the answer was lost")

        registrar.rooms.registrar.publish = lost  # type: ignore[method-assign]
        rotated = await node.rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        registrar.rooms.registrar.publish = publish  # type: ignore[method-assign]
        assert registrar.mirror.size == size + 1
        assert node.keys.signer(node.mirror.view, fed.clocks[XA].now()).key_id.hex() == rotated.id
        assert await entries(fed, XA, EntryKind.KEY_ROTATED) == [(OFFICER.name, "sign")]


async def test_fifth_change_of_a_day_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    """It says when the next one may be; a day later it is done."""
    async with federation(tmp_path, "XA") as fed:
        node = fed.nodes[XA]
        for _ in range(4):
            await node.rooms.rotation.rotate(KeyUse.LOG, OFFICER)
        held, size = node.keys.keyring.records(KeyUse.LOG), node.mirror.size
        with pytest.raises(RejectedError) as caught:
            await node.rooms.rotation.rotate(KeyUse.LOG, OFFICER)
        assert caught.value.code == "rotations_too_many"
        assert node.keys.keyring.records(KeyUse.LOG) == held
        assert node.mirror.size == size
        advance(fed, DAY_S)
        await node.rooms.rotation.rotate(KeyUse.LOG, OFFICER)
        assert node.mirror.size == size + 1


async def test_keys_of_a_ceremony_are_left_to_it(tmp_path: Path) -> None:
    """They wait for the roots; a rotation meanwhile draws its own, and does not make them stale."""
    async with federation(tmp_path, "XA") as fed:
        node = fed.nodes[XA]
        said = follow(node.mirror.view, Kind.KEYS, XA, Chain.ROOT, at=fed.clocks[XA].now())
        draft = await node.rooms.ceremony.bring_keys(encode_draft(said), OFFICER)
        drawn = {record.key_id for use in NODE_USES for record in node.keys.keyring.records(use)}
        rotated = await node.rooms.rotation.rotate_together(NODE_USES, OFFICER)
        assert not {bytes.fromhex(key.id) for key in rotated} & drawn
        root = read(
            tmp_path / "XA" / "offline" / "XA.root-1-1.key", b"pass", entropy=node.keys.entropy
        )
        await node.rooms.registrar.submit(add_signatures(draft, root_signers(root)))
        assert drawn <= set(node.mirror.view.keys)


async def test_two_daemons_that_rotate_at_once_bring_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes second takes the first one's key; its own is published by the next rotation."""
    async with federation(tmp_path, "XA") as fed:
        node, clock = fed.nodes[XA], fed.clocks[XA]
        peers, ledger = Lines(fed, XA), node.delivery._ledger
        keys = NodeKeys(fed.unlock("XA"), XA, node.keys.entropy)
        mirror = RegistryMirror(
            node.database, peers, ledger, clock,
            snapshot=Snapshot(tmp_path / "XA", keys, clock), anchor=node.mirror._anchor,
        )  # fmt: skip
        await mirror.load()
        policy = fed.settings("XA").policy
        renewal = Renewal(keys, mirror, node.gate.cards, clock=clock, policy=policy)
        statements = Publishing(
            keys, mirror, Registrar(mirror, peers, None, asyncio.Event().wait),
            ledger=ledger, clock=clock, policy=policy,
        )  # fmt: skip
        other = Rotation(
            node.database, keys, mirror, statements, renewal,
            ledger=ledger, clock=clock, policy=policy,
        )  # fmt: skip
        size = node.mirror.size
        rotations = (node.rooms.rotation, other)
        draw, drawn, both = NodeKeys.draw, list[KeyRecord](), asyncio.Event()

        async def together(self: NodeKeys, use: KeyUse, federation: str, **when: int) -> KeyRecord:
            record = await draw(self, use, federation, **when)
            drawn.append(record)
            if len(drawn) == len(rotations):
                both.set()
            await both.wait()
            return record

        monkeypatch.setattr(NodeKeys, "draw", together)
        found = await asyncio.gather(  # noqa: TID251 - both at once
            *(rotation.rotate(KeyUse.SIGN, OFFICER) for rotation in rotations)
        )
        await node.mirror.take_over()
        assert node.mirror.size == size + 1
        assert found[0] == found[1]
        node.keys.refresh()
        pending = node.keys.pending(KeyUse.SIGN, node.mirror.view)
        if pending is not None:
            rotated = await node.rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
            assert rotated.id == pending.key_id.hex()


async def test_revoked_key_is_replaced_in_the_same_statement(tmp_path: Path) -> None:
    """The node is never without a sign key, and the new one is not void with the old."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node, size = fed.nodes[XA], fed.nodes[XA].mirror.size
        before = await fed.send("XA", "XB")
        await settled(fed, "XA", [before.id])
        old = node.keys.keyring.records(KeyUse.SIGN)[-1]
        revoked = await node.rooms.rotation.revoke("sign", Reason.STOLEN, OFFICER)
        assert revoked.id == old.key_id.hex()
        assert revoked.replaced_by is not None
        assert node.mirror.size == size + 1
        view, now = node.mirror.view, fed.clocks[XA].now()
        new = view.keys[KeyId(bytes.fromhex(revoked.replaced_by.id))]
        assert new.revoked_since is None
        assert node.keys.signer(view, now).key_id == new.key_id
        await caught_up(fed)
        await settled(fed, "XA", [(await fed.send("XA", "XB")).id])
        with pytest.raises(ConflictError) as twice:
            await node.rooms.rotation.revoke(revoked.id, Reason.STOLEN, OFFICER)
        assert twice.value.code == "key_revoked"
        assert await entries(fed, XA, EntryKind.KEY_REVOKED) == [(OFFICER.name, "sign")]
        asked = await entries(fed, XA, EntryKind.ADMINISTRATOR_ACTED)
        assert asked == [(OFFICER.name, "revoke stolen")]
        states = [key.state for key in await listed(fed, XA, KeyUse.SIGN)]
        assert states[-1] == "current"
        advance(fed, 2)
        assert (await listed(fed, XA, KeyUse.SIGN))[0].state == "revoked"
        again = await node.rooms.rotation.revoke("sign", Reason.SUSPECTED, OFFICER)
        assert again.replaced_by is not None
        assert view.keys[new.key_id].revoked_since is None


@pytest.mark.parametrize("use", [KeyUse.LOG, KeyUse.WITNESS, KeyUse.TLS])
async def test_revoked_key_of_other_uses_is_replaced_at_once(tmp_path: Path, use: KeyUse) -> None:
    """A key that others need ahead of its use has no lead then: the old one is worth nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        for member in (XA, REGISTRY):
            node, clock = fed.nodes[member], fed.clocks[member]
            old = node.keys.keyring.records(use)[-1]
            revoked = await node.rooms.rotation.revoke(use.value, Reason.LOST, OFFICER)
            assert revoked.replaced_by is not None
            assert revoked.replaced_by.start <= clock.now()
            view = node.mirror.view
            assert not view.keys[KeyId(old.key_id)].good_at(clock.now())
            current = view.member(member).current(use, clock.now())
            assert current is not None
            assert current.key_id.hex() == revoked.replaced_by.id
        await caught_up(fed)
        await node.workers.audit_log.sequence()
        assert not await fed.nodes[XB].mirror.follow()


async def test_old_key_beside_a_new_one_is_revoked_without_another(tmp_path: Path) -> None:
    """And what no node can revoke says who can."""
    async with federation(tmp_path, "XA") as fed:
        node = fed.nodes[XA]
        rotation, size = node.rooms.rotation, node.mirror.size
        old = node.keys.keyring.records(KeyUse.SIGN)[-1]
        with pytest.raises(ForbiddenError):
            await rotation.revoke("sign", Reason.LOST, NOBODY)
        for wanted, code in (
            ("root", "use_not_revocable"), ("seal", "use_not_revocable"),
            ("storage", "use_not_revocable"), ("ffffffffff", "key_unknown"),
            (old.key_id.hex()[:4], "key_unknown"),
        ):  # fmt: skip
            with pytest.raises(RejectedError) as caught:
                await rotation.revoke(wanted, Reason.LOST, OFFICER)
            assert caught.value.code == code, wanted
        with pytest.raises(RejectedError) as dated:
            await rotation.revoke("sign", Reason.STOLEN, OFFICER, since=fed.clocks[XA].now() - 1)
        assert dated.value.code == "revocation_back_dated"
        assert "root" in dated.value.detail
        assert node.mirror.size == size
        await rotation.rotate(KeyUse.SIGN, OFFICER)
        revoked = await rotation.revoke(old.key_id.hex()[:16], Reason.REPLACED, OFFICER)
        assert revoked.replaced_by is None
        assert node.mirror.size == size + 2
        view, now = node.mirror.view, fed.clocks[XA].now()
        assert [key.good_at(now + 2) for key in view.member(XA).keys_for(KeyUse.SIGN)] == [
            False,
            True,
        ]


async def test_rewrapping_leaves_nothing_under_the_old_storage_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under traffic, a few rows at a time; then the old keys end, and are destroyed in time."""
    monkeypatch.setattr(rewrapping, "STEP", 3)
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XA]

        async def pieces():  # noqa: ANN202 - an async generator of bytes
            yield b"an invoice" * 1000

        waiting = await node.rooms.attachments.upload(pieces(), "a.pdf", "application/pdf", OFFICER)
        sent = [(await fed.send("XA", "XB")).id for _ in range(10)]
        sent += [(await fed.send("XB", "XA")).id for _ in range(3)]
        (old,) = node.keys.keyring.records(KeyUse.STORAGE)
        await node.rooms.rotation.rotate(KeyUse.STORAGE, OFFICER)
        assert await node.rooms.rewrapping.begin(OFFICER) == 1

        async def ended() -> bool:
            return (await node.database.read(storage_keys.states))[old.key_id][0] == "ended"

        more = [(await fed.send("XA", "XB")).id for _ in range(5)]
        await fed.until(ended)
        assert node.keys.storage_key(old.key_id).key_id == old.key_id  # who read a row may need it
        advance(fed, rewrapping.DESTROY_AFTER_S)
        await node.rooms.rewrapping.walk()
        with pytest.raises(UnavailableError):
            node.keys.storage_key(old.key_id)
        await settled(fed, "XA", sent[:10] + more)
        for message in [*sent, *more]:
            assert (await fed.read("XA", message)).signature == "valid"
        last = await fed.send("XA", "XB", attachments=[waiting.id])
        await settled(fed, "XA", [last.id])
        assert (await fed.read("XB", last.id)).attachments[0].size == 10_000
        with pytest.raises(ForbiddenError):
            await node.rooms.rewrapping.begin(NOBODY)


async def test_daemon_that_slept_stores_nothing_under_a_key_that_ended(tmp_path: Path) -> None:
    """It had wrapped before the key was destroyed: it is told to try again, and nothing is kept."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node, clock = fed.nodes[XA], fed.clocks[XA]
        (old,) = node.keys.keyring.records(KeyUse.STORAGE)
        await node.rooms.rotation.rotate(KeyUse.STORAGE, OFFICER)
        await node.rooms.rewrapping.begin(OFFICER)
        assert await node.database.write(
            lambda tx: storage_keys.end(tx, old.key_id, 0, clock.now())
        )
        asleep = node.keys.keyring.storage_key(old.key_id)
        keyring = node.keys.keyring
        keyring.storage = lambda _: asleep  # type: ignore[method-assign]
        with pytest.raises(UnavailableError) as caught:
            await fed.send("XA", "XB")
        assert caught.value.code == "storage_key_ended"
        from_xb = await fed.send("XB", "XA")
        await asyncio.sleep(0.2)
        assert (await fed.inbox("XA")).messages == []
        del keyring.storage
        await settled(fed, "XA", [(await fed.send("XA", "XB")).id])
        await settled(fed, "XB", [from_xb.id])


async def test_list_says_who_still_uses_an_old_key(tmp_path: Path) -> None:
    """Members that have not shown that they know the new one, and deliveries under the old."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        node = fed.nodes[XA]
        fed.cut.add((XA, XB))
        waiting = await fed.send("XA", "XB")
        report, size = node.rooms.key_report, node.mirror.size
        named = {XB: size, XC: size + 1}
        report._named = named.get  # what payloads told
        fed.clocks[XA].ahead_s += 1
        await node.rooms.rotation.rotate_together([KeyUse.SIGN, KeyUse.TLS], OFFICER)
        old, new = await listed(fed, XA, KeyUse.SIGN)
        assert (old.state, new.state, new.still_used) == ("retiring", "current", None)
        assert old.still_used is not None
        assert old.still_used.members == [XB]
        assert old.still_used.unheard == 1  # the registrar writes to nobody
        assert (old.still_used.queued, old.still_used.in_custody) == (1, 0)
        assert [key.state for key in await listed(fed, XA, KeyUse.TLS)] == ["current", "next"]
        epochs = await listed(fed, XA, KeyUse.SEAL)
        assert [key.state for key in epochs[:2]] == ["current", "next"]
        assert epochs[-1].kept_until == epochs[-1].end + MONTH_S
        fed.cut.clear()
        await settled(fed, "XA", [waiting.id])
        assert (await listed(fed, XA, KeyUse.SIGN))[0].still_used.queued == 0  # type: ignore[union-attr]
        with pytest.raises(ForbiddenError):
            await report.listing(NOBODY)
