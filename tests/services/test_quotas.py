"""Quotas and turnstiles: what passes, what waits and for how long, and who is not concerned."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import SystemClock
from gateway.errors import UnavailableError
from gateway.services.quotas import ASK_AGAIN_S, Bucket, Quotas
from gateway.services.turnstile import Turnstile
from gateway.settings import PolicySettings
from keys.suite import MemberId

XA, XC = MemberId("XA"), MemberId("XC")


class Hands(SystemClock):
    """A clock that stands until it is moved."""

    at = 1000.0

    def monotonic(self) -> float:
        """Return where the hands are."""
        return self.at


def quotas(messages: int = 60, size: int = 86_400) -> tuple[Quotas, Hands]:
    """Return quotas of one message and one byte a second, and their clock."""
    hands = Hands()
    policy = PolicySettings(inbound_messages_a_minute=messages, inbound_bytes_a_day=size)
    return Quotas(hands, policy), hands


def test_burst_passes_and_a_flood_waits_for_its_turn() -> None:
    """A minute's worth at once; then as fast as the bucket fills, and never more than it holds."""
    kept, hands = quotas()
    assert kept.admit(XA, [1] * 40) == (40, None)
    passing, fault = kept.admit(XA, [1] * 64)
    assert fault is not None
    assert (passing, fault.code, fault.retry_after_s) == (20, "rate_limited", 44)
    assert kept.admit(XA, [1])[0] == 0
    hands.at += 44
    assert kept.admit(XA, [1] * 44) == (44, None)
    hands.at += 10_000
    assert kept.admit(XA, [1] * 64)[0] == 60
    assert kept.limited == {"XA": 3}


def test_bytes_are_counted_with_the_messages_that_bring_them() -> None:
    """What does not fit waits until it does; what fits behind it is not let past."""
    kept, hands = quotas(size=86_400)
    passing, fault = kept.admit(XA, [50_000, 30_000, 10_000, 10])
    assert fault is not None
    assert (passing, fault.code, fault.retry_after_s) == (2, "quota_exceeded", ASK_AGAIN_S)
    hands.at += 3600
    assert kept.admit(XA, [10_000]) == (1, None)


def test_attachment_is_counted_when_it_is_offered() -> None:
    """Before its bytes; one that was not taken after all is counted no longer."""
    kept, _ = quotas(size=86_400)
    kept.admit_bytes(XA, 80_000)
    with pytest.raises(UnavailableError) as caught:
        kept.admit_bytes(XA, 8_000)
    assert (caught.value.code, caught.value.retry_after_s) == ("quota_exceeded", 1600)
    kept.give_back(XA, 80_000)
    kept.admit_bytes(XA, 8_000)


def test_what_is_larger_than_a_day_passes_alone() -> None:
    """Or it would wait for ever: a full bucket lets it in, and it is paid off afterwards."""
    kept, hands = quotas(size=86_400)
    kept.admit_bytes(XA, 2 * 86_400)
    hands.at += 86_400
    with pytest.raises(UnavailableError):
        kept.admit_bytes(XA, 1)
    hands.at += 86_400
    kept.admit_bytes(XA, 86_400)


def test_one_member_does_not_use_up_anothers_quota() -> None:
    """Each has an account of its own."""
    kept, _ = quotas()
    kept.admit(XA, [1] * 64)
    assert kept.admit(XC, [1] * 60) == (60, None)
    assert kept.limited == {"XA": 1}


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 200)), max_size=40))
def test_no_more_passes_than_a_full_bucket_and_what_flowed_in(
    steps: list[tuple[float, int]],
) -> None:
    """However it is asked, and whoever waits as told is let in."""
    bucket, passed, now = Bucket(most=100, period_s=50, left=100, at=0), 0, 0.0
    for passes_s, amount in steps:
        now += passes_s
        bucket.fill(now)
        assert bucket.left <= 100
        if not bucket.wait_s(amount):
            bucket.left, passed = bucket.left - amount, passed + amount
        else:
            later = replace(bucket)
            later.fill(now + bucket.wait_s(amount) + 1e-6)
            assert not later.wait_s(amount)
        largest = max([each for _, each in steps], default=0)
        assert passed <= 100 + now * 2 + largest + 1e-6


def test_turnstile_keeps_each_to_its_share_and_all_to_the_whole() -> None:
    """Two refusals that are told apart; who leaves makes room, and leaves no trace."""
    turnstile = Turnstile(most=5, most_each=3)
    with turnstile.admit("a", 3):
        with pytest.raises(UnavailableError) as own, turnstile.admit("a"):
            pass
        with pytest.raises(UnavailableError) as whole, turnstile.admit("b", 3):
            pass
        assert (own.value.code, whole.value.code) == ("too_many_at_once", "busy")
        assert own.value.retry_after_s
        assert whole.value.retry_after_s
        with turnstile.admit("b", 2):
            assert turnstile.inside == 5
    with pytest.raises(ValueError, match="inside"), turnstile.admit("a", 3):
        raise ValueError("inside")
    with turnstile.admit("a", 3):
        assert turnstile.inside == 3
    assert (turnstile.inside, len(turnstile._by_visitor)) == (0, 0)
