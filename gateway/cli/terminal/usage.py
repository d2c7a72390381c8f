"""What is wrong with how a command was typed: one sentence, in the language of who reads it.

typer keeps the classes of its errors to itself, so that they are told apart by their names. What an
error does not carry is read from its message; one that is worded in another way is shown as it is.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import typer

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.french import in_language
from gateway.cli.terminal.page import bounds
from gateway.cli.terminal.values import choices_of, type_of, value_name, word

NO_OPTION: Final = Label("there is no option {option} here", "il n'y a pas d'option {option} ici")
MEANT: Final = Label("{told}: did you mean {others}?", "{told} : vouliez-vous dire {others} ?")
OR: Final = Label(" or ", " ou ")
MISSING: Final = Label("{name} is missing. {help}", "il manque {name}. {help}")
WRONG: Final = Label("{name} takes {expected}, not {value}", "{name} prend {expected}, non {value}")
WHOLE: Final = Label("a whole number", "un nombre entier")
WHOLE_IN: Final = Label("a whole number ({bounds})", "un nombre entier ({bounds})")
ONE_OF: Final = Label("one of {choices}", "une valeur parmi {choices}")
OF: Final = Label("{name}: {told}", "{name} : {told}")
SEE: Final = Label("  See: {command} --help", "  Voir : {command} --help")

MESSAGES: Final[Mapping[str, Label]] = {
    r"No such command (.+)\. Did you mean (.+)\?": Label(
        "there is no command {} here: did you mean {}?",
        "il n'y a pas de commande {} ici : vouliez-vous dire {} ?",
    ),
    r"No such command (.+)\.": Label(
        "there is no command {} here", "il n'y a pas de commande {} ici"
    ),
    r"Missing command\.": Label("a command is missing", "il manque une commande"),
    r"Got unexpected extra argument\(s\) \((.+)\)": Label(
        "this is too much: {}", "ceci est de trop : {}"
    ),
    r"Option '(.+)' requires an argument\.": Label(
        "{} needs a value after it", "{} demande une valeur ensuite"
    ),
    r"Option '(.+)' does not take a value\.": Label(
        "{} takes no value", "{} ne prend pas de valeur"
    ),
    r"(?:file|dir|path) (.+) does not exist\.": Label(
        "{} does not exist", "{} n'existe pas"
    ),
    r"(?:file|dir|path) (.+) is a file\.": Label(
        "{} is a file, no folder", "{} est un fichier, non un répertoire"
    ),
    r"(?:file|dir|path) (.+) is a directory\.": Label(
        "{} is a folder, no file", "{} est un répertoire, non un fichier"
    ),
    r"(?:file|dir|path) (.+) is not readable\.": Label(
        "you may not read {}", "vous ne pouvez pas lire {}"
    ),
    r"(?:file|dir|path) (.+) is not writable\.": Label(
        "you may not write {}", "vous ne pouvez pas écrire {}"
    ),
}  # fmt: skip
"""Messages of errors that carry nothing else, as patterns."""
FILES: Final[Mapping[type[OSError], Label]] = {
    FileNotFoundError: Label("{} does not exist", "{} n'existe pas"),
    FileExistsError: Label("{} exists already", "{} existe déjà"),
    PermissionError: Label("you may not open {}", "vous ne pouvez pas ouvrir {}"),
    IsADirectoryError: Label("{} is a folder, no file", "{} est un répertoire, non un fichier"),
    NotADirectoryError: Label("{} would be in a file", "{} serait dans un fichier"),
}
"""What may be wrong with a file that was named."""


def usage_error(fault: typer.TyperException, spoken: str) -> str:
    """Return what to say of a usage error: a sentence, and where to read on; or the help asked."""
    if type(fault).__name__ == "NoArgsIsHelpError":
        return fault.message
    context = getattr(fault, "ctx", None)
    told = f"liaison: {sentence(fault, spoken)}"
    if context is None:
        return told
    return f"{told}\n{SEE.text(spoken).format(command=context.command_path)}"


def file_error(fault: OSError, spoken: str) -> str:
    """Return what to say of a file that cannot be used as it was named."""
    label = next(label for kind, label in FILES.items() if isinstance(fault, kind))
    return f"liaison: {label.text(spoken).format(fault.filename)}"


def sentence(fault: typer.TyperException, spoken: str) -> str:
    """Return what is wrong, in one sentence."""
    parameter: Any = getattr(fault, "param", None)
    match type(fault).__name__:
        case "NoSuchOption":
            return _no_option(fault, spoken)
        case "MissingParameter" if parameter is not None:
            told = in_language(parameter.help or "", spoken)
            name = _called(parameter, spoken)
            return MISSING.text(spoken).format(name=name, help=told).strip()
        case "BadParameter":
            return _bad_value(fault, parameter, spoken)
        case _:
            return _worded(fault.message, spoken)


def _no_option(fault: Any, spoken: str) -> str:
    told = NO_OPTION.text(spoken).format(option=_shown(fault.option_name))
    if not fault.possibilities:
        return told
    others = OR.text(spoken).join(fault.possibilities)
    return MEANT.text(spoken).format(told=told, others=others)


def _bad_value(fault: Any, parameter: Any, spoken: str) -> str:
    """Say what a value must be, where that is known, or else what is wrong with it."""
    value = None if parameter is None else _refused(fault, parameter)
    if value is not None and (expected := _expected(parameter, spoken)):
        name = fault.param_hint or _name(parameter, spoken)
        return WRONG.text(spoken).format(name=name, expected=expected, value=repr(value))
    name = fault.param_hint or (parameter and _name(parameter, spoken))
    told = _worded(fault.message, spoken)
    return OF.text(spoken).format(name=name, told=told) if name else told


def _refused(fault: Any, parameter: Any) -> str | None:
    """Return the value that was refused, where the error says it; of several the first wrong."""
    faults: list[Any] = getattr(fault.__cause__, "errors", list)()
    if not faults:
        return None
    given = faults[0].get("input")
    values = [str(one) for one in (given if isinstance(given, list | tuple) else [given])]
    choices = choices_of(parameter)
    return next((one for one in values if one not in choices), None)


def _expected(parameter: Any, spoken: str) -> str:
    """Return what a value must be; nothing where any text may do."""
    if choices := choices_of(parameter):
        return ONE_OF.text(spoken).format(choices=", ".join(choices))
    if type_of(parameter) is not int:
        return ""
    limits = bounds(parameter, spoken)
    return WHOLE_IN.text(spoken).format(bounds=limits) if limits else WHOLE.text(spoken)


def _name(parameter: Any, spoken: str) -> str:
    """Return how a parameter is typed, without its value."""
    is_option = parameter.param_type_name == "option"
    return parameter.opts[0] if is_option else word(parameter, spoken)


def _called(parameter: Any, spoken: str) -> str:
    """Return how a parameter is typed, with its value."""
    name = _name(parameter, spoken)
    is_option = parameter.param_type_name == "option"
    return f"{name} {value_name(parameter, spoken)}" if is_option else name


def _worded(message: str, spoken: str) -> str:
    for pattern, label in MESSAGES.items():
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return label.text(spoken).format(*found.groups())
    return message


def _shown(typed: str) -> str:
    """Return what somebody typed, without what a terminal would obey."""
    return repr(typed)[1:-1]
