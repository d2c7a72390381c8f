"""What one member may bring us: so many messages a minute, so many bytes a day.

Counted in memory as it comes, attachments when they are offered, repeats like anything else. An
allowance is a bucket that holds one period's worth and fills evenly: a burst passes, a flood waits.
A restart fills every bucket; of several daemons each counts for itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.clock import Clock
from gateway.errors import UnavailableError
from gateway.logs import logger
from gateway.settings import PolicySettings
from keys.suite import MemberId

MINUTE_S = 60
DAY_S = 86_400
ASK_AGAIN_S = 3600
"""The longest wait that is asked for: an operator may have raised the limit meanwhile."""
SAY_AGAIN_S = 60

_LIMITS = {
    "rate_limited": "policy.inbound_messages_a_minute",
    "quota_exceeded": "policy.inbound_bytes_a_day",
}

_log = logger()


@dataclass(slots=True, kw_only=True)
class Bucket:
    """What is left of an allowance. It changes in place: it is asked for every batch."""

    most: int
    """One period's worth."""
    period_s: int
    left: float
    """Below 0 after a single thing larger than a whole period's worth: it is paid off first."""
    at: float
    """When that was, in seconds of a scale that never jumps."""

    def fill(self, now: float) -> None:
        """Let in what flowed until ``now``."""
        gained = (now - self.at) * self.most / self.period_s
        self.left, self.at = min(float(self.most), self.left + gained), now

    def wait_s(self, amount: int) -> int:
        """Return in how many seconds there is enough, 0 for now.

        A full bucket is enough for anything.
        """
        lacking = min(amount, self.most) - self.left
        return math.ceil(lacking * self.period_s / self.most) if lacking > 0 else 0


@dataclass(slots=True, kw_only=True)
class _Account:
    """One member's buckets, and how often it was told to wait."""

    messages: Bucket
    sealed_bytes: Bucket
    limited: int = 0
    said_at: float = -math.inf


class Quotas:
    """Keeps an account for each member that brings something."""

    def __init__(self, clock: Clock, policy: PolicySettings) -> None:
        self._clock = clock
        self._policy = policy
        self._accounts: dict[MemberId, _Account] = {}

    def admit(
        self, member: MemberId, lengths: Sequence[int]
    ) -> tuple[int, UnavailableError | None]:
        """Return how many of these copies pass, the first ones, and why the others wait."""
        account = self._account(member)
        passing, total = len(lengths), sum(lengths)
        if account.messages.left < passing or account.sealed_bytes.left < total:
            passing, total = _fitting(account, lengths)
        account.messages.left -= passing
        account.sealed_bytes.left -= total
        if passing == len(lengths):
            return passing, None
        if account.messages.wait_s(1):
            rate_s = account.messages.wait_s(len(lengths) - passing)
            return passing, self._limited(member, account, "rate_limited", rate_s)
        bytes_s = account.sealed_bytes.wait_s(lengths[passing])
        return passing, self._limited(member, account, "quota_exceeded", bytes_s)

    def admit_bytes(self, member: MemberId, length: int) -> None:
        """Let an attachment of so many bytes pass, before any of them came.

        Raises UnavailableError ``quota_exceeded``.
        """
        account = self._account(member)
        wait_s = account.sealed_bytes.wait_s(length)
        if wait_s:
            raise self._limited(member, account, "quota_exceeded", wait_s)
        account.sealed_bytes.left -= length

    def give_back(self, member: MemberId, length: int) -> None:
        """Count bytes no longer: nothing of them was taken."""
        self._account(member).sealed_bytes.left += length

    @property
    def limited(self) -> dict[str, int]:
        """How often each member was told to wait, since the start."""
        return {name: item.limited for name, item in self._accounts.items() if item.limited}

    def _account(self, member: MemberId) -> _Account:
        now, policy = self._clock.monotonic(), self._policy
        account = self._accounts.get(member)
        if account is None:
            account = self._accounts[member] = _Account(
                messages=_full(policy.inbound_messages_a_minute, MINUTE_S, now),
                sealed_bytes=_full(policy.inbound_bytes_a_day, DAY_S, now),
            )
        account.messages.fill(now)
        account.sealed_bytes.fill(now)
        return account

    def _limited(
        self, member: MemberId, account: _Account, code: str, wait_s: int
    ) -> UnavailableError:
        account.limited += 1
        detail = f"{member} brought as much as it may ({_LIMITS[code]})"
        now = self._clock.monotonic()
        if now - account.said_at >= SAY_AGAIN_S:
            account.said_at = now
            _log.warning(
                "member.limited", peer=member, code=code, count=account.limited, detail=detail
            )
        return UnavailableError(code, detail, retry_after_s=min(max(1, wait_s), ASK_AGAIN_S))


def _full(most: int, period_s: int, now: float) -> Bucket:
    return Bucket(most=most, period_s=period_s, left=most, at=now)


def _fitting(account: _Account, lengths: Sequence[int]) -> tuple[int, int]:
    """Return how many of these copies fit what is left, and their bytes."""
    sealed_bytes = replace(account.sealed_bytes)
    for count, length in enumerate(lengths):
        if account.messages.left < count + 1 or sealed_bytes.wait_s(length):
            return count, sum(lengths[:count])
        sealed_bytes.left -= length
    return len(lengths), sum(lengths)
