"""When something is tried again: pure, by its past."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.delivery import (
    Circuit,
    RetryPolicy,
    custody_due_at,
    next_attempt_at,
    retry_delay_s,
)

POLICY = RetryPolicy(first_s=1, max_s=900)


@given(attempts=st.integers(1, 10**6), jitter=st.floats(0, 1, exclude_max=True))
def test_delay_doubles_and_stays_in_bounds(attempts: int, jitter: float) -> None:
    """Between first and max and a quarter; never less for one failure more."""
    policy = RetryPolicy()
    delay = retry_delay_s(policy, attempts, jitter)
    assert 1 <= delay <= 1125
    assert retry_delay_s(policy, attempts + 1, jitter) >= delay
    assert [retry_delay_s(policy, n, 0.0) for n in (1, 2, 3, 10, 11)] == [1, 2, 4, 512, 900]


@given(attempts=st.integers(1, 50), asked=st.integers(0, 86_400), left=st.integers(1, 10**6))
def test_next_attempt_keeps_to_what_peer_and_message_allow(
    attempts: int, asked: int, left: int
) -> None:
    """Never sooner than asked, never after the end."""
    at = next_attempt_at(
        RetryPolicy(), now=1000, attempts=attempts, jitter=0.5, expires_at=1000 + left,
        asked_s=asked,
    )  # fmt: skip
    assert min(asked, left) <= at - 1000 <= left


@given(attempts=st.integers(0, 10**6), left=st.integers(0, 10**9))
def test_copy_in_custody_is_posted_again_ever_later(attempts: int, left: int) -> None:
    """After an hour, doubling, but never after the message's end."""
    at = custody_due_at(1000, attempts, 1000 + left)
    assert 1000 <= at <= custody_due_at(1000, attempts + 1, 1000 + left) <= 1000 + left
    assert at - 1000 >= min(3600, left)
    assert [custody_due_at(0, n, 10**9) for n in (0, 1, 2, 8, 9)] == [
        3600, 7200, 14_400, 921_600, 921_600,
    ]  # fmt: skip


def test_circuit_lets_one_probe_pass_after_a_failure() -> None:
    """All go while it is closed; none before its time after a failure, then one; ever later."""
    closed = Circuit()
    assert closed.allowance(0, 64) == 64
    once = closed.failed(POLICY, now=100, jitter=0.0)
    assert once == Circuit(failures=1, retry_at=101)
    assert [once.allowance(now, 64) for now in (100, 101, 10**9)] == [0, 1, 1]
    assert once.failed(POLICY, now=101, jitter=0.0).retry_at == 103
    assert closed.failed(POLICY, now=100, jitter=0.0, asked_s=60).retry_at == 160
