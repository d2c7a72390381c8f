"""The root of the command line: global options, and the nouns."""

import functools
import sys
from typing import Annotated, Any

import typer

from gateway.cli import (
    attachment,
    audit,
    backup,
    bench,
    case,
    codes,
    doctor,
    events,
    evidence,
    inbox,
    key,
    keystore,
    kinds,
    member,
    message,
    node,
    operation,
    outbox,
    ping,
    region,
    registry,
    statement,
    statistics,
    status,
    taking_back,
    token,
    trends,
)
from gateway.cli.console import USAGE, complain, language
from gateway.cli.demo.command import demo
from gateway.cli.demo.commands import CommandLine
from gateway.cli.french import speak_french
from gateway.cli.showing import offer_token_file
from gateway.errors import LiaisonError

app = typer.Typer(
    name="liaison",
    help="A secure message-exchange gateway between customs administrations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("init")(node.init)
app.command("migrate")(node.migrate)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
app.command("ping")(ping.ping)
app.command("demo")(demo)
app.command("bench")(bench.bench)
app.command("kinds")(kinds.kinds)
app.command("trends")(trends.trends)
app.command("statistics")(statistics.statistics)
app.command("events")(events.events)
app.add_typer(codes.app, name="codes")
app.add_typer(registry.app, name="registry")
app.add_typer(member.app, name="member")
app.add_typer(statement.app, name="statement")
app.add_typer(case.app, name="case")
taking_back.add_commands(message.app)
app.add_typer(message.app, name="message")
app.add_typer(region.app, name="region")
app.add_typer(operation.app, name="operation")
app.add_typer(inbox.app, name="inbox")
app.add_typer(attachment.app, name="attachment")
app.add_typer(outbox.app, name="outbox")
app.add_typer(token.app, name="token")
app.add_typer(key.app, name="key")
app.add_typer(keystore.app, name="keystore")
app.add_typer(audit.app, name="audit")
app.add_typer(evidence.app, name="evidence")


@app.command()
def serve(
    folder: Annotated[str, typer.Option("--dir", help="The node's folder.")] = "/var/lib/liaison",
    ask: Annotated[bool, typer.Option(help="Ask for the passphrase.")] = False,
) -> None:
    """Run the node until it is told to stop."""
    del folder, ask  # ``gateway.__main__`` runs it without loading this module


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 refused, 2 usage, 3 unreachable."""
    try:
        command = _command(language())
        line = CommandLine(run=run, prepare=_command)  # for the demo, which runs commands itself
        result = command.main(arguments, standalone_mode=False, prog_name="liaison", obj=line)
    except LiaisonError as fault:
        return complain(fault)
    except typer.Abort:
        return USAGE
    except typer.TyperException as fault:
        told = fault.format_message()
        help_itself = told.startswith("Usage: ")
        sys.stderr.write(f"{told}\n" if help_itself else f"liaison: {told}\n  Try --help.\n")
        return USAGE
    except (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError) as fault:
        sys.stderr.write(f"liaison: {fault.filename}: {fault.strerror or 'exists already'}\n")
        return USAGE
    except BrokenPipeError:
        return 0
    return result if isinstance(result, int) else 0


@functools.cache
def _command(spoken: str) -> Any:
    """Return all commands, with their help in ``fr`` or in English."""
    command = typer.main.get_command(app)
    offer_token_file(command)
    if spoken == "fr":
        speak_french(command)
    return command
