"""Options that several commands share."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.asking import secret
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.showing import shown_token
from gateway.errors import UnavailableError
from gateway.faults import convert
from gateway.settings import Settings, StoreSettings, load
from keys.memory import seclude
from keys.private import read_secret

Folder = Annotated[
    Path,
    typer.Option("--dir", envvar="LIAISON_DIR", help="The node's folder.", show_default=True),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="A file (mode 0600) with the passphrase."),
]
RootKeys = Annotated[
    list[Path] | None,
    typer.Option("--root-key", help="A root key file that signs; may be repeated."),
]
PassphraseFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--passphrase-file",
        help="A file (mode 0600) with the passphrase of all root keys, or one for each.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="Where to write the statement; a new file.")
]
RegistryFile = Annotated[
    Path | None,
    typer.Option("--registry", help="A copy of the registry, as registry export writes it."),
]
Store = Annotated[
    str,
    typer.Option("--store", help="The database: sqlite:///file or postgresql://user@host/name."),
]
WhyOpened = Annotated[
    str | None,
    typer.Option(
        "--reason", help="Why a releaser opens what was recalled: review, court and others."
    ),
]
DEFAULT_FOLDER = Path("/var/lib/liaison")
PASSPHRASE: Final = Label("Passphrase", "Phrase secrète")
NEW_PASSPHRASE: Final = Label("New passphrase", "Nouvelle phrase secrète")
PASSPHRASE_OF: Final = Label("Passphrase of {name}", "Phrase secrète de {name}")


def settings_of(folder: Path) -> Settings:
    """Return the settings of a node's folder. Raises LiaisonError."""
    return load(folder / "gateway.toml", environ=os.environ)


def store_settings(url: str) -> StoreSettings:
    """Return the settings of a database. Raises FaultsError for a url that is none."""
    return convert({"url": url}, StoreSettings)


def daemon_of(folder: Path) -> Daemon:
    """Return the way to the daemon of a node's folder, with the token named, if one is.

    Raises LiaisonError.
    """
    return Daemon(settings_of(folder), shown_token())


def passphrase(
    file: Path | None, *, fresh: bool = False, prompt: Label = PASSPHRASE, **values: object
) -> bytes:
    """Return a passphrase from a file, or ask for it in a terminal (twice when it is fresh).

    Who has one is about to unlock keys: from here on nobody looks into this process.

    Raises UnavailableError ``passphrase_missing``.
    """
    seclude()
    read = read_secret(file=file, environ=os.environ)
    if read is not None:
        return read
    if not sys.stdin.isatty():
        raise UnavailableError(
            "passphrase_missing", "name --passphrase-file, or run this in a terminal"
        )
    return secret(prompt, fresh=fresh, **values).encode()
