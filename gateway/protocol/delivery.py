"""When a row of the outbox is due again: a pure function of its past.

Source: SPEC section "Delivery".
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long to wait between attempts; durations in seconds."""

    first_s: int = 1
    max_s: int = 900


def retry_delay_s(policy: RetryPolicy, attempts: int, jitter: float) -> int:
    """Return how many seconds to wait after the ``attempts``-th failure (1 is the first).

    Doubles from ``first_s`` to ``max_s``. ``jitter`` in [0, 1) adds up to a quarter, so that peers
    that failed together do not come back together.
    """
    doublings = min(attempts - 1, 32)
    base = min(policy.first_s << doublings, policy.max_s)
    return base + int(base * jitter / 4)


def next_attempt_at(
    policy: RetryPolicy,
    *,
    now: int,
    attempts: int,
    jitter: float,
    expires_at: int,
    asked_s: int = 0,
) -> int:
    """Return when (UTC seconds) to try again: at least ``asked_s`` from now, at most at expiry.

    A row due at its expiry is expired by the next claim, so the last attempt is never unseen.
    """
    delay_s = max(retry_delay_s(policy, attempts, jitter), asked_s)
    return min(now + delay_s, expires_at)
