"""The account of a campaign sees what it is there to see."""

from dataclasses import replace

import pytest

from gateway.store.outbox.states import OutboxState
from tests.system.campaign import Account
from tests.system.inventory import Count, Received, Sent, counted
from tests.system.traffic import Promised

PROMISED = {"XA-1": Promised(token="t1", to=("XB", "XC"))}
GOOD = Sent(state=OutboxState.DELIVERED, code="", receipt=b"signed", proven=True)
HELD = Received(token="t1", receipt=b"signed")
SENT = {("XA-1", "XB"): GOOD, ("XA-1", "XC"): GOOD}
INBOXES = {"XB": {"XA-1": HELD}, "XC": {"XA-1": HELD}}


def is_held(count: Count, copies: int = 2) -> bool:
    """Tell what a campaign would say of it, were the audit logs in order."""
    account = Account(database="sqlite", shared=False, copies=copies, count=count)
    return account.is_held


def test_copy_that_arrived_once_with_its_receipt_is_delivered() -> None:
    """To each recipient; what arrived unanswered is single, and allowed."""
    assert counted(PROMISED, SENT, INBOXES) == Count(delivered=2)
    more = INBOXES | {"XC": {"XA-1": HELD, "XA-2": Received(token="t2", receipt=b"")}}
    assert counted(PROMISED, SENT, more) == Count(delivered=2, unanswered=1)
    assert is_held(counted(PROMISED, SENT, more))


@pytest.mark.parametrize(
    ("row", "arrived", "expected"),
    [
        (None, HELD, Count(delivered=1, lost=1)),
        (GOOD, None, Count(delivered=1, lost=1)),
        (GOOD, replace(HELD, token="t9"), Count(delivered=1, lost=1, unanswered=1)),
        (replace(GOOD, proven=False), HELD, Count(delivered=1, unproven=1)),
        (replace(GOOD, receipt=b"other"), HELD, Count(delivered=1, unproven=1)),
        (replace(GOOD, state=OutboxState.FAILED), HELD, Count(delivered=1, unproven=1)),
        (replace(GOOD, state=OutboxState.SENDING), HELD, Count(delivered=1, waiting=1)),
        (replace(GOOD, state=OutboxState.IN_CUSTODY), None, Count(delivered=1, waiting=1)),
    ],
)
def test_copy_that_is_not_delivered_breaks_the_promise(
    row: Sent | None, arrived: Received | None, expected: Count
) -> None:
    """Lost, unproven and waiting are told apart, and none of them is hidden."""
    sent = {name: item for name, item in (SENT | {("XA-1", "XB"): row}).items() if item}
    inbox = {"XA-1": arrived} if arrived else {}
    count = counted(PROMISED, sent, INBOXES | {"XB": inbox})
    assert count == expected
    assert not is_held(count)


def test_content_that_arrived_twice_is_doubled_under_any_name() -> None:
    """A name is unique in an inbox anyway: the content tells."""
    twice = INBOXES | {"XC": {"XA-1": HELD, "XA-2": HELD}}
    count = counted(PROMISED, SENT, twice)
    assert count == Count(delivered=2, doubled=1)
    assert not is_held(count)


def test_visible_end_keeps_the_promise_if_nothing_arrived() -> None:
    """With its reason; an account that does not add up is broken."""
    failed = replace(GOOD, state=OutboxState.FAILED, code="kind_unknown", receipt=None)
    expired = replace(GOOD, state=OutboxState.EXPIRED, receipt=None)
    sent = {("XA-1", "XB"): failed, ("XA-1", "XC"): expired}
    count = counted(PROMISED, sent, {"XB": {}, "XC": {}})
    assert count == Count(ended={"kind_unknown": 1, "expired": 1})
    assert is_held(count)
    assert not is_held(count, copies=3)
    account = Account(database="sqlite", shared=False, copies=2, count=count, nodes=4)
    assert not account.is_held  # no audit log was verified
