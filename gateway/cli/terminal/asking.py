"""Asking somebody at a terminal: a line, yes or no, a secret.

Questions go to standard error, so that what a command prints stays alone on standard output.
"""

from typing import Final

import typer

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.console import language

ANSWERS: Final = Label("y/n", "o/n")
YES: Final = Label("y yes true", "o oui true")
NO: Final = Label("n no false", "n non false")
UNCLEAR: Final = Label("Please answer {answers}.", "Répondre par {answers}.")
AGAIN: Final = Label("The same once more", "La même encore une fois")
DIFFERENT: Final = Label("These are two; please begin anew.", "Elles diffèrent ; recommencer.")


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


def assent(question: Label) -> None:
    """Go on with a yes alone. Raises typer.Abort with anything else."""
    spoken = language()
    if not confirm(question.text(spoken), spoken, default=False):
        raise typer.Abort


def secret(question: Label, *, fresh: bool, **values: object) -> str:
    """Return what is typed where nobody reads it; twice the same where it is fresh."""
    spoken = language()
    while True:
        typed = _hidden(question.text(spoken).format(**values))
        if not fresh or _hidden(AGAIN.text(spoken)) == typed:
            return typed
        tell(DIFFERENT.text(spoken))


def _hidden(question: str) -> str:
    return str(typer.prompt(question, hide_input=True, err=True))
