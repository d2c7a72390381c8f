"""How often somebody asked lately: so many requests for a path a minute, and no more."""

from collections import OrderedDict

from gateway.clock import Clock
from gateway.errors import UnavailableError

VISITORS_KEPT = 1_000


class Visits:
    """What each visitor has left of a minute's measure, in memory; it grows again evenly."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def note(self, path: str, who: str, a_minute: int) -> None:
        """Count a visit. A member is not held up by strangers behind its address.

        Raises UnavailableError ``rate_limited``.
        """
        now, visitor = self._clock.monotonic(), (path, who)
        left, at = self._left.pop(visitor, (float(a_minute), now))
        left = min(a_minute, left + (now - at) * a_minute / 60) - 1
        self._left[visitor] = (max(left, 0.0), now)
        if len(self._left) > VISITORS_KEPT:
            self._left.popitem(last=False)
        if left < 0:
            raise UnavailableError("rate_limited", "too many requests", retry_after_s=60)
