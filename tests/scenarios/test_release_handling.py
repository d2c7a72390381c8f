"""What waits for a second person: its files, what it passes on, its key; and what never waits."""

from pathlib import Path

from gateway.services.keykeeping import rewrapping
from gateway.services.receiving.inbox import MessageQuery
from gateway.services.regions.copying import CopyOrder
from gateway.settings import ReleaseSettings
from gateway.store import storage_keys
from keys.registry.statement import NO_COMPETENCES, MemberRole
from keys.suite import KeyUse
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, federation
from tests.scenarios.handling import control, inform, uploaded
from tests.scenarios.releasing import (
    DRAFTER,
    SECOND,
    XA,
    XB,
    asks,
    draft,
    held,
    state_of,
    stored,
)
from tests.scenarios.test_exchange import delivered
from tests.scenarios.test_passing import disclosed

DAY_S = 86_400
FILE = b"an invoice" * 1000
EVERYTHING = ReleaseSettings(name="everything")


async def test_its_attachments_stay_as_long_as_it_waits(tmp_path: Path) -> None:
    """Past the day after which uploads go, under another storage key; the second person opens them.

    Of what was turned down they go a month later.
    """
    async with federation(tmp_path, "XA", "XB", changes=asks()) as fed:
        node = fed.nodes[XA]
        named, spare = [await uploaded(fed, "XA", FILE) for _ in range(2)]
        made, lost = [await held(fed, attachments=[named]) for _ in range(2)]
        await node.rooms.releasing.withdraw(lost.id, DRAFTER, None)
        fed.clocks[XA].ahead_s = fed.clocks[XB].ahead_s = 2 * DAY_S
        await node.workers.following.follow()
        await node.workers.sweep()
        assert (await outcome_of(node.rooms.attachments.take(spare))).code == "attachment_unknown"

        (old,) = node.keys.keyring.records(KeyUse.STORAGE)
        await node.rooms.rotation.rotate(KeyUse.STORAGE, OFFICER)
        assert await node.rooms.rewrapping.begin(OFFICER) == 1
        await node.rooms.rewrapping.walk()
        assert (await node.database.read(storage_keys.states))[old.key_id][0] == "ended"
        for name in (XA, XB):
            fed.clocks[name].ahead_s += rewrapping.DESTROY_AFTER_S
        await node.rooms.rewrapping.walk()
        assert len(node.keys.keyring.records(KeyUse.STORAGE)) == 1

        opened = await node.rooms.inbox.read(made.id, SECOND)
        (file,) = opened.attachments
        assert (file.size, file.state) == (len(FILE), "whole")
        attachment = await node.rooms.inbox.attachment(file.id, SECOND)
        read = (await node.rooms.attachments.open(attachment)).read(0, len(FILE))
        assert b"".join([piece async for piece in read]) == FILE
        assert (await outcome_of(node.rooms.inbox.attachment(f"{made.id}.1", SECOND))).code == (
            "attachment_unknown"
        )
        await node.rooms.releasing.release(made.id, SECOND)
        await fed.until(lambda: delivered(fed, "XA", made.id))
        assert (await fed.read("XB", made.id)).attachments[0].sha256 == file.sha256
        fed.clocks[XA].ahead_s += 60 * DAY_S
        await node.workers.sweep()
        assert await state_of(fed, made.id) == "delivered"
        assert (await fed.read("XA", made.id)).attachments[0].state == "whole"


async def test_what_is_passed_on_is_disclosed_when_it_goes(tmp_path: Path) -> None:
    """Not before; and a consent that was withdrawn, or a recall, in between keeps it here."""
    rule = ReleaseSettings(name="to third parties", forwards=True)
    changes = asks(rule, member="XB")
    async with federation(tmp_path, "XA", "XB", "XC", changes=changes) as fed:
        releasing = fed.nodes[XB].rooms.releasing
        told, other = await inform(fed, "XA", "XB"), await inform(fed, "XA", "XB")
        for item in (told, other):
            await control(fed, "XA", "XB", "consent.grant", item.id, case=item.case)
        made, late = [
            await draft(
                fed, DRAFTER, XB, to=["XC"], kind="information.spontaneous", forwards=[item.id],
                purpose="assessment", content=_content(),
            )
            for item in (told, other)
        ]  # fmt: skip
        assert (made.release.rule, await disclosed(fed, XB, told.id)) == ("to third parties", [])
        await releasing.release(made.id, SECOND)
        (went,) = await disclosed(fed, XB, told.id)
        assert went.recipient == "XC"
        recall = {"kind": "information.recall", "in_reply_to": other.id, "case": None}
        content = {"message": other.id, "language": "en", "reason": "sent_by_mistake"}
        recalled = await fed.send("XA", "XB", **recall, content=content, attachments=[])
        await fed.until(lambda: delivered(fed, "XA", recalled.id))
        fault = await outcome_of(releasing.release(late.id, SECOND))
        assert (fault.code, await disclosed(fed, XB, other.id)) == ("information_recalled", [])
        assert (await stored(fed, XB))[1] == 1


async def test_what_the_node_says_of_itself_never_waits(tmp_path: Path) -> None:
    """Under a rule for everything: pings, reports of recalls, notices, copies that policy names.

    Nor does an officer's recall: until it goes, what it is about is read on. A copy that an officer
    asks for waits.
    """
    roles = {"RO": (MemberRole.LIAISON_OFFICE, NO_COMPETENCES)}
    async with federation(
        tmp_path, "XA", "XB", "RO", changes=asks(EVERYTHING, member="XB"), roles=roles
    ) as fed:
        rooms = fed.nodes[XB].rooms
        ping = await draft(fed, DRAFTER, XB, to=["XA"], kind="ping", content={})
        assert ping.release is None
        told = await inform(fed, "XA", "XB")
        recall = {"message": told.id, "language": "en", "reason": "sent_by_mistake"}
        await fed.send(
            "XA", "XB", kind="information.recall", in_reply_to=told.id, content=recall,
            attachments=[],
        )  # fmt: skip

        async def reported() -> bool:
            kinds = {item.kind for item in (await fed.inbox("XA")).messages}
            return "information.recall_report" in kinds

        await fed.until(reported)
        assert (await stored(fed, XB))[1] == 0
        sent = await draft(fed, DRAFTER, XB, to=["XA"], kind="information.spontaneous",
                           content=_content())  # fmt: skip
        await rooms.releasing.release(sent.id, SECOND)
        own = {"message": sent.id, "language": "en", "reason": "sent_by_mistake"}
        back = await draft(fed, DRAFTER, XB, to=["XA"], kind="information.recall", content=own,
                           in_reply_to=sent.id)  # fmt: skip
        assert back.release is None
        asked = await draft(fed, DRAFTER, XB, to=["XA"])
        await rooms.releasing.release(asked.id, SECOND)
        copied = await rooms.copies.copy(asked.id, CopyOrder(to=["RO"]), DRAFTER)
        assert copied.release is not None
        await rooms.releasing.release(copied.id, SECOND)
        await fed.until(lambda: delivered(fed, "XB", copied.id))
        page = await rooms.inbox.page(MessageQuery(direction="draft"), SECOND)
        assert page.messages == []


def _content() -> dict[str, object]:
    content = {"language": "en", "legal_basis": "Agreement, Art. 9", "subject": "Shoes"}
    return {**content, "facts": "Invoices of two prices."}
