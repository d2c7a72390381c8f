"""A time as people type it, UTC."""

from datetime import UTC, datetime

from gateway.errors import RejectedError


def parse_moment(text: str) -> int:
    """Return UTC seconds of ``2026-11-25``, ``2026-11-25T10:00Z`` or a number of seconds.

    Raises RejectedError ``moment_malformed``.
    """
    if text.isascii() and text.isdecimal() and len(text) <= 11:  # noqa: PLR2004 - before year 5138
        return int(text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError as fault:
        raise RejectedError(
            "moment_malformed", f"{text!r} is no time: write 2026-11-25T10:00Z (UTC)"
        ) from fault
    at = read if read.tzinfo else read.replace(tzinfo=UTC)
    return max(0, int(at.timestamp()))
