"""What the scenarios of handling say: information, consent, recall."""

from typing import Any

from gateway.services.sending.submission import Submitted
from keys.suite import MemberId
from tests.scenarios.federation import OFFICER, Federation
from tests.scenarios.test_exchange import delivered, pieces


async def inform(
    fed: Federation, sender: str, to: str | list[str], /, file: bytes = b"", **changes: Any
) -> Submitted:
    """Tell something under H2 and see it arrive, with a file if there is one."""
    content = {
        "language": "en", "legal_basis": "Agreement, Art. 9",
        "subject": "Shoes", "facts": "Invoices of two prices.",
    }  # fmt: skip
    content |= changes.pop("saying", {})
    attachments = [await uploaded(fed, sender, file)] if file else []
    changes = {"kind": "information.spontaneous", "attachments": attachments} | changes
    return await arrived(fed, sender, to, content=content, **changes)


async def uploaded(fed: Federation, member: str, file: bytes) -> str:
    """Upload a file at a member; return its id."""
    rooms = fed.nodes[MemberId(member)].rooms
    return (await rooms.attachments.upload(pieces(file), "a.pdf", "application/pdf", OFFICER)).id


async def control(
    fed: Federation, sender: str, to: str, kind: str, message: str, /, **said: Any
) -> Submitted:
    """Say something about a message, in its case, and see it arrive."""
    case = said.pop("case")
    if kind.startswith("consent."):
        said = {"recipient": "Customs", "member": "XC", "purpose": "assessment"} | said
    content = {"message": message, "language": "en"} | said
    return await arrived(fed, sender, to, kind=kind, case=case, content=content)


async def arrived(fed: Federation, sender: str, to: str | list[str], /, **said: Any) -> Submitted:
    """Send something and see it arrive everywhere."""
    names = [to] if isinstance(to, str) else to
    said = {"attachments": []} | said
    sent = await fed.send(sender, names[0], **(said | {"to": names}))
    await fed.until(lambda: delivered(fed, sender, sent.id))
    return sent
