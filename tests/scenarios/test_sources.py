"""Where a node has the registry from: the registrar, or members, and what bad ones come to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.services.federation import reading as registry_reading
from gateway.services.federation.gossip import Verdict
from gateway.wiring.node import Node
from keys.registry import draft
from keys.registry.member import RegistryHead
from keys.registry.statement import REGISTRY
from keys.suite import KeyUse, MemberId
from keys.tlog.note import NoteSigner
from tests.scenarios.federation import OFFICER, Federation, entries_of, federation
from tests.scenarios.histories import (
    Asleep,
    History,
    admission,
    head_over,
    log_signer,
    signed,
    statements,
)
from tests.world import World, party, world

XA, XB, XC = MemberId("XA"), MemberId("XB"), MemberId("XC")


@asynccontextmanager
async def one_behind(place: Path) -> AsyncIterator[tuple[Federation, Node, list[bytes]]]:
    """Yield a federation in which XA, at rest, lacks two statements and the line to the registrar.

    With it come XA's node and the whole registry.
    """
    async with federation(place, "XA", "XB", "XC") as fed:
        await fed.stop("XA")
        for use in (KeyUse.SIGN, KeyUse.TLS):
            await fed.nodes[XB].rooms.rotation.rotate(use, OFFICER)
        whole = await statements(fed)
        for name in (XB, XC):
            await fed.until(lambda m=fed.nodes[name].mirror: m.size == len(whole))
        fed.cut.add((XA, REGISTRY))
        yield fed, await fed.start("XA", run=False), whole


def outcomes(node: Node) -> dict[str, str]:
    """Return what came of each source."""
    return {report.source: report.outcome for report in node.workers.following.reports}


def claim_first(node: Node, *members: MemberId) -> None:
    """Let members be asked before all others: they named a larger registry."""
    for member in members:
        node.workers.views.heard(member, RegistryHead(node.mirror.size + 1, bytes(32)))


async def test_member_gives_the_registry_when_the_registrar_is_down(tmp_path: Path) -> None:
    """Verified as ever, and no confirmation: only the registrar says that this is the newest."""
    async with one_behind(tmp_path) as (fed, node, whole):
        confirmed_at = node.mirror.checked_at
        assert await node.workers.following.follow()
        assert node.mirror.size == len(whole)
        assert node.mirror.checked_at == confirmed_at
        assert outcomes(node)[REGISTRY] == "peer_unreachable"
        assert "grew" in outcomes(node).values()
        with pytest.raises(UnavailableError) as caught:
            await node.workers.following.follow()
        assert caught.value.code == "peer_unreachable"
        fed.cut.clear()
        fed.clocks[XA].ahead_s = 100
        assert not await node.workers.following.follow()
        assert node.mirror.checked_at > confirmed_at


async def test_member_that_is_merely_behind_raises_no_alarm(tmp_path: Path) -> None:
    """Less than ours, or an old checkpoint of the true log, from a member: nothing to take."""
    async with one_behind(tmp_path) as (fed, node, whole):
        for name in (XB, XC):
            fed.shown[name] = signed(fed, whole[:2])
        with pytest.raises(UnavailableError):
            await node.workers.following.follow()
        assert outcomes(node) == {
            REGISTRY: "peer_unreachable", XB: "nothing_new", XC: "nothing_new"
        }  # fmt: skip
        assert node.workers.gossip.alarms == []


async def test_registrar_shorter_than_it_signed_is_a_rollback(tmp_path: Path) -> None:
    """A replayed old checkpoint or a truncated log: refused by name, an alarm, nothing changed."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.stop("XA")
        node = await fed.start("XA", run=False)
        before = node.mirror.view.head, node.mirror.checked_at
        fed.shown[REGISTRY] = signed(fed, (await statements(fed))[:2])
        for _ in range(2):
            with pytest.raises(RejectedError) as caught:
                await node.workers.following.follow()
            assert caught.value.code == "registry_rollback"
        assert (node.mirror.view.head, node.mirror.checked_at) == before
        (alarm,) = node.workers.gossip.alarms
        assert (alarm.member, alarm.verdict) == (REGISTRY, Verdict.ROLLED_BACK)
        await node.workers.gossip.examine()
        await node.workers.audit_log.sequence()
        entries = await entries_of(node)
        seen = [entry for entry in entries if entry.kind == "split_view.seen"]
        assert [(entry.peer, entry.code) for entry in seen] == [(REGISTRY, "rolled_back")]


async def test_word_of_a_member_about_a_rollback_is_no_alarm(tmp_path: Path) -> None:
    """A peer may answer with any code; only what this node finds itself raises the alarm."""
    async with one_behind(tmp_path) as (fed, node, _):

        class Liar(Asleep):
            async def registry_checkpoint(self) -> bytes:
                raise RejectedError("registry_rollback", "says a peer")

        for name in (XB, XC):
            fed.shown[name] = Liar()
        with pytest.raises(UnavailableError):
            await node.workers.following.follow()
        await node.workers.gossip.examine()
        assert node.workers.gossip.alarms == []


Bend = Callable[[list[bytes], NoteSigner], Any]


def foreign() -> World:
    """Return another federation of as many statements."""
    return world(*(party(f"X{letter}") for letter in "ABCDE"))


HOSTILE: dict[str, tuple[str, Bend]] = {
    "withholds": (
        "registry_incomplete",
        lambda notes, key: History(notes[:-1], head_over(notes, key)),
    ),
    "leaves a gap": (
        "statement_out_of_order",
        lambda notes, key: History([*notes[:-2], notes[-1]], head_over(notes, key)),
    ),
    "reorders": (
        "statement_out_of_order",
        lambda notes, key: History([*notes[:-2], notes[-1], notes[-2]], head_over(notes, key)),
    ),
    "duplicates": (
        "statement_out_of_order",
        lambda notes, key: History([*notes[:-1], notes[-2]], head_over(notes, key)),
    ),
    "repeats an admission": (
        "member_exists",
        lambda notes, key: History([*notes[:-1], notes[1]], head_over(notes, key)),
    ),
    "invents a statement": (
        "signature_missing",
        lambda notes, key: History(
            [*notes[:-1], notes[-1].rpartition(b"\n\n")[0] + b"\n\n" + bare(notes)],
            head_over(notes, key),
        ),
    ),
    "shows no statement": (
        "note_malformed",
        lambda notes, key: History([*notes[:-1], b"\x00"], head_over(notes, key)),
    ),
    "shows another federation's head": (
        "checkpoint_of_another_log",
        lambda notes, key: History(notes, foreign_head(foreign(), key)),
    ),
    "shows another federation's statements": (
        "statement_of_another_federation",
        lambda notes, key: History(
            [*notes[:-1], notes[-1].replace(b"mutual.example", b"other.example")],
            head_over(notes, key),
        ),
    ),
    "signs the head itself": (
        "signature_missing",
        lambda notes, _: History(notes, head_over(notes, stranger())),
    ),
    "shows a head of another root": (
        "registry_mismatch",
        lambda notes, key: History(notes, head_over(notes[1:], key, size=len(notes))),
    ),
    "claims gigabytes": (
        "registry_too_large",
        lambda notes, key: History(notes, head_over(notes, key, size=10**9)),
    ),
    "shows garbage for a head": (
        "note_malformed",
        lambda notes, _: History(notes, b"garbage"),
    ),
    "never answers": ("registry_too_slow", lambda _, __: Asleep()),
}


def bare(notes: Sequence[bytes]) -> bytes:
    """Return the signature lines of a statement that another made."""
    return notes[1].rpartition(b"\n\n")[2]


def stranger() -> NoteSigner:
    """Return a log key of nobody in the federation."""
    return draft.log_signer("mutual.example/registry", party("XZ").records[KeyUse.LOG])


def foreign_head(other: World, key: NoteSigner) -> bytes:
    """Return another federation's head under this one's key."""
    return head_over(other.notes, key).replace(
        b"mutual.example/registry", b"other.example/registry"
    )


async def test_hostile_member_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way to lie has its error, and none changes anything; then XC tells the truth."""
    async with one_behind(tmp_path) as (fed, node, whole):
        monkeypatch.setattr(registry_reading, "READ_S", 0.05)
        before = node.mirror.view, node.mirror.checked_at, await node.mirror.checkpoint()
        codes = {}
        for name, (_, bend) in HOSTILE.items():
            with pytest.raises(LiaisonError) as caught:
                await node.mirror.learn_from(bend(whole, log_signer(fed)))
            codes[name] = caught.value.code
            after = node.mirror.view, node.mirror.checked_at, await node.mirror.checkpoint()
            assert after == before, name
        assert codes == {name: code for name, (code, _) in HOSTILE.items()}


@pytest.mark.parametrize("name", ["reorders", "never answers"])
async def test_after_a_hostile_member_the_next_one_is_asked(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same round: what XB shows is refused, and the registry comes from XC."""
    code, bend = HOSTILE[name]
    async with one_behind(tmp_path) as (fed, node, whole):
        monkeypatch.setattr(registry_reading, "READ_S", 0.05 if code == "registry_too_slow" else 60)
        fed.shown[XB] = bend(whole, log_signer(fed))
        claim_first(node, XB)
        if name == "never answers":
            fed.shown[XC] = signed(fed, whole)
        assert await node.workers.following.follow()
        assert outcomes(node) == {REGISTRY: "peer_unreachable", XB: code, XC: "grew"}
        assert node.mirror.size == len(whole)


async def test_first_contact_with_another_federation_is_refused(tmp_path: Path) -> None:
    """A joining node trusts its anchor alone: nothing is kept of a registry that is not its own."""
    async with federation(tmp_path, "XA") as fed:
        made = foreign()
        fed.found_one("XB")
        fed.shown[REGISTRY] = History(made.notes, made.head())
        node = await fed.start("XB", run=False)
        with pytest.raises(RejectedError) as caught:
            await node.mirror.follow()
        assert caught.value.code == "anchor_mismatch"
        assert (node.mirror.known, node.mirror.size) == (None, 0)


async def test_source_that_dribbles_is_given_up(tmp_path: Path) -> None:
    """One statement a read, though a bundle holds 256: counted, and refused."""
    async with one_behind(tmp_path) as (fed, node, whole):
        more = [admission(fed, f"X{letter}") for letter in "DEF"]

        class Dribbling(History):
            async def registry_entries(self, start: int, end: int) -> Sequence[bytes]:
                return await super().registry_entries(start, start + 1)

        full = [*whole, *more]
        source = Dribbling(full, head_over(full, log_signer(fed)))
        with pytest.raises(UnavailableError) as caught:
            await node.mirror.learn_from(source)
        assert caught.value.code == "registry_incomplete"
        assert source.reads == 3
        assert node.mirror.size == len(whole) - 2


async def test_two_sources_at_once_grow_the_mirror_once(tmp_path: Path) -> None:
    """While one is read the other is faster: what it showed is not kept twice, and no fault."""
    async with one_behind(tmp_path) as (fed, node, whole):
        peers = node.workers.following._peers
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(node.mirror.learn_from(peers.member(name))) for name in (XB, XC)
            ]
        assert sorted(task.result() for task in asked) == [False, True]
        assert node.mirror.size == len(whole)
        assert await statements(fed) == list(await node.mirror.entries(0, len(whole)))


async def test_nodes_ask_members_in_different_orders(tmp_path: Path) -> None:
    """By chance; who failed last comes last, who claims to have more comes first."""
    async with federation(tmp_path, "XA", "XB", "XC", "XD", "XE") as fed:
        await fed.stop("XA")
        following = (node := await fed.start("XA", run=False)).workers.following
        orders = {tuple(following._members()) for _ in range(40)}
        assert len(orders) > 5
        assert all(set(order) == {"XB", "XC", "XD", "XE"} for order in orders)
        claim_first(node, XC)
        assert following._members()[0] == XC
        following._report(XC, "peer_unreachable")
        assert following._members()[-1] == XC


async def test_claim_of_which_there_is_nothing_to_show_is_forgotten(tmp_path: Path) -> None:
    """XB names a larger registry than there is: it is asked, once, and not believed any more."""
    async with one_behind(tmp_path) as (fed, node, whole):
        fed.cut.clear()
        node.workers.views.heard(XB, RegistryHead(10**6, bytes(32)))
        assert node.mirror.behind.is_set()
        assert node.workers.views.named(XB) == 10**6
        assert await node.workers.following.follow()
        assert node.mirror.size == len(whole)
        assert node.workers.views.ahead() == ()
        assert node.workers.views.named(XB) is None
        assert outcomes(node) == {REGISTRY: "grew", XB: "nothing_new"}
