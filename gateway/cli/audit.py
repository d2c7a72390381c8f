"""``liaison audit``: verify, show and export the log that nobody can rewrite unseen."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.auditing import split_view
from gateway.cli.auditing.entries import erase, show
from gateway.cli.auditing.export import export
from gateway.cli.auditing.peer_logs import peers, verify_peer
from gateway.cli.terminal.console import REFUSED, language, say, show_json
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, settings_of

if TYPE_CHECKING:
    from gateway.cli.auditing.examination import Asked, Examined, Progress

app = typer.Typer(help="The audit log.", no_args_is_help=True)
app.add_typer(split_view.app, name="split-view")
app.command()(peers)
app.command()(show)
app.command()(erase)
app.command()(export)

Offline = Annotated[
    bool, typer.Option("--offline", help="Ask no witness what it holds of this log.")
]


@app.command()
def verify(
    folder: Folder = DEFAULT_FOLDER,
    peer: Annotated[
        str | None, typer.Option(help="Check what is held of this member's log instead.")
    ] = None,
    offline: Offline = False,
    as_json: AsJson = False,
) -> int:
    """Check every entry, hash, signature and stored message, and ask the witnesses.

    Works beside a running daemon, or without one.
    """
    if peer is not None:
        return verify_peer(folder, peer, as_json)
    from gateway.cli.auditing.examination import examine  # noqa: PLC0415 - loaded when a log is examined

    with _progress() as progress:
        examined = examine(settings_of(folder), offline=offline, progress=progress)
    if as_json:
        show_json(_as_json(examined))
    else:
        _say(examined)
    return REFUSED if examined.report.findings else 0


def _say(examined: "Examined") -> None:
    from gateway.cli.auditing import words as audit_words  # noqa: PLC0415 - as above
    from gateway.cli.auditing.phrases import SAID  # noqa: PLC0415 - as above

    tongue, report = language(), examined.report
    altered = SAID["altered"].text(tongue)
    for number, item in enumerate(report.findings):
        say(f"{altered}  {audit_words.told(item, tongue)}")
        if not number and (meaning := audit_words.meaning(item, tongue)):
            say(f"{'':{len(altered)}}  {meaning}")
    for line in _of_witnesses(examined, tongue):
        say(line)
    say(audit_words.counted(report, tongue))
    if report.findings:
        say(SAID["do"].text(tongue))


def _of_witnesses(examined: "Examined", tongue: str) -> Iterator[str]:
    """Yield what the witnesses said, or plainly that none was asked."""
    from gateway.cli.auditing import words as audit_words  # noqa: PLC0415 - as above
    from gateway.cli.auditing.phrases import SAID  # noqa: PLC0415 - as above

    asked = examined.asked
    if asked is None:
        yield SAID["offline"].text(tongue)
        return
    if not asked.witnesses:
        yield SAID["nobody"].text(tongue)
        return
    for item in examined.report.compared:
        yield audit_words.comparison(item, tongue)
    for witness in asked.know_none:
        yield SAID["knows_none"].text(tongue).format(by=witness)
    for name, code in asked.silent:
        yield SAID["silent"].text(tongue).format(by=name, code=code)
    if len(asked.silent) == len(asked.witnesses):
        yield SAID["unheard"].text(tongue)


def _as_json(examined: "Examined") -> dict[str, Any]:
    from gateway.cli.auditing import words as audit_words  # noqa: PLC0415 - as above

    report = examined.report
    return {
        "verified": not report.findings,
        "entries": report.entries,
        "erased": report.erased,
        "checkpoints": report.checkpoints,
        "witnessed": report.witnessed,
        "messages": report.messages,
        "waiting": report.waiting,
        "findings": [
            {
                "code": item.code.value,
                "where": audit_words.where(item, "en"),
                "what": audit_words.what(item, "en"),
                "shard": item.shard,
                "first": item.first,
                "last": item.first if item.last is None else item.last,
                "kind": item.kind,
                "at": item.at,
                "subject": item.subject,
                "detail": item.detail,
            }
            for item in report.findings
        ],
        "witnesses": _witnesses_as_json(examined.asked, examined),
    }


def _witnesses_as_json(asked: "Asked | None", examined: "Examined") -> dict[str, Any]:
    heads = [
        {"member": item.by, "shard": item.shard, "size": item.size, "verdict": item.verdict}
        for item in examined.report.compared
    ]
    silent = (
        [] if asked is None else [{"member": name, "code": code} for name, code in asked.silent]
    )
    named = [] if asked is None else list(asked.witnesses)
    return {"asked": asked is not None, "named": named, "heads": heads, "silent": silent}


@contextmanager
def _progress() -> Iterator["Progress"]:
    """Yield what a check tells how far it is: a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _, __: None
        return
    from rich.console import Console  # noqa: PLC0415 - loaded when something is shown
    from rich.progress import Progress as Bar  # noqa: PLC0415 - the same

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, total: bar.update(task, completed=done, total=total)
