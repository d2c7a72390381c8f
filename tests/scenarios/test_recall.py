"""Recall: what a sender takes back is closed, passed along, answered; nothing is destroyed."""

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ForbiddenError, RejectedError
from gateway.services.caller import Caller
from gateway.services.casework import conduct
from gateway.services.handling.quarantine import OpeningReason
from gateway.services.sending import drafting
from gateway.services.sending.submission import Submitted
from gateway.settings import Role
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.handling import control, inform
from tests.scenarios.test_passing import entries, passes_on

XA, XB, XC = (MemberId(name) for name in ("XA", "XB", "XC"))
RELEASER = Caller(name="uid:9", roles=frozenset({Role.RELEASER}))
REVIEW = OpeningReason.REVIEW


async def recall(fed: Federation, sender: str, to: str, told: Submitted, **said: object) -> None:
    """Recall what was told, and see it arrive."""
    said = {"reason": "sent_by_mistake"} | said
    await control(fed, sender, to, "information.recall", told.id, case=told.case, **said)


async def report(fed: Federation, member: str, peer: str) -> dict[str, Any]:
    """Wait for a peer's own report of a recall; return what it says.

    Those that it passes back for others come from it too, soon after.
    """

    async def came() -> list[dict[str, Any]]:
        said = [
            (await fed.read(member, item.id)).content
            for item in (await fed.inbox(member)).messages
            if (item.kind, item.sender) == ("information.recall_report", peer)
        ]
        return [content for content in said if not content.get("reported_by")]

    await fed.until(came)
    (only,) = await came()
    return only


async def test_what_is_recalled_is_closed_and_answered(tmp_path: Path) -> None:
    """For officers; a releaser opens it for a reason, which is recorded. It is still there."""
    async with federation(tmp_path, "XA", "XB") as fed:
        told = await inform(fed, "XA", "XB", file=b"mistake" * 99)
        await fed.read("XB", told.id)
        await recall(fed, "XA", "XB", told)
        inbox = fed.nodes[XB].rooms.inbox
        for act in (
            inbox.read(told.id, OFFICER),
            inbox.read(told.id, OFFICER, reason=REVIEW),
            inbox.read(told.id, RELEASER),
            inbox.attachment(f"{told.id}.0", OFFICER),
            inbox.fetch(f"{told.id}.0", OFFICER),
            fed.nodes[XB].rooms.evidence.export(told.id, OFFICER, is_open=True),
        ):
            fault = await outcome_of(act)
            assert isinstance(fault, ForbiddenError)
            assert fault.code == "information_recalled"
        shown = await inbox.read(told.id, RELEASER, reason=REVIEW)
        assert (shown.content["subject"], shown.marks) == ("Shoes", ["recalled"])
        await inbox.attachment(f"{told.id}.0", RELEASER, REVIEW)
        assert (await entries(fed, XB, "message.read"))[1:3] == [
            ("uid:9", 1, "releaser review"), ("uid:9", 2, "releaser review"),
        ]  # fmt: skip
        assert await entries(fed, XB, "message.recalled") == [("XA", 2, "complied")]
        assert ("uid:1", 1, "information_recalled") in await entries(fed, XB, "read.refused")
        said = await report(fed, "XA", "XB")
        assert (said["message"], said["verdict"], said["readers"]) == (told.id, "complied", 1)
        listed = {item.id: item.marks for item in (await fed.inbox("XB")).messages}
        assert listed[told.id] == ["recalled"]


async def test_a_releaser_without_need_is_no_reader(tmp_path: Path) -> None:
    """What is open is for officers."""
    async with federation(tmp_path, "XA", "XB") as fed:
        told = await inform(fed, "XA", "XB")
        fault = await outcome_of(fed.nodes[XB].rooms.inbox.read(told.id, RELEASER, reason=REVIEW))
        assert isinstance(fault, ForbiddenError)
        assert fault.code == "role_missing"


async def test_one_attachment_is_recalled_alone(tmp_path: Path) -> None:
    """Its text stays open."""
    async with federation(tmp_path, "XA", "XB") as fed:
        told = await inform(fed, "XA", "XB", file=b"mistake" * 99)
        (file,) = (await fed.read("XB", told.id)).attachments
        await recall(fed, "XA", "XB", told, attachments=[file.sha256])
        assert (await fed.read("XB", told.id)).marks == ["recalled"]
        fault = await outcome_of(fed.nodes[XB].rooms.inbox.attachment(file.id, OFFICER))
        assert isinstance(fault, ForbiddenError)
        await fed.nodes[XB].rooms.inbox.attachment(file.id, RELEASER, REVIEW)


async def test_a_recall_goes_wherever_the_information_went(tmp_path: Path) -> None:
    """Closed at the third member too, named in the report; and from then on it goes nowhere."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", "XB")
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case)
        passed = await passes_on(fed, told)
        await recall(fed, "XA", "XB", told)
        said = await report(fed, "XA", "XB")
        assert list(said["passed_to"]) == ["XC"]
        assert (await report(fed, "XB", "XC"))["verdict"] == "complied"
        fault = await outcome_of(fed.nodes[XC].rooms.inbox.read(passed.id, OFFICER))
        assert isinstance(fault, ForbiddenError)
        assert await entries(fed, XC, "message.recalled") == [("XB", 2, "complied")]
        fault = await outcome_of(passes_on(fed, told))
        assert isinstance(fault, ForbiddenError)
        assert fault.code == "information_recalled"
        assert await entries(fed, XB, "forward.refused") == [
            ("uid:1", 1, "information_recalled XC")
        ]


async def test_what_is_evidence_already_is_objected_to(tmp_path: Path) -> None:
    """With the ground; it is closed all the same."""
    async with federation(tmp_path, "XA", "XB") as fed:
        told = await inform(fed, "XA", "XB")
        evidence = fed.nodes[XB].rooms.evidence
        await evidence.export(told.id, OFFICER, is_open=False)
        await evidence.export(told.id, OFFICER, is_open=True)
        await recall(fed, "XA", "XB", told)
        said = await report(fed, "XA", "XB")
        assert said["verdict"] == "objected"
        assert "evidence" in str(said["ground"])
        assert isinstance(
            await outcome_of(fed.nodes[XB].rooms.inbox.read(told.id, OFFICER)), ForbiddenError
        )


async def test_nobody_recalls_what_another_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused at the sender; a bent node is refused at the recipient, recorded; nothing changed."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", ["XB", "XC"])
        fault = await outcome_of(recall(fed, "XC", "XB", told))
        assert isinstance(fault, RejectedError)
        assert fault.code == "recall_not_own"
        monkeypatch.setattr(drafting, "check_own", lambda *_: None)
        monkeypatch.setattr(conduct, "takes_back_own", lambda _: True)
        content = {"message": told.id, "language": "en", "reason": "wrong"}
        sent = await fed.send(
            "XC", "XB", kind="information.recall", content=content, case=told.case, attachments=[]
        )
        await fed.until(lambda: _failed(fed, sent.id))
        assert ("XC", 2, "recall_not_own") in await entries(fed, XB, "message.refused")
        assert await entries(fed, XB, "message.recalled") == []
        assert (await fed.read("XB", told.id)).marks == []


async def _failed(fed: Federation, message: str) -> bool:
    (row,) = (await fed.read("XC", message)).recipients
    return (row.state, row.code) == ("failed", "recall_not_own")


async def test_a_recall_before_its_message_closes_it(tmp_path: Path) -> None:
    """The line brings them in the other order; also a crash before the answer loses nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.stop("XB")
        told = await fed.send(
            "XA", "XB", kind="information.advance",
            content={"expected_on": "2099-01-01", "facts": "Shoes.", "language": "en",
                     "legal_basis": "Art. 9"},
            attachments=[], priority=0,
        )  # fmt: skip
        content = {"message": told.id, "language": "en", "reason": "wrong"}
        await fed.send(
            "XA", "XB", kind="information.recall", content=content, case=told.case, attachments=[],
            priority=9,
        )  # fmt: skip
        await fed.start("XB")
        assert (await report(fed, "XA", "XB"))["verdict"] == "complied"
        await fed.until(lambda: _is_there(fed, told.id))
        fault = await outcome_of(fed.nodes[XB].rooms.inbox.read(told.id, OFFICER))
        assert isinstance(fault, ForbiddenError)


async def _is_there(fed: Federation, message: str) -> bool:
    return message in [item.id for item in (await fed.inbox("XB")).messages]
