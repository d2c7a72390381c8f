"""What forms say besides the labels of their fields, in English and French."""

from collections.abc import Mapping
from typing import Final

from gateway.cases.fields.labels import Label
from gateway.cases.forms import Field, Shape

SHAPES: Final[Mapping[Shape, Label]] = {
    Shape.LINE: Label("one line", "une ligne"),
    Shape.LINES: Label("text, in lines", "texte, sur plusieurs lignes"),
    Shape.DATE: Label("date, YYYY-MM-DD", "date, AAAA-MM-JJ"),
    Shape.AMOUNT: Label("amount such as 13020.00", "montant tel que 13020.00"),
    Shape.NUMBER: Label("whole number", "nombre entier"),
    Shape.FLAG: Label("true or false", "true (oui) ou false (non)"),
    Shape.CHOICE: Label("one of", "au choix"),
    Shape.PART: Label("several fields", "plusieurs champs"),
}
"""What a field holds."""
WORDS: Final[Mapping[str, Label]] = {
    "required": Label("required", "obligatoire"),
    "optional": Label("optional", "facultatif"),
    "chars": Label("at most {most} characters", "{most} caractères au plus"),
    "items": Label("at most {most} items", "{most} éléments au plus"),
    "some": Label("{least} to {most} items", "de {least} à {most} éléments"),
    "past": Label("not after today", "pas après ce jour"),
    "coming": Label("from today on", "à partir de ce jour"),
    "list": Label("codes: liaison codes list {name}", "codes : liaison codes list {name}"),
    "hs": Label(
        "Harmonized System code, 4 to 10 digits", "code du Système harmonisé, 4 à 10 chiffres"
    ),
    "several": Label("several of", "plusieurs au choix"),
    "again": Label("repeat this block for each", "répéter ce bloc pour chacun"),
    "fill": Label(
        "Fill in what stands between the quotes; what stays empty is not sent.",
        "Remplir entre les guillemets ; ce qui reste vide n'est pas envoyé.",
    ),
    "then": Label("Then: {command}", "Puis : {command}"),
    "line": Label("line {line}, {label}", "ligne {line}, {label}"),
    "line_alone": Label("line {line}", "ligne {line}"),
    "whole": Label("the whole", "l'ensemble"),
    "written": Label("{file}: fill it in, then: {command}", "{file} : à remplir, puis : {command}"),
    "lines_end": Label(
        "several lines; an empty one ends it", "plusieurs lignes ; une ligne vide termine"
    ),
    "one_each": Label("one a line; an empty one ends it", "un par ligne ; une ligne vide termine"),
    "choose": Label("number or code", "numéro ou code"),
    "choose_some": Label(
        "numbers or codes, separated by commas", "numéros ou codes, séparés par des virgules"
    ),
    "more": Label("Further fields, all optional:", "Autres champs, tous facultatifs :"),
    "which": Label(
        "Number of the one to fill in; Enter for none",
        "Numéro du champ à remplir ; Entrée pour terminer",
    ),
    "another": Label("Another: {label}?", "Encore : {label} ?"),
    "unless": Label("{value} unless changed", "{value} sauf changement"),
    "review": Label("{kind}, to {to}:", "{kind}, à {to} :"),
    "send": Label("Send it?", "Envoyer ?"),
    "not_sent": Label("Nothing was sent.", "Rien n'a été envoyé."),
    "begin": Label(
        "* required; Ctrl-C leaves, and nothing is sent.",
        "* obligatoire ; Ctrl-C quitte sans rien envoyer.",
    ),
}
"""What is said of fields, of files to fill, and while asking."""


def word(name: str, language: str, /, **values: object) -> str:
    """Return a word with its values."""
    return WORDS[name].text(language).format(**values)


def hint(field: Field, language: str) -> str:
    """Say in one line what a field holds, and its bounds."""
    if field.list_name == "hs":
        said = [word("hs", language)]
    elif field.list_name:
        said = [word("list", language, name=field.list_name)]
    elif field.choices and field.many:
        said = [word("several", language)]
    else:
        said = [SHAPES[field.shape].text(language)]
    if field.max_chars is not None and field.shape in (Shape.LINE, Shape.LINES):
        said.append(word("chars", language, most=field.max_chars))
    if field.day:
        said.append(word(field.day, language))
    if field.many and field.most is not None:
        bounds = {"least": field.least, "most": field.most}
        said.append(word("some" if field.least else "items", language, **bounds))
    return ", ".join(said)
