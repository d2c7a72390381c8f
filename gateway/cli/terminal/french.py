"""French help, by the English that stands in the code: what is written of it, and what is made."""

from gateway.cases.fields.labels import Label
from gateway.cli.french import (
    auditing,
    cases,
    keys,
    messages,
    nodes,
    regions,
    registry,
    shared,
)

HELP: dict[str, str] = {
    **shared.HELP, **cases.HELP, **messages.HELP, **regions.HELP, **nodes.HELP,
    **registry.HELP, **keys.HELP, **auditing.HELP,
}  # fmt: skip
"""What commands are made of adds its own."""


def bilingual(label: Label) -> str:
    """Return the English of a help text, whose French is shown where the locale is."""
    HELP[label.en] = label.fr
    return label.en


def in_language(text: str, spoken: str) -> str:
    """Return a help text in ``fr``, as it stands for any other language."""
    return HELP.get(text, text) if spoken == "fr" else text
