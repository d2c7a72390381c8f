"""``liaison evidence``: write it beside a node, and judge it anywhere.

Judging opens no socket and reads nothing but the files that it is given: no configuration, no node.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import quote

import typer

from gateway.cases.families.lists import IntendedUse
from gateway.cli.terminal.console import REFUSED, language, say, show_json, told
from gateway.cli.terminal.naming import message_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of, settings_of
from gateway.errors import LiaisonError
from keys.private import write_private
from keys.registry.draft import parse_fingerprint

if TYPE_CHECKING:
    from gateway.evidence.judgement import Judgement
    from keys.registry.view import View

app = typer.Typer(help="Evidence that stands alone.", no_args_is_help=True)

DISPUTED, SIGNED_ONLY = 4, 5
"""Exit codes beside 0 for what is valid and 1 for what is not."""
_T = TypeVar("_T")

Anchor = Annotated[
    str,
    typer.Option(help="The fingerprint of the federation's registry, from whom you trust."),
]
Registry = Annotated[
    Path | None,
    typer.Option("--registry", help="A newer registry, as registry export writes it.", exists=True),
]


@app.callback()
def evidence() -> None:
    """Write evidence of a message, and judge it without network, node or key."""


@app.command()
def export(
    message: Annotated[str, typer.Argument(help="The message's id.")],
    file: Annotated[Path, typer.Argument(help="The file to write; a new one.")],
    folder: Folder = DEFAULT_FOLDER,
    closed: Annotated[
        bool, typer.Option("--closed", help="Leave the content out; its digest stays.")
    ] = False,
    to: Annotated[
        str, typer.Option(help="The recipient to speak of; all of them by default.")
    ] = "",
    purpose: Annotated[
        IntendedUse,
        typer.Option(help="For what the content is used; H0 and H1 limit it, and it is recorded."),
    ] = IntendedUse.JUDICIAL_PROCEEDINGS,
    as_json: AsJson = False,
) -> None:
    """Write a file that shows who signed a message for whom, and who received it when."""
    if file.exists():
        raise FileExistsError(17, "File exists", str(file))
    from gateway.evidence.judging import judge_file  # noqa: PLC0415 - most of the verifier

    query = "content=closed" if closed else f"content=open&purpose={purpose.value}"
    query += f"&recipient={quote(to)}" if to else ""
    daemon = daemon_of(folder)
    named = quote(message_named(daemon, message))
    encoded = daemon.file(f"/v1/messages/{named}/evidence?{query}")
    write_private(file, encoded)
    anchor = settings_of(folder).registry.anchor
    judgement = judge_file(encoded, parse_fingerprint(anchor))
    if as_json:
        show_json({"file": str(file), "bytes": len(encoded), **_document(judgement)})
        return
    say(f"{file}: {len(encoded)} bytes")
    _tell(judgement)
    say(f"to be checked anywhere:  liaison evidence verify {file} --anchor {anchor}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The file.", exists=True)],
    anchor: Anchor,
    registry: Registry = None,
    payload: Annotated[
        Path | None,
        typer.Option(help="The payload of a closed file, as the sender has it.", exists=True),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Judge a file: 0 valid, 4 valid but later disputed, 5 signed only, 1 invalid.

    Without a newer registry the verdict is as of the one in the file.
    """
    from gateway.evidence.archive import MAX_ARCHIVE_BYTES  # noqa: PLC0415 - the verifier
    from gateway.evidence.judging import judge_file  # noqa: PLC0415 - the same
    from gateway.protocol.message import MAX_PAYLOAD_BYTES  # noqa: PLC0415 - the same

    judgement = judge_file(
        _read(file, MAX_ARCHIVE_BYTES),
        _given("--anchor", lambda: parse_fingerprint(anchor)),
        newer_registry=None if registry is None else _statements(registry),
        payload=None if payload is None else _read(payload, MAX_PAYLOAD_BYTES),
    )
    if as_json:
        show_json(_document(judgement))
    else:
        _tell(judgement)
    return _code(judgement)


@app.command("split-view")
def split_view(
    file: Annotated[Path, typer.Argument(help="A proof, or the first of two files.", exists=True)],
    anchor: Anchor,
    other: Annotated[
        Path | None,
        typer.Argument(help="The second: evidence, a proof of an entry, or a head.", exists=True),
    ] = None,
    registry: Registry = None,
    as_json: AsJson = False,
) -> int:
    """Prove that a log was shown in two ways: by one file, or by two that contradict each other.

    The keys are those of the registry; evidence brings one along.
    """
    from gateway.evidence.archive import MAX_ARCHIVE_BYTES  # noqa: PLC0415 - the verifier
    from gateway.evidence.contradiction import (  # noqa: PLC0415 - the same
        contradiction_in,
        contradiction_of,
    )

    first = _read(file, MAX_ARCHIVE_BYTES)
    second = b"" if other is None else _read(other, MAX_ARCHIVE_BYTES)
    view = _given("--registry", lambda: _view((first, second), registry, anchor))
    if other is None:
        found = contradiction_in(first, view)
    else:
        found = contradiction_of(first, second, view)
    heads = [found.smaller, found.larger]
    if as_json:
        shown = [{"size": head.size, "root": head.root.hex()} for head in heads]
        show_json({"proven": True, "origin": found.larger.origin, "heads": shown})
        return 0
    say(f"PROVEN: a key of {found.larger.origin} signed two histories that exclude each other")
    for head in heads:
        say(f"  of {head.size} entries  {head.root.hex()}")
    if found.smaller.size != found.larger.size:
        say(f"  which had been  {found.shown.root.hex()}  at {found.smaller.size}")
    return 0


def _view(files: Sequence[bytes], registry: Path | None, anchor: str) -> "View":
    from gateway.evidence.contradiction import statements_in  # noqa: PLC0415 - the verifier
    from gateway.evidence.history import fold  # noqa: PLC0415 - the same

    statements = () if registry is None else _statements(registry)
    for encoded in files:
        statements = statements or statements_in(encoded)
    return fold(statements, parse_fingerprint(anchor)).view


def _statements(file: Path) -> tuple[bytes, ...]:
    from gateway.evidence.file import MAX_REGISTRY_BYTES  # noqa: PLC0415 - the verifier
    from keys.tlog.tiles import parse_entries  # noqa: PLC0415 - the same

    encoded = _read(file, MAX_REGISTRY_BYTES)
    return tuple(_given("--registry", lambda: parse_entries(encoded)))


def _read(file: Path, most_bytes: int) -> bytes:
    """Return a file's bytes; of one that is too large so many that it is refused."""
    with file.open("rb") as opened:
        return opened.read(most_bytes + 1)


def _given(option: str, read: Callable[[], _T]) -> _T:
    """Return what an option names; what cannot be used is the caller's mistake, not a verdict."""
    try:
        return read()
    except LiaisonError as fault:
        raise typer.BadParameter(told(fault), param_hint=option) from fault


def _code(judgement: "Judgement") -> int:
    from gateway.evidence.judgement import Verdict  # noqa: PLC0415 - the verifier

    codes = {Verdict.VALID: 0, Verdict.DISPUTED: DISPUTED, Verdict.SIGNED_ONLY: SIGNED_ONLY}
    return codes.get(judgement.verdict, REFUSED)


def _tell(judgement: "Judgement") -> None:
    from gateway.cli.auditing.verdicts import tell  # noqa: PLC0415 - the verifier

    for line in tell(judgement, language()):
        say(line)


def _document(judgement: "Judgement") -> dict[str, object]:
    facts = judgement.facts
    return {
        "verdict": judgement.verdict.value,
        "findings": list(judgement.findings),
        "message": facts.message,
        "receipts": facts.receipts,
        "entries": facts.entries,
        "registry": facts.registry,
    }
