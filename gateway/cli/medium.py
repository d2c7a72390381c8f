"""Media on the command line: files written whole or not at all, and what was on them."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway.cli.casework.handing_in import progress
from gateway.cli.medium_words import ENDS, EXISTS, STATES, word
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import language, say, when
from gateway.cli.terminal.told import SpokenError
from gateway.protocol.medium import (
    BlobOffer,
    CarriedCopy,
    CarriedReturn,
    LeftOut,
    MediumReader,
    Record,
)
from gateway.protocol.message import message_ref


class NotWritten(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is not on the medium, and why."""

    message: str
    state: str
    code: str


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was written to a medium, as read from its bytes on their way."""

    file: str
    size: int
    messages: int
    attachments: int
    receipts: int
    left_out: list[NotWritten]


def write(daemon: Daemon, sender: str, to: str, target: Path, *, force: bool) -> Exported:
    """Write a medium beside ``target``, and put it there once it is whole and durable.

    Raises SpokenError ``file_exists``, ``medium_cut_short``, or what the daemon says.
    """
    if target.exists() and not force:
        raise SpokenError("file_exists", EXISTS, file=target)
    part = target.with_name(target.name + ".part")
    reader, counts = MediumReader(), Counter[type[Record]]()
    left_out: list[NotWritten] = []

    def note(record: Record) -> None:
        counts[type(record)] += 1
        if isinstance(record, LeftOut):
            ref = message_ref(sender, record.message_id)
            left_out.append(NotWritten(message=ref, state="left_out", code=record.code))

    try:
        with progress(target.name, 0) as advance, part.open("wb") as file:

            def take(piece: bytes) -> None:
                file.write(piece)
                for record in reader.update(piece):
                    note(record)
                advance(len(piece))

            daemon.pour("POST", f"/v1/media/export?to={to}", take)
            reader.finish()
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return Exported(
        file=str(target),
        size=target.stat().st_size,
        messages=counts[CarriedCopy],
        attachments=counts[BlobOffer],
        receipts=counts[CarriedReturn],
        left_out=left_out,
    )


def show_exported(written: Exported, to: str) -> None:
    """Print what a medium holds, and what is not on it."""
    say(word("written", **msgspec.structs.asdict(written)))
    for item in written.left_out:
        say(word("left_out", message=item.message, code=item.code))
    if any(item.code == "card_unknown" for item in written.left_out):
        say(word("card_unknown", to=to))
    if written.messages:
        say(word("queued", to=to))


def read(daemon: Daemon, file: Path) -> Any:
    """Bring a medium to the daemon; return what came of it."""
    with progress(file.name, file.stat().st_size) as advance:
        return daemon.bring("/v1/media/import", file, advance)


def is_done(imported: Mapping[str, Any]) -> bool:
    """Tell whether all that was on a medium was taken."""
    return not (imported["fault"] or imported["not_taken"] or imported["faults"])


def show_imported(imported: Mapping[str, Any], file: Path) -> None:
    """Print what a medium brought, and what it did not."""
    say(word("from", file=file, at=when(imported["made_at"]), **imported))
    say(word("messages", **imported))
    if imported["statements"]:
        say(word("statements", **imported))
    for item in imported["not_taken"]:
        said = STATES[item["state"]].text(language())
        say(f"  {said:<9}  {item['message'] or word('no_envelope')}  {item['code']}")
    for code, count in imported["faults"].items():
        say(word("not_taken", code=code, count=count))
    if code := imported["fault"]:
        say(word("not_whole", why=ENDS[code], code=code))
        say(word("kept"))
    if imported["accepted"] or imported["repeated"]:
        say(word("receipts", **imported))
