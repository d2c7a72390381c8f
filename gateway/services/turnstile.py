"""Turnstile: let so much in at a time, and of it to each visitor no more than its share."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import UnavailableError

ASK_AGAIN_S = 1


class Turnstile:
    """Counts what is inside: requests, or bytes held in memory for them."""

    def __init__(self, *, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._inside = 0
        self._by_visitor: Counter[str] = Counter()

    @contextmanager
    def admit(self, visitor: str, amount: int = 1) -> Iterator[None]:
        """Let a visitor in for as long as the block runs.

        Raises UnavailableError ``too_many_at_once`` for one that has its share inside, ``busy``
        when there is no room for anybody.
        """
        if self._by_visitor[visitor] + amount > self._most_each:
            self._forget(visitor)
            raise UnavailableError(
                "too_many_at_once",
                "this caller has as much under way here as one may have: let some of it end",
                retry_after_s=ASK_AGAIN_S,
            )
        if self._inside + amount > self._most:
            self._forget(visitor)
            raise UnavailableError(
                "busy", "as much is under way here as this node takes", retry_after_s=ASK_AGAIN_S
            )
        self._inside += amount
        self._by_visitor[visitor] += amount
        try:
            yield
        finally:
            self._inside -= amount
            self._by_visitor[visitor] -= amount
            self._forget(visitor)

    @property
    def inside(self) -> int:
        """How much is inside now."""
        return self._inside

    def _forget(self, visitor: str) -> None:
        """Keep no count of who is not inside, so that strangers leave nothing behind."""
        if not self._by_visitor[visitor]:
            del self._by_visitor[visitor]
