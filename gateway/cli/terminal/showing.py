"""``--token-file``: one option of every command that talks to a running node."""

from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.main import get_command

from gateway.errors import UnavailableError
from keys.private import read_private

HELP: Final = "A file (mode 0600) with the token to show to the node."
VARIABLE: Final = "LIAISON_TOKEN_FILE"
_LONGEST_BYTES: Final = 256
ALONE: Final = frozenset(
    {
        ("init",), ("serve",), ("migrate",), ("backup",), ("restore",), ("demo",), ("bench",),
        ("kinds",),
        ("registry", "found"), ("registry", "init"), ("registry", "verify"),
        ("registry", "export"), ("statement", "show"), ("audit", "verify"),
        *((noun, "split-view", verb)
          for noun in ("registry", "audit") for verb in ("list", "export", "verify")),
        *(("keystore", name) for name in ("list", "add", "change", "remove", "rekey")),
    }
)  # fmt: skip
"""Commands with a node's folder that ask its daemon nothing."""
_FILE: ContextVar[str | None] = ContextVar("token_file", default=None)


def offer_token_file(command: Any, path: tuple[str, ...] = ()) -> None:
    """Let every command under ``command`` take a token that asks a daemon."""
    for name, inner in getattr(command, "commands", {}).items():
        offer_token_file(inner, (*path, name))
    asks = any("--dir" in option.opts for option in command.params) and path not in ALONE
    if asks and not any("--token-file" in option.opts for option in command.params):
        command.params.append(_option())


def shown_token() -> str | None:
    """Return the token that this command was told to show; None where it was not.

    Raises UnavailableError ``token_file_missing``, RejectedError ``token_file_permissions``.
    """
    named = _FILE.get()
    if named is None:
        return None
    try:
        secret = read_private(
            Path(named),
            called="the token file",
            code="token_file_permissions",
            longest=_LONGEST_BYTES,
        )
    except OSError as fault:
        raise UnavailableError(
            "token_file_missing", f"the token file {named} cannot be read: {fault.strerror}"
        ) from fault
    return "".join(secret.decode("ascii", errors="replace").split())


def _option() -> Any:
    """Return the option, as typer makes it of a function that has it."""
    made = typer.Typer()

    @made.command()
    def _asking(
        token_file: Annotated[
            str | None,
            typer.Option(envvar=VARIABLE, callback=_note, help=HELP),
        ] = None,
    ) -> None:
        del token_file

    option = next(o for o in get_command(made).params if o.name == "token_file")
    option.expose_value = False  # commands have their daemon from ``options.daemon_of``
    return option


def _note(value: str | None) -> None:
    _FILE.set(value)
