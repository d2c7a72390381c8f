"""New keys of a running node, brought into a statement that its roots will sign."""

import base64
from pathlib import Path

from gateway.cli.terminal.options import daemon_of
from keys.registry.ceremony import encode_draft, parse_draft
from keys.registry.statement import SignedStatement, Statement


def with_fresh_keys(statement: Statement, folder: Path) -> SignedStatement:
    """Return a statement with new keys of the running daemon, each of which proves itself.

    Raises UnavailableError ``daemon_unreachable``, or what the daemon says.
    """
    body = {"note": base64.b64encode(encode_draft(statement)).decode()}
    answer = daemon_of(folder).call("POST", "/v1/registry/statements/fresh-keys", body)
    return parse_draft(base64.b64decode(answer["note"]))
