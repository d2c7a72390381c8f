"""French help, by the English that stands in the code: what is written of it, and what is made."""

from typing import Any

from gateway.cases.fields.labels import Label
from gateway.cli.french import cases, messages, nodes, regions, shared

HELP: dict[str, str] = {
    **shared.HELP, **cases.HELP, **messages.HELP, **regions.HELP, **nodes.HELP,
}  # fmt: skip
"""What commands are made of adds its own."""


def bilingual(label: Label) -> str:
    """Return the English of a help text, whose French is shown where the locale is."""
    HELP[label.en] = label.fr
    return label.en


def speak_french(command: Any) -> None:
    """Put the help of a command and of all that is under it into French."""
    command.help = HELP.get(command.help, command.help)
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = HELP.get(parameter.help, parameter.help)
    for inner in getattr(command, "commands", {}).values():
        speak_french(inner)
