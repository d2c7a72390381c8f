"""Cases and messages named in short: by the first or last digits of an id, as they are shown."""

import re
from collections.abc import Iterable
from typing import Final

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.told import SpokenError

_WHOLE = 32
_PART: Final = re.compile(r"(?:(?P<sender>[A-Z][A-Z0-9-]{1,31})-)?(?P<digits>[0-9a-f]{4,32})")
AMBIGUOUS: Final = Label(
    "{part} may be any of these; say more of it: {names}",
    "{part} peut être l'un de ceux-ci ; en dire davantage : {names}",
)
NO_CASE: Final = Label("there is no case {part} here", "il n'y a pas de dossier {part} ici")
NO_MESSAGE: Final = Label("there is no message {part} here", "il n'y a pas de message {part} ici")


def case_named(daemon: Daemon, part: str) -> str:
    """Return the id of the one case whose id begins or ends so; what is no part, as it is.

    Raises SpokenError ``name_ambiguous`` with those that it may be, or ``case_not_found``.
    """
    found = _PART.fullmatch(part)
    if found is None or found["sender"] or len(part) == _WHOLE:
        return part
    names = daemon.call("GET", f"/v1/names?of=case&part={part}")["names"]
    return _one(names, part, "case_not_found", NO_CASE)


def message_named(daemon: Daemon, part: str) -> str:
    """Return the name of the one message whose id begins or ends so; the sender may be left out.

    Raises SpokenError ``name_ambiguous`` with those that it may be, or ``message_unknown``.
    """
    found = _PART.fullmatch(part)
    if found is None or (found["sender"] and len(found["digits"]) == _WHOLE):
        return part
    sender = f"&sender={found['sender']}" if found["sender"] else ""
    query = f"of=message&part={found['digits']}{sender}"
    names = daemon.call("GET", f"/v1/names?{query}")["names"]
    return _one(names, part, "message_unknown", NO_MESSAGE)


def messages_named(daemon: Daemon, parts: Iterable[str]) -> list[str]:
    """Return the names of messages. Raises as ``message_named``."""
    return [message_named(daemon, part) for part in parts]


def attachment_named(daemon: Daemon, part: str) -> str:
    """Return the id of an attachment, its message named so. Raises as ``message_named``."""
    message, dot, number = part.partition(".")
    return f"{message_named(daemon, message)}{dot}{number}"


def _one(names: list[str], part: str, code: str, nothing: Label) -> str:
    if not names:
        raise SpokenError(code, nothing, part=part)
    if len(names) > 1:
        raise SpokenError("name_ambiguous", AMBIGUOUS, part=part, names=", ".join(names))
    return names[0]
