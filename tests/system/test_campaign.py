"""A short deterministic slice of the campaign: real nodes, a relay, both databases, real kills."""

import contextlib
from pathlib import Path

import pytest

from gateway.cli.demo.story import request
from tests import postgres
from tests.system.campaign import Plan, run
from tests.system.nodes import nodes


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_federation_loses_and_doubles_nothing(tmp_path: Path, database: str) -> None:
    """Sender, relay, members with and without an address, and the server; then counted."""
    with contextlib.ExitStack() as stack:
        server = None
        if database == "postgresql":
            if reason := postgres.missing():
                pytest.skip(reason)
            server = stack.enter_context(postgres.server())
        plan = Plan(kills=3, messages=120, restarts=int(server is not None), seed=3)
        account = run(tmp_path, plan, server)
    assert account.is_held, account.sentence
    assert account.count.delivered == account.copies > account.accepted >= 120


def test_relay_keeps_nothing_readable_and_no_key(tmp_path: Path) -> None:
    """While a message waits in the mailbox, no file of the relay holds a word of it."""
    with nodes(tmp_path, "XA", "RO", "XC@RO") as made:
        first = made.call("XA", "POST", "/v1/messages", {**request([]), "to": ["XC"]})["id"]
        made.delivered("XA", [first])  # so RO has XC's card, and answers for it
        made.kill("XC")
        body = {
            **request([]), "to": ["XC"],
            "content": {**request([])["content"], "facts": "the secret of the day"},
        }  # fmt: skip
        sent = made.call("XA", "POST", "/v1/messages", body)["id"]
        made.until(lambda: made.shown("XA", sent)["state"] == "in_custody")
        files = [file for file in made.folder("RO").rglob("*") if file.is_file()]
        assert len(files) > 3
        for file in files:
            assert b"secret of the day" not in file.read_bytes(), file
        made.start("XC")
        made.delivered("XA", [sent])
        assert made.inbox("XC") == [first, sent]
