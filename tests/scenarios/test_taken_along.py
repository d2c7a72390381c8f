"""Recalls, rectifications and reports on their way through everybody who got the information."""

from pathlib import Path
from typing import Any

import pytest

from gateway.cases.sanitising import COPY
from gateway.errors import ForbiddenError, LiaisonError
from gateway.faults import FaultsError
from gateway.services.casework import conduct
from gateway.services.receiving.message_view import Detail, MarkView
from gateway.services.regions.copying import CopyOrder
from gateway.services.sending import drafting
from gateway.services.sending.submission import Submitted
from gateway.store import marks, messages
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.handling import control, inform
from tests.scenarios.test_exchange import delivered
from tests.scenarios.test_passing import disclosed, entries, passes_on
from tests.scenarios.test_recall import RELEASER, REVIEW, recall
from tests.scenarios.test_roles import OFFICE

XA, XB, XC, WEST = (MemberId(name) for name in ("XA", "XB", "XC", "RILO-W"))
RIGHT = [{"field": "/facts", "value": "One price."}]


async def rectify(fed: Federation, sender: str, to: str, told: Submitted) -> Submitted:
    """Correct what was told, and see it arrive."""
    said: dict[str, Any] = {"case": told.case, "corrections": RIGHT}
    return await control(fed, sender, to, "information.rectify", told.id, **said)


async def came(fed: Federation, member: str, kind: str, many: int = 1) -> list[Detail]:
    """Wait until a member has so many messages of a kind; return them, opened."""

    async def there() -> list[str]:
        found = [item.id for item in (await fed.inbox(member)).messages if item.kind == kind]
        return found if len(found) >= many else []

    await fed.until(there)
    return [await fed.read(member, item) for item in await there()]


async def settled(fed: Federation, member: MemberId) -> bool:
    """Tell whether a member has passed on and answered all that it heard."""
    return not await fed.nodes[member].database.read(lambda tx: marks.due(tx, 9))


async def marked(fed: Federation, member: str, message: str) -> list[MarkView]:
    """Return what was said of a message since."""
    return (await fed.read(member, message)).marked


async def test_a_rectification_goes_wherever_the_information_went(tmp_path: Path) -> None:
    """With its handling, recorded as passed on; each sees by whom; it stays open; no answer."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", "XB")
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case)
        passed = await passes_on(fed, told)
        fixed = await rectify(fed, "XA", "XB", told)
        (along,) = await came(fed, "XC", "information.rectify")
        assert (along.content["message"], list(along.content["corrections"])) == (passed.id, RIGHT)
        assert list(along.content["handling"]["codes"]) == ["H0"]
        for member, message, by in (("XB", told, fixed.id), ("XC", passed, along.id),
                                    ("XA", told, fixed.id), ("XB", passed, along.id)):  # fmt: skip
            shown = await fed.read(member, message.id)
            assert shown.marks == ["rectified"]
            assert [(item.mark, item.by, item.verdict) for item in shown.marked] == [
                ("rectified", by, "")
            ]
        assert [item.recipient for item in await disclosed(fed, XB, fixed.id)] == ["XC"]
        await fed.until(lambda: settled(fed, XB))
        await fed.until(lambda: settled(fed, XC))
        kinds = {item.kind for name in ("XA", "XB") for item in (await fed.inbox(name)).messages}
        assert "information.recall_report" not in kinds
        case = await fed.nodes[XC].rooms.cases.read(passed.case, OFFICER)
        assert {item.id: item.marks for item in case.others}[passed.id] == ["rectified"]


async def test_a_correction_of_what_was_recalled_is_closed_and_goes_nowhere(tmp_path: Path) -> None:
    """It tells of what was taken back; a releaser opens it."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", "XB")
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case)
        await passes_on(fed, told)
        await recall(fed, "XA", "XB", told)
        fixed = await rectify(fed, "XA", "XB", told)
        await fed.until(lambda: settled(fed, XB))
        inbox = fed.nodes[XB].rooms.inbox
        fault = await outcome_of(inbox.read(fixed.id, OFFICER))
        assert isinstance(fault, ForbiddenError)
        assert (await inbox.read(fixed.id, RELEASER, reason=REVIEW)).kind == "information.rectify"
        assert "information.rectify" not in [m.kind for m in (await fed.inbox("XC")).messages]


async def test_what_is_ours_is_recalled_with_its_copies(tmp_path: Path) -> None:
    """Closed like the rest; a correction may name somebody: the copy is wrong, it hears."""
    async with federation(tmp_path, "XA", "XB", "RILO-W", roles={"RILO-W": OFFICE}) as fed:
        copies = fed.nodes[XA].rooms.copies
        for taken_back in (recall, rectify):
            told = await inform(fed, "XA", "XB", saying={"handling": {"tlp": "AMBER"}})
            copy = await copies.copy(told.id, CopyOrder(to=["RILO-W"]), OFFICER)
            await fed.until(lambda c=copy: delivered(fed, "XA", c.id))
            await taken_back(fed, "XA", "XB", told)
            await fed.until(lambda c=copy: _is_closed(fed, c.id))
            assert [item.mark for item in await marked(fed, "XA", copy.id)] == ["recalled"]
        said = [item.content for item in await came(fed, "RILO-W", "information.recall", 2)]
        assert [item["reason"] for item in said] == ["sent_by_mistake", "wrong"]
        assert "One price" not in str(said)
        await fed.until(lambda: settled(fed, XA))
        kinds = [item.kind for item in (await fed.inbox("RILO-W")).messages]
        assert kinds.count(COPY) == 2
        assert "information.rectify" not in kinds


async def _is_closed(fed: Federation, message: str) -> bool:
    found = await outcome_of(fed.nodes[WEST].rooms.inbox.read(message, OFFICER))
    return isinstance(found, ForbiddenError) and found.code == "information_recalled"


async def test_a_report_finds_its_way_back_to_the_originator(tmp_path: Path) -> None:
    """Along the disclosures, with who says it; our recalls show what became of them."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", "XB")
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case)
        passed = await passes_on(fed, told)
        await fed.nodes[XC].rooms.evidence.export(passed.id, OFFICER, is_open=True)
        await recall(fed, "XA", "XB", told)
        reports = await came(fed, "XA", "information.recall_report", 2)
        said = {item.content.get("reported_by"): item.content for item in reports}
        assert {by: content["verdict"] for by, content in said.items()} == {
            None: "complied", "XC": "objected",
        }  # fmt: skip
        assert (said["XC"]["message"], said["XC"]["readers"]) == (told.id, 1)
        assert "evidence" in said["XC"]["ground"]
        (ours,) = [m for m in (await sent_by(fed, "XA")) if m.kind == "information.recall"]
        found = {item.by: item.verdict for item in await marked(fed, "XA", ours.id)}
        assert found == {item.id: item.content["verdict"] for item in reports}


async def sent_by(fed: Federation, member: str) -> list[Detail]:
    """Return what a member sent, opened."""
    query = messages.MessageFilter(direction="out")
    rows = await fed.nodes[MemberId(member)].database.read(
        lambda tx: messages.page(tx, query, after=0, limit=99)
    )
    names = [f"{row.sender}-{row.message_id.hex()}" for row in rows]
    return [await fed.read(member, name) for name in names]


async def test_a_report_of_who_was_told_nothing_is_no_report(tmp_path: Path) -> None:
    """It is kept as a message, marks no recall and is not passed back."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", ["XB", "XC"])
        await recall(fed, "XA", "XB", told)
        (mine,) = await came(fed, "XA", "information.recall_report")
        (ours,) = [m for m in (await sent_by(fed, "XA")) if m.kind == "information.recall"]
        forged = {"case": told.case, "verdict": "objected", "ground": "We keep it."}
        await control(fed, "XC", "XA", "information.recall_report", told.id, **forged)
        assert [item.by for item in await marked(fed, "XA", ours.id)] == [mine.id]


async def refused(fed: Federation, sender: str, told: Submitted, **said: Any) -> LiaisonError:
    """Try to recall what was told; return why not, after a look that nothing was kept or closed."""
    database = fed.nodes[MemberId(sender)].database
    before = await database.read(messages.counts)
    fault = await outcome_of(recall(fed, sender, "XB", told, **said))
    assert isinstance(fault, LiaisonError)
    assert await database.read(messages.counts) == before
    return fault


async def test_what_cannot_be_recalled(tmp_path: Path) -> None:
    """What was never sent, a file that it never had, and a recall: told which, nothing kept."""
    async with federation(tmp_path, "XA", "XB") as fed:
        told = await inform(fed, "XA", "XB", file=b"mistake" * 99)
        never = Submitted(id=f"XA-{'0' * 32}", case=told.case, envelope_id="", recipients=[])
        assert (await refused(fed, "XA", never)).code == "message_unknown"
        fault = await refused(fed, "XA", told, attachments=["0" * 64])
        assert isinstance(fault, FaultsError)
        assert [(f.pointer, f.code) for f in fault.faults] == [
            ("/content/attachments/0", "not_attached")
        ]
        await recall(fed, "XA", "XB", told)
        await came(fed, "XA", "information.recall_report")
        (first,) = [m for m in (await sent_by(fed, "XA")) if m.kind == "information.recall"]
        again = Submitted(id=first.id, case=told.case, envelope_id="", recipients=[])
        assert (await refused(fed, "XA", again)).code == "recall_final"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "recall_final"),
        ({"message": f"XA-{'0' * 32}"}, "recall_not_own"),
    ],
)
async def test_a_bent_node_recalls_no_recall_nor_another_than_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, str], code: str
) -> None:
    """Its recipient refuses it finally, records it, and marks nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        told = await inform(fed, "XA", "XB")
        await recall(fed, "XA", "XB", told)
        await came(fed, "XA", "information.recall_report")
        (first,) = [m for m in (await sent_by(fed, "XA")) if m.kind == "information.recall"]
        before = await _kept(fed)
        with monkeypatch.context() as bent:
            bent.setattr(drafting, "check_own", lambda *_: None)
            bent.setattr(drafting, "check_takes_back", lambda *_: None)
            bent.setattr(drafting, "_taking_back", lambda submission, _: submission)
            bent.setattr(conduct, "takes_back_own", lambda _: True)
            content = {"message": first.id, "language": "en", "reason": "wrong"} | said
            sent = await fed.send(
                "XA", "XB", kind="information.recall", content=content, case=told.case,
                in_reply_to=first.id, attachments=[],
            )  # fmt: skip
        await fed.until(lambda: _failed(fed, sent.id, code))
        assert await _kept(fed) == before
        assert ("XA", 2, code) in await entries(fed, XB, "message.refused")


async def _kept(fed: Federation) -> tuple[object, ...]:
    """Return what XB holds: messages by direction, and marks of the first told."""
    counts = await fed.nodes[XB].database.read(messages.counts)
    listed = (await fed.inbox("XB")).messages
    return counts, [(item.id, item.marks) for item in listed]


async def _failed(fed: Federation, message: str, code: str) -> bool:
    (row,) = (await fed.read("XA", message)).recipients
    return (row.state, row.code) == ("failed", code)


async def test_recalled_twice_is_answered_twice_and_no_more_closed(tmp_path: Path) -> None:
    """A second recall changes nothing; the first stays what closed it."""
    async with federation(tmp_path, "XA", "XB") as fed:
        told = await inform(fed, "XA", "XB")
        await recall(fed, "XA", "XB", told)
        await recall(fed, "XA", "XB", told)
        reports = await came(fed, "XA", "information.recall_report", 2)
        assert [item.content["verdict"] for item in reports] == ["complied", "complied"]
        shown = await fed.nodes[XB].rooms.inbox.read(told.id, RELEASER, reason=REVIEW)
        assert [item.mark for item in shown.marked] == ["recalled", "recalled"]


async def test_a_recall_is_heard_wherever_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that puts its recall into another case closes all the same: nothing is copied on."""
    async with federation(tmp_path, "XA", "XB", "RILO-W", roles={"RILO-W": OFFICE}) as fed:
        told = await inform(fed, "XA", "XB", saying={"handling": {"tlp": "AMBER"}})
        other = await inform(fed, "XA", "XB")

        async def elsewhere(*_: object) -> bytes:
            return bytes.fromhex(other.case)

        with monkeypatch.context() as bent:
            bent.setattr(drafting.Drafting, "_case", elsewhere)
            await recall(fed, "XA", "XB", told)
        copies = fed.nodes[XB].rooms.copies
        fault = await outcome_of(copies.copy(told.id, CopyOrder(to=["RILO-W"]), OFFICER))
        assert isinstance(fault, ForbiddenError)
        assert fault.code == "information_recalled"
