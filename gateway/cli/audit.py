"""``liaison audit``: verify and show the log that nobody can rewrite unseen."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import split_view
from gateway.cli.console import REFUSED, say, show_json, show_table, when
from gateway.cli.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of, settings_of
from gateway.cli.peer_logs import peers, verify_peer
from gateway.errors import LiaisonError, RejectedError
from gateway.settings import Settings
from keys.registry.draft import parse_fingerprint
from keys.registry.view import advance, found
from keys.suite import parse_member_id

if TYPE_CHECKING:
    from gateway.services.audit_check import AuditReport

app = typer.Typer(help="The audit log.", no_args_is_help=True)
app.add_typer(split_view.app, name="split-view")
app.command()(peers)


@app.command()
def verify(
    folder: Folder = DEFAULT_FOLDER,
    peer: Annotated[
        str | None, typer.Option(help="Check what is held of this member's log instead.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Check every entry, root, signature and stored message; works beside a running daemon."""
    if peer is not None:
        return verify_peer(folder, peer, as_json)
    report = examine(settings_of(folder))
    if as_json:
        show_json(
            {
                "verified": not report.findings,
                "entries": report.entries,
                "checkpoints": report.checkpoints,
                "messages": report.messages,
                "waiting": report.waiting,
                "findings": [{"where": item.where, "what": item.what} for item in report.findings],
            }
        )
        return REFUSED if report.findings else 0
    for item in report.findings:
        say(f"ALTERED  {item.where}: {item.what}")
    counted = (
        f"{report.entries} entries, {report.checkpoints} checkpoints, {report.messages} messages"
    )
    say(f"{counted}: " + ("NOT VERIFIED" if report.findings else "verified"))
    return REFUSED if report.findings else 0


@app.command()
def show(
    folder: Folder = DEFAULT_FOLDER,
    shard: Annotated[str, typer.Option(help="A shard of the log; by default the newest.")] = "",
    start: Annotated[int, typer.Option(help="From this entry on.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 100,
    as_json: AsJson = False,
) -> None:
    """Show entries of the audit log."""
    query = f"shard={shard}&start={start}&end={start + limit}"
    shown = daemon_of(folder).call("GET", f"/v1/audit/entries?{query}")
    if as_json:
        show_json(shown)
        return
    show_table(
        ["entry", "when", "what", "who", "why", "digest"],
        [
            (
                entry["index"],
                when(entry["at"]),
                entry["kind"],
                entry["peer"] or "-",
                entry["code"] or "-",
                entry["digests"][0][:16] if entry["digests"] else "-",
            )
            for entry in shown["entries"]
        ],
    )


def examine(settings: Settings) -> "AuditReport":
    """Check the audit log of a node's folder. Raises LiaisonError when it cannot be read."""
    # What follows is loaded when a log is examined: it is most of a daemon.
    from gateway.daemon import open_database  # noqa: PLC0415
    from gateway.services.audit_check import (  # noqa: PLC0415
        AuditReport,
        Finding,
        check_audit_log,
    )
    from gateway.store import registry  # noqa: PLC0415

    database = open_database(settings)
    try:
        notes = database.read_now(registry.all_statements)
        try:
            anchor = parse_fingerprint(settings.registry.anchor)
            view = advance(found(notes[0], anchor), notes[1:])
        except IndexError:
            raise RejectedError("registry_unknown", "nothing of the registry is mirrored") from None
        except LiaisonError as fault:
            finding = Finding(where="the registry mirror", what=fault.detail)
            return AuditReport(entries=0, checkpoints=0, messages=0, waiting=0, findings=(finding,))
        member = parse_member_id(settings.node.member)
        return database.read_now(lambda tx: check_audit_log(tx, view, member))
    finally:
        database.close()
