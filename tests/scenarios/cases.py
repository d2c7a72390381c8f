"""Cases played between nodes, with the content that the examples have."""

from datetime import UTC, datetime
from typing import Any

from gateway.cases.examples import example_of
from gateway.cases.kinds import CATALOGUE
from gateway.services.sending.submission import Submitted
from keys.suite import MemberId
from tests.scenarios.federation import Federation
from tests.scenarios.test_exchange import delivered


async def say(fed: Federation, sender: str, to: str, kind: str, /, **changes: Any) -> Submitted:
    """Say something in a case; ``saying`` is what its content says otherwise."""
    today = datetime.fromtimestamp(fed.clocks[MemberId(sender)].now(), UTC).date()
    content = example_of(CATALOGUE[kind], today) | changes.pop("saying", {})
    return await fed.send(sender, to, kind=kind, content=content, **changes)


async def told(fed: Federation, sender: str, to: str, kind: str, /, **changes: Any) -> Submitted:
    """Say something in a case, and see it arrive."""
    sent = await say(fed, sender, to, kind, **changes)
    await fed.until(lambda: delivered(fed, sender, sent.id))
    return sent
