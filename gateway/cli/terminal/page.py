"""A help page, in the language of who reads it. What typer knows of a command, in our own frame."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

import typer

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.console import language
from gateway.cli.terminal.french import in_language
from gateway.cli.terminal.values import value_name

USAGE: Final = Label("Usage: ", "Usage : ")
ARGUMENTS: Final = Label("Arguments", "Arguments ")
OPTIONS: Final = Label("Options", "Options ")
COMMANDS: Final = Label("Commands", "Commandes ")
SOME_OPTIONS: Final = Label("[OPTIONS]", "[OPTIONS]")
A_COMMAND: Final = Label("COMMAND [ARGUMENTS]...", "COMMANDE [ARGUMENTS]...")
BESIDE: Final = Label("; ", " ; ")
REQUIRED: Final = Label("required", "obligatoire")
DEFAULT: Final = Label("default: {value}", "par défaut : {value}")
VARIABLE: Final = Label("variable: {name}", "variable : {name}")
AT_LEAST: Final = Label("{least} or more", "{least} ou plus")
AT_MOST: Final = Label("{most} or less", "{most} ou moins")
BETWEEN: Final = Label("{least} to {most}", "de {least} à {most}")


class Page(typer.Context):
    """A command that is being run, which shows its help in our frame."""

    def get_help(self) -> str:
        """Return the help page."""
        return help_page(self, language())


def frame(command: Any) -> None:
    """Let a command and all that is under it show their help in our frame."""
    command.context_class = Page
    for inner in getattr(command, "commands", {}).values():
        frame(inner)


def help_page(context: typer.Context, spoken: str) -> str:
    """Return the help page of a command: usage, what it does, and all that it takes."""
    command: Any = context.command
    parameters = [one for one in command.get_params(context) if not one.hidden]
    arguments = [one for one in parameters if one.param_type_name == "argument"]
    options = [one for one in parameters if one.param_type_name == "option"]
    commands = getattr(command, "commands", {})
    told = context.make_formatter()
    pieces = [SOME_OPTIONS.text(spoken), *(_placed(one, spoken) for one in arguments)]
    if commands:
        pieces.append(A_COMMAND.text(spoken))
    told.write_usage(context.command_path, " ".join(pieces), USAGE.text(spoken))
    told.write_paragraph()
    with told.indentation():
        told.write_text(_set(in_language(command.help or "", spoken)))
    for heading, rows in (
        (ARGUMENTS, [(_repeated(one, spoken), _told(one, spoken)) for one in arguments]),
        (OPTIONS, [(_spelled(one, spoken), _told(one, spoken)) for one in options]),
        (COMMANDS, [(name, _first(inner, spoken)) for name, inner in commands.items()]),
    ):
        if rows:
            with told.section(heading.text(spoken)):
                told.write_dl(rows)
    return told.getvalue().rstrip("\n")


def bounds(parameter: Any, spoken: str) -> str:
    """Return between what a number must be; nothing where it may be any."""
    least, most = parameter.min, parameter.max
    if least is None and most is None:
        return ""
    label = BETWEEN if None not in {least, most} else AT_MOST if least is None else AT_LEAST
    return label.text(spoken).format(least=least, most=most)


def _placed(argument: Any, spoken: str) -> str:
    name = _repeated(argument, spoken)
    return name if argument.required else f"[{name}]"


def _repeated(argument: Any, spoken: str) -> str:
    name = value_name(argument, spoken)
    return name if argument.nargs == 1 else f"{name}..."


def _spelled(option: Any, spoken: str) -> str:
    """Return how an option is typed, and what follows it."""
    names = " / ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {value_name(option, spoken)}"


def _told(parameter: Any, spoken: str) -> str:
    """Return what a parameter is for, and what is to be known of it."""
    said = in_language(parameter.help or "", spoken)
    marks = BESIDE.text(spoken).join(_marks(parameter, spoken))
    return _set(f"{said}  [{marks}]".lstrip() if marks else said)


def _marks(parameter: Any, spoken: str) -> Iterator[str]:
    if parameter.envvar and parameter.show_envvar:
        yield VARIABLE.text(spoken).format(name=parameter.envvar)
    if parameter.show_default and (value := _default(parameter)):
        yield DEFAULT.text(spoken).format(value=value)
    if limits := bounds(parameter, spoken):
        yield limits
    if parameter.required:
        yield REQUIRED.text(spoken)


def _default(parameter: Any) -> str:
    """Return what holds where nothing is said; a flag is off then, and does not say so."""
    value = parameter.default
    if getattr(parameter, "is_flag", False):
        other = parameter.secondary_opts
        return (parameter.opts if value else other)[0] if other else ""
    several = value if isinstance(value, list | tuple) else [value]
    return ", ".join(
        str(one.value if isinstance(one, Enum) else one) for one in several if one is not None
    )


def _first(command: Any, spoken: str) -> str:
    """Return the first sentence of what a command does."""
    said = in_language(command.help or "", spoken).partition("\n\n")[0]
    sentence, stop, _ = said.partition(". ")
    return _set(sentence + stop.strip())


def _set(text: str) -> str:
    """Return a text of which no line begins with what French sets apart by a space."""
    return re.sub(r" (?=[:;?!»])", "\N{NO-BREAK SPACE}", text)
