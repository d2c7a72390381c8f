"""What the scenarios of two-person release share: who drafts, who decides, what is left of it."""

from typing import Any

import msgspec

from gateway.cli.demo.story import request
from gateway.services.caller import Caller
from gateway.services.receiving.inbox import MessageQuery
from gateway.services.receiving.message_view import Summary
from gateway.services.sending.submission import Submission, Submitted
from gateway.settings import ReleaseSettings, Role
from gateway.store import drafts, messages
from gateway.store.database import Transaction
from keys.suite import MemberId
from tests.scenarios.federation import OFFICER, Federation, recorded

XA, XB, XC = (MemberId(name) for name in ("XA", "XB", "XC"))
BOTH = frozenset({Role.OFFICER, Role.RELEASER})
DRAFTER = Caller(name="uid:11", roles=BOTH)
SECOND = Caller(name="uid:12", roles=frozenset({Role.RELEASER}))
THIRD = Caller(name="uid:13", roles=BOTH)
REQUESTS = ReleaseSettings(name="requests", kinds=["request"])
RELEASE_KINDS = ("message.drafted", "message.released", "release.", "draft.")


def asks(*rules: ReleaseSettings, member: str = "XA", **policy: Any) -> Any:
    """Return the changes of settings that let a member ask for a second person."""
    return {member: {"policy": {"release": list(rules or (REQUESTS,))} | policy}}


async def draft(
    fed: Federation, caller: Caller = DRAFTER, member: MemberId = XA, /, **said: Any
) -> Any:
    """Let somebody of a member say something to XB; return the answer or the error."""
    submission = msgspec.convert(request([]) | said, Submission)
    (answer,) = await fed.nodes[member].rooms.exchange.submit([submission], caller)
    return answer


async def held(fed: Federation, caller: Caller = DRAFTER, /, **said: Any) -> Submitted:
    """Let somebody say something that waits, and see that nothing went."""
    answer = await draft(fed, caller, **said)
    assert isinstance(answer, Submitted), answer
    assert answer.release is not None
    assert (answer.envelope_id, {one.state for one in answer.recipients}) == (
        "", {"awaiting_release"},
    )  # fmt: skip
    return answer


async def waiting(fed: Federation, caller: Caller = SECOND, **query: Any) -> list[Summary]:
    """Return what waits at XA, as somebody sees it."""
    asked = MessageQuery(**{"state": "awaiting_release"} | query)
    return (await fed.nodes[XA].rooms.inbox.page(asked, caller)).messages


async def entries(fed: Federation, member: MemberId = XA) -> list[tuple[str, str, str]]:
    """Return (kind, peer, code) of the entries about drafts."""
    return [
        (entry.kind.value, entry.peer, entry.code)
        for entry in await recorded(fed.nodes[member])
        if entry.kind.value.startswith(RELEASE_KINDS)
    ]


async def stored(fed: Federation, member: MemberId = XA) -> tuple[dict[str, int], int]:
    """Return how many messages a member has, and how many of its drafts wait."""

    def look(tx: Transaction) -> tuple[dict[str, int], int]:
        return messages.counts(tx), drafts.count_waiting(tx)

    return await fed.nodes[member].database.read(look)


async def state_of(fed: Federation, message: str) -> str:
    """Return how far a message of XA is."""
    return (await fed.nodes[XA].rooms.inbox.read(message, OFFICER)).state
