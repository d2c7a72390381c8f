"""Threads: every cell of the table, against the page; what events do besides; what is refused."""

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import pytest

import gateway
from gateway.cases.threads.event import Event, Pair, Side, in_order
from gateway.cases.threads.placing import pairs_of, place
from gateway.cases.threads.thread import (
    OPEN,
    RECALL,
    REFUSE_PART,
    REOPEN_WITHIN_S,
    REQUEST,
    TABLE,
    State,
    Thread,
    advance,
    check_admits,
    fold,
    is_event,
    moves_of,
)
from gateway.errors import ConflictError
from tests.cases.told import BY, NOW, PAIR, VERIFY, Party, day, event, speaker_of, tell
from tests.outcome import outcome

PAGE = """
request                  Q  nothing > submitted
case.acknowledge         D  submitted > in_progress
case.clarify             D  submitted in_progress > incomplete
case.supplement          Q  incomplete > back
case.transfer            D  in_progress > same
case.conditions          D  in_progress > conditions
case.accept_conditions   Q  conditions > back
case.decline_conditions  Q  conditions > withdrawn
case.interim             D  in_progress > same
case.extend              D  in_progress > same
case.remind              Q  in_progress > same
case.postpone            D  in_progress > postponed
case.resume              D  postponed > back
case.partial_reply       D  in_progress > partial
case.reply               D  in_progress partial > answered
case.refuse (part)       D  partial > answered
case.refuse              D  open > refused
case.withdraw            Q  open > withdrawn
case.feedback            Q  answered refused > closed
case.close               Q  answered refused > closed
case.reopen              Q  closed > in_progress
information.recall       Q  any > same
information.recall       D  any > same
"""
"""The states of a case, row by row, with the sides that the page names."""

BESIDES = """
case.clarify             D  partial > incomplete
case.transfer            D  partial > same
case.conditions          D  partial > conditions
case.interim             D  partial > same
case.extend              D  partial > same
case.remind              Q  partial submitted > same
case.postpone            D  partial > postponed
case.partial_reply       D  partial submitted > partial
case.reply               D  submitted > answered
case.refuse (part)       D  submitted in_progress > partial
"""
"""What follows from it: a thread with a part answered is in progress as to the rest; who answers
at once need not acknowledge first; a part may be refused before the rest is answered; and a request
that nobody acknowledges can be reminded of."""

WORDS: dict[str, tuple[State | None, ...]] = {
    "nothing": (None,), "open": OPEN, "any": tuple(State),
}  # fmt: skip
SIDES = {"Q": Side.ASKER, "D": Side.ASKED}
ROWS = sorted({row for row, _ in TABLE})
BEFORE = State.IN_PROGRESS


def cells(page: str) -> dict[tuple[str, Side, State | None], str]:
    """Read a table: what comes next, by row, side and state."""
    found = {}
    for line in page.strip().splitlines():
        head, _, next_state = line.partition(" > ")
        row, _, rest = head.partition("  ")
        side, *states = rest.split()
        for word in states:
            for state in WORDS.get(word) or (State(word),):
                found[row, SIDES[side], state] = next_state
    return found


EXPECTED = cells(PAGE) | cells(BESIDES)


def thread_in(state: State | None, before: State | None = BEFORE) -> Thread:
    """Return a thread that stands somewhere."""
    return Thread(pair=PAIR, state=state, before=before, entered_at=NOW, kind=VERIFY)


@pytest.mark.parametrize("row", ROWS)
def test_every_cell_is_what_the_page_says(row: str) -> None:
    """Each state and side: the next state, or a refusal by name; and there is no other row."""
    assert {cell[:2] for cell in EXPECTED} == set(TABLE)
    for state, side in product((None, *State), Side):
        before = thread_in(state)
        after = outcome(advance, before, event(row, BY[side]))
        expected = EXPECTED.get((row, side, state))
        if expected is None:
            assert isinstance(after, ConflictError), (state, side)
            assert after.code == "not_in_this_state"
            assert before == thread_in(state)
        else:
            wanted = {"same": state, "back": BEFORE}.get(expected) or State(expected)
            assert after.state is wanted, (state, side)


def test_an_unknown_row_moves_nothing() -> None:
    """Whatever a kind of another family is called."""
    assert not is_event("information.spontaneous")
    assert not is_event("ping")
    assert is_event("request.anything_new")
    for row in ("information.spontaneous", "case.invented", REFUSE_PART):
        assert not is_event(row)
    fault = outcome(advance, thread_in(State.SUBMITTED), event("case.invented", "XB"))
    assert fault.code == "not_in_this_state"


def test_what_a_kind_does_is_published_as_it_is_done() -> None:
    """Every cell of the table, once, under the kinds that are looked up there."""
    kinds = {VERIFY if row == REQUEST else row for row in ROWS} - {REFUSE_PART}
    told = {
        (REQUEST if kind == VERIFY else REFUSE_PART if move.part else kind, move.by, move.state)
        for kind in kinds
        for move in moves_of(kind)
    }
    assert told == set(EXPECTED)
    assert moves_of("information.spontaneous") == moves_of("ping") == []


@pytest.mark.parametrize("row", ROWS)
def test_a_stranger_moves_nothing(row: str) -> None:
    """Not even with a union's words on behalf of another stranger."""
    stranger = replace(event(row, "XB"), member="XC", on_behalf_of="XD")
    for state in (None, *State):
        assert outcome(advance, thread_in(state), stranger).code == "not_in_this_state"


def test_a_union_speaks_for_the_side_that_it_represents() -> None:
    """As its powers allow, which are looked at before."""
    for side in Side:
        spoken = replace(event(RECALL, BY[side]), member="XU", on_behalf_of=BY[side])
        assert PAIR.side_of(spoken) is side
    reply = replace(event("case.reply", "XB"), member="XU", on_behalf_of="XB")
    assert advance(thread_in(State.SUBMITTED), reply).state is State.ANSWERED


@pytest.mark.parametrize("before", [State.SUBMITTED, State.IN_PROGRESS, State.PARTIAL])
def test_an_interruption_ends_where_it_began(before: State) -> None:
    """A clarification, conditions or a postponement: with what was so before."""
    for stop, go in (
        ("case.clarify", "case.supplement"),
        ("case.conditions", "case.accept_conditions"),
        ("case.postpone", "case.resume"),
    ):
        stopped = outcome(
            advance, thread_in(before, None), event(stop, "XB", due_on=day("2026-05-01"))
        )
        if before is State.SUBMITTED and stop != "case.clarify":
            assert stopped.code == "not_in_this_state"
            continue
        assert (stopped.before, stopped.pause_ends_on) == (before, day("2026-05-01"))
        resumed = advance(stopped, event(go, BY[speaker_of(go)]))
        assert (resumed.state, resumed.before, resumed.pause_ends_on) == (before, None, None)


def test_dates_are_the_newest_that_were_named() -> None:
    """The asker's wish stays beside them; a word without a date changes none."""
    told = [
        event(REQUEST, "XA", 1, due_on=day("2026-03-01"), urgent=True, legal_basis="Art. 4"),
        event("case.acknowledge", "XB", 1),
        event("case.extend", "XB", 2, due_on=day("2026-04-01")),
        event("case.interim", "XB", 3),
        event("case.remind", "XA", 2, due_on=day("2026-04-15"), in_reply_to=f"XB-{3:032x}"),
    ]  # fmt: skip
    thread = fold(PAIR, told[:4]).thread
    assert (thread.reply_by, thread.due_on) == (day("2026-03-01"), day("2026-04-01"))
    thread = fold(PAIR, told).thread
    assert (thread.due_on, thread.urgent, thread.legal_basis) == (
        day("2026-04-15"), True, "Art. 4",
    )  # fmt: skip


def test_an_oral_request_is_confirmed_once_it_is_taken_up() -> None:
    """By the first word of the administration asked, and by nothing that the asker says."""
    asked = event(REQUEST, made_orally=True)
    assert fold(PAIR, [asked, event("case.remind", "XA", 2)]).thread.oral_to_be_confirmed
    assert not fold(PAIR, [asked, event("case.acknowledge", "XB")]).thread.oral_to_be_confirmed


def test_closed_is_reopened_in_time_only() -> None:
    """The clocks run anew; one second later it is refused."""
    told = tell(REQUEST, "case.reply", "case.close")
    closed = fold(PAIR, told).thread
    at = closed.entered_at + REOPEN_WITHIN_S
    again = advance(closed, event("case.reopen", created_at=at, due_on=day("2026-09-01")))
    assert (again.state, again.opened_at, again.due_on, again.reply_by) == (
        State.IN_PROGRESS, at, day("2026-09-01"), None,
    )  # fmt: skip
    late = outcome(advance, closed, event("case.reopen", created_at=at + 1))
    assert late.code == "not_in_this_state"


def test_only_who_sent_a_message_recalls_it() -> None:
    """Any state allows it and none is moved by it; which ones is remembered."""
    asked, reply = tell(REQUEST, "case.reply")
    recall = event(RECALL, "XB", 2, in_reply_to=reply.name)
    folded = fold(PAIR, [asked, reply, recall])
    assert (folded.thread.state, folded.recalled) == (State.ANSWERED, {reply.name})
    for foreign in (asked.name, "", "XB"):
        stolen = event(RECALL, "XB", 2, in_reply_to=foreign)
        assert fold(PAIR, [asked, reply, stolen]).out_of_order == (stolen.name,)


def test_a_recall_leaves_an_interruption_as_it_was() -> None:
    """With where it began, and its date."""
    told = tell(REQUEST, "case.acknowledge", "case.postpone", due_on=day("2026-05-01"))
    before = fold(PAIR, told)
    recall = event(RECALL, "XB", 3, in_reply_to=told[-1].name)
    after = fold(PAIR, [*told, recall])
    assert after.thread == before.thread
    assert (before.recalled, after.recalled) == (frozenset(), {told[-1].name})


def test_crossing_messages_are_both_kept() -> None:
    """A withdrawal that crosses a reply: one moves, the other is marked, on both sides alike."""
    asked, _ = told = tell(REQUEST, "case.acknowledge")
    withdrawal = event("case.withdraw", "XA", 2, in_reply_to=told[1].name)
    reply = event("case.reply", "XB", 2, in_reply_to=told[1].name)
    found = {
        (folded.thread.state, folded.out_of_order)
        for order in permutations([*told, withdrawal, reply])
        if (folded := fold(PAIR, order)) and len(folded.said) == 4
    }
    assert found == {(State.WITHDRAWN, (reply.name,))}
    assert asked.name not in next(iter(found))[1]


def test_a_late_message_takes_its_place() -> None:
    """What was out of order without it is in order with it."""
    asked, acknowledged, extended = tell(REQUEST, "case.acknowledge", "case.extend")
    assert fold(PAIR, [asked, extended]).out_of_order == (extended.name,)
    assert fold(PAIR, [extended, asked, acknowledged]).out_of_order == ()


def test_answers_without_a_request_wait_for_it() -> None:
    """They are kept; nothing is asked yet."""
    acknowledged = event("case.acknowledge", "XB")
    folded = fold(PAIR, [acknowledged])
    assert (folded.thread.state, folded.out_of_order) == (None, (acknowledged.name,))


def test_order_survives_a_circle() -> None:
    """Two members that answer each other's future: all is there, the lowest rank first."""
    one, two = event("a", "XA", 1), event("b", "XB", 1)
    one, two = replace(one, in_reply_to=two.name), replace(two, in_reply_to=one.name)
    itself = event("c", "XA", 2, in_reply_to=event("c", "XA", 2).name)
    for order in permutations([one, two, itself]):
        assert in_order(order) == [one, two, itself]


def test_a_member_is_read_in_its_own_order() -> None:
    """A message that answers something old does not pass what its sender said before."""
    asked = event(REQUEST)
    clarify = event("case.clarify", "XB", 1, in_reply_to=asked.name)
    supplement = event("case.supplement", "XA", 2, in_reply_to=clarify.name)
    second = event("case.acknowledge", "XB", 2, in_reply_to=supplement.name)
    reply = event("case.reply", "XB", 3, in_reply_to=asked.name)
    told = [asked, clarify, supplement, second, reply]
    for order in permutations(told):
        assert in_order(order) == told


def test_a_sender_is_refused_and_nothing_changes() -> None:
    """What the state does not allow, and what would be read before what it has seen."""
    told = tell(REQUEST, "case.acknowledge", "case.reply")
    xa = Party("XA", held=list(told), sent=1)
    for row in ("case.supplement", "case.remind", "case.withdraw", REQUEST):
        assert outcome(xa.say, row).code == "not_in_this_state"
    fault = outcome(lambda: xa.say("case.close", in_reply_to=told[0].name))
    assert fault.code == "not_the_newest"
    assert told[-1].name in fault.detail
    assert (xa.held, xa.sent) == (told, 1)
    xa.say("case.close")


def test_nobody_takes_the_effect_of_a_word_that_he_has_seen() -> None:
    """A withdrawal that answers the request would undo the clarification it has read."""
    asked, clarified, supplied = tell(REQUEST, "case.clarify", "case.supplement")
    early = event("case.withdraw", "XA", 3, in_reply_to=asked.name)
    check_admits(PAIR, [asked, clarified, supplied], early)  # it comes after its own supplement
    asked, taken, extended, again = tell(REQUEST, "case.acknowledge", "case.extend", "case.extend")
    early = event("case.withdraw", "XA", 2, in_reply_to=asked.name)
    fault = outcome(check_admits, PAIR, [asked, taken, extended, again], early)
    assert fault.code == "not_the_newest"


def test_each_who_is_asked_has_a_thread_of_its_own() -> None:
    """One refusal closes nobody else's."""
    asked = event(REQUEST, to=("XB", "XC"))
    refusal = event("case.refuse", "XC", to=("XA",))
    reminder = event("case.remind", "XA", 2, to=("XB", "XC"))
    placed = place([refusal, reminder, asked])
    states = {pair: fold(pair, events).thread.state for pair, events in placed.threads.items()}
    assert states == {Pair("XA", "XB"): State.SUBMITTED, Pair("XA", "XC"): State.REFUSED}
    assert placed.unplaced == []


def test_a_kind_says_which_of_two_threads_it_is_for() -> None:
    """XB asks XA something in the same case: each word is one side's in one of the two."""
    both = {Pair("XA", "XB"), Pair("XB", "XA")}
    for row in set(ROWS) - {RECALL}:
        for member in ("XA", "XB"):
            said = event(row, member)
            (pair,) = pairs_of(said, both)
            assert pair.side_of(said) is speaker_of(row)
            assert pairs_of(said, {PAIR}) == (PAIR,)  # from the wrong side: out of order there


def test_what_belongs_to_no_request_is_kept_aside() -> None:
    """A copy to somebody else takes nothing away from its thread."""
    asked = event(REQUEST)
    copy = event("case.reply", "XB", to=("XA", "RILO-W"))
    stray = event("case.reply", "XC", to=("XA",))
    placed = place([asked, copy, stray])
    assert placed.threads == {PAIR: [asked, copy]}
    assert placed.unplaced == [stray]


def test_a_union_is_heard_in_its_states_thread() -> None:
    """Unless it was asked itself."""
    spoken = event("case.reply", "XB", to=("XA",))
    spoken = replace(spoken, member="XU", on_behalf_of="XB")
    own = Pair("XA", "XU")
    assert pairs_of(spoken, {PAIR}) == (PAIR,)
    assert pairs_of(spoken, {PAIR, own}) == (own,)


def test_events_say_nothing_of_content() -> None:
    """An event has no field for words."""
    assert not {"findings", "content", "text"} & set(Event.__dataclass_fields__)


def test_the_specification_has_this_table() -> None:
    """Cell by cell, and no row more."""
    spec = Path(gateway.__file__).with_name("protocol") / "SPEC.md"
    section = spec.read_text(encoding="utf-8").split("## Cases\n")[1].split("*Clocks*")[0]
    told = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            row, sides, states, after = (part.strip(" `") for part in line.strip("| ").split(" | "))
            for side, state in product(sides.split(", "), _states_of(states)):
                told[row, SIDES[side], state] = after
    assert told == EXPECTED


def _states_of(words: str) -> list[State | None]:
    groups = WORDS | {"nothing asked": (None,), "working": (State.IN_PROGRESS, State.PARTIAL)}
    words = words.replace("`", "").removesuffix(" at most 90 days ago").rstrip(",")
    return [
        state for word in words.split(", ") for state in groups.get(word) or (State(word),)
    ]  # fmt: skip
