"""Conduct: what can be said in a case, by what is known of it, and what it then answers."""

from dataclasses import replace

import pytest

from gateway.cases.threads.clocks import Policy, reopenable_until
from gateway.cases.threads.event import Pair
from gateway.cases.threads.growing import case_of
from gateway.cases.threads.instruments import Instrument
from gateway.cases.threads.thread import RECALL, REOPEN, REOPEN_WITHIN_S, REQUEST, fold
from gateway.errors import ConflictError
from gateway.services.casework.conduct import admitted, check_reopening
from tests.cases.told import Party, event, tell
from tests.outcome import outcome


def test_a_word_without_a_name_answers_the_newest_that_was_heard() -> None:
    """A request and a name that was given stay as they are."""
    told = tell(REQUEST, "case.acknowledge", "case.extend")
    assert admitted(case_of(told), event("case.remind", "XA", 2)).in_reply_to == told[-1].name
    named = event("case.reply", "XB", 3, in_reply_to=told[0].name)
    assert admitted(case_of(told), named) == named
    asked = event(REQUEST, "XA", 2, to=("XC",))
    assert admitted(case_of(told), asked) == asked


def test_a_word_to_several_is_held_against_each_thread() -> None:
    """One that has ended refuses it for all; a copy to who was asked nothing is no hindrance."""
    asked = event(REQUEST, to=("XB", "XC"))
    reminder = event("case.remind", "XA", 2, to=("XB", "XC"))
    assert admitted(case_of([asked]), reminder) == reminder
    refusal = event("case.refuse", "XC", to=("XA",), in_reply_to=asked.name)
    assert outcome(admitted, case_of([asked, refusal]), reminder).code == "not_in_this_state"
    copied = event("case.acknowledge", "XB", to=("XA", "RILO-W"))
    assert admitted(case_of([asked]), copied).in_reply_to == asked.name


@pytest.mark.parametrize("row", ["case.reply", "case.remind", "case.close"])
def test_where_nothing_was_asked_nothing_is_conducted(row: str) -> None:
    """Not even by who is asked in somebody else's thread."""
    fault = outcome(admitted, case_of([]), event(row, "XB"))
    assert isinstance(fault, ConflictError)
    assert fault.code == "not_in_this_state"
    stranger = replace(event(row, "XB"), member="XC")
    assert "nothing was asked between XC and XA" in outcome(
        admitted, case_of(tell(REQUEST)), stranger
    ).detail  # fmt: skip


def test_a_recall_takes_back_what_was_sent_in_any_case() -> None:
    """Where nothing was asked too; but nobody else's message, and none that is not named."""
    recall = event(RECALL, "XB")
    assert admitted(case_of([]), recall) == recall
    stolen = replace(recall, in_reply_to=event("case.reply", "XA").name)
    assert outcome(admitted, case_of([]), stolen).code == "not_in_this_state"
    told = tell(REQUEST, "case.reply", "case.close")
    own = event(RECALL, "XB", 2, in_reply_to=told[1].name)
    assert admitted(case_of(told), own) == own
    for name in ("", told[0].name):
        foreign = event(RECALL, "XB", 2, in_reply_to=name)
        assert outcome(admitted, case_of(told), foreign).code == "not_in_this_state"


def test_the_same_member_is_not_asked_twice_in_one_case() -> None:
    """But may ask back, in a thread of its own."""
    told = tell(REQUEST)
    assert outcome(admitted, case_of(told), event(REQUEST, "XA", 2)).code == "not_in_this_state"
    back = event(REQUEST, "XB")
    assert admitted(case_of(told), back) == back
    party = Party("XB", held=[*told, back], sent=1)
    assert (
        admitted(case_of([*told, back]), party.forge("case.acknowledge")).kind == "case.acknowledge"
    )


def test_a_thread_is_opened_again_as_long_as_its_instrument_says() -> None:
    """Not a second longer; where there is no instrument, or no closing, that is not asked here."""
    told = tell(REQUEST, "case.acknowledge", "case.reply", "case.close")
    short = Instrument(
        name="", members=frozenset({"XA", "XB"}), policy=Policy(reopen_days=2)
    )  # fmt: skip
    closed = fold(Pair("XA", "XB"), told).thread
    assert reopenable_until(closed, short.policy) == closed.entered_at + 2 * 86_400
    assert reopenable_until(closed, Policy(reopen_days=999)) == closed.entered_at + REOPEN_WITHIN_S
    assert reopenable_until(fold(Pair("XA", "XB"), told[:-1]).thread, short.policy) is None
    for late_s, instruments, may in (
        (0, [short], True), (1, [short], False), (1, [], True),
    ):  # fmt: skip
        at = closed.entered_at + 2 * 86_400 + late_s
        said = replace(event(REOPEN, "XA", 9), created_at=at)
        found = outcome(check_reopening, case_of(told), said, instruments)
        assert found is None if may else found.code == "not_in_this_state"
