"""Every kind goes from one house to the other: drafted, sealed, sent, opened, shown."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.cases.examples import example_of
from gateway.cases.kind import Family
from gateway.cases.kinds import CATALOGUE
from gateway.cli.demo.story import request
from gateway.errors import RejectedError
from gateway.faults import FaultsError
from gateway.services.handling.quarantine import OpeningReason
from gateway.services.sending.submission import Submission, Submitted
from gateway.settings import InstrumentSettings, Role
from keys.suite import MemberId
from tests.cases.test_own import PERMIT
from tests.scenarios.federation import OFFICER, Federation, federation

REQUEST = "request.verify_value"
READER = replace(OFFICER, roles=OFFICER.roles | {Role.RELEASER})
"""Who reads what was recalled too."""
ASKS = (
    "supplement", "accept_conditions", "decline_conditions", "remind", "withdraw", "feedback",
    "close", "reopen",
)  # fmt: skip
"""What the one who asked says in a case."""
CASES = (
    """acknowledge clarify supplement transfer conditions accept_conditions interim extend remind
    postpone resume partial_reply reply feedback reopen refuse reply close""",
    "acknowledge conditions decline_conditions",
    "acknowledge withdraw",
)
"""Three cases in which everything is said that can be said in one."""
TALKS = (
    ("XA information.spontaneous", "XA information.recall", "XB information.recall_report"),
    ("XA information.advance", "XA information.rectify"),
    ("XA information.automatic", "XB consent.request", "XA consent.grant", "XB disclosure.notice"),
    ("XA intelligence.report", "XB consent.request", "XA consent.deny"),
    ("XA breach.notice",),
    ("XA intelligence.alert",),
    ("XA seizure.report",),
    ("XA analysis.bulletin",),
    ("XA analysis.modus_operandi",),
    ("XA operation.open", "XB operation.join", "XB operation.report", "XA operation.close"),
    ("XA cargo.advance_information",),
    ("XA risk.alert", "XB risk.control_request", "XA risk.control_result", "XA image.scan"),
    ("XA trader.status",),
    ("XA trader.revocation",),
    ("XA trader.list",),
    ("XA capacity.request", "XB capacity.diagnostic"),
    ("XA announcement",),
)
"""All else, by who says it; each answers what was said before."""


def talks() -> list[tuple[str, ...]]:
    """Return who says what, talk by talk."""
    cases = [
        (
            f"XA {REQUEST}",
            *(f"{'XA' if name in ASKS else 'XB'} case.{name}" for name in names.split()),
        )
        for names in CASES
    ]
    opening = [
        (f"XA {name}",) for name, kind in CATALOGUE.items() if kind.family is Family.REQUESTS
    ]
    return [*cases, *opening, *TALKS, ("XA ping",)]


async def say(fed: Federation, line: str, before: Submitted | None, content: Any) -> Submitted:
    """Let a member say something to the other one."""
    sender, kind = line.split()
    submission = Submission(
        to=["XB" if sender == "XA" else "XA"],
        kind=kind,
        content=content,
        in_reply_to=None if before is None else before.id,
    )
    (answer,) = await fed.nodes[MemberId(sender)].rooms.exchange.submit([submission], OFFICER)
    if isinstance(answer, Exception):
        raise answer
    return answer


def test_talks_hold_every_kind() -> None:
    """A kind that nobody says would not be tried."""
    by_house = {name for name, kind in CATALOGUE.items() if not kind.by_node}
    assert {line.split()[1] for talk in talks() for line in talk} == by_house


async def test_every_kind_is_sent_received_and_shown(tmp_path: Path) -> None:
    """What was written is read at the other end, with its name in French."""
    async with federation(tmp_path, "XA", "XB") as fed:
        today = datetime.fromtimestamp(fed.clocks[MemberId("XA")].now(), UTC).date()
        sent: list[tuple[str, Any, Submitted]] = []
        for talk in talks():
            first: Submitted | None = None
            before: Submitted | None = None
            for line in talk:
                content = example_of(CATALOGUE[line.split()[1]], today)
                if first is not None and "message" in content:
                    content = content | {"message": first.id}
                before = await say(fed, line, before, content)
                first = first or before
                sent.append((line, content, before))
                if len(talk) > 1:  # the other one answers what it has
                    await came(fed, line, before)
        for line, content, message in sent:
            sender, kind = line.split()
            await came(fed, line, message)
            if CATALOGUE[kind].ends_at_node:
                continue
            other = fed.nodes[MemberId("XB" if sender == "XA" else "XA")]
            shown = await other.rooms.inbox.read(message.id, READER, "fr", OpeningReason.REVIEW)
            assert shown.label == CATALOGUE[kind].label.fr
            assert (shown.kind, shown.signature) == (kind, "valid")
            assert CATALOGUE[kind].validate(shown.content) == CATALOGUE[kind].validate(content)


async def came(fed: Federation, line: str, message: Submitted) -> None:
    """Wait until what was said is delivered."""
    await fed.until(lambda: delivered(fed, line.split(maxsplit=1)[0], message))


async def delivered(fed: Federation, sender: str, message: Submitted) -> bool:
    """Tell whether a message is delivered."""
    return await fed.state(sender, message.id) == "delivered"


async def test_content_without_handling_has_the_kinds_own(tmp_path: Path) -> None:
    """It is written before it is signed: both ends read the same."""
    async with federation(tmp_path, "XA", "XB") as fed:
        content = {"title": "Course", "text": "In spring.", "language": "en"}
        sent = await say(fed, "XA announcement", None, content)
        await fed.until(lambda: delivered(fed, "XA", sent))
        handling = (await fed.read("XB", sent.id)).content["handling"]
        assert handling == msgspec.to_builtins(CATALOGUE["announcement"].handling)


async def test_reply_by_a_day_that_is_over_is_refused(tmp_path: Path) -> None:
    """At the sender, with its place; nothing is stored."""
    async with federation(tmp_path, "XA", "XB") as fed:
        with pytest.raises(FaultsError) as refused:
            await fed.send("XA", "XB", content=example_of(CATALOGUE[REQUEST], DAY_OVER))
        told = [(fault.pointer, fault.code) for fault in refused.value.faults]
        assert told == [("/content/reply_by", "day_past")]
        assert (await fed.nodes[MemberId("XA")].rooms.health.status()).messages == {}


DAY_OVER = datetime(2020, 1, 1, tzinfo=UTC).date()


async def test_own_kind_goes_between_who_has_it(tmp_path: Path) -> None:
    """XA and XB have the file; XC has not, and refuses it as unknown."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        for member in ("XA", "XB"):
            folder = tmp_path / member / "kinds.d"
            folder.mkdir()
            (folder / "permit.toml").write_text(PERMIT, encoding="utf-8")
            await fed.stop(member)
            await fed.start(member)
        content = {"permit": "AL-CITES-17", "species": ["ivory"]} | {"language": "en"}
        submission = Submission(to=["XB", "XC"], kind="own.permit_check", content=content)
        (sent,) = await fed.nodes[MemberId("XA")].rooms.exchange.submit([submission], OFFICER)
        assert isinstance(sent, Submitted)

        async def ended() -> bool:
            states = {row.state for row in (await fed.read("XA", sent.id)).recipients}
            return states == {"delivered", "failed"}

        await fed.until(ended)
        rows = {
            row.member: (row.state, row.code) for row in (await fed.read("XA", sent.id)).recipients
        }
        assert rows == {"XB": ("delivered", ""), "XC": ("failed", "kind_unknown")}
        shown = await fed.nodes[MemberId("XB")].rooms.inbox.read(sent.id, OFFICER, "fr")
        assert (shown.label, shown.content["species"]) == ("Contrôle d'un permis", ("ivory",))
        assert shown.content["handling"]["tlp"] == "GREEN"
        lists = fed.nodes[MemberId("XB")].rooms.code_lists
        assert "own_permit_check_species" in lists.names()
        listed = await lists.codes("own_permit_check_species", "fr", under="iv")
        assert [(item.code, item.label) for item in listed.codes] == [("ivory", "Ivoire")]
        with pytest.raises(RejectedError, match="no kind"):
            await say(fed, "XC own.permit_check", None, content)


async def test_what_was_told_unasked_is_recalled_by_who_told_it(tmp_path: Path) -> None:
    """And by nobody else: there is no request whose state could allow it."""
    async with federation(tmp_path, "XA", "XB") as fed:
        today = datetime.fromtimestamp(fed.clocks[MemberId("XA")].now(), UTC).date()
        told = example_of(CATALOGUE["information.spontaneous"], today)
        sent = await say(fed, "XA information.spontaneous", None, told)
        await came(fed, "XA", sent)
        recall = example_of(CATALOGUE["information.recall"], today) | {"message": sent.id}
        with pytest.raises(RejectedError, match="by its sender alone"):
            await say(fed, "XB information.recall", sent, recall)
        await came(fed, "XA", await say(fed, "XA information.recall", sent, recall))
        kinds = [item.kind for item in (await fed.inbox("XB")).messages]
        assert kinds == ["information.spontaneous", "information.recall"]
        answers = {item.kind for item in (await fed.inbox("XA")).messages}
        assert answers <= {"information.recall_report"}


async def test_legal_basis_is_held_against_what_is_in_force(tmp_path: Path) -> None:
    """With the other faults of the content; a pair without an agreement here has any."""
    instrument = InstrumentSettings(name="XA–XB agreement", members=["XA", "XB"])
    changes = {"XA": {"cases": {"instruments": [instrument]}}}
    async with federation(tmp_path, "XA", "XB", "XC", changes=changes) as fed:
        content = request([])["content"] | {"legal_basis": "Nairobi Convention"}
        with pytest.raises(FaultsError) as refused:
            await fed.send("XA", "XB", content=content | {"currency": "ABC"})
        assert {(item.pointer, item.code, item.limit) for item in refused.value.faults} == {
            ("/content/legal_basis", "not_in_force", "XA–XB agreement"),
            ("/content/currency", "code_unknown", "ISO 4217"),
        }
        await fed.send("XA", "XC", content=content)
        await fed.send("XA", "XB")
