"""What a call comes to: its value, or the error that it is refused with."""

from collections.abc import Awaitable, Callable
from typing import Any

from keys.errors import LiaisonError


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return the value, or the LiaisonError; any other exception is a failure."""
    try:
        return call(*arguments)
    except LiaisonError as fault:
        return fault


async def outcome_of(act: Awaitable[Any]) -> Any:
    """Return what an act comes to, or the LiaisonError; any other exception is a failure."""
    try:
        return await act
    except LiaisonError as fault:
        return fault
