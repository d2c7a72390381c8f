"""When a row of the outbox is due again: a pure function of its past.

Source: SPEC section "Delivery".
"""

from dataclasses import dataclass

CUSTODY_FIRST_S = 3600


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


def custody_due_at(now: int, attempts: int, expires_at: int) -> int:
    """Return when to post a copy again that a relay holds: after 1 h, doubling, before expiry."""
    return min(now + CUSTODY_FIRST_S * (1 << min(attempts, 8)), expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """Whether a peer is worth asking: closed while it answers, open after it failed."""

    failures: int = 0
    retry_at: int = 0
    """When one probe may pass, UTC seconds; 0 while it is closed."""

    def failed(
        self, policy: RetryPolicy, *, now: int, jitter: float, asked_s: int = 0
    ) -> "Circuit":
        """Open it, or keep it open for longer."""
        failures = self.failures + 1
        wait_s = max(retry_delay_s(policy, failures, jitter), asked_s)
        return Circuit(failures=failures, retry_at=now + wait_s)

    def allowance(self, now: int, most: int) -> int:
        """Return how many copies may leave now: all, one to probe with, or none."""
        if not self.failures:
            return most
        return 1 if now >= self.retry_at else 0
