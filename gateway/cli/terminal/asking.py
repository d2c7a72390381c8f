"""Asking somebody at a terminal: a line, yes or no.

Questions go to standard error, so that what a command prints stays alone on standard output.
"""

from typing import Final

import typer

from gateway.cases.fields.labels import Label

ANSWERS: Final = Label("y/n", "o/n")
YES: Final = Label("y yes true", "o oui true")
NO: Final = Label("n no false", "n non false")
UNCLEAR: Final = Label("Please answer {answers}.", "Répondre par {answers}.")


def tell(text: str) -> None:
    """Say something beside the question."""
    typer.echo(text, err=True)


def read(question: str) -> str:
    """Return what somebody types, without blanks around it. Raises typer.Abort at the end."""
    return str(
        typer.prompt(question, default="", show_default=False, prompt_suffix="> ", err=True)
    ).strip()


def confirm(question: str, spoken: str, *, default: bool | None) -> bool:
    """Ask until the answer is yes or no; nothing is the default, where there is one."""
    answers = ANSWERS.text(spoken)
    while True:
        typed = read(f"{question} [{answers}]".strip()).lower()
        if typed in YES.text(spoken).split():
            return True
        if typed in NO.text(spoken).split():
            return False
        if not typed and default is not None:
            return default
        tell(UNCLEAR.text(spoken).format(answers=answers))
