"""For how long a case is kept, by the first rule that fits; what may be said at its end."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cases.kind import Kind
from gateway.cases.kinds import ALL_KINDS
from gateway.cases.threads.event import Pair
from gateway.cases.threads.retention import (
    FOREVER,
    REOPEN,
    RETENTION_REASONS,
    STANDINGS,
    CaseState,
    RetentionReason,
    Rule,
    Standing,
    check_may_say,
    ended_at,
    is_conduct,
    later,
    reopens_until,
    review_at,
    rule_of,
)
from gateway.cases.threads.thread import REOPEN_WITHIN_S, State, Thread
from gateway.errors import LiaisonError

NOW = 1_790_000_000
DAY_S = 86_400
USUAL = Rule(
    review_months=36, unclosed_months=12, restricts=False, purge_months=0, reviewer="officer"
)
CLOSED = Thread(
    pair=Pair("XA", "XB"), state=State.CLOSED, entered_at=NOW, kind="request.verify_value",
    legal_basis="XA–XB agreement, Art. 4",
)  # fmt: skip
ENDED = (State.CLOSED, State.WITHDRAWN)
UNCLOSED = (State.ANSWERED, State.REFUSED)


@pytest.mark.parametrize("state", list(State))
def test_thread_that_runs_never_ends_by_itself(state: State) -> None:
    """One that was answered or refused does after its months, if the rule lets it."""
    thread = replace(CLOSED, state=state)
    end = ended_at(thread, USUAL)
    if state in ENDED:
        assert end == NOW
    elif state in UNCLOSED:
        assert end == ended_at(thread, None) == later(NOW, 12)
        assert ended_at(thread, replace(USUAL, unclosed_months=0)) == FOREVER
    else:
        assert end == FOREVER
    assert (review_at(thread, USUAL, NOW) == FOREVER) == (end == FOREVER)
    assert review_at(thread, None, NOW) == FOREVER
    assert reopens_until(thread) == (NOW + REOPEN_WITHIN_S if state is State.CLOSED else 0)


@given(
    entered=st.integers(0, 2**36), heard=st.integers(0, 2**36), months=st.integers(0, 1200),
    more=st.integers(0, 100),
)  # fmt: skip
def test_review_is_never_sooner_than_what_was_heard_last(
    entered: int, heard: int, months: int, more: int
) -> None:
    """Whatever date a closing bears; and more months are never sooner."""
    thread = replace(CLOSED, entered_at=entered)
    rule = replace(USUAL, review_months=months)
    at = review_at(thread, rule, heard)
    assert at > max(entered, heard)
    assert at == review_at(thread, rule, max(heard, entered))
    assert at <= review_at(thread, replace(rule, review_months=months + more), heard) <= FOREVER


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"kinds": frozenset({"request"})}, True),
        ({"kinds": frozenset({"request.verify_value"})}, True),
        ({"kinds": frozenset({"request.enquiry"})}, False),
        ({"members": frozenset({"XB"})}, True),
        ({"members": frozenset({"XA"})}, False),
        ({"instrument": "xa–xb AGREEMENT"}, True),
        ({"instrument": "Johannesburg"}, False),
    ],
)
def test_first_rule_that_fits_counts(changes: dict[str, object], fits: bool) -> None:
    """By kind, other side and legal basis; from either side of the thread."""
    rule = replace(USUAL, **changes)
    other = replace(USUAL, review_months=1)
    assert rule_of([rule, other], CLOSED, "XA") == (rule if fits else other)
    assert rule_of([rule], replace(CLOSED, pair=Pair("XB", "XA")), "XA") == (rule if fits else None)
    assert rule_of([], CLOSED, "XA") is None


def test_what_is_said_at_the_end_is_what_becomes_of_what_was_sent() -> None:
    """Of every kind; less after a purge than after a restriction, everything while it is open."""

    def said(standing: Standing) -> set[str]:
        codes = {kind.name: refused(standing, kind) for kind in ALL_KINDS.values()}
        assert set(codes.values()) <= {"", f"case_{standing}"}
        return {name for name, code in codes.items() if not code}

    restricted, purged = said(Standing.RESTRICTED), said(Standing.PURGED)
    assert said(Standing.OPEN) == set(ALL_KINDS)
    assert restricted > purged | {REOPEN}
    assert {"information.recall", "information.recall_report", "consent.deny"} <= purged
    assert purged.isdisjoint({REOPEN, "consent.grant", "case.feedback", "request.information"})


def refused(standing: Standing, kind: Kind) -> str:
    """Return the code by which a kind is refused; empty where it may be said."""
    try:
        check_may_say(standing, kind.name, kind.family)
    except LiaisonError as fault:
        return fault.code
    return ""


def test_conduct_is_what_makes_a_case_run() -> None:
    """A recall is said of information too."""
    assert is_conduct("request.enquiry")
    assert is_conduct("case.close")
    assert not is_conduct("information.recall")
    assert not is_conduct("announcement")


def test_every_reason_and_standing_has_its_words() -> None:
    """And a list asks for every state by the name that it shows."""
    assert set(RETENTION_REASONS) == set(RetentionReason)
    assert set(STANDINGS) == set(Standing)
    shown = {str(state) for state in State} | {"restricted", "purged"}
    assert {str(state) for state in CaseState} == shown
