"""The operator's log: events ``noun.verbed`` on standard error, fields from an allow-list.

Nothing that could hold content, a subject or a key is on the list, so none can be logged by
mistake. The log may be lost; what must stand as evidence is in the audit log.
"""

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

FIELDS = frozenset(
    {
        "event", "exception", "level", "timestamp", "dropped",
        "attempts", "bytes", "code", "count", "detail", "due_in_s", "duration_ms", "endpoint",
        "incident", "listen", "member", "message", "method", "next_s", "peer", "registry_size",
        "remote", "role", "route", "size", "socket", "state", "status", "tree_size", "use",
        "version",
    }
)  # fmt: skip
"""Every field that a line may have. ``message`` is a message's id; ``detail`` an error's sentence,
which by the rule of ``keys.errors`` holds no secret."""

_EVENT = re.compile(r"[a-z_]+\.[a-z_]+\Z")


def configure(level: str, form: str) -> None:
    """Set up logging once, for the process: ``json`` or ``text`` lines on standard error."""
    renderer = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if form == "text"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            allow_listed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger() -> FilteringBoundLogger:
    """Return the log."""
    log: FilteringBoundLogger = structlog.get_logger()
    return log


def allow_listed(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop every field that is not allowed, naming it but not its value; the event comes first."""
    dropped = sorted(name for name in event if name not in FIELDS)
    for name in dropped:
        del event[name]
    if dropped:
        event["dropped"] = ",".join(dropped)
    if not _EVENT.match(str(event["event"])):
        raise ValueError("an event is named noun.verbed")
    return {"event": event.pop("event"), **event}
