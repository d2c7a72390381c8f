"""The main job, as a person with a fresh machine sees it."""

import pytest

from tests.system.nodes import done

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


def test_demo_plays_and_counts_what_happened() -> None:
    """Three processes, two messages, two receipts; nothing in the clear; one altered bit found."""
    facts = done("demo", "--json").json
    seconds = facts.pop("seconds")
    assert seconds < 60
    assert facts.pop("audit_entries") > 10
    assert facts == {
        "members": 3,
        "messages_accepted": 2,
        "messages_delivered": 2,
        "receipts_verified": 2,
        "faults_named": 1,
        "plaintext_found": 0,
        "audit_verified": True,
        "tampering_detected": True,
    }


def test_demo_tells_a_story_that_ends_well() -> None:
    """The same for people, in numbered steps."""
    told = done("demo").out
    assert "The registrar founds the federation" in told
    assert "signature valid" in told
    assert "NOT VERIFIED" not in told
    assert "DAMAGED" not in told
    assert "found: audit entry" in told
