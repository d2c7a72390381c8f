"""``liaison ping``: a message the whole way to a member and back."""

import time
from typing import Annotated, Any

import typer

from gateway.cli.casework.handing_in import await_receipts
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import say, show_json
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of


def ping(
    member: Annotated[str, typer.Argument(help="The member whose node is to answer.")],
    folder: Folder = DEFAULT_FOLDER,
    wait: Annotated[int, typer.Option(help="Wait so many seconds.", min=1, max=3600)] = 30,
    as_json: AsJson = False,
) -> int:
    """Send a sealed message the whole way: signed, opened, verified, receipted, shown to nobody."""
    reached, code = reach(daemon_of(folder), member, wait)
    if as_json:
        show_json(reached)
    else:
        why = f" ({reached['code']})" if reached["code"] else ""
        say(f"{member} {reached['state']}{why} after {reached['after_s']} s")
    return code


def reach(daemon: Daemon, member: str, wait_s: int) -> tuple[dict[str, Any], int]:
    """Return how far a ping came and in what time, and the exit code."""
    started = time.monotonic()
    body = {"to": [member], "kind": "ping", "content": {}, "expires_in_s": wait_s}
    sent = daemon.call("POST", "/v1/messages", body)
    (recipient,), code = await_receipts(daemon, sent["id"], sent["case"], wait_s)
    after_s = round(time.monotonic() - started, 2)
    (shown,) = daemon.call("GET", f"/v1/messages/{sent['id']}")["recipients"]
    reached = {"message": sent["id"], "member": member, "state": recipient["state"]}
    return {**reached, "code": shown["code"], "after_s": after_s}, code
