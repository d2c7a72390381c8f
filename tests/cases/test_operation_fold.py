"""Operations: one state for every member, and each word that the state does not allow by name."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cases.threads.operation_fold import (
    CLOSE,
    JOIN,
    REPORT,
    SAID_IN,
    Act,
    Counted,
    Opening,
    Operation,
    advance,
    check_admits,
    fold,
)
from gateway.errors import ConflictError

OPENING = Opening(
    name="RILO-W-" + "00" * 16,
    member="RILO-W",
    invited=frozenset({"XA", "XB"}),
    starts_on=date(2026, 12, 1),
    ends_on=date(2026, 12, 10),
)
END = OPENING.ends_at


def act(kind: str, member: str, at: int, seq: int = 1, **counts: int) -> Act:
    """Return an act so many seconds before the end; below nothing for after it."""
    name = f"{member}-{kind}-{at}-{seq}"
    return Act(kind=kind, name=name, member=member, seq=seq, created_at=END - at, **counts)


def refused(operation: Operation, said: Act) -> str:
    """Return why an act is refused."""
    with pytest.raises(ConflictError) as caught:
        advance(operation, said)
    return caught.value.code


def test_what_the_state_does_not_allow_has_a_name() -> None:
    """Strangers, who has not joined, who joins twice, a closing by others, after the end."""
    fresh = Operation(opening=OPENING)
    joined = advance(fresh, act(JOIN, "XA", 90))
    closed = advance(joined, act(CLOSE, "RILO-W", 80))
    for operation, said, code in (
        (fresh, act(JOIN, "XC", 90), "not_in_operation"),
        (fresh, act(CLOSE, "XC", 90), "not_in_operation"),
        (fresh, act(REPORT, "XA", 90), "not_joined"),
        (joined, act(JOIN, "XA", 80), "joined_already"),
        (fresh, act(JOIN, "RILO-W", 80), "joined_already"),
        (joined, act(CLOSE, "XA", 80), "not_the_opener"),
        (joined, act(REPORT, "XA", 0), "operation_over"),
        (fresh, act(JOIN, "XB", -5), "operation_over"),
        (closed, act(REPORT, "XA", 70), "operation_closed"),
        (closed, act(CLOSE, "RILO-W", 70), "operation_closed"),
    ):
        assert refused(operation, said) == code
    endless = Operation(opening=replace(OPENING, ends_on=date.max))
    assert not endless.is_over(advance(endless, act(JOIN, "XA", 90)).opening.ends_at - 1)
    assert advance(joined, act(REPORT, "XA", 1)) == joined
    assert advance(joined, act(CLOSE, "RILO-W", -100)).closed_at == END + 100


def test_reports_are_counted_and_what_came_late_is_not() -> None:
    """By member; what moved nothing is kept with why."""
    folded = fold(
        OPENING,
        [
            act(REPORT, "RILO-W", 95, controls=1),
            act(JOIN, "XA", 90),
            act(REPORT, "XA", 50, 2, controls=10, seizures=1),
            act(REPORT, "XA", 40, 3, controls=20, seizures=2),
            act(REPORT, "XB", 40, 1, controls=99),
            act(REPORT, "XA", -1, 4, controls=99),
        ],
    )
    assert folded.counted == {"RILO-W": Counted(1, 1, 0), "XA": Counted(2, 30, 3)}
    assert [done.code for done in folded.done] == ["", "", "", "", "not_joined", "operation_over"]
    assert not folded.operation.is_over(END - 1)
    assert folded.operation.is_over(END)


def test_what_is_written_goes_to_the_group_alone_and_state_to_all_of_it() -> None:
    """A report may go to some of it; to whom nothing can be sent is not waited for."""
    fresh = Operation(opening=OPENING)
    join = act(JOIN, "XA", 90)
    check_admits(fresh, join, ["RILO-W", "XB"], [])
    check_admits(fresh, join, ["RILO-W"], ["XB"])
    joined = advance(fresh, join)
    check_admits(joined, act(REPORT, "XA", 80), ["RILO-W"], [])
    for operation, said, to, code in (
        (fresh, join, ["RILO-W", "XB", "XC"], "not_for_outsiders"),
        (joined, act(REPORT, "XA", 80), ["XC"], "not_for_outsiders"),
        (fresh, join, ["RILO-W"], "not_to_all"),
        (joined, act(CLOSE, "RILO-W", 80), ["XA"], "not_to_all"),
        (fresh, act(REPORT, "XA", 80), ["RILO-W"], "not_joined"),
    ):
        with pytest.raises(ConflictError) as caught:
            check_admits(operation, said, to, [])
        assert caught.value.code == code


acts = st.lists(
    st.builds(
        act,
        st.sampled_from(SAID_IN),
        st.sampled_from(["XA", "XB", "XC", "RILO-W"]),
        st.integers(-3, 8),
        st.integers(1, 3),
        controls=st.integers(0, 9),
        seizures=st.integers(0, 9),
    ),
    max_size=12,
    unique_by=lambda said: said.name,
)


@given(acts, st.randoms(use_true_random=False))
def test_every_member_finds_the_same_state(said: list[Act], chance: object) -> None:
    """Whatever comes, in whatever order, some of it twice."""
    once = fold(OPENING, said)
    shuffled = [*said, *said[:3]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(OPENING, shuffled) == once
    assert {done.act.name for done in once.done} == {item.name for item in said}


@given(acts)
def test_nothing_is_counted_of_strangers_or_after_the_end(said: list[Act]) -> None:
    """Nor of who has not joined; a closing stays."""
    folded = fold(OPENING, said)
    operation = folded.operation
    assert operation.joined <= OPENING.invited
    assert set(folded.counted) <= operation.joined | {OPENING.member}
    counted = [done.act for done in folded.done if done.act.kind == REPORT and not done.code]
    assert all(item.created_at < END for item in counted)
    if operation.closed_at is not None:
        assert all(item.created_at <= operation.closed_at for item in counted)
    assert sum(each.controls for each in folded.counted.values()) == sum(
        item.controls for item in counted
    )
