"""``liaison status``: a node in numbers, for people."""

from gateway.cases.fields.labels import Label
from gateway.cli.status_words import status_fields
from gateway.cli.terminal.console import language, show_fields, show_json
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of


def status(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Show a running node in numbers."""
    shown = daemon_of(folder).call("GET", "/v1/status")
    if as_json:
        show_json(shown)
        return
    spoken = language()
    show_fields(
        {
            name: value.text(spoken) if isinstance(value, Label) else value
            for name, value in status_fields(shown).items()
        }
    )
