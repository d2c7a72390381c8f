"""What a call comes to: its value, or the error that it is refused with."""

from collections.abc import Callable
from typing import Any

from keys.errors import LiaisonError


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return the value, or the LiaisonError; any other exception is a failure."""
    try:
        return call(*arguments)
    except LiaisonError as fault:
        return fault
