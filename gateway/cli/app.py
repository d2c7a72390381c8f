"""The root of the command line: global options, and the nouns."""

import functools
import importlib
import sys
from typing import Annotated, Any, Final

import typer

from gateway.cli.demo.commands import CommandLine
from gateway.cli.terminal.console import USAGE, complain, language
from gateway.cli.terminal.options import DEFAULT_FOLDER, Folder
from gateway.cli.terminal.page import frame
from gateway.cli.terminal.showing import offer_token_file
from gateway.cli.terminal.usage import FILES, file_error, usage_error
from gateway.errors import LiaisonError

VERBS: Final = {
    "init": "node", "migrate": "node", "backup": "backup", "restore": "backup", "status": "status",
    "doctor": "doctor", "ping": "ping", "demo": "demo.command", "bench": "bench", "kinds": "kinds",
    "trends": "trends", "statistics": "statistics", "events": "events",
}  # fmt: skip
"""Commands by themselves, and the modules that have them."""
NOUNS: Final = (
    "codes", "registry", "member", "statement", "case", "message", "region", "operation", "inbox",
    "attachment", "outbox", "token", "key", "keystore", "audit", "evidence",
)  # fmt: skip
"""Modules of commands under their own name."""


def commands(first: str = "") -> typer.Typer:
    """Return all commands, or what is called ``first`` where there is that: it loads sooner."""
    app = typer.Typer(
        name="liaison",
        help="A secure message-exchange gateway between customs administrations.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    known = first in VERBS or first in NOUNS
    for name, module in VERBS.items():
        if not known or name == first:
            app.command(name)(getattr(_loaded(module), name))
    for name in NOUNS:
        if not known or name == first:
            app.add_typer(_loaded(name).app, name=name)
    app.command()(serve)
    return app


def _loaded(module: str) -> Any:
    return importlib.import_module(f"gateway.cli.{module}")


def serve(
    folder: Folder = DEFAULT_FOLDER,
    ask: Annotated[bool, typer.Option("--ask", help="Ask for the passphrase.")] = False,
) -> None:
    """Run the node until it is told to stop."""
    del folder, ask  # ``gateway.__main__`` runs it without loading this module


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 refused, 2 usage, 3 unreachable."""
    try:
        given = sys.argv[1:] if arguments is None else arguments
        command = _command(given[0] if given else "")
        line = CommandLine(run=run, prepare=_prepare)  # for the demo, which runs commands itself
        result = command.main(arguments, standalone_mode=False, prog_name="liaison", obj=line)
    except LiaisonError as fault:
        return complain(fault)
    except typer.Abort:
        return USAGE
    except typer.TyperException as fault:
        sys.stderr.write(usage_error(fault, language()) + "\n")
        return USAGE
    except tuple(FILES) as fault:
        sys.stderr.write(file_error(fault, language()) + "\n")
        return USAGE
    except BrokenPipeError:
        return 0
    return result if isinstance(result, int) else 0


@functools.cache
def _command(first: str = "") -> Any:
    """Return all commands, or the first named."""
    command = typer.main.get_command(commands(first))
    offer_token_file(command)
    frame(command)
    return command


def _prepare() -> None:
    """Make every command ready, for who forks to run many."""
    for first in (*VERBS, *NOUNS):
        _command(first)
