"""Cases played between nodes: every kind of the conduct, with the content of a reply."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.cases import kinds
from gateway.cases.kinds import CATALOGUE
from gateway.cases.thread import TABLE
from gateway.cli.story import reply, request
from gateway.services.sending.submission import Submitted
from tests.scenarios.federation import Federation
from tests.scenarios.test_exchange import delivered


@pytest.fixture
def conduct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every kind of the conduct be sent: what it says is not what these tests are about."""
    every = {name for name, _ in TABLE if name.startswith("case.") and " " not in name}
    model = CATALOGUE["case.reply"]
    changed = dict(CATALOGUE) | {name: replace(model, name=name) for name in every}
    for name, kind in changed.items():
        monkeypatch.setitem(kinds.CATALOGUE, name, kind)  # type: ignore[arg-type]


async def say(fed: Federation, sender: str, to: str, kind: str, /, **changes: Any) -> Submitted:
    """Say something in a case."""
    if kind.startswith("request."):
        content = request([])["content"] | {"reply_by": "2099-12-31"} | changes.pop("saying", {})
        return await fed.send(sender, to, kind=kind, content=content, **changes)
    content = reply("")["content"]
    return await fed.send(sender, to, kind=kind, content=content, attachments=[], **changes)


async def told(fed: Federation, sender: str, to: str, kind: str, /, **changes: Any) -> Submitted:
    """Say something in a case, and see it arrive."""
    sent = await say(fed, sender, to, kind, **changes)
    await fed.until(lambda: delivered(fed, sender, sent.id))
    return sent
