"""``liaison bench``: what this machine can carry, and which part of it limits."""

from typing import Annotated

import typer

from gateway.cli.terminal.console import say, show_json, show_table
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder


def bench(
    folder: Folder = DEFAULT_FOLDER,
    rounds: Annotated[
        int, typer.Option(help="How often each part is timed; the median counts.", min=1, max=100)
    ] = 5,
    as_json: AsJson = False,
) -> None:
    """Time what an exchange is made of on this machine, and say which part limits."""
    from gateway.cli.machine import measure, settings_or_folder  # noqa: PLC0415 - heavy

    measured = measure(settings_or_folder(folder), rounds)
    if as_json:
        show_json(measured)
        return
    show_table(
        ["part", "a second", ""],
        [(part.name, _number(part.per_s), part.unit) for part in measured.parts],
    )
    say("")
    show_table(
        ["at most", "a second", "", "most of it"],
        [(bound.name, _number(bound.per_s), bound.unit, bound.limit) for bound in measured.bounds],
    )


def _number(value: float) -> str:
    return f"{value:,.0f}"
