"""Calls between parts that need each other: one of the two is made first."""

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Later(Generic[_P, _R]):
    """A call that is given to a part before the part that answers it is made.

    Nothing calls anything while a node is wired, so that the answerer is there when it is needed;
    RuntimeError says that somebody forgot ``leads_to``.
    """

    def __init__(self) -> None:
        self._answer: Callable[_P, _R] | None = None

    def leads_to(self, answer: Callable[_P, _R]) -> None:
        """Name who answers."""
        self._answer = answer

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call who was named."""
        if self._answer is None:
            raise RuntimeError("a part of the node calls another that was never wired")
        return self._answer(*args, **kwargs)
