"""Growing threads: with each message more they are what a fold from the beginning finds."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.cases.threads.event import Event, newest_heard
from gateway.cases.threads.growing import GrowingCase, case_of
from gateway.cases.threads.placing import place
from gateway.cases.threads.thread import REQUEST, TABLE, check_admits, fold
from tests.cases.test_histories import History, histories, many
from tests.cases.told import PAIR, event, tell
from tests.outcome import outcome

ROWS = sorted({row for row, _ in TABLE})


def assert_as_folded(case: GrowingCase, events: list[Event]) -> None:
    """Assert that a case is what its events make, and lets pass what they do."""
    threads = place(events).threads
    assert set(case.threads) == set(threads)
    for pair, known in case.threads.items():
        folded = fold(pair, threads[pair])
        assert known.folded == folded
        for member in ("XA", "XB", "XC"):
            assert known.newest_heard(member) == newest_heard(threads[pair], member)


def assert_admits_alike(case: GrowingCase, said: Event) -> None:
    """Assert that something that is drafted is let pass, or refused with the same code."""
    for known in case.threads.values():
        found = outcome(known.check_admits, said)
        before = [item.event for item in known.said]
        wanted = outcome(check_admits, known.thread.pair, before, said)
        assert (found is None) == (wanted is None)
        assert found is None or found.code == wanted.code


@given(histories(forged=True, crossing=True), st.data())
@many(100)
def test_a_case_that_grows_is_what_its_messages_make(history: History, data: st.DataObject) -> None:
    """Whatever is said or forged, and in whatever order it comes."""
    case, came = GrowingCase(), list[Event]()
    for said in data.draw(st.permutations(history.sent)):
        assert_admits_alike(case, said)
        case = case.with_events([said])
        came.append(said)
        assert_as_folded(case, came)


def words(number: int) -> st.SearchStrategy[Event]:
    """Return anything that one of three says to the others, under a small number."""
    members = st.sampled_from(["XA", "XB", "XC"])
    names = st.sampled_from([""] + [f"{name}-{at:032x}" for name in ("XA", "XB") for at in (1, 2)])

    def made(row: str, member: str, seq: int, to: frozenset[str], answered: str) -> Event:
        fields: dict[str, Any] = {"to": tuple(sorted(to - {member}))}
        if answered:
            fields["in_reply_to"] = answered
        return event(row, member, number, seq=seq, **fields)

    others = st.frozensets(members, min_size=1)
    rows = st.sampled_from([REQUEST, REQUEST, *ROWS])
    return st.builds(made, rows, members, st.integers(1, 9), others, names)


@given(st.integers(0, 9).flatmap(lambda size: st.tuples(*map(words, range(1, size + 1)))))
@many(200)
def test_a_case_of_several_grows_alike(said: tuple[Event, ...]) -> None:
    """Where anybody asks anybody, at any time, a message may find its thread later."""
    case = GrowingCase()
    for at in range(len(said)):
        assert_admits_alike(case, said[at])
        case = case.with_events([said[at]])
        assert_as_folded(case, list(said[: at + 1]))
    for at in range(len(said) + 1):
        assert_as_folded(GrowingCase().with_events(said[:at]).with_events(said[at:]), list(said))


def test_what_comes_last_moves_a_thread_without_a_fold() -> None:
    """An answer to the newest does; what crossed it, or was answered before it came, does not."""
    told = tell(REQUEST, "case.acknowledge", "case.interim")
    known = case_of(told).threads[PAIR]
    assert known.comes_last(event("case.remind", "XA", 2, in_reply_to=told[-1].name))
    assert known.comes_last(event("case.interim", "XB", 3, in_reply_to=told[0].name))
    assert not known.comes_last(event("case.remind", "XA", 2, in_reply_to=told[0].name, seq=1))
    early = case_of([told[0], told[2]]).threads[PAIR]
    assert early.comes_last(event("case.interim", "XB", 4, in_reply_to=told[0].name))
    first, second = event(REQUEST), event("case.acknowledge", "XB", 1, seq=2)
    ahead = case_of([first, event("case.remind", "XA", 2, in_reply_to=second.name)]).threads[PAIR]
    assert not ahead.comes_last(second)
