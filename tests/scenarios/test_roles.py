"""What a member may say in its role: refused where it is written, and where it is received."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.demo.story import reply
from gateway.faults import Fault, FaultsError
from gateway.protocol.answer import Accepted, Later
from gateway.services.sending import drafting
from gateway.store import messages
from keys.registry.draft import follow
from keys.registry.statement import NO_COMPETENCES, REGISTRY, Chain, Competences, Kind, MemberRole
from keys.suite import MemberId
from keys.tlog.note import sign_note
from tests.scenarios.cases import told
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import codes, delivered

XA, XB, XU = MemberId("XA"), MemberId("XB"), MemberId("XU")
OFFICE = (MemberRole.LIAISON_OFFICE, NO_COMPETENCES)
OBSERVER = (MemberRole.OBSERVER, NO_COMPETENCES)
ALL = Competences((XA, MemberId("XC")), ("request", "case"))
REPLIES = Competences((XA,), ("case",))


def union(competences: Competences) -> tuple[MemberRole, Competences]:
    """Return the role of a union."""
    return MemberRole.UNION, competences


@asynccontextmanager
async def with_union(place: Path, competences: Competences = ALL) -> AsyncIterator[Federation]:
    """Yield the union XU, its state XA, and XB."""
    async with federation(place, "XA", "XB", "XU", roles={"XU": union(competences)}) as fed:
        yield fed


async def refused(fed: Federation, sender: str, to: str, /, **changes: Any) -> tuple[Fault, ...]:
    """Try to send; return why that is refused, after a look that nothing was kept."""
    node = fed.nodes[MemberId(sender)]
    before = await node.database.read(messages.counts)
    with pytest.raises(FaultsError) as caught:
        await fed.send(sender, to, **changes)
    assert await node.database.read(messages.counts) == before
    return caught.value.faults


def answer(asked: str) -> dict[str, Any]:
    """Return a reply to a request, as a submission's changes."""
    return {name: part for name, part in reply(asked).items() if name != "to"}


async def say_role(fed: Federation, member: str, role: tuple[MemberRole, Competences]) -> None:
    """Let the registrar say what a member is from now on."""
    view = fed.nodes[REGISTRY].mirror.view
    said = follow(view, Kind.ROLE, MemberId(member), Chain.ISSUER, at=fed.clocks[REGISTRY].now())
    said = replace(said, role=role[0], competences=role[1])
    await fed.publish(sign_note(said.text(), fed.registrar_root()))


async def ended(fed: Federation, sender: str, ref: str) -> str:
    """Wait until a message has failed; return why."""

    async def failed() -> bool:
        return await fed.state(sender, ref) == "failed"

    await fed.until(failed)
    (recipient,) = (await fed.read(sender, ref)).recipients
    return recipient.code


async def test_union_asks_for_a_state_and_answers_for_one(tmp_path: Path) -> None:
    """For which is signed, and shown on both sides, in lists too; the union's own ping is free."""
    async with with_union(tmp_path) as fed:
        asked = await fed.send("XU", "XB", on_behalf_of="XC")
        other = await fed.send("XB", "XU")
        await fed.until(lambda: delivered(fed, "XB", other.id))
        answered = await fed.send("XU", "XB", **answer(other.id), on_behalf_of="XA")
        pinged = await fed.send("XU", "XB", kind="ping", content={})
        for sent in (asked, answered, pinged):
            await fed.until(lambda ref=sent.id: delivered(fed, "XU", ref))
        shown = {item.id: item.on_behalf_of for item in (await fed.inbox("XB")).messages}
        assert shown == {asked.id: "XC", answered.id: "XA"}
        for member in ("XU", "XB"):
            assert (await fed.read(member, asked.id)).on_behalf_of == "XC"


async def test_what_a_role_does_not_allow_is_not_drafted(tmp_path: Path) -> None:
    """Each fault is named with its place, all at once; nothing is kept."""
    roles = {"XU": union(REPLIES), "RO": OFFICE, "XO": OBSERVER}
    async with federation(tmp_path, "XA", "XB", "XU", "RO", "XO", roles=roles) as fed:
        at_kind, at_state = "/kind", "/on_behalf_of"
        for sender, changes, faults in (
            ("XU", {}, [(at_state, "on_behalf_missing", "")]),
            ("XU", {"on_behalf_of": "XB"}, [(at_state, "state_not_represented", "XB")]),
            (
                "XU",
                {"on_behalf_of": "XA"},
                [(at_kind, "outside_competence", "request.verify_value")],
            ),
            ("XA", {"on_behalf_of": "XC"}, [(at_state, "not_a_union", "")]),
            ("RO", {}, [(at_kind, "no_case_powers", "")]),
            ("XO", {}, [(at_kind, "observer_sends_nothing", "")]),
            (
                "XA",
                {"to": ["XB", "RO", "XO"], "on_behalf_of": "XA"},
                [
                    (at_state, "not_a_union", ""),
                    ("/to/1", "recipient_has_no_powers", "RO"),
                    ("/to/2", "recipient_has_no_powers", "XO"),
                ],
            ),
        ):
            found = await refused(fed, sender, "XB", **changes)
            assert [(fault.pointer, fault.code, fault.limit) for fault in found] == faults
        other = await fed.send("XB", "XU")
        await fed.until(lambda: delivered(fed, "XB", other.id))
        (fault,) = await refused(fed, "XU", "XB", **answer(other.id), on_behalf_of="XA")
        assert (fault.code, fault.limit) == ("outside_competence", "request.verify_value")
        for sender, to in (("XO", "XA"), ("RO", "XO"), ("XA", "RO")):
            sent = await fed.send(sender, to, kind="ping", content={})
            await fed.until(lambda sender=sender, ref=sent.id: delivered(fed, sender, ref))


@pytest.fixture
def lawless(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let nodes write whatever they like from now on; who receives still looks."""

    def bend() -> None:
        monkeypatch.setattr(drafting, "speaking_fault", lambda *_: None)
        monkeypatch.setattr(drafting, "asking_fault", lambda *_: None)

    return bend


async def test_recipient_refuses_what_a_hostile_node_wrote(
    tmp_path: Path, lawless: Callable[[], None]
) -> None:
    """Finally, by the code that the sender may know; recorded with who signed what."""
    roles = {"XU": union(REPLIES), "RO": OFFICE, "XO": OBSERVER}
    async with federation(tmp_path, "XA", "XB", "XU", "RO", "XO", roles=roles) as fed:
        lawless()
        other = await fed.send("XB", "XU")
        await fed.until(lambda: delivered(fed, "XB", other.id))
        reply_outside = answer(other.id) | {"on_behalf_of": "XA"}
        for sender, to, changes, code in (
            ("XU", "XB", {}, "on_behalf_missing"),
            ("XU", "XB", {"on_behalf_of": "XB"}, "state_not_represented"),
            ("XU", "XB", {"on_behalf_of": "XA"}, "outside_competence"),
            ("XU", "XB", reply_outside, "outside_competence"),
            ("XA", "XB", {"on_behalf_of": "XC"}, "not_a_union"),
            ("RO", "XB", {}, "no_case_powers"),
            ("XO", "XB", {}, "observer_sends_nothing"),
            ("XA", "RO", {}, "recipient_has_no_powers"),
        ):
            sent = await fed.send(sender, to, **changes)
            assert await ended(fed, sender, sent.id) == code
            assert ("message.refused", sender, code) in await codes(fed, MemberId(to))
            assert (await fed.inbox(to)).messages == []


async def test_refusal_names_the_sender_behind_a_relay(
    tmp_path: Path, lawless: Callable[[], None]
) -> None:
    """Not the relay, which did no wrong."""
    async with federation(tmp_path, "XA", "RO", "XB@RO") as fed:
        lawless()
        sent = await fed.send("XA", "XB", on_behalf_of="XB")
        assert await ended(fed, "XA", sent.id) == "not_a_union"
        refused_by = [entry for entry in await codes(fed, XB) if entry[0] == "message.refused"]
        assert refused_by == [("message.refused", "XA", "not_a_union")]


async def test_competence_that_is_taken_away_is_gone_at_once(
    tmp_path: Path, lawless: Callable[[], None]
) -> None:
    """The recipient's view at the first receipt decides; what it accepted stays accepted."""
    async with with_union(tmp_path) as fed:
        before = await fed.send("XU", "XB", on_behalf_of="XA")
        await fed.until(lambda: delivered(fed, "XU", before.id))
        accepted = fed.posted[-1][2]
        await say_role(fed, "XU", union(Competences((XA,), ("case",))))
        await fed.nodes[XB].mirror.follow()
        lawless()
        after = await fed.send("XU", "XB", on_behalf_of="XA")
        assert await ended(fed, "XU", after.id) == "outside_competence"
        (again,) = await fed.nodes[XB].gate.for_hop(XU).post_envelopes([accepted])
        assert isinstance(again, Accepted)
        assert [item.id for item in (await fed.inbox("XB")).messages] == [before.id]


async def test_competence_that_the_recipient_has_not_heard_of_is_waited_for(
    tmp_path: Path,
) -> None:
    """The sender's registry is larger: later, not never; then it is delivered."""
    async with with_union(tmp_path, REPLIES) as fed:
        cut = {(XB, MemberId(name)) for name in ("XA", "XU", REGISTRY)}
        fed.cut |= cut
        await say_role(fed, "XU", union(ALL))
        await fed.nodes[XU].mirror.follow()
        sent = await fed.send("XU", "XB", on_behalf_of="XC")
        await fed.until(lambda: fed.answers)
        assert isinstance(fed.answers[0], Later)
        assert fed.answers[0].code == "registry_behind"
        assert (await fed.inbox("XB")).messages == []
        fed.cut -= cut
        await fed.until(lambda: delivered(fed, "XU", sent.id))


async def test_members_are_shown_with_what_they_are(tmp_path: Path) -> None:
    """Role, states, competences, and their standing: in the list and alone."""
    async with with_union(tmp_path) as fed:
        view = fed.nodes[REGISTRY].mirror.view
        at = fed.clocks[REGISTRY].now()
        said = follow(view, Kind.SUSPEND, XB, Chain.ISSUER, at=at)
        await fed.publish(sign_note(said.text(), fed.registrar_root()))
        members = fed.nodes[REGISTRY].rooms.members
        listed = {item.member: item for item in await members.listing()}
        shown = await members.detail("XU")
        for item in (listed["XU"], shown):
            assert item.role == "union"
            assert (item.states, item.competences) == (["XA", "XC"], ["request", "case"])
            assert (item.suspended_by, item.recovery, item.succeeds) == ([], None, None)
        assert (listed["XB"].suspended, listed["XB"].suspended_by) == (True, ["registrars"])


async def test_union_answers_on_behalf_of_a_state_within_its_competence(tmp_path: Path) -> None:
    """Both sides see what was asked of it as answered; by the state that it names, in words too."""
    async with with_union(tmp_path, Competences((XA,), ("request.verify_value", "case"))) as fed:
        asked = await told(fed, "XB", "XU", "request.verify_value")
        await told(fed, "XU", "XB", "case.acknowledge", case=asked.case, on_behalf_of="XA")
        await told(fed, "XU", "XB", "case.reply", case=asked.case, on_behalf_of="XA")
        for member in ("XU", "XB"):
            shown = await fed.nodes[MemberId(member)].rooms.cases.read(asked.case, OFFICER)
            (thread,) = shown.threads
            assert (thread.asker, thread.asked, thread.state) == ("XB", "XU", "answered")
            assert [item.on_behalf_of for item in thread.messages] == ["", "XA", "XA"]


async def test_union_answers_no_request_outside_its_competence_unnamed(tmp_path: Path) -> None:
    """A reply that names the case alone answers the request all the same: it is held against it."""
    competences = Competences((XA,), ("information", "case"))
    async with with_union(tmp_path, competences) as fed:
        first = await told(fed, "XB", "XU", "information.spontaneous")
        await told(fed, "XB", "XU", "request.verify_value", case=first.case)
        said = {"kind": "case.reply", "content": reply("")["content"], "case": first.case}
        (fault,) = await refused(fed, "XU", "XB", **said, attachments=[], on_behalf_of="XA")
        assert (fault.pointer, fault.code) == ("/kind", "outside_competence")
        assert fault.limit == "request.verify_value"
        assert len((await fed.inbox("XB")).messages) == 0
