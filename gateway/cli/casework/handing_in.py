"""Handing in: files are uploaded, a message is submitted, and its receipts are waited for."""

import mimetypes
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.cli.casework.message_words import state as state_named
from gateway.cli.casework.message_words import word
from gateway.cli.casework.release import show_waits
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import DONE, REFUSED, UNREACHABLE, language, note, say, show_json

OPEN_STATES = ("queued", "sending", "in_custody")
POLL_FIRST_S, POLL_S = 0.02, 0.25
"""How long to wait before the second look, and between later ones."""


def hand_in(
    daemon: Daemon, body: dict[str, Any], files: Sequence[Path], *, wait_s: int, as_json: bool
) -> int:
    """Upload what is attached, submit a message, say what became of it; return the exit code."""
    body["attachments"] = [upload(daemon, file)["id"] for file in files]
    key = os.urandom(16).hex()
    accepted = daemon.call("POST", "/v1/messages", body, **{"Idempotency-Key": key})
    code = DONE
    if wait_s and not accepted["release"]:
        accepted["recipients"], code = await_receipts(
            daemon, accepted["id"], accepted["case"], wait_s
        )
    if as_json:
        show_json(accepted)
        return code
    show_accepted(accepted)
    return code


def show_accepted(accepted: dict[str, Any]) -> None:
    """Print what became of a message that was handed in."""
    say(f"{word('accepted', language()):<9} {accepted['id']}")
    say(f"{word('case', language()):<9} {accepted['case']}")
    for recipient in accepted["recipients"]:
        say(f"{recipient['member']:<9} {state_named(recipient['state'], language())}")
    if accepted["release"]:
        show_waits(accepted)


def upload(daemon: Daemon, file: Path) -> Any:
    """Upload a file, with a progress bar on a terminal."""
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    with progress(file.name, file.stat().st_size) as advance:
        return daemon.upload(file, media_type, advance)


@contextmanager
def progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show progress on standard error, where a person looks on."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import Progress  # noqa: PLC0415 - the same

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done: bar.advance(task, done)


def await_receipts(daemon: Daemon, message: str, case: str, wait_s: int) -> tuple[Any, int]:
    """Wait until no recipient is open any more; return how far each is, and the exit code."""
    deadline = time.monotonic() + wait_s
    told, pause_s = "", POLL_FIRST_S
    while True:
        shown = daemon.call("GET", f"/v1/messages?direction=out&limit=500&case={case}")
        item = next(item for item in shown["messages"] if item["id"] == message)
        states = [recipient["state"] for recipient in item["recipients"]]
        line = ", ".join(
            f"{each['member']} {state_named(each['state'], language())}"
            for each in item["recipients"]
        )
        if line != told:
            note(line)
            told = line
        if not any(state in OPEN_STATES for state in states):
            return item["recipients"], 0 if set(states) == {"delivered"} else REFUSED
        if time.monotonic() > deadline:
            return item["recipients"], UNREACHABLE
        time.sleep(pause_s)
        pause_s = min(POLL_S, 2 * pause_s)
