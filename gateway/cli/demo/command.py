"""The command ``liaison demo``."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.terminal.console import show_json
from gateway.cli.terminal.options import AsJson


def demo(
    context: typer.Context,
    members: Annotated[
        int,
        typer.Option(help="How many members the federation has.", metavar="COUNT", min=6, max=20),
    ] = 6,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Keep the nodes' folders here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play a whole case in a federation of real nodes on this machine, and check every step."""
    from gateway.cli.demo.play import play  # noqa: PLC0415 - most of a daemon, for the demo alone

    facts: dict[str, Any] = {}
    try:
        with _workplace(folder) as place:
            play(place, members, context.obj, facts, quiet=as_json, kept=folder is not None)
    finally:
        if as_json and facts:
            show_json(facts)


@contextmanager
def _workplace(folder: Path | None) -> Iterator[Path]:
    """Yield the folder to play in; one of our own is removed at the end."""
    if folder is not None:
        folder.mkdir(parents=True)
        yield folder.absolute()
        return
    place = Path(tempfile.mkdtemp(prefix="liaison-demo-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
