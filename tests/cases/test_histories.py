"""Histories: two sides that send, cross, repeat and forge; both find the same, and lose nothing."""

import os
from dataclasses import dataclass, field, replace
from datetime import date
from functools import reduce

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.cases.threads.event import Event, Side, in_order
from gateway.cases.threads.thread import REQUEST, TABLE, Folded, Thread, advance, fold
from gateway.cases.trends import times_of
from gateway.errors import ConflictError
from tests.cases.told import BY, PAIR, Party, other

NEXT = date(2026, 3, 1)
ROWS = sorted({row for row, _ in TABLE})
SPOKEN = {
    member: sorted(row for row, said_by in TABLE if BY[said_by] == member) for member in BY.values()
}


@dataclass
class History:
    """Both parties, and what is under way between them."""

    parties: dict[str, Party] = field(
        default_factory=lambda: {member: Party(member) for member in BY.values()}
    )
    under_way: list[Event] = field(default_factory=list)
    sent: list[Event] = field(default_factory=list)
    refused: int = 0

    def send(self, said: Event) -> None:
        """Let something go out."""
        self.sent.append(said)
        self.under_way.append(said)

    def say(self, member: str, row: str) -> None:
        """Let an honest node say something, if it can."""
        try:
            self.send(self.parties[member].say(row))
        except ConflictError:
            self.refused += 1

    def forge(self, data: st.DataObject, member: str, row: str) -> None:
        """Let a bent node say anything, as an answer to anything, under any number."""
        party = self.parties[member]
        seen = [item.name for item in party.held] + ["", f"XC-{bytes(16).hex()}"]
        said = party.forge(
            row, in_reply_to=data.draw(st.sampled_from(seen)), seq=data.draw(st.integers(1, 9))
        )
        self.send(party.keep(said))

    def deliver(self, at: int) -> None:
        """Let something arrive."""
        said = self.under_way.pop(at)
        self.parties[other(said.member)].held.append(said)


@st.composite
def histories(draw: st.DrawFn, *, forged: bool, crossing: bool) -> History:
    """Draw a history to its end, where all has arrived."""
    data = draw(st.data())
    history = History()
    history.say("XA", REQUEST)
    if not crossing:
        history.deliver(0)
    for _ in range(draw(st.integers(0, 14))):
        member = draw(st.sampled_from(list(BY.values())))
        act = draw(st.sampled_from(["say", "say", "forge" if forged else "say", "deliver"]))
        if act == "say":
            history.say(member, draw(st.sampled_from(SPOKEN[member])))
        elif act == "forge":
            history.forge(data, member, draw(st.sampled_from(ROWS)))
        elif history.under_way:
            history.deliver(draw(st.integers(0, len(history.under_way) - 1)))
        while history.under_way and not crossing:
            history.deliver(0)
    while history.under_way:
        history.deliver(draw(st.integers(0, len(history.under_way) - 1)))
    return history


def hold(history: History, data: st.DataObject) -> Folded:
    """Assert what holds of every history; return where it ends."""
    mine, theirs = (history.parties[member].held for member in BY.values())
    found = fold(PAIR, mine)
    assert found == fold(PAIR, theirs)
    again = data.draw(st.permutations(mine + data.draw(st.lists(st.sampled_from(mine)))))
    assert fold(PAIR, again) == found
    assert sorted(item.event.name for item in found.said) == sorted(
        item.name for item in history.sent
    )
    assert [item.event for item in found.said] == in_order(mine)
    assert found.thread == _moved(found)
    return found


def _moved(found: Folded) -> Thread:
    """Move a thread by what was in order alone: the rest had no effect."""
    kept = (item.event for item in found.said if not item.out_of_order)
    return reduce(advance, kept, Thread(pair=PAIR))


def many(default: int) -> settings:
    """Return how many histories are played."""
    return settings(
        max_examples=default,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@given(histories(forged=True, crossing=True), st.data())
@many(150)
def test_both_sides_agree_whatever_happens(history: History, data: st.DataObject) -> None:
    """Crossing, late, repeated and forged: one state, and every message in it once."""
    hold(history, data)


@given(histories(forged=False, crossing=False), st.data())
@many(100)
def test_honest_sides_that_hear_each_other_are_never_out_of_order(
    history: History, data: st.DataObject
) -> None:
    """What a node lets out moves the thread at both ends."""
    assert hold(history, data).out_of_order == ()


@given(histories(forged=False, crossing=True), st.data())
@many(100)
def test_only_what_crossed_is_out_of_order(history: History, data: st.DataObject) -> None:
    """Both sides spoke, or nothing is: a monologue is always heard as it was said."""
    found = hold(history, data)
    if found.out_of_order:
        assert {item.member for item in history.sent} == set(BY.values())
        assert found.said[0].event.member == BY[Side.ASKER]


def _tombstone(said: Event) -> Event:
    """Return what is left of an event whose message was purged: what is in the clear, and part."""
    return replace(said, due_on=None, urgent=False, made_orally=False, legal_basis="")


def _bury(history: History, data: st.DataObject) -> None:
    """Assert that a purge at the end of one side changes nothing of what was said."""
    member = data.draw(st.sampled_from(list(BY.values())))
    held = [
        replace(said, due_on=NEXT, urgent=True, made_orally=True, legal_basis="CMAA")
        for said in history.parties[member].held
    ]
    buried = data.draw(st.sets(st.integers(0, len(held) - 1)))
    left = [_tombstone(said) if at in buried else said for at, said in enumerate(held)]
    whole, after = fold(PAIR, held), fold(PAIR, left)
    theirs = fold(PAIR, history.parties[other(member)].held)
    for item in (whole, theirs):
        assert [(said.event.name, said.state, said.out_of_order) for said in item.said] == [
            (said.event.name, said.state, said.out_of_order) for said in after.said
        ]
        for name in ("state", "before", "kind", "opened_at", "entered_at"):
            assert getattr(item.thread, name) == getattr(after.thread, name)
        assert item.is_transferred == after.is_transferred
        assert [*times_of(item)] == [*times_of(after)]


@given(histories(forged=True, crossing=True), st.data())
@many(150)
def test_a_purge_changes_nothing_of_how_a_thread_went(
    history: History, data: st.DataObject
) -> None:
    """Any of its messages, here alone: states, order and times are still those of both sides."""
    _bury(history, data)


@pytest.mark.campaign
@pytest.mark.timeout(14_400)
def test_ten_thousand_histories_end_alike() -> None:
    """As many as ``LIAISON_TEST_HISTORIES`` says; others in every run."""

    @many(int(os.environ.get("LIAISON_TEST_HISTORIES", "10000")))
    @given(histories(forged=True, crossing=True), st.data())
    def play(history: History, data: st.DataObject) -> None:
        hold(history, data)
        _bury(history, data)

    play()
